//! What an entry says.

use crate::{Channel, KeyId, SiteId, StorageId, Timestamp};

/// One entry of the audit trail. Text that is longer than its field is cut at the length given there before it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// The request's id, as it stands in the answer and the log; 64 bytes.
    pub request_id: String,
    /// The site that it concerns, if it is known.
    pub site: Option<SiteId>,
    /// Who: `key:…`, `user:ada`, `anonymous`; 128 bytes.
    pub actor: String,
    /// The key that was used, or that was changed.
    pub key: Option<KeyId>,
    /// The storage that it concerns.
    pub storage: Option<StorageId>,
    /// Through which protocol.
    pub channel: Channel,
    /// From which address; 64 bytes.
    pub peer: String,
    /// With which program; 200 bytes.
    pub tool: String,
    /// What was done or tried; 64 bytes.
    pub action: String,
    /// The object's key or the like; 1,024 bytes.
    pub object: Option<String>,
    /// Whether it was allowed.
    pub allowed: bool,
    /// Why, or why not; 500 bytes.
    pub reason: String,
    /// What else is known, as `name=value` with spaces between; values as in a URL's query. Empty if nothing is.
    pub detail: String,
}
