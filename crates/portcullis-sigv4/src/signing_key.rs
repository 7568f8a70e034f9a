//! The key that signs for one day, region and service.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::canonical::Sink;
use crate::{Scope, Signature};

/// A signing key of SigV4: the secret hashed with day, region and service, so that holding it signs for that scope
/// only. Cheap to clone; the state is wiped when the last clone goes. No `Debug` of its content, no way to read it.
#[derive(Clone)]
pub struct SigningKey(Arc<Hmac<Sha256>>);

impl SigningKey {
    /// Derives the key from the secret access key. Four HMACs; cache the result by access key id and scope.
    #[must_use]
    pub fn derive(secret: &[u8], scope: &Scope) -> Self {
        let mut prefixed = Zeroizing::new(Vec::with_capacity(secret.len().saturating_add(4)));
        prefixed.extend_from_slice(b"AWS4");
        prefixed.extend_from_slice(secret);
        let day = hmac(&prefixed, scope.day());
        let region = hmac(&*day, scope.region().as_bytes());
        let service = hmac(&*region, scope.service().as_str().as_bytes());
        let key = hmac(&*service, Scope::terminator().as_bytes());
        Self(Arc::new(keyed(&*key)))
    }

    /// Signs a whole string to sign.
    #[must_use]
    pub fn sign(&self, string_to_sign: &[u8]) -> Signature {
        let mut signing = self.start();
        signing.put(string_to_sign);
        signing.finish()
    }

    /// Begins a signature over a string that is handed over in pieces.
    pub(crate) fn start(&self) -> Signing {
        Signing(Hmac::clone(&self.0))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// A signature being computed.
pub(crate) struct Signing(Hmac<Sha256>);

impl Signing {
    pub(crate) fn finish(self) -> Signature {
        Signature::new(self.0.finalize().into_bytes().into())
    }
}

impl Sink for Signing {
    fn put(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = keyed(key);
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of every length (RFC 2104), the type cannot say so"
    )]
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests {
    use super::SigningKey;
    use crate::{Scope, Service};

    /// Policy and signature of the example "Browser-Based Upload using HTTP POST" are checked in `tests/it`; here
    /// only what a signature depends on.
    #[test]
    fn every_part_of_the_scope_and_the_secret_count() {
        let scope = |credential: &str| Scope::parse_credential(credential, Service::S3).unwrap().1;
        let base = scope("A/20130524/us-east-1/s3/aws4_request");
        let reference = SigningKey::derive(b"secret", &base).sign(b"text");
        assert!(SigningKey::derive(b"secret", &base).sign(b"text").matches(&reference));
        let other_day = scope("A/20130525/us-east-1/s3/aws4_request");
        let other_region = scope("A/20130524/us-east-2/s3/aws4_request");
        let sts = Scope::parse_credential("A/20130524/us-east-1/sts/aws4_request", Service::Sts).unwrap().1;
        for signature in [
            SigningKey::derive(b"secret", &other_day).sign(b"text"),
            SigningKey::derive(b"secret", &other_region).sign(b"text"),
            SigningKey::derive(b"secret", &sts).sign(b"text"),
            SigningKey::derive(b"secreT", &base).sign(b"text"),
            SigningKey::derive(b"", &base).sign(b"text"),
            SigningKey::derive(b"secret", &base).sign(b"Text"),
        ] {
            assert!(!signature.matches(&reference));
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let scope = Scope::parse_credential("A/20130524/r/s3/aws4_request", Service::S3).unwrap().1;
        assert_eq!(format!("{:?}", SigningKey::derive(b"secret", &scope)), "SigningKey(..)");
    }
}
