//! Sealing: secrets that must be read again are encrypted under a master key that is never in the database.
//!
//! AES-256-GCM-SIV (RFC 8452) with a random 96-bit nonce: a nonce that repeats by chance costs equality of two secrets, not
//! their confidentiality. What a secret is for and whose it is are authenticated with it, so that a sealed secret that is
//! moved to another record does not open.
//!
//! Layout: format (1 byte, 1) ‖ id of the master key (8) ‖ nonce (12) ‖ ciphertext and tag (n + 16).

use std::fmt;

use aes_gcm_siv::aead::{Aead as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit as _, Nonce};
use base64::Engine as _;
use portcullis_backend::{BackendErrorKind, ProviderCredentials};
use portcullis_domain::{KeyId, StorageId};
use portcullis_metadata::{Metadata, SealedOwner};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{Access, AccessError, OpenError, SiteAdmin};

const FORMAT: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 12;
/// The setting that tells whether a master key is the database's.
const CHECK_SETTING: &str = "master_key_check";
const CHECK_TEXT: &[u8] = b"portcullis";

/// The key above all secrets: 32 bytes from outside the database. Wiped when dropped, never shown by `Debug`.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The text is not a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes, as 64 hexadecimal digits or as base64")]
pub struct InvalidMasterKey;

impl MasterKey {
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
    /// [`OpenError::System`] if the system gives no random numbers.
    pub fn generate() -> Result<Self, OpenError> {
        let mut key = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *key).map_err(|_| OpenError::System)?;
        Ok(Self(key))
    }

    /// The key as 64 hexadecimal digits, for the one place that writes it to its file.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.0))
    }

    /// Tells master keys apart without telling anything of them.
    fn id(&self) -> [u8; KEY_ID] {
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

/// What a sealed secret is for; part of what is authenticated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The secret of this S3 key.
    KeySecret(KeyId),
    /// The credentials with which this storage reaches its provider.
    ProviderCredentials(StorageId),
    /// The constant that tells whether the master key fits.
    Check,
}

impl Purpose {
    fn associated(self) -> Vec<u8> {
        match self {
            Self::KeySecret(id) => [b"portcullis key secret ".as_slice(), id.as_bytes()].concat(),
            Self::ProviderCredentials(id) => {
                [b"portcullis provider credentials ".as_slice(), id.as_bytes()].concat()
            }
            Self::Check => b"portcullis master key check".to_vec(),
        }
    }
}

impl From<SealedOwner> for Purpose {
    fn from(owner: SealedOwner) -> Self {
        match owner {
            SealedOwner::Key(id) => Self::KeySecret(id),
            SealedOwner::Storage(id) => Self::ProviderCredentials(id),
        }
    }
}

/// The bytes were not sealed under this master key for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotOpened;

/// A master key at work.
pub(crate) struct Vault {
    cipher: Aes256GcmSiv,
    id: [u8; KEY_ID],
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    pub(crate) fn new(master: &MasterKey) -> Self {
        Self { cipher: Aes256GcmSiv::new((&*master.0).into()), id: master.id() }
    }

    pub(crate) fn seal(&self, purpose: Purpose, secret: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut nonce = [0u8; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| OpenError::System)?;
        let payload = Payload { msg: secret, aad: &purpose.associated() };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| OpenError::System)?;
        Ok([[FORMAT].as_slice(), &self.id, &nonce, &sealed].concat())
    }

    pub(crate) fn open(&self, purpose: Purpose, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let (format, rest) = sealed.split_first().ok_or(NotOpened)?;
        let (id, rest) = rest.split_at_checked(KEY_ID).ok_or(NotOpened)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>().ok_or(NotOpened)?;
        if *format != FORMAT || !bool::from(id.ct_eq(&self.id)) {
            return Err(NotOpened);
        }
        let payload = Payload { msg: text, aad: &purpose.associated() };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| NotOpened)
    }

    /// Whether this master key is the one of the database; the first that asks decides.
    pub(crate) async fn check(&self, metadata: &Metadata) -> Result<(), OpenError> {
        let stored = match metadata.setting(CHECK_SETTING).await? {
            Some(stored) => stored,
            None => {
                let sealed = self.seal(Purpose::Check, CHECK_TEXT)?;
                metadata.set_setting_if_absent(CHECK_SETTING, &sealed).await?
            }
        };
        let text = self.open(Purpose::Check, &stored).map_err(|NotOpened| OpenError::MasterKeyMismatch)?;
        if text.as_slice() == CHECK_TEXT { Ok(()) } else { Err(OpenError::MasterKeyMismatch) }
    }
}

impl Access {
    /// What to store of a provider's credentials, with the record of this storage and no other.
    ///
    /// # Errors
    /// [`AccessError::Unavailable`] if the system gives no random numbers.
    pub fn seal_provider_credentials(
        &self,
        _proof: &SiteAdmin,
        storage: StorageId,
        credentials: &ProviderCredentials,
    ) -> Result<Vec<u8>, AccessError> {
        let sealed = self.inner().vault.seal(Purpose::ProviderCredentials(storage), &credentials.to_plain()?);
        sealed.map_err(|_| AccessError::Unavailable)
    }

    /// The credentials of a storage's provider, for an admin's own look at the connection; none for the embedded store.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] for what is not of the admin's site, [`AccessError::Metadata`], [`AccessError::Backend`] if what is
    /// stored does not open.
    pub async fn provider_credentials_for(
        &self,
        admin: &SiteAdmin,
        storage: StorageId,
    ) -> Result<Option<ProviderCredentials>, AccessError> {
        let found = self.inner().metadata.storage(storage).await?;
        if found.is_none_or(|found| found.site != admin.site()) {
            return Err(AccessError::NotFound);
        }
        self.provider_credentials(storage).await
    }

    /// The credentials of a storage's provider, if it has any.
    pub(crate) async fn provider_credentials(
        &self,
        storage: StorageId,
    ) -> Result<Option<ProviderCredentials>, AccessError> {
        let sealed = self.inner().metadata.provider_credentials(storage).await?;
        let open = |sealed: Vec<u8>| {
            let plain = self.inner().vault.open(Purpose::ProviderCredentials(storage), &sealed);
            Ok(ProviderCredentials::from_plain(&plain.map_err(|NotOpened| BackendErrorKind::Corrupt)?)?)
        };
        sealed.map(open).transpose()
    }
}

/// Seals every secret of the database again, under a new master key, in one transaction, and says how many there were.
/// For an installation that is not running: a process that still has the old key can no longer read the secrets.
///
/// # Errors
/// [`OpenError::MasterKeyMismatch`] if `old` is not the database's key, [`OpenError::DamagedSecret`] if a secret does not
/// open, [`OpenError::Metadata`], with a conflict if a secret was added meanwhile. Nothing was changed then.
pub async fn rotate_master_key(
    metadata: &Metadata,
    old: &MasterKey,
    new: &MasterKey,
) -> Result<usize, OpenError> {
    let (old, new) = (Vault::new(old), Vault::new(new));
    old.check(metadata).await?;
    let mut again = Vec::new();
    for (owner, sealed) in metadata.sealed().await? {
        let secret = old.open(owner.into(), &sealed).map_err(|NotOpened| OpenError::DamagedSecret(owner))?;
        again.push((owner, new.seal(owner.into(), &secret)?));
    }
    let check = new.seal(Purpose::Check, CHECK_TEXT)?;
    metadata.replace_sealed(&again, CHECK_SETTING, &check).await?;
    Ok(again.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(&MasterKey::parse(&hex::encode([byte; 32])).unwrap())
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_purpose_under_the_same_key_only() {
        let (one, two) = (KeyId::from_u128(1), KeyId::from_u128(2));
        let sealed = vault(1).seal(Purpose::KeySecret(one), b"the secret").unwrap();
        assert_eq!(vault(1).open(Purpose::KeySecret(one), &sealed).unwrap().as_slice(), b"the secret");
        assert_eq!(vault(1).open(Purpose::KeySecret(two), &sealed), Err(NotOpened));
        assert_eq!(vault(1).open(Purpose::Check, &sealed), Err(NotOpened));
        assert_eq!(vault(2).open(Purpose::KeySecret(one), &sealed), Err(NotOpened));
        assert!(!sealed.windows(10).any(|window| window == b"the secret"));
    }

    #[test]
    fn every_bit_of_a_sealed_secret_counts() {
        let purpose = Purpose::KeySecret(KeyId::from_u128(1));
        let sealed = vault(1).seal(purpose, b"the secret").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(vault(1).open(purpose, &damaged), Err(NotOpened), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(vault(1).open(purpose, &sealed[..length]), Err(NotOpened), "{length} bytes");
        }
    }

    #[test]
    fn the_same_secret_never_seals_alike() {
        let purpose = Purpose::KeySecret(KeyId::from_u128(1));
        assert_ne!(vault(1).seal(purpose, b"x").unwrap(), vault(1).seal(purpose, b"x").unwrap());
    }

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
