//! Passkeys. Bytes are base64url without padding, as browsers write them in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_control::{AddedPasskey, NewPasskeyAnswer, Passkey, PasskeyAnswer, PasskeyQuestion};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Problem, Result};

/// A question for a browser.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyOptions)]
pub(crate) struct PasskeyOptionsOut {
    /// What `navigator.credentials` is given as `publicKey`, in the form that `PublicKeyCredential.parse…OptionsFromJSON` reads.
    #[schema(value_type = Object)]
    options: serde_json::Value,
    /// Has to come back with the answer, once and within five minutes.
    state: String,
}

impl From<PasskeyQuestion> for PasskeyOptionsOut {
    fn from(PasskeyQuestion { options, state }: PasskeyQuestion) -> Self {
        Self { options, state }
    }
}

/// What a passkey answered (`AuthenticatorAssertionResponse`).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyAnswer)]
pub(crate) struct PasskeyAnswerIn {
    /// The state of the question.
    state: String,
    /// `rawId`, as base64url.
    credential_id: String,
    /// `clientDataJSON`, as base64url.
    client_data: String,
    /// `authenticatorData`, as base64url.
    authenticator_data: String,
    /// `signature`, as base64url.
    signature: String,
    /// `userHandle`, as base64url; null if there is none.
    user_handle: Option<String>,
}

impl PasskeyAnswerIn {
    /// The answer, or which of its fields is not base64url; `within` is the field that holds this document, with a dot.
    pub(crate) fn read(self, within: &str) -> Result<PasskeyAnswer> {
        let bytes = |name: &str, text: &str| decoded(&format!("{within}{name}"), text);
        Ok(PasskeyAnswer {
            credential_id: bytes("credential_id", &self.credential_id)?,
            client_data: bytes("client_data", &self.client_data)?,
            authenticator_data: bytes("authenticator_data", &self.authenticator_data)?,
            signature: bytes("signature", &self.signature)?,
            user_handle: self.user_handle.map(|handle| bytes("user_handle", &handle)).transpose()?,
            state: self.state,
        })
    }
}

/// A passkey that a browser made (`AuthenticatorAttestationResponse`).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPasskey)]
pub(crate) struct NewPasskeyIn {
    /// What to call it.
    #[schema(example = "Telephone")]
    name: String,
    /// The state of the question.
    state: String,
    /// `clientDataJSON`, as base64url.
    client_data: String,
    /// `attestationObject`, as base64url.
    attestation: String,
}

impl NewPasskeyIn {
    pub(crate) fn read(self) -> Result<NewPasskeyAnswer> {
        Ok(NewPasskeyAnswer {
            client_data: decoded("client_data", &self.client_data)?,
            attestation: decoded("attestation", &self.attestation)?,
            state: self.state,
            name: self.name,
        })
    }
}

/// A passkey of the person who asks.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkey)]
pub(crate) struct PasskeyOut {
    /// Identifies it.
    id: String,
    /// What they call it.
    name: String,
    /// When it was added.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last used; null for never.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

impl From<Passkey> for PasskeyOut {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: passkey.name.to_string(),
            created_at: passkey.created.to_string(),
            last_used_at: passkey.last_used.map(|at| at.to_string()),
        }
    }
}

/// A passkey that was just added.
#[derive(Serialize, ToSchema)]
#[schema(as = AddedPasskey)]
pub(crate) struct AddedPasskeyOut {
    /// The passkey.
    passkey: PasskeyOut,
    /// New recovery codes, in no other answer, if there were none; else an empty list.
    recovery_codes: Vec<String>,
}

impl From<AddedPasskey> for AddedPasskeyOut {
    fn from(added: AddedPasskey) -> Self {
        let recovery_codes = added.recovery_codes.iter().map(|code| code.reveal().to_owned()).collect();
        Self { passkey: added.passkey.into(), recovery_codes }
    }
}

fn decoded(field: &str, text: &str) -> Result<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    bytes.map_err(|_| Problem::invalid_field(field, "bytes as base64url without padding"))
}
