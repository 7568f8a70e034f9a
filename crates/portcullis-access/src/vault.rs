//! What is sealed here, whose it is, and for whom it is opened. How sealing works is `portcullis-vault`'s.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_backend::{BackendErrorKind, ProviderCredentials};
use portcullis_domain::{KeyId, StorageId, Timestamp, UserId};
use portcullis_metadata::{Metadata, SealedOwner};
use portcullis_vault::{MasterKey, NotOpened, Vault};
use zeroize::Zeroizing;

use crate::{Access, AccessError, Oneself, OpenError, SiteAdmin};

/// The setting that tells whether a master key is the database's.
const CHECK_SETTING: &str = "master_key_check";
const CHECK_TEXT: &[u8] = b"portcullis";

/// What a sealed secret is for; part of what is authenticated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The secret of this S3 key.
    KeySecret(KeyId),
    /// The credentials with which this storage reaches its provider.
    ProviderCredentials(StorageId),
    /// The seed of this person's one-time codes.
    Totp(UserId),
    /// What the signatures of those who have no key are compared with, in vain.
    Nobody,
    /// Temporary credentials that were given out.
    Temporary,
    /// Something that is sealed for the server itself and handed to a client for a while.
    State(&'static str),
    /// The seed of the key that signs the audit trail's checkpoints.
    Trail,
    /// The constant that tells whether the master key fits.
    Check,
}

impl Purpose {
    pub(crate) fn associated(self) -> Vec<u8> {
        let of = |what: &[u8], id: &[u8]| [b"portcullis ".as_slice(), what, id].concat();
        match self {
            Self::KeySecret(id) => of(b"key secret ", id.as_bytes()),
            Self::ProviderCredentials(id) => of(b"provider credentials ", id.as_bytes()),
            Self::Totp(id) => of(b"one-time codes ", id.as_bytes()),
            Self::Nobody => of(b"nobody", b""),
            Self::Temporary => of(b"temporary credentials", b""),
            Self::State(what) => of(b"state ", what.as_bytes()),
            Self::Trail => of(b"audit trail", b""),
            Self::Check => of(b"master key check", b""),
        }
    }
}

impl From<SealedOwner> for Purpose {
    fn from(owner: SealedOwner) -> Self {
        match owner {
            SealedOwner::Key(id) | SealedOwner::Retired(id, _) => Self::KeySecret(id),
            SealedOwner::Storage(id) => Self::ProviderCredentials(id),
            SealedOwner::User(id) => Self::Totp(id),
            SealedOwner::Trail => Self::Trail,
        }
    }
}

/// Whether this master key is the one of the database; the first that asks decides.
pub(crate) async fn check(vault: &Vault, metadata: &Metadata) -> Result<(), OpenError> {
    let purpose = Purpose::Check.associated();
    let stored = match metadata.setting(CHECK_SETTING).await? {
        Some(stored) => stored,
        None => metadata.set_setting_if_absent(CHECK_SETTING, &vault.seal(&purpose, CHECK_TEXT)?).await?,
    };
    let text = vault.open(&purpose, &stored).map_err(|NotOpened| OpenError::MasterKeyMismatch)?;
    if text.as_slice() == CHECK_TEXT { Ok(()) } else { Err(OpenError::MasterKeyMismatch) }
}

impl Access {
    pub(crate) fn seal(&self, purpose: Purpose, plain: &[u8]) -> Result<Vec<u8>, AccessError> {
        self.inner().vault.seal(&purpose.associated(), plain).map_err(|_| AccessError::Unavailable)
    }

    pub(crate) fn unseal(&self, purpose: Purpose, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        self.inner().vault.open(&purpose.associated(), sealed)
    }

    /// What to store of the seed of somebody's one-time codes.
    ///
    /// # Errors
    /// [`AccessError::Unavailable`] if the system gives no random numbers.
    pub fn seal_totp(&self, me: &Oneself, seed: &[u8]) -> Result<Vec<u8>, AccessError> {
        self.seal(Purpose::Totp(me.user()), seed)
    }

    /// Seals something that this installation hands to a client and takes back within `lifetime`, on whichever node: URL-safe
    /// text. It can be neither read nor changed on the way, and may come back more than once.
    ///
    /// # Errors
    /// [`AccessError::Unavailable`] if the system gives no random numbers.
    pub fn seal_state(
        &self,
        purpose: &'static str,
        plain: &[u8],
        lifetime: Duration,
    ) -> Result<String, AccessError> {
        let end = self.now().after(lifetime).micros().to_be_bytes();
        let plain = Zeroizing::new([end.as_slice(), plain].concat());
        Ok(URL_SAFE_NO_PAD.encode(self.seal(Purpose::State(purpose), &plain)?))
    }

    /// What [`Access::seal_state`] sealed for the same purpose, unless its time is over; none for anything else.
    #[must_use]
    pub fn open_state(&self, purpose: &'static str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let plain = self.unseal(Purpose::State(purpose), &sealed).ok()?;
        let (end, rest) = plain.split_first_chunk::<8>()?;
        let alive = Timestamp::from_micros(i64::from_be_bytes(*end)) > self.now();
        alive.then(|| Zeroizing::new(rest.to_vec()))
    }

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
        self.seal(Purpose::ProviderCredentials(storage), &credentials.to_plain()?)
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
            let plain = self.unseal(Purpose::ProviderCredentials(storage), &sealed);
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
    check(&old, metadata).await?;
    let mut again = Vec::new();
    for (owner, sealed) in metadata.sealed().await? {
        let purpose = Purpose::from(owner).associated();
        let secret = old.open(&purpose, &sealed).map_err(|NotOpened| OpenError::DamagedSecret(owner))?;
        again.push((owner, new.seal(&purpose, &secret)?));
    }
    let check = new.seal(&Purpose::Check.associated(), CHECK_TEXT)?;
    metadata.replace_sealed(&again, CHECK_SETTING, &check).await?;
    Ok(again.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_purposes_are_alike() {
        let all = [
            Purpose::KeySecret(KeyId::from_u128(1)),
            Purpose::KeySecret(KeyId::from_u128(2)),
            Purpose::ProviderCredentials(StorageId::from_u128(1)),
            Purpose::Totp(UserId::from_u128(1)),
            Purpose::Nobody,
            Purpose::Temporary,
            Purpose::State("a"),
            Purpose::State("b"),
            Purpose::Trail,
            Purpose::Check,
        ];
        let texts: std::collections::HashSet<_> = all.iter().map(|purpose| purpose.associated()).collect();
        assert_eq!(texts.len(), all.len());
    }
}
