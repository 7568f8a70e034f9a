//! Secrets: shown once, wiped after use, recognisable when they leak.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The text is not a secret that Portcullis gives: wrong length, alphabet, prefix or checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Portcullis secret")]
pub struct InvalidSecret;

/// The half of a credential that authenticates.
///
/// 40 characters of `0-9A-Za-z`: `pcs`, 31 characters of chance (184 bits), and 6 that are the CRC-32 of the 34 before,
/// so that a scanner can tell a leaked secret from other text without asking anybody.
///
/// It has no `Debug`, no `Display`, no serialisation; it is wiped when dropped; [`Secret::reveal`] is the only way to its
/// text, and equality takes the same time wherever two secrets differ.
///
/// ```compile_fail,E0277
/// fn print(secret: portcullis_domain::Secret) { println!("{secret:?}"); }
/// ```
/// The same function compiles for what may be printed:
/// ```
/// fn print(id: portcullis_domain::CredentialId) { println!("{id:?}"); }
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

const PREFIX: &str = "pcs";
const RANDOM: usize = 31;
const CHECK: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Secret {
    /// Length in characters.
    pub const LEN: usize = PREFIX.len() + RANDOM + CHECK;

    /// The secret that these random bytes give. The bytes are the caller's to wipe.
    #[must_use]
    pub fn from_entropy(entropy: &[u8; 32]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(Self::LEN));
        text.push_str(PREFIX);
        let (high, low) = entropy.split_at(16);
        push_base62(&mut text, high, 16);
        push_base62(&mut text, low, RANDOM - 16);
        let check = crc32fast::hash(text.as_bytes());
        push_base62(&mut text, &u128::from(check).to_be_bytes(), CHECK);
        Self(text)
    }

    /// Takes a secret that Portcullis made, checksum and all.
    ///
    /// # Errors
    /// [`InvalidSecret`], whatever is wrong.
    pub fn parse(raw: &str) -> Result<Self, InvalidSecret> {
        let body = raw.get(..Self::LEN - CHECK).filter(|_| raw.len() == Self::LEN).ok_or(InvalidSecret)?;
        if !body.starts_with(PREFIX) || !raw.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(InvalidSecret);
        }
        let mut check = String::with_capacity(CHECK);
        push_base62(&mut check, &u128::from(crc32fast::hash(body.as_bytes())).to_be_bytes(), CHECK);
        if raw.ends_with(&check) { Ok(Self(Zeroizing::new(raw.to_owned()))) } else { Err(InvalidSecret) }
    }

    /// A secret that somebody else made: a password, or a provider's secret key. Any text.
    #[must_use]
    pub fn foreign(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the one place that shows, seals or uses it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn push_base62(text: &mut String, bytes: &[u8], digits: usize) {
    let mut rest = bytes.iter().fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
    for _ in 0..digits {
        let digit = usize::try_from(rest % 62).unwrap_or(0);
        rest /= 62;
        text.push(char::from(BASE62.get(digit).copied().unwrap_or(b'0')));
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}
impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn foreign_text_does_not_parse() {
        for wrong in ["", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &"pcs0".repeat(10), "pcsé"] {
            assert!(Secret::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn made_secrets_parse_and_damaged_ones_do_not(entropy: [u8; 32], at in 0usize..40, letter in "[0-9A-Za-z]") {
            let secret = Secret::from_entropy(&entropy);
            prop_assert_eq!(secret.reveal().len(), Secret::LEN);
            prop_assert!(Secret::parse(secret.reveal()).is_ok_and(|again| again == secret));
            let mut damaged = secret.reveal().to_owned();
            damaged.replace_range(at..=at, &letter);
            prop_assert_eq!(Secret::parse(&damaged).is_ok(), damaged == secret.reveal());
        }
    }
}
