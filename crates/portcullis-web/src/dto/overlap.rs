//! Credentials that work for a while beside those that replaced them.

use portcullis_control::{Moved, Mover, Overlap, OverlapChange, OverlapView, Rotation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::credentials::CredentialsIn;

/// How a key gets new credentials.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rotation)]
pub(crate) struct RotationIn {
    /// For how many seconds the old credentials go on working beside the new: up to 30 days. They end at once with 0, or if it is left
    /// out.
    #[schema(minimum = 0, maximum = 2_592_000)]
    overlap_seconds: Option<u64>,
    /// Whether the access key stays and only the secret is another.
    keep_access_key: Option<bool>,
    /// Why, for the audit trail: `routine`, `security_incident` or `lost`.
    #[schema(pattern = "^(routine|security_incident|lost)$")]
    reason: Option<String>,
    /// Credentials that somebody chose, for `http` and `ftp`: a new secret, another user name.
    credentials: Option<CredentialsIn>,
}

impl From<RotationIn> for Rotation {
    fn from(given: RotationIn) -> Self {
        let RotationIn { overlap_seconds, keep_access_key, reason, credentials } = given;
        let (login, secret) = CredentialsIn::into_parts(credentials);
        Self { overlap_seconds, keep_access_key: keep_access_key == Some(true), reason, login, secret }
    }
}

/// Old credentials of a key that still work beside its present ones.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Overlap)]
pub(crate) struct OverlapOut {
    /// Their access key; the present one if only the secret was changed.
    access_key: String,
    /// When they were replaced.
    #[schema(format = DateTime)]
    since: String,
    /// The first moment at which they no longer work.
    #[schema(format = DateTime)]
    until: String,
}

impl From<&Overlap> for OverlapOut {
    fn from(overlap: &Overlap) -> Self {
        Self {
            access_key: overlap.credential.to_string(),
            since: overlap.since.to_string(),
            until: overlap.until.to_string(),
        }
    }
}

/// Old credentials that still work, and who has moved to the new ones.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverlapStatus)]
pub(crate) struct OverlapStatusOut {
    /// Their access key; the present one if only the secret was changed.
    access_key: String,
    /// When they were replaced.
    #[schema(format = DateTime)]
    since: String,
    /// The first moment at which they no longer work.
    #[schema(format = DateTime)]
    until: String,
    /// The latest moment that `until` may be set to: 30 days after `since`.
    #[schema(format = DateTime)]
    latest_until: String,
    /// Who came with the old credentials from then on is among the clients: 30 days before `since`.
    #[schema(format = DateTime)]
    seen_since: String,
    /// How many of the clients came with the new credentials, and with the old no more since.
    moved: usize,
    /// How many came with the new credentials, and with the old again after that.
    partly_moved: usize,
    /// How many never came with the new credentials.
    not_moved: usize,
    /// Who came with the old credentials, who has not moved first; at most 200.
    clients: Vec<MoverOut>,
    /// Whether there are more of them.
    more: bool,
}

/// Somebody who came with the old credentials: a program at an address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverlapClient)]
pub(crate) struct MoverOut {
    /// The program, without its version.
    tool: String,
    /// From where: an address, or a network of several that were too many to tell apart.
    address: String,
    /// Whether it moved: `no`, `partly` or `yes`.
    moved: &'static str,
    /// When it last came with the old credentials.
    #[schema(format = DateTime)]
    last_with_old: String,
    /// How many requests it made with them.
    requests_with_old: u64,
    /// When it last came with the new ones; null for never.
    #[schema(format = DateTime)]
    last_with_new: Option<String>,
    /// How many requests it made with them.
    requests_with_new: u64,
}

impl From<(Moved, Mover)> for MoverOut {
    fn from((moved, client): (Moved, Mover)) -> Self {
        Self {
            tool: client.tool,
            address: client.network,
            moved: moved.as_str(),
            last_with_old: client.last_old.to_string(),
            requests_with_old: client.old_requests,
            last_with_new: client.last_new.map(|at| at.to_string()),
            requests_with_new: client.new_requests,
        }
    }
}

impl From<OverlapView> for OverlapStatusOut {
    fn from(view: OverlapView) -> Self {
        let OverlapOut { access_key, since, until } = OverlapOut::from(&view.overlap);
        Self {
            access_key,
            since,
            until,
            latest_until: view.latest_end.to_string(),
            seen_since: view.seen_since.to_string(),
            moved: view.count(Moved::Yes),
            partly_moved: view.count(Moved::Partly),
            not_moved: view.count(Moved::No),
            more: view.more,
            clients: view.clients.into_iter().map(MoverOut::from).collect(),
        }
    }
}

/// Another end for old credentials: `until` or `seconds`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OverlapChange)]
pub(crate) struct OverlapPatch {
    /// The first moment at which they no longer work; at most 30 days after they were replaced.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// For how many seconds from now they still work.
    #[schema(minimum = 1, maximum = 2_592_000)]
    seconds: Option<u64>,
}

impl From<OverlapPatch> for OverlapChange {
    fn from(given: OverlapPatch) -> Self {
        Self { until: given.until, seconds: given.seconds }
    }
}
