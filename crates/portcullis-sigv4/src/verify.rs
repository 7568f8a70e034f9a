//! Verification of a presented signature.

use std::fmt;

use crate::canonical::{Canonical, CanonicalQuery, PathForm};
use crate::{AmzDate, Location, Presented, Scope, Signature, SignatureMismatch, SigningKey};

/// The verified (or just made) signature of a request, from which the signatures of its chunks go on.
#[derive(Clone, Copy)]
pub struct Seed {
    pub(crate) signature: Signature,
    pub(crate) scope: Scope,
    pub(crate) date: AmzDate,
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed").field("scope", &self.scope).field("date", &self.date).finish_non_exhaustive()
    }
}

impl Presented<'_> {
    /// Checks the signature with the signing key of [`Presented::scope`].
    ///
    /// The path is decoded and encoded once. If that does not match, it is tried as sent, for clients that sign
    /// characters unescaped which the reference escapes. Both readings bind the same bytes on the wire.
    ///
    /// # Errors
    /// [`SignatureMismatch`], whatever the reason.
    pub fn verify(&self, key: &SigningKey) -> Result<Seed, SignatureMismatch> {
        if !self.request.is_single_line() {
            return Err(SignatureMismatch);
        }
        let canonical = self.canonical();
        let matches = |form| canonical.sign(form, &self.date, &self.scope, key).matches(&self.signature);
        let differs = crate::encode::canonical_path(self.request.path) != self.request.path;
        if matches(PathForm::Canonical) || (differs && matches(PathForm::AsSent)) {
            return Ok(Seed { signature: self.signature, scope: self.scope, date: self.date });
        }
        Err(SignatureMismatch)
    }

    /// The canonical request, for `<CanonicalRequest>` in the error document of a mismatch, so that a client can
    /// see where it differs. It repeats signed headers, so it may go back to the client and never into a log.
    #[must_use]
    pub fn canonical_request(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.canonical().write(PathForm::Canonical, &mut text);
        text
    }

    fn canonical(&self) -> Canonical<'_> {
        let without = match self.location {
            Location::Header => None,
            Location::Query { .. } => Some("X-Amz-Signature"),
        };
        Canonical {
            request: &self.request,
            query: CanonicalQuery::new(self.request.query, without),
            signed_headers: &self.signed_headers,
            payload: &self.payload_line,
        }
    }
}
