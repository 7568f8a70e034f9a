//! New credentials for a key.

use portcullis_access::{Change, SiteAdmin};
use portcullis_domain::{Key, KeyId};

use super::{CreatedKey, deed_of};
use crate::{Control, ControlError, Result};

/// How a key gets new credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// For how many seconds the old credentials go on working beside the new. Only 0, or nothing, in this version: they end at once.
    pub overlap_seconds: Option<u64>,
}

impl Control {
    /// Gives a key a new access key and a new secret. Name, permission, networks, prefix, expiry and id stay. The new secret is in
    /// the answer and nowhere else, ever. When this returns, nothing is admitted under the old credentials, neither what was signed
    /// with them beforehand, and transfers under way under them have ended.
    ///
    /// A key that is off or expired stays so.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for an overlap, and for a key wider than the key that asks, since who rotates a key has it
    /// afterwards; [`ControlError::NotFound`]; [`ControlError::Metadata`]; [`ControlError::Access`] if no secret could be made, or
    /// the key is rotated but that could not be put in force here: then rotate it again.
    pub async fn rotate_key(&self, admin: &SiteAdmin, id: KeyId, rotation: &Rotation) -> Result<CreatedKey> {
        if rotation.overlap_seconds.is_some_and(|seconds| seconds > 0) {
            return Err(ControlError::invalid(
                "overlap_seconds",
                "not available in this version: the old credentials end at once; leave it out, or send 0",
            ));
        }
        let alone = self.changing.lock().await;
        let before = self.find_key(admin, id).await?;
        let storage = self.check_scope(admin, &before).await?;
        self.check_authority(admin, "rotate_key", &before, None).await?;
        let minted = self.access.mint(admin, id, before.channel)?;
        let key = Key { credential: minted.credential, ..before.clone() };
        // Both ids are public, and with them the trail can be followed through a rotation.
        let what = format!("{} ({} is now {})", key.name, before.credential, key.credential);
        let deed = crate::audit::Deed { object: Some(&what), ..deed_of("rotate_key", &key) };
        self.record(admin, deed).await?;
        let tombstone = KeyId::generate();
        let rotated =
            self.metadata.rotate_key(id, key.credential, &minted.stored, tombstone, self.access.now());
        rotated
            .await
            .map_err(ControlError::from)
            .inspect_err(|error| self.note_failure(admin, deed, error))?;
        self.access.applied(Change::Key(id)).await?;
        self.access.applied(Change::Key(tombstone)).await?;
        drop(alone);
        let last_used = self.metadata.last_use(&[id]).await?.pop();
        Ok(CreatedKey { view: self.view_key(key, last_used), secret: minted.secret, storage })
    }
}
