//! The signature of a POST form. What the policy allows is judged elsewhere, after this.

use std::fmt;

use crate::error::{AuthParseError, Malformed, NotImplemented};
use crate::parse::Part;
use crate::time::{MAX_EXPIRES_SECONDS, TimeError, check_window};
use crate::{ALGORITHM, AmzDate, Scope, Service, Signature, SignatureMismatch, SigningKey};

/// Well-formed credentials of a POST form, with the policy that they sign.
///
/// Reference: *Browser-Based Uploads Using POST (AWS Signature Version 4)* in the Amazon S3 API Reference.
pub struct PresentedPolicy<'a> {
    access_key_id: &'a str,
    scope: Scope,
    date: AmzDate,
    signature: Signature,
    policy: &'a str,
    security_token: Option<&'a str>,
}

#[derive(Default)]
struct Fields<'a> {
    policy: Part<&'a str>,
    algorithm: Part<&'a str>,
    credential: Part<&'a str>,
    date: Part<&'a str>,
    signature: Part<&'a str>,
    security_token: Part<&'a str>,
    any: bool,
    version_2: bool,
}

impl<'a> Fields<'a> {
    fn collect(fields: &[(&'a str, &'a str)]) -> Result<Self, Malformed> {
        let mut found = Self::default();
        for (name, value) in fields {
            let is = |field: &str| name.eq_ignore_ascii_case(field);
            let part = if is("policy") {
                &mut found.policy
            } else if is("x-amz-algorithm") {
                &mut found.algorithm
            } else if is("x-amz-credential") {
                &mut found.credential
            } else if is("x-amz-date") {
                &mut found.date
            } else if is("x-amz-signature") {
                &mut found.signature
            } else if is("x-amz-security-token") {
                &mut found.security_token
            } else {
                found.version_2 |= is("AWSAccessKeyId");
                continue;
            };
            part.set(value)?;
            found.any = true;
        }
        Ok(found)
    }
}

impl<'a> PresentedPolicy<'a> {
    /// Reads the credentials from the fields of a form that precede its file, in any order; names in any case. `None`
    /// if the form has neither a policy nor credentials: an anonymous upload.
    ///
    /// # Errors
    /// [`AuthParseError::Form`] for malformed or incomplete fields, [`AuthParseError::UnsupportedMechanism`] for a
    /// form of Signature Version 2.
    pub fn parse(fields: &[(&'a str, &'a str)]) -> Result<Option<Self>, AuthParseError> {
        let malformed = AuthParseError::Form;
        let fields = Fields::collect(fields).map_err(malformed)?;
        if fields.version_2 {
            return Err(AuthParseError::UnsupportedMechanism);
        }
        if !fields.any {
            return Ok(None);
        }
        match fields.algorithm.required(Malformed::MissingAlgorithm).map_err(malformed)? {
            ALGORITHM => {}
            "AWS4-ECDSA-P256-SHA256" => return Err(AuthParseError::NotImplemented(NotImplemented::Ecdsa)),
            _ => return Err(malformed(Malformed::Algorithm)),
        }
        let policy = fields.policy.required(Malformed::MissingPolicy).map_err(malformed)?;
        let credential = fields.credential.required(Malformed::MissingCredential).map_err(malformed)?;
        let date = fields.date.required(Malformed::MissingDate).map_err(malformed)?;
        let signature = fields.signature.required(Malformed::MissingSignature).map_err(malformed)?;
        let (access_key_id, scope) = Scope::parse_credential(credential, Service::S3).map_err(malformed)?;
        let date = AmzDate::parse(date.as_bytes()).ok_or(malformed(Malformed::Date))?;
        if !scope.covers(&date) {
            return Err(malformed(Malformed::DateMismatch));
        }
        let signature = Signature::from_hex(signature.as_bytes()).ok_or(AuthParseError::SignatureShape)?;
        let security_token = fields.security_token.optional();
        Ok(Some(Self { access_key_id, scope, date, signature, policy, security_token }))
    }

    /// Whose key.
    #[must_use]
    pub const fn access_key_id(&self) -> &str {
        self.access_key_id
    }

    /// The scope to derive the signing key for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When the form was signed.
    #[must_use]
    pub const fn date(&self) -> &AmzDate {
        &self.date
    }

    /// The session token, if one came along.
    #[must_use]
    pub const fn security_token(&self) -> Option<&str> {
        self.security_token
    }

    /// Compares the date of the form with the server's clock, `now` in Unix seconds. A form lives as long as its
    /// policy says, and no longer than its signing key: seven days.
    ///
    /// # Errors
    /// [`TimeError::NotYetValid`] and [`TimeError::Expired`].
    pub fn check_time(&self, now: i64) -> Result<(), TimeError> {
        check_window(&self.date, MAX_EXPIRES_SECONDS, now)
    }

    /// Checks the signature, and hands out the policy, still in Base64, that it is for.
    ///
    /// # Errors
    /// [`SignatureMismatch`], whatever the reason.
    pub fn verify(&self, key: &SigningKey) -> Result<&'a str, SignatureMismatch> {
        if key.sign(self.policy.as_bytes()).matches(&self.signature) {
            Ok(self.policy)
        } else {
            Err(SignatureMismatch)
        }
    }
}

impl fmt::Debug for PresentedPolicy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedPolicy")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}
