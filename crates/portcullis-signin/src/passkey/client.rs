//! What the browser says about the page it asked for (section 5.8.1, "Client Data").

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::{Challenge, PasskeyError, RelyingParty};

#[derive(Clone, Copy)]
pub(super) enum Ceremony {
    Create,
    Get,
}

/// Browsers may say more than this; it is passed over, as the specification asks.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin")]
    top_origin: Option<String>,
}

pub(super) fn check(
    ceremony: Ceremony,
    party: &RelyingParty,
    challenge: &Challenge,
    json: &[u8],
) -> Result<(), PasskeyError> {
    let data: ClientData =
        serde_json::from_slice(json).map_err(|_| PasskeyError::Malformed("the client data"))?;
    let kind = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    if data.kind != kind {
        return Err(PasskeyError::WrongType);
    }
    let expected = URL_SAFE_NO_PAD.encode(challenge);
    if !bool::from(expected.as_bytes().ct_eq(data.challenge.as_bytes())) {
        return Err(PasskeyError::WrongChallenge);
    }
    // In a frame of another page, the person does not see whose page it is.
    if data.origin != party.origin() || data.cross_origin || data.top_origin.is_some() {
        return Err(PasskeyError::WrongOrigin);
    }
    Ok(())
}
