//! The code for tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::discovery::{ClientProof, Description};
use super::error::{OidcError, OidcErrorKind, quoted};
use super::flow::Flow;
use super::http::Http;
use super::settings::Settings;

const EXCHANGE: &str = "exchange the code";

/// What the provider gives for a code.
#[derive(Deserialize)]
pub(super) struct TokenReply {
    pub(super) id_token: Zeroizing<String>,
    pub(super) access_token: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
struct ErrorReply {
    error: String,
    error_description: Option<String>,
}

/// Gives the code back for tokens (OpenID Connect Core 1.0 section 3.1.3).
pub(super) async fn exchange(
    http: &Http,
    settings: &Settings,
    description: &Description,
    flow: &Flow,
    code: &str,
) -> Result<TokenReply, OidcError> {
    let (authorization, form) = token_request(settings, description, flow, code)?;
    let authorization = authorization.as_ref().map(|value| value.as_str());
    let reply = http.post(EXCHANGE, &description.token, authorization, &form).await?;
    if reply.status != 200 {
        return Err(refusal(reply.status, &reply.body));
    }
    serde_json::from_slice(&reply.body)
        .map_err(|_| OidcError::misconfigured(EXCHANGE, "the answer has no ID token; is openid a scope?"))
}

/// The header that proves the client, if a header does, and the form.
fn token_request(
    settings: &Settings,
    description: &Description,
    flow: &Flow,
    code: &str,
) -> Result<(Option<Zeroizing<String>>, Zeroizing<String>), OidcError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &settings.redirect_uri)
        .append_pair("code_verifier", flow.verifier());
    let mut authorization = None;
    match (&settings.client_secret, description.proof) {
        (None, _) => {
            form.append_pair("client_id", &settings.client_id);
        }
        (Some(secret), Some(ClientProof::Basic)) => {
            authorization = Some(basic(&settings.client_id, secret.reveal()));
        }
        (Some(secret), Some(ClientProof::Post)) => {
            form.append_pair("client_id", &settings.client_id).append_pair("client_secret", secret.reveal());
        }
        (Some(_), None) => {
            let detail =
                "the provider takes no client secret; leave it out, or allow client_secret_basic there";
            return Err(OidcError::misconfigured(EXCHANGE, detail));
        }
    }
    Ok((authorization, Zeroizing::new(form.finish())))
}

/// RFC 6749 section 2.3.1: each half is form-encoded first.
fn basic(client_id: &str, secret: &str) -> Zeroizing<String> {
    let encoded = |text: &str| Zeroizing::new(byte_serialize(text.as_bytes()).collect::<String>());
    let pair = Zeroizing::new(format!("{}:{}", *encoded(client_id), *encoded(secret)));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// What the provider said instead of giving tokens (RFC 6749 section 5.2).
fn refusal(status: u16, body: &[u8]) -> OidcError {
    let told: Option<ErrorReply> = serde_json::from_slice(body).ok();
    let (error, words) = told.map(|told| (told.error, told.error_description)).unwrap_or_default();
    let kind = match error.as_str() {
        "invalid_grant" => OidcErrorKind::Expired,
        _ => OidcErrorKind::Misconfigured,
    };
    let detail = format!("status {status}: {} {}", quoted(&error), quoted(&words.unwrap_or_default()));
    OidcError::new(kind, EXCHANGE, detail.trim_end())
}
