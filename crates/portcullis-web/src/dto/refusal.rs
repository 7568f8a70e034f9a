//! Why something was refused, and what changes that.

use portcullis_control::{Explanation, Fix, FixDraft, Now, Seen, SeenKey, SeenStorage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AuditEventOut;

/// Why a request was refused.
#[derive(Serialize, ToSchema)]
#[schema(as = Refusal)]
pub(crate) struct RefusalOut {
    /// The refusal, as it stands in the audit trail: the first of the request.
    event: AuditEventOut,
    /// How many more refusals the request had, such as one for each of several files.
    other_refusals: u64,
    /// The rule, in words.
    rule: &'static str,
    /// What helps, in words.
    advice: &'static str,
    /// What the rule looked at. What may have changed since is as it is now.
    seen: SeenOut,
    /// Whether the same request would be admitted now.
    now: NowOut,
    /// A change that takes away what stands against it now; null where none does.
    fix: Option<FixOut>,
}

/// Whether a request would be admitted now, with the credentials as they are now.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusalNow)]
pub(crate) struct NowOut {
    /// `allowed`, `refused`, or `unknown`: that depends on what the client shows.
    verdict: &'static str,
    /// Why it would be refused, as a word; null if it would not, or nobody knows.
    reason: Option<&'static str>,
    /// The same in words.
    explanation: Option<&'static str>,
}

/// The values behind a refusal. What has nothing to do with it, or is not known, is null.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusalSeen)]
pub(crate) struct SeenOut {
    /// The client's address, after the proxies that are trusted.
    address: String,
    /// The key.
    key: Option<SeenKeyOut>,
    /// The end of the temporary credentials that were used.
    #[schema(format = DateTime)]
    temporary_until: Option<String>,
    /// The name of the link.
    link: Option<String>,
    /// Who signed in, or to whom the key belongs.
    user: Option<String>,
    /// The storage.
    storage: Option<SeenStorageOut>,
    /// The networks that are allowed.
    networks: Option<Vec<String>>,
    /// By how many seconds the client's clock is ahead; behind, if negative.
    skew_seconds: Option<i64>,
    /// How many seconds after its end a presigned request came.
    late_seconds: Option<i64>,
    /// The bucket that was asked for.
    bucket: Option<String>,
    /// The bucket that was probably meant: one that this key opens.
    nearest_bucket: Option<String>,
    /// The end of the key or link.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What was to be done: `enter`, `list`, `get`, `put`, `delete` or `administer`.
    asked: Option<&'static str>,
    /// What the key, storage or link allows.
    permission: Option<&'static str>,
    /// The part that is reached.
    prefix: Option<String>,
    /// The file, or the prefix of a list, that was asked for.
    object: Option<String>,
    /// When the pause ends.
    #[schema(format = DateTime)]
    paused_until: Option<String>,
}

/// The key of a refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusalKey)]
pub(crate) struct SeenKeyOut {
    /// Its id.
    id: String,
    /// What it is called.
    name: String,
    /// Its access key as it is now.
    access_key: String,
    /// Whether it was deleted.
    deleted: bool,
    /// When; null if it was not, or nobody knows.
    #[schema(format = DateTime)]
    deleted_at: Option<String>,
}

/// The storage of a refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusalStorage)]
pub(crate) struct SeenStorageOut {
    /// Its id.
    id: String,
    /// What it is called.
    name: String,
    /// Its bucket.
    bucket: String,
}

/// A change that is offered.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusalFix)]
pub(crate) struct FixOut {
    /// What to send to make it: `allow_address`, `extend`, `turn_on`, `permit`, `widen_prefix`, `switch_s3_on` or `end_pause`.
    fix: &'static str,
    /// What is changed: `key`, `storage` or `link`.
    on: &'static str,
    /// What it sets: an address, a moment, a permission, a prefix; empty if there is nothing to say.
    value: String,
}

/// A change to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FixChoice)]
pub(crate) struct FixIn {
    /// The one that the explanation offers.
    #[schema(example = "allow_address")]
    fix: String,
    /// What it sets, as it was offered; if it says something else nothing is changed. For `turn_on` the permission with which the
    /// key is switched on. What is offered if left out.
    #[serde(default)]
    value: Option<String>,
}

impl From<FixIn> for FixDraft {
    fn from(given: FixIn) -> Self {
        Self { fix: given.fix, value: given.value }
    }
}

impl From<Explanation> for RefusalOut {
    fn from(explained: Explanation) -> Self {
        Self {
            event: AuditEventOut::from(explained.event),
            other_refusals: explained.others,
            rule: explained.rule,
            advice: explained.advice,
            seen: SeenOut::from(explained.seen),
            now: NowOut::from(explained.now),
            fix: explained.fix.as_ref().map(FixOut::from),
        }
    }
}

impl From<Now> for NowOut {
    fn from(now: Now) -> Self {
        let reason = match now {
            Now::Refused(reason) => Some(reason),
            Now::Allowed | Now::Unknown => None,
        };
        Self {
            verdict: now.as_str(),
            reason: reason.map(|reason| reason.as_str()),
            explanation: reason.map(|reason| reason.explanation()),
        }
    }
}

impl From<&Fix> for FixOut {
    fn from(fix: &Fix) -> Self {
        Self { fix: fix.as_str(), on: fix.on().as_str(), value: fix.value() }
    }
}

impl From<Seen> for SeenOut {
    fn from(seen: Seen) -> Self {
        Self {
            address: seen.address,
            key: seen.key.map(SeenKeyOut::from),
            temporary_until: seen.temporary_until.map(|end| end.to_string()),
            link: seen.link.map(|name| name.to_string()),
            user: seen.user,
            storage: seen.storage.map(SeenStorageOut::from),
            networks: seen.networks,
            skew_seconds: seen.skew_seconds,
            late_seconds: seen.late_seconds,
            bucket: seen.bucket,
            nearest_bucket: seen.nearest_bucket.map(|bucket| bucket.to_string()),
            expires_at: seen.ends.map(|end| end.to_string()),
            asked: seen.asked.map(|action| action.as_str()),
            permission: seen.held.map(|permission| permission.as_str()),
            prefix: seen.prefix,
            object: seen.object,
            paused_until: seen.paused_until.map(|end| end.to_string()),
        }
    }
}

impl From<SeenKey> for SeenKeyOut {
    fn from(key: SeenKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            access_key: key.credential.to_string(),
            deleted: key.is_deleted,
            deleted_at: key.deleted.map(|at| at.to_string()),
        }
    }
}

impl From<SeenStorage> for SeenStorageOut {
    fn from(storage: SeenStorage) -> Self {
        Self {
            id: storage.id.to_string(),
            name: storage.name.to_string(),
            bucket: storage.bucket.to_string(),
        }
    }
}
