//! Somebody whom the provider vouches for.

/// A person as the provider knows them, after every check. Only [`Provider::finish`](super::Provider::finish) makes one.
///
/// ```compile_fail,E0451
/// # use portcullis_signin::oidc::VerifiedIdentity;
/// fn forge() -> VerifiedIdentity { VerifiedIdentity { subject: "admin".to_owned(), ..unreachable!() } }
/// ```
/// It can be read:
/// ```
/// # use portcullis_signin::oidc::VerifiedIdentity;
/// fn read(who: &VerifiedIdentity) -> String { who.external_id() }
/// ```
#[derive(Clone, Debug)]
pub struct VerifiedIdentity {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) second_factor: bool,
}

impl VerifiedIdentity {
    /// The provider.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The person's name at the provider, which stays the same and is nobody else's.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What a user is linked by: issuer, line feed, subject. Neither of them has a line feed in it.
    #[must_use]
    pub fn external_id(&self) -> String {
        format!("{}\n{}", self.issuer, self.subject)
    }

    /// What the person wants to be called. It proves nothing: at many providers people choose it.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The person's address, as little a proof.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The person's groups at the provider, in order, each once; empty if it says nothing of them.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Whether the provider saw a second factor and the operator trusts it to.
    #[must_use]
    pub const fn second_factor(&self) -> bool {
        self.second_factor
    }
}
