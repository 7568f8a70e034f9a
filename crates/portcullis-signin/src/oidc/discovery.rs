//! What the provider says of itself (OpenID Connect Discovery 1.0).

use serde::Deserialize;

use super::error::{OidcError, OidcErrorKind, quoted};
use super::http::{Endpoint, Http};

const OPERATION: &str = "read the provider's description";

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// How this installation proves to the provider that it is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientProof {
    /// The secret in a header (RFC 6749 section 2.3.1).
    Basic,
    /// The secret in the form.
    Post,
}

/// The provider's description, checked.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) authorization: Endpoint,
    pub(super) token: Endpoint,
    pub(super) keys: Endpoint,
    pub(super) userinfo: Option<Endpoint>,
    /// None if it takes a secret in neither way.
    pub(super) proof: Option<ClientProof>,
    /// Whether every answer says which issuer it is from (RFC 9207).
    pub(super) answers_name_issuer: bool,
}

pub(super) async fn fetch(http: &Http, at: &Endpoint, issuer: &str) -> Result<Description, OidcError> {
    let reply = http.get(OPERATION, at, None).await?;
    if reply.status != 200 {
        let detail = format!("status {}; is the issuer right?", reply.status);
        return Err(OidcError::misconfigured(OPERATION, detail));
    }
    read(&reply.body, issuer, !at.is_secure())
}

fn read(body: &[u8], issuer: &str, plain: bool) -> Result<Description, OidcError> {
    let document: Document = serde_json::from_slice(body).map_err(|error| {
        OidcError::misconfigured(OPERATION, format!("not such a description: {}", quoted(&error.to_string())))
    })?;
    if document.issuer != issuer {
        let detail =
            format!("the provider calls itself {}; set exactly that as the issuer", quoted(&document.issuer));
        return Err(OidcError::misconfigured(OPERATION, detail));
    }
    let endpoint = |name: &str, text: &str| {
        Endpoint::parse(text, plain).map_err(|wrong| {
            let detail = format!("{name} is {}, but has to be {wrong}", quoted(text));
            OidcError::new(OidcErrorKind::Misconfigured, OPERATION, detail)
        })
    };
    let userinfo = document.userinfo_endpoint.as_deref().map(|text| endpoint("userinfo_endpoint", text));
    Ok(Description {
        authorization: endpoint("authorization_endpoint", &document.authorization_endpoint)?,
        token: endpoint("token_endpoint", &document.token_endpoint)?,
        keys: endpoint("jwks_uri", &document.jwks_uri)?,
        userinfo: userinfo.transpose()?,
        proof: proof(document.token_endpoint_auth_methods_supported.as_deref()),
        answers_name_issuer: document.authorization_response_iss_parameter_supported,
    })
}

/// The header is the default, and what is taken if both are possible.
fn proof(supported: Option<&[String]>) -> Option<ClientProof> {
    let Some(supported) = supported else { return Some(ClientProof::Basic) };
    let has = |method: &str| supported.iter().any(|supported| supported == method);
    if has("client_secret_basic") {
        return Some(ClientProof::Basic);
    }
    has("client_secret_post").then_some(ClientProof::Post)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ISSUER: &str = "https://id.example.com/";

    fn document() -> Value {
        json!({
            "issuer": ISSUER, "authorization_endpoint": "https://id.example.com/a",
            "token_endpoint": "https://id.example.com/t", "jwks_uri": "https://keys.example.com/k",
        })
    }

    fn with(name: &str, value: impl Into<Value>) -> Result<Description, OidcError> {
        let mut document = document();
        document[name] = value.into();
        read(document.to_string().as_bytes(), ISSUER, false)
    }

    #[test]
    fn a_description_is_of_the_issuer_that_was_named_letter_by_letter() {
        assert!(with("x", "y").is_ok());
        for other in ["https://id.example.com", "https://ID.example.com/", "https://evil.example/"] {
            let told = with("issuer", other).unwrap_err();
            assert_eq!(told.kind, OidcErrorKind::Misconfigured);
            assert!(told.to_string().contains(other), "{told}");
        }
    }

    #[test]
    fn addresses_without_tls_are_refused() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for wrong in ["http://id.example.com/x", "http://127.0.0.1/x", "file:///etc/passwd", ""] {
                assert!(with(name, wrong).unwrap_err().to_string().contains(name), "{name} {wrong}");
            }
        }
        assert!(read(b"[]", ISSUER, false).is_err());
    }

    #[test]
    fn how_the_client_proves_itself() {
        let supports =
            |methods: &[&str]| with("token_endpoint_auth_methods_supported", methods.to_vec()).unwrap().proof;
        assert_eq!(with("x", "y").unwrap().proof, Some(ClientProof::Basic));
        assert_eq!(supports(&["client_secret_post", "client_secret_basic"]), Some(ClientProof::Basic));
        assert_eq!(supports(&["client_secret_post"]), Some(ClientProof::Post));
        assert_eq!(supports(&["private_key_jwt"]), None);
    }
}
