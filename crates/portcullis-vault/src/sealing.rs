//! Sealing: what must be read again is encrypted under the master key.
//!
//! AES-256-GCM-SIV (RFC 8452) with a random 96-bit nonce: a nonce that repeats by chance costs equality of two secrets, not
//! their confidentiality. What a secret is for and whose it is are authenticated with it, so that a sealed secret that is
//! moved to another record does not open.
//!
//! Layout: format (1 byte, 1) ‖ id of the master key (8) ‖ nonce (12) ‖ ciphertext and tag (n + 16).

use std::fmt;

use aes_gcm_siv::aead::{Aead as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit as _, Nonce};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{MasterKey, NoRandomness};

const FORMAT: u8 = 1;
const NONCE: usize = 12;

/// The bytes were not sealed under this master key for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sealed under this master key for this purpose")]
pub struct NotOpened;

/// A master key at work.
pub struct Vault {
    cipher: Aes256GcmSiv,
    id: [u8; MasterKey::ID],
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// The vault of this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self { cipher: Aes256GcmSiv::new((&*master.0).into()), id: master.id() }
    }

    /// Seals a secret for a purpose, which names what and whose it is.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn seal(&self, purpose: &[u8], secret: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let mut nonce = [0u8; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| NoRandomness)?;
        let payload = Payload { msg: secret, aad: purpose };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| NoRandomness)?;
        Ok([[FORMAT].as_slice(), &self.id, &nonce, &sealed].concat())
    }

    /// The secret that was sealed for this purpose.
    ///
    /// # Errors
    /// [`NotOpened`], whatever is wrong.
    pub fn open(&self, purpose: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let (format, rest) = sealed.split_first().ok_or(NotOpened)?;
        let (id, rest) = rest.split_at_checked(MasterKey::ID).ok_or(NotOpened)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>().ok_or(NotOpened)?;
        if *format != FORMAT || !bool::from(id.ct_eq(&self.id)) {
            return Err(NotOpened);
        }
        let payload = Payload { msg: text, aad: purpose };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| NotOpened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(&MasterKey::parse(&hex::encode([byte; 32])).unwrap())
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_purpose_under_the_same_key_only() {
        let sealed = vault(1).seal(b"key 1", b"the secret").unwrap();
        assert_eq!(vault(1).open(b"key 1", &sealed).unwrap().as_slice(), b"the secret");
        assert_eq!(vault(1).open(b"key 2", &sealed), Err(NotOpened));
        assert_eq!(vault(2).open(b"key 1", &sealed), Err(NotOpened));
        assert!(!sealed.windows(10).any(|window| window == b"the secret"));
    }

    #[test]
    fn every_bit_of_a_sealed_secret_counts() {
        let sealed = vault(1).seal(b"key 1", b"the secret").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(vault(1).open(b"key 1", &damaged), Err(NotOpened), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(vault(1).open(b"key 1", &sealed[..length]), Err(NotOpened), "{length} bytes");
        }
    }

    #[test]
    fn the_same_secret_never_seals_alike() {
        assert_ne!(vault(1).seal(b"k", b"x").unwrap(), vault(1).seal(b"k", b"x").unwrap());
    }
}
