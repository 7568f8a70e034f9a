//! What a refusal saw: the values that its rule looked at.

use portcullis_domain::{
    Action, BucketName, CredentialId, DisplayName, KeyId, Permission, StorageId, Timestamp,
};
use portcullis_metadata::AuditEvent;

/// The values behind a refusal. What has nothing to do with it, or is not known, is none; what may have changed since is as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The address that the rules looked at: that of the client, after the proxies that are trusted.
    pub address: String,
    /// The key.
    pub key: Option<SeenKey>,
    /// The end of the temporary credentials that were used.
    pub temporary_until: Option<Timestamp>,
    /// The link.
    pub link: Option<DisplayName>,
    /// Who signed in, or to whom the key belongs.
    pub user: Option<String>,
    /// The storage.
    pub storage: Option<SeenStorage>,
    /// The networks that are allowed.
    pub networks: Option<Vec<String>>,
    /// By how many seconds the client's clock is ahead; behind, if negative.
    pub skew_seconds: Option<i64>,
    /// How many seconds after its end a presigned request came.
    pub late_seconds: Option<i64>,
    /// The bucket that was asked for.
    pub bucket: Option<String>,
    /// The bucket that was probably meant: one that this key opens.
    pub nearest_bucket: Option<BucketName>,
    /// The end of the key or link.
    pub ends: Option<Timestamp>,
    /// What was to be done.
    pub asked: Option<Action>,
    /// What the key, link or storage allows.
    pub held: Option<Permission>,
    /// The part that is reached.
    pub prefix: Option<String>,
    /// The object, or the prefix of a list, that was asked for.
    pub object: Option<String>,
    /// When the pause ends.
    pub paused_until: Option<Timestamp>,
}

/// The key of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenKey {
    /// Its id.
    pub id: KeyId,
    /// What it is called.
    pub name: DisplayName,
    /// Its access key as it is now.
    pub credential: CredentialId,
    /// The storage that it is for alone.
    pub storage: Option<StorageId>,
    /// When it was deleted; none if it was not, or nobody knows.
    pub deleted: Option<Timestamp>,
    /// Whether it is there at all.
    pub is_deleted: bool,
}

/// The storage of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenStorage {
    /// Its id.
    pub id: StorageId,
    /// What it is called.
    pub name: DisplayName,
    /// Its bucket.
    pub bucket: BucketName,
}

/// A value of what else is known of an event.
pub(super) fn detail<'a>(event: &'a AuditEvent, name: &str) -> Option<&'a str> {
    event.detail.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// The deed that an event is about, as the policy knows it: of what was cut off, what was under way.
pub(super) fn action_of(event: &AuditEvent) -> Action {
    let word = event.action.strip_suffix("_cut").unwrap_or(&event.action);
    word.parse().unwrap_or(Action::Enter)
}
