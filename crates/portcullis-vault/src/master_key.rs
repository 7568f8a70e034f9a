//! The key above all secrets.

use std::fmt;

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::NoRandomness;

/// The key above all secrets: 32 bytes from outside the database. Wiped when dropped, never shown by `Debug`.
#[derive(Clone)]
pub struct MasterKey(pub(crate) Zeroizing<[u8; 32]>);

/// The text is not a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes, as 64 hexadecimal digits or as base64")]
pub struct InvalidMasterKey;

impl MasterKey {
    pub(crate) const ID: usize = 8;

    /// Takes 64 hexadecimal digits, or the base64 of 32 bytes; white space at the ends is ignored.
    ///
    /// # Errors
    /// [`InvalidMasterKey`] for anything else, and for 32 zero bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKey> {
        let text = text.trim();
        let mut key = Zeroizing::new([0u8; 32]);
        if text.len() == 64 {
            hex::decode_to_slice(text, &mut *key).map_err(|_| InvalidMasterKey)?;
        } else {
            let alphabet = base64::engine::general_purpose::STANDARD;
            let bytes = Zeroizing::new(alphabet.decode(text).map_err(|_| InvalidMasterKey)?);
            *key = bytes.as_slice().try_into().map_err(|_| InvalidMasterKey)?;
        }
        if key.iter().all(|byte| *byte == 0) { Err(InvalidMasterKey) } else { Ok(Self(key)) }
    }

    /// A new master key from the system's source of randomness.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *key).map_err(|_| NoRandomness)?;
        Ok(Self(key))
    }

    /// The key as 64 hexadecimal digits, for the one place that writes it to its file.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.0))
    }

    /// Tells master keys apart without telling anything of them.
    pub(crate) fn id(&self) -> [u8; Self::ID] {
        let mut hash = Sha256::new();
        hash.update(b"portcullis master key id");
        hash.update(*self.0);
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
        [a, b, c, d, e, f, g, h]
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_master_key() {
        let key = MasterKey::generate().unwrap();
        let again = MasterKey::parse(&format!(" {}\n", *key.to_hex())).unwrap();
        assert_eq!(key.0, again.0);
        let base64 = base64::engine::general_purpose::STANDARD.encode(*key.0);
        assert_eq!(MasterKey::parse(&base64).unwrap().0, key.0);
        for wrong in ["", "abc", &"0".repeat(64), &"g".repeat(64), &"a".repeat(63), "AAAA"] {
            assert_eq!(MasterKey::parse(wrong).unwrap_err(), InvalidMasterKey, "{wrong}");
        }
        assert_eq!(format!("{key:?}"), "MasterKey(..)");
    }
}
