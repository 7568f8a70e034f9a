//! Sign-ins.

use portcullis_access::{Principal, SessionRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::passkey::PasskeyAnswerIn;

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
    /// The code of the authenticator app, or a recovery code; for those who set a second factor up.
    #[schema(write_only, example = "123456")]
    pub(crate) otp: Option<String>,
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
    /// Whether a second factor was shown.
    second_factor: bool,
    /// Whether it is the one that asks.
    current: bool,
}

/// Proof that who asks is still the person who signed in: the password, with a code if one is at hand, or a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Confirmation)]
pub(crate) struct ConfirmationIn {
    /// Their password.
    #[schema(write_only, format = Password)]
    pub(crate) password: Option<String>,
    /// A code of the authenticator app, or a recovery code. With it the sign-in counts as one with a second factor.
    #[schema(write_only, example = "123456")]
    pub(crate) otp: Option<String>,
    /// The answer of a passkey instead of the password.
    pub(crate) passkey: Option<PasskeyAnswerIn>,
}

impl SessionOut {
    pub(crate) fn new(session: SessionRecord, who: &Principal) -> Self {
        Self {
            id: session.id.to_string(),
            created_at: session.created.to_string(),
            expires_at: session.expires.to_string(),
            address: session.peer,
            tool: session.tool,
            second_factor: session.second_factor,
            current: who.session_id() == Some(session.id),
        }
    }
}
