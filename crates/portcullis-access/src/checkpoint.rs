//! What this installation signs about its audit trail, and with which key.

use portcullis_domain::trail::{Checkpoint, CheckpointKind, Head};
use portcullis_metadata::{Metadata, SealedOwner, TRAIL_SETTING};
pub(crate) use portcullis_vault::SigningKey as TrailKey;
use portcullis_vault::Vault;

use crate::vault::Purpose;
use crate::{Access, OpenError, SiteAdmin, System};

/// The key of this database, which stays the same when the master key is exchanged; the first that asks makes it.
pub(crate) async fn open(vault: &Vault, metadata: &Metadata) -> Result<TrailKey, OpenError> {
    let purpose = Purpose::Trail.associated();
    let fresh = vault.seal(&purpose, TrailKey::new_seed()?.as_slice())?;
    let sealed = metadata.set_setting_if_absent(TRAIL_SETTING, &fresh).await?;
    let key = vault.open(&purpose, &sealed).ok().and_then(|seed| TrailKey::from_seed(&seed));
    key.ok_or(OpenError::DamagedSecret(SealedOwner::Trail))
}

impl Access {
    /// What others check the signatures of this installation's audit trail with.
    #[must_use]
    pub fn trail_key(&self) -> [u8; 32] {
        self.inner().trail_key.public_key()
    }

    /// A signed statement about a chain of the audit trail.
    #[must_use]
    pub fn sign_trail(&self, _system: &System, kind: CheckpointKind, head: Head) -> Checkpoint {
        Checkpoint::signed(kind, head, self.now(), None, |text| self.inner().trail_key.sign(text))
    }

    /// The signed end of a copy of a chain; `digest` is the SHA-256 of all that stands before it.
    #[must_use]
    pub fn sign_copy(&self, _admin: &SiteAdmin, head: Head, digest: [u8; 32]) -> Checkpoint {
        let (now, digest) = (self.now(), Some(digest));
        Checkpoint::signed(CheckpointKind::End, head, now, digest, |text| self.inner().trail_key.sign(text))
    }
}
