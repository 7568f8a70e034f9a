//! What a browser is given, in the form of `PublicKeyCredential.parseCreationOptionsFromJSON`: bytes as base64url.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Challenge, RelyingParty, cose};

/// How long a person has.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The options for `navigator.credentials.create`.
///
/// `user_handle` is the person's id, 1 to 64 bytes with nothing about them in it; `username` is what the browser shows in its
/// list of passkeys; `known` are the ids of the passkeys they have, so that no authenticator makes a second one.
#[must_use]
pub fn creation_options<'a>(
    party: &RelyingParty,
    challenge: &Challenge,
    user_handle: &[u8],
    username: &str,
    known: impl IntoIterator<Item = &'a [u8]>,
) -> Value {
    let algorithms =
        [cose::ES256, cose::EDDSA, cose::RS256].map(|alg| json!({ "type": "public-key", "alg": alg }));
    json!({
        "rp": { "id": party.id(), "name": "Portcullis" },
        "user": { "id": URL_SAFE_NO_PAD.encode(user_handle), "name": username, "displayName": username },
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "pubKeyCredParams": algorithms,
        "timeout": milliseconds(),
        "excludeCredentials": descriptors(known),
        "authenticatorSelection": {
            "residentKey": "required", "requireResidentKey": true, "userVerification": "required"
        },
        "attestation": "none",
    })
}

/// The options for `navigator.credentials.get`. With `allowed` only these passkeys may answer; without, whichever the person picks.
#[must_use]
pub fn request_options<'a>(
    party: &RelyingParty,
    challenge: &Challenge,
    allowed: impl IntoIterator<Item = &'a [u8]>,
) -> Value {
    json!({
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "timeout": milliseconds(),
        "rpId": party.id(),
        "allowCredentials": descriptors(allowed),
        "userVerification": "required",
    })
}

fn milliseconds() -> u64 {
    u64::try_from(TIMEOUT.as_millis()).unwrap_or_default()
}

fn descriptors<'a>(ids: impl IntoIterator<Item = &'a [u8]>) -> Vec<Value> {
    ids.into_iter().map(|id| json!({ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(id) })).collect()
}
