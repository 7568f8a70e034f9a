//! Attempts with keys that do not open.

use portcullis_control::{AttemptKey, Attempts};
use serde::Serialize;
use utoipa::ToSchema;

/// Attempts that are alike: with the same key, from the same place, by the same program, refused for the same reason.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempts)]
pub(crate) struct AttemptsOut {
    /// The key that was named.
    key: AttemptKeyOut,
    /// Why they were refused: `old_secret`, `expired`, `disabled`, `network`, `closed`, `dead` or `wrong_secret`.
    reason: &'static str,
    /// The word of the audit trail for it.
    #[schema(example = "key_deleted")]
    word: String,
    /// What whoever tried has shown: `old_secret` (the true secret that the key had once), `secret` (the secret that it has), or `none`
    /// (they know the access key, which is no secret: a scanner, or a wrong secret).
    proof: &'static str,
    /// From where: an address, or a network of several that were too many to tell apart.
    network: String,
    /// What the client calls itself, without its version.
    tool: String,
    /// The storage, if one of them got so far that it is known.
    storage: Option<String>,
    /// The first of them in the last 30 days.
    #[schema(format = DateTime)]
    first: String,
    /// The last.
    #[schema(format = DateTime)]
    last: String,
    /// How many in the last 24 hours.
    last_day: u64,
    /// How many in the last 7 days.
    last_week: u64,
    /// How many in the last 30 days.
    last_month: u64,
    /// How many on each of the last 30 days in UTC, the oldest first, today included.
    days: Vec<u64>,
}

/// The key of attempts, living or deleted.
#[derive(Serialize, ToSchema)]
#[schema(as = AttemptKey)]
pub(crate) struct AttemptKeyOut {
    /// Its id.
    id: String,
    /// What it is called.
    name: String,
    /// Its access key; of one that was deleted, the last it had.
    access_key: String,
    /// Which protocol it opens.
    channel: &'static str,
    /// The storage that it is for alone; null for others.
    storage: Option<AttemptStorageOut>,
    /// The name of the person whose key it is; null for others.
    owner: Option<String>,
    /// `active`, `expired`, `disabled` or `deleted`.
    state: &'static str,
    /// When it was deleted; null if it was not.
    #[schema(format = DateTime)]
    deleted_at: Option<String>,
}

/// The storage of a key.
#[derive(Serialize, ToSchema)]
#[schema(as = AttemptStorage)]
pub(crate) struct AttemptStorageOut {
    /// Its id.
    id: String,
    /// What it is called.
    name: String,
    /// Whether its connection was deleted.
    deleted: bool,
}

impl From<Attempts> for AttemptsOut {
    fn from(attempts: Attempts) -> Self {
        Self {
            key: AttemptKeyOut::from(attempts.key),
            reason: attempts.reason.as_str(),
            word: attempts.word,
            proof: attempts.reason.proof().as_str(),
            network: attempts.network,
            tool: attempts.tool,
            storage: attempts.storage.map(|id| id.to_string()),
            first: attempts.first.to_string(),
            last: attempts.last.to_string(),
            last_day: attempts.last_day,
            last_week: attempts.last_week,
            last_month: attempts.last_month,
            days: attempts.days,
        }
    }
}

impl From<AttemptKey> for AttemptKeyOut {
    fn from(key: AttemptKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            access_key: key.credential.to_string(),
            channel: key.channel.as_str(),
            storage: key.storage.map(|(id, name, is_there)| AttemptStorageOut {
                id: id.to_string(),
                name: name.to_string(),
                deleted: !is_there,
            }),
            owner: key.owner,
            state: key.status.map_or("deleted", |status| status.as_str()),
            deleted_at: key.deleted.map(|at| at.to_string()),
        }
    }
}
