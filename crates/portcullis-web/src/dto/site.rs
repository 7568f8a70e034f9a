//! Sites.

use portcullis_control::{RulesDraft, SiteChange, SiteDraft, SiteView};
use portcullis_domain::SiteRules;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::present;

/// A site.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Site)]
pub(crate) struct SiteOut {
    /// Identifies it.
    id: String,
    /// What a person called it.
    name: String,
    /// The site above it; null if there is none, or none that you may know of.
    parent: Option<String>,
    /// Its own rules.
    rules: RulesOut,
    /// What holds in it: the strictest of its own rules and those of all sites above it.
    effective_rules: RulesOut,
    /// Whether you belong to it.
    home: bool,
    /// Whether you act in it.
    current: bool,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

/// What a site allows its people and keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SiteRules)]
pub(crate) struct RulesOut {
    /// Whether members make keys of their own.
    members_make_keys: bool,
    /// The longest life of a key in days; null for no limit.
    longest_key_days: Option<u16>,
    /// Whether every key has to name networks.
    keys_need_networks: bool,
    /// After how many days without use a key is switched off; null for never.
    idle_key_days: Option<u16>,
    /// From whom a second factor is asked: `optional`, `admins` or `everybody`.
    #[schema(example = "optional")]
    second_factor: String,
    /// Which uses of files are written to the audit trail: `none`, `changes` or `all`. Refusals always are.
    #[schema(example = "none")]
    data_events: String,
}

impl From<SiteRules> for RulesOut {
    fn from(rules: SiteRules) -> Self {
        Self {
            members_make_keys: rules.members_make_keys,
            longest_key_days: rules.longest_key_days,
            keys_need_networks: rules.keys_need_networks,
            idle_key_days: rules.idle_key_days,
            second_factor: rules.second_factor.to_string(),
            data_events: rules.data_events.to_string(),
        }
    }
}

impl From<SiteView> for SiteOut {
    fn from(view: SiteView) -> Self {
        Self {
            id: view.site.id.to_string(),
            name: view.site.name.to_string(),
            parent: view.parent.map(|parent| parent.to_string()),
            rules: view.site.rules.into(),
            effective_rules: view.effective.into(),
            home: view.home,
            current: view.current,
            created_at: view.site.created.to_string(),
        }
    }
}

/// Rules of a site; those that are left out stay as they are.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SiteRulesChange)]
pub(crate) struct RulesIn {
    /// Whether members make keys of their own.
    members_make_keys: Option<bool>,
    /// The longest life of a key in days; null for no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 3650)]
    longest_key_days: Option<Option<u64>>,
    /// Whether every key has to name networks.
    keys_need_networks: Option<bool>,
    /// After how many days without use a key is switched off; null for never.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 3650)]
    idle_key_days: Option<Option<u64>>,
    /// From whom a second factor is asked: `optional`, `admins` or `everybody`.
    #[schema(pattern = "^(optional|admins|everybody)$")]
    second_factor: Option<String>,
    /// Which uses of files are written to the audit trail: `none`, `changes` (uploads and deletions) or `all` (downloads and listings
    /// too). What cannot be written down is refused.
    #[schema(pattern = "^(none|changes|all)$")]
    data_events: Option<String>,
}

impl From<RulesIn> for RulesDraft {
    fn from(given: RulesIn) -> Self {
        Self {
            members_make_keys: given.members_make_keys,
            longest_key_days: given.longest_key_days,
            keys_need_networks: given.keys_need_networks,
            idle_key_days: given.idle_key_days,
            second_factor: given.second_factor,
            data_events: given.data_events,
        }
    }
}

/// A site to be made. It has no users, no storages and no keys.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSite)]
pub(crate) struct SiteIn {
    /// What to call it; no two sites below the same one have the same name.
    #[schema(min_length = 1, example = "Northwind")]
    name: String,
    /// The site above it; the one that you act in if left out.
    parent: Option<String>,
    /// Its own rules; each can only be tighter than what holds above.
    #[serde(default)]
    rules: RulesIn,
}

impl From<SiteIn> for SiteDraft {
    fn from(given: SiteIn) -> Self {
        Self { name: given.name, parent: given.parent, rules: given.rules.into() }
    }
}

/// What to change of a site; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SiteChange)]
pub(crate) struct SitePatch {
    /// What to call it.
    #[schema(min_length = 1)]
    name: Option<String>,
    /// Its own rules; each can only be tighter than what holds above.
    #[serde(default)]
    rules: RulesIn,
}

impl From<SitePatch> for SiteChange {
    fn from(given: SitePatch) -> Self {
        Self { name: given.name, rules: given.rules.into() }
    }
}

/// Where to act from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActingIn)]
pub(crate) struct ActingIn {
    /// The site: your own, or for admins one below it.
    pub(crate) site: String,
}
