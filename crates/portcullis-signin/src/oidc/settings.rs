//! What the operator says of the provider.

use portcullis_domain::Secret;

use super::http::Endpoint;

/// How to sign people in at a provider.
pub struct Settings {
    /// The provider's issuer, letter by letter as its discovery document says it.
    pub issuer: String,
    /// Under which name the provider knows this installation.
    pub client_id: String,
    /// What proves it; none for a public client, which PKCE alone protects.
    pub client_secret: Option<Secret>,
    /// The address to which the provider sends browsers back: `https://gate.example.com/sign-in/oidc/callback`.
    pub redirect_uri: String,
    /// Scopes besides `openid`, `profile` and `email`.
    pub scopes: Vec<String>,
    /// The claim with the names of the person's groups: a member of the token, or a way to one inside another (`realm_access.roles`).
    pub groups_claim: Option<String>,
    /// The claim with the person's user name; usually `preferred_username`.
    pub username_claim: String,
    /// Whether a second factor that the provider saw counts as one here.
    pub trust_second_factor: bool,
    /// Values of `acr` that mean a second factor, for providers that do not say it in `amr`.
    pub second_factor_acr: Vec<String>,
    /// Further certificate authorities that vouch for the provider, as PEM text.
    pub extra_roots_pem: Option<Vec<u8>>,
}

/// Why the settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct InvalidSettings {
    /// The setting.
    pub field: &'static str,
    /// What would be right.
    pub message: String,
}

pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> InvalidSettings {
    InvalidSettings { field, message: message.into() }
}

impl Settings {
    /// Where the provider describes itself.
    pub(super) fn discovery(&self) -> Result<Endpoint, InvalidSettings> {
        if self.issuer.contains(['?', '#']) {
            return Err(invalid("issuer", "an issuer has no question mark and no number sign"));
        }
        Endpoint::parse(&self.issuer, true).map_err(|wrong| invalid("issuer", wrong))?;
        let base = self.issuer.strip_suffix('/').unwrap_or(&self.issuer);
        let address = format!("{base}/.well-known/openid-configuration");
        Endpoint::parse(&address, true).map_err(|wrong| invalid("issuer", wrong))
    }

    pub(super) fn check(&self) -> Result<(), InvalidSettings> {
        if self.client_id.is_empty() {
            return Err(invalid("client_id", "the name under which the provider knows this installation"));
        }
        if self.client_secret.as_ref().is_some_and(|secret| secret.reveal().is_empty()) {
            return Err(invalid(
                "client_secret_file",
                "the secret is empty; leave it out for a public client",
            ));
        }
        // RFC 6749 section 3.3.
        let is_token = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'"' && b != b'\\')
        };
        if !self.scopes.iter().all(|scope| is_token(scope)) {
            return Err(invalid(
                "scopes",
                "a scope is a word such as groups, without spaces or quotation marks",
            ));
        }
        if self.username_claim.is_empty() {
            return Err(invalid("username_claim", "the name of a claim, such as preferred_username"));
        }
        if self.groups_claim.as_deref() == Some("") {
            return Err(invalid("groups_claim", "the name of a claim, such as groups"));
        }
        Ok(())
    }

    /// All scopes, each once.
    pub(super) fn scope(&self) -> String {
        let mut scopes = vec!["openid", "profile", "email"];
        for scope in &self.scopes {
            if !scopes.contains(&scope.as_str()) {
                scopes.push(scope);
            }
        }
        scopes.join(" ")
    }
}
