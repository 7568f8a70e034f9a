//! The audit trail.

use portcullis_control::{AuditEvent, explanation};
use serde::Serialize;
use utoipa::ToSchema;

/// Something that was done, or refused.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct AuditEventOut {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// In which request.
    request_id: String,
    /// Who: `user:` and a name or id, `key:` and an id, `unknown:` and an access key, or `anonymous`.
    actor: String,
    /// The key it was done with, or that it concerned.
    key: Option<String>,
    /// The storage it concerned.
    storage: Option<String>,
    /// Over which protocol.
    channel: String,
    /// From where.
    peer: String,
    /// What the client called itself.
    tool: String,
    /// What.
    #[schema(example = "create_key")]
    action: String,
    /// To what, in words or by its name.
    object: Option<String>,
    /// Whether it was allowed.
    allowed: bool,
    /// Why not, as a word; empty if it was.
    reason: String,
    /// The reason in words.
    explanation: Option<&'static str>,
    /// What else is known, as `name=value` with spaces between; empty if nothing is.
    detail: String,
}

impl From<AuditEvent> for AuditEventOut {
    fn from(event: AuditEvent) -> Self {
        Self {
            at: event.at.to_string(),
            request_id: event.request_id,
            actor: event.actor,
            key: event.key.map(|id| id.to_string()),
            storage: event.storage.map(|id| id.to_string()),
            channel: event.channel.to_string(),
            peer: event.peer,
            tool: event.tool,
            action: event.action,
            object: event.object,
            allowed: event.allowed,
            explanation: explanation(&event.reason),
            reason: event.reason,
            detail: event.detail,
        }
    }
}

/// A public key (Ed25519).
#[derive(Serialize, ToSchema)]
#[schema(as = AuditKey)]
pub(crate) struct AuditKeyOut {
    /// 64 hexadecimal digits.
    public_key: String,
}

impl From<[u8; 32]> for AuditKeyOut {
    fn from(key: [u8; 32]) -> Self {
        Self { public_key: hex::encode(key) }
    }
}
