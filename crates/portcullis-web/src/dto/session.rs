//! Sign-ins.

use portcullis_access::{Principal, SessionRecord};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignIn)]
pub(crate) struct SignInIn {
    /// Who.
    #[schema(example = "admin")]
    pub(crate) username: String,
    /// Their password.
    #[schema(write_only, format = Password)]
    pub(crate) password: String,
    /// Not in this version: the code of a second factor.
    #[schema(value_type = Option<String>)]
    pub(crate) otp: Option<IgnoredAny>,
}

/// A sign-in that was just made: the only answer that holds its token.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(crate) struct SignedInOut {
    /// For `Authorization: Bearer`.
    pub(crate) token: String,
    /// The first moment at which it no longer holds.
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
}

/// A sign-in.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionOut {
    /// Identifies it.
    id: String,
    /// When it began.
    #[schema(format = DateTime)]
    created_at: String,
    /// The first moment at which it no longer holds.
    #[schema(format = DateTime)]
    expires_at: String,
    /// From where it began.
    address: String,
    /// What the client called itself.
    tool: String,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionOut {
    pub(crate) fn new(session: SessionRecord, who: &Principal) -> Self {
        Self {
            id: session.id.to_string(),
            created_at: session.created.to_string(),
            expires_at: session.expires.to_string(),
            address: session.peer,
            tool: session.tool,
            current: who.session_id() == Some(session.id),
        }
    }
}
