//! The public half of a credential.

use std::fmt;
use std::str::FromStr;

/// The text is not an id that Portcullis gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Portcullis access key id: 20 characters A-Z and 0-9 that begin with PC")]
pub struct InvalidCredentialId;

/// What identifies a key to the outside: the access key id of S3, the first half of a bearer key.
///
/// 20 characters of `A-Z` and `0-9` beginning `PC`: 93 bits of chance. It identifies and does not authenticate;
/// it may be shown, logged and looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId([u8; Self::LEN]);

impl CredentialId {
    /// Length in characters.
    pub const LEN: usize = 20;
    const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    /// The id that these random bytes give.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 16]) -> Self {
        let mut rest = u128::from_be_bytes(entropy);
        let mut id = *b"PC000000000000000000";
        for place in id.iter_mut().skip(2) {
            let digit = usize::try_from(rest % 36).unwrap_or(0);
            rest /= 36;
            *place = Self::ALPHABET.get(digit).copied().unwrap_or(b'A');
        }
        Self(id)
    }

    /// Takes an id from a request.
    ///
    /// # Errors
    /// [`InvalidCredentialId`] if Portcullis never gives such an id.
    pub fn parse(raw: &str) -> Result<Self, InvalidCredentialId> {
        let bytes: [u8; Self::LEN] = raw.as_bytes().try_into().map_err(|_| InvalidCredentialId)?;
        let shaped = bytes.starts_with(b"PC") && bytes.iter().all(|b| Self::ALPHABET.contains(b));
        if shaped { Ok(Self(bytes)) } else { Err(InvalidCredentialId) }
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CredentialId {
    type Err = InvalidCredentialId;
    fn from_str(raw: &str) -> Result<Self, InvalidCredentialId> {
        Self::parse(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn foreign_ids_do_not_parse() {
        for wrong in ["", "AKIAIOSFODNN7EXAMPLE", "PCshort", "PC00000000000000000a", "PC0000000000000000000"]
        {
            assert_eq!(CredentialId::parse(wrong), Err(InvalidCredentialId), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn made_ids_parse(entropy: [u8; 16]) {
            let id = CredentialId::from_entropy(entropy);
            prop_assert_eq!(CredentialId::parse(id.as_str()), Ok(id));
        }
    }
}
