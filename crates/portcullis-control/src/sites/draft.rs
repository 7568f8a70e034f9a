//! What somebody filled in for a site, and what it becomes.

use std::fmt::Display;

use portcullis_domain::{DataEvents, DisplayName, SecondFactorRule, Site, SiteRules};

use crate::Result;
use crate::check::{Check, set};

/// The longest span that a rule can name, in days: ten years.
const MOST_DAYS: u64 = 3650;

/// Rules of a site, as somebody filled them in; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesDraft {
    /// Whether members make keys of their own.
    pub members_make_keys: Option<bool>,
    /// The longest life of a key in days, 1 to 3,650; `Some(None)` for no limit.
    pub longest_key_days: Option<Option<u64>>,
    /// Whether every key has to name networks.
    pub keys_need_networks: Option<bool>,
    /// After how many days without use a key is switched off, 1 to 3,650; `Some(None)` for never.
    pub idle_key_days: Option<Option<u64>>,
    /// `optional`, `admins` or `everybody`.
    pub second_factor: Option<String>,
    /// `none`, `changes` or `all`.
    pub data_events: Option<String>,
}

/// A site to be made, as somebody filled it in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteDraft {
    /// What to call it; no two sites below the same one have the same name.
    pub name: String,
    /// The id of the site above it; the one that is acted in if left out.
    pub parent: Option<String>,
    /// Its rules; those that are left out allow whatever the site above allows.
    pub rules: RulesDraft,
}

/// What to change of a site; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteChange {
    /// What to call it.
    pub name: Option<String>,
    /// Its rules.
    pub rules: RulesDraft,
}

impl RulesDraft {
    /// The rules that come of it. One that is looser than what holds `above` is a problem: it would promise what is not so.
    pub(super) fn read(&self, check: &mut Check, own: SiteRules, above: Option<SiteRules>) -> SiteRules {
        let (mut rules, above) = (own, above.unwrap_or(SiteRules::OPEN));
        if let Some(wanted) = self.members_make_keys {
            rules.members_make_keys = wanted;
            tighter(check, "members_make_keys", above.members_make_keys || !wanted, "false");
        }
        if let Some(wanted) = self.keys_need_networks {
            rules.keys_need_networks = wanted;
            tighter(check, "keys_need_networks", wanted || !above.keys_need_networks, "true");
        }
        if let Some(wanted) = self.longest_key_days {
            rules.longest_key_days = days(check, "longest_key_days", wanted, above.longest_key_days);
        }
        if let Some(wanted) = self.idle_key_days {
            rules.idle_key_days = days(check, "idle_key_days", wanted, above.idle_key_days);
        }
        if let Some(wanted) = &self.second_factor {
            let read: Option<SecondFactorRule> = check.parse("rules.second_factor", wanted);
            let holds = read.is_none_or(|wanted| wanted >= above.second_factor);
            tighter(check, "second_factor", holds, above.second_factor.as_str());
            set(&mut rules.second_factor, read);
        }
        if let Some(wanted) = &self.data_events {
            let read: Option<DataEvents> = check.parse("rules.data_events", wanted);
            let holds = read.is_none_or(|wanted| wanted >= above.data_events);
            tighter(check, "data_events", holds, above.data_events.as_str());
            set(&mut rules.data_events, read);
        }
        rules
    }

    /// Whether nothing was filled in.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn tighter(check: &mut Check, rule: &str, holds: bool, above: impl Display) {
    let message = format!("the site above has {above}; below it a rule can only be tightened");
    check.require(holds, &format!("rules.{rule}"), message);
}

fn days(check: &mut Check, rule: &str, wanted: Option<u64>, above: Option<u16>) -> Option<u16> {
    let read = wanted.filter(|days| (1..=MOST_DAYS).contains(days)).and_then(|days| u16::try_from(days).ok());
    let message = format!("1 to {MOST_DAYS} days, or null for no limit");
    check.require(read.is_some() == wanted.is_some(), &format!("rules.{rule}"), message);
    if let Some(above) = above {
        let within = wanted.is_some_and(|days| days <= u64::from(above));
        tighter(check, rule, within, format!("{above} days"));
    }
    read
}

impl SiteDraft {
    /// The name and the rules, below what holds above.
    pub(super) fn check(&self, above: SiteRules) -> Result<(DisplayName, SiteRules)> {
        let mut check = Check::default();
        let name: Option<DisplayName> = check.parse("name", &self.name);
        let rules = self.rules.read(&mut check, SiteRules::OPEN, Some(above));
        check.finish(name.map(|name| (name, rules)))
    }
}

impl SiteChange {
    pub(super) fn apply(&self, mut site: Site, above: Option<SiteRules>) -> Result<Site> {
        let mut check = Check::default();
        if let Some(name) = &self.name {
            set(&mut site.name, check.parse("name", name));
        }
        site.rules = self.rules.read(&mut check, site.rules, above);
        check.finish(Some(site))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ControlError;

    const ABOVE: SiteRules = SiteRules {
        members_make_keys: false,
        longest_key_days: Some(90),
        keys_need_networks: true,
        idle_key_days: None,
        second_factor: SecondFactorRule::Admins,
        data_events: DataEvents::Changes,
    };

    fn refused(rules: RulesDraft, above: SiteRules) -> Vec<(String, String)> {
        let draft = SiteDraft { name: "a".to_owned(), rules, ..SiteDraft::default() };
        match draft.check(above) {
            Ok(_) => Vec::new(),
            Err(ControlError::Invalid(problems)) => {
                problems.into_iter().map(|problem| (problem.field, problem.message)).collect()
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_looser_than_above_is_refused_with_what_holds_there() {
        let looser = RulesDraft {
            members_make_keys: Some(true),
            longest_key_days: Some(Some(91)),
            keys_need_networks: Some(false),
            idle_key_days: Some(None),
            second_factor: Some("optional".to_owned()),
            data_events: Some("none".to_owned()),
        };
        let refused = refused(looser, ABOVE);
        let told: Vec<_> = refused.iter().map(|(field, text)| (field.as_str(), text.as_str())).collect();
        let wanted = [
            ("rules.members_make_keys", "has false"),
            ("rules.keys_need_networks", "has true"),
            ("rules.longest_key_days", "has 90 days"),
            ("rules.second_factor", "has admins"),
            ("rules.data_events", "has changes"),
        ];
        assert_eq!(told.len(), wanted.len(), "{told:?}");
        for ((field, text), (wanted, part)) in told.iter().zip(wanted) {
            assert!(*field == wanted && text.contains(part), "{field}: {text}");
        }
    }

    #[test]
    fn what_is_as_tight_or_tighter_holds() {
        let tighter = RulesDraft {
            members_make_keys: Some(false),
            longest_key_days: Some(Some(90)),
            keys_need_networks: Some(true),
            idle_key_days: Some(Some(1)),
            second_factor: Some("everybody".to_owned()),
            data_events: Some("all".to_owned()),
        };
        assert_eq!(refused(tighter, ABOVE), []);
        assert_eq!(refused(RulesDraft::default(), ABOVE), []);
        let unlimited = RulesDraft { longest_key_days: Some(None), ..RulesDraft::default() };
        assert_eq!(refused(unlimited.clone(), SiteRules::OPEN), []);
        assert_eq!(refused(unlimited, ABOVE).len(), 1, "no limit is looser than any");
    }

    #[test]
    fn days_and_words_have_bounds() {
        for wrong in [0, 3651, 65_536, u64::MAX] {
            let draft = RulesDraft { idle_key_days: Some(Some(wrong)), ..RulesDraft::default() };
            assert_eq!(refused(draft, SiteRules::OPEN).len(), 1, "{wrong}");
        }
        let draft = RulesDraft { second_factor: Some("sometimes".to_owned()), ..RulesDraft::default() };
        assert_eq!(refused(draft, ABOVE)[0].0, "rules.second_factor");
    }
}
