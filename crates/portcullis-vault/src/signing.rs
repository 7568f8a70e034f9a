//! Signatures that anybody can check: Ed25519 (RFC 8032).

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::NoRandomness;

/// A key that signs. It is kept as its seed, sealed; never shown.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// A new seed from the system's source of randomness.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new_seed() -> Result<Zeroizing<[u8; 32]>, NoRandomness> {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *seed).map_err(|_| NoRandomness)?;
        Ok(seed)
    }

    /// The key of a seed; none unless it is 32 bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(|pair| Self { pair })
    }

    /// The signature of this message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        let signed = self.pair.sign(message);
        for (to, from) in signature.iter_mut().zip(signed.as_ref()) {
            *to = *from;
        }
        signature
    }

    /// What others check signatures with.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(self.pair.public_key().as_ref()) {
            *to = *from;
        }
        key
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Whether the holder of the key that this is the public half of signed this message.
#[must_use]
pub fn is_signed_by(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_signs_and_only_what_it_signed() {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let signature = key.sign(b"message");
        assert!(is_signed_by(&key.public_key(), b"message", &signature));
        assert!(!is_signed_by(&key.public_key(), b"massage", &signature));
        let other = SigningKey::from_seed(&*SigningKey::new_seed().unwrap()).unwrap();
        assert!(!is_signed_by(&other.public_key(), b"message", &signature));
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
        assert!(SigningKey::from_seed(&[1; 31]).is_none());
    }

    #[test]
    fn it_is_ed25519() {
        // RFC 8032 section 7.1, test 1.
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = SigningKey::from_seed(&seed).unwrap();
        assert_eq!(
            hex::encode(key.public_key()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert!(hex::encode(key.sign(b"")).starts_with("e5564300c360ac729086e2cc806e828a"));
    }
}
