//! New credentials for a key.

use portcullis_access::{Change, Oneself, Proof, SiteAdmin};
use portcullis_domain::{Key, KeyId, UserId};
use portcullis_metadata::NewSecret;

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
    /// with them beforehand nor what was made of them for a while, and transfers under way under them have ended.
    ///
    /// A key that is off or expired stays so.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for an overlap, and for a key wider than the key that asks, since who rotates a key has it
    /// afterwards; [`ControlError::NotFound`]; [`ControlError::ConfirmationNeeded`]; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if no secret could be made, or the key is rotated but that could not be put in force here: then
    /// rotate it again.
    pub async fn rotate_key(&self, admin: &SiteAdmin, id: KeyId, rotation: &Rotation) -> Result<CreatedKey> {
        self.rotate_key_if(admin, id, rotation, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// Rotates a key as [`Self::rotate_key`] does, but only if it still is as whoever decided on that saw it; none, and nothing
    /// is changed, if it is not.
    ///
    /// # Errors
    /// As [`Self::rotate_key`].
    pub async fn rotate_key_if(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        rotation: &Rotation,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<CreatedKey>> {
        self.rotate(admin, None, id, rotation, is_as_seen).await
    }

    /// Rotates a key of the person who asks, as [`Self::rotate_key`] does.
    ///
    /// # Errors
    /// As [`Self::rotate_key`]; [`ControlError::NotFound`] for the key of somebody else, too;
    /// [`ControlError::KeysByAdminsOnly`] if the site does not let its members make keys; [`ControlError::Access`] for a sign-in
    /// without the second factor that the site asks for.
    pub async fn rotate_own_key(&self, me: &Oneself, id: KeyId, rotation: &Rotation) -> Result<CreatedKey> {
        self.rotate_own_key_if(me, id, rotation, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// As [`Self::rotate_key_if`], for a key of the person who asks.
    ///
    /// # Errors
    /// As [`Self::rotate_own_key`].
    pub async fn rotate_own_key_if(
        &self,
        me: &Oneself,
        id: KeyId,
        rotation: &Rotation,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<CreatedKey>> {
        self.access.require_second_factor(me.principal())?;
        self.members_may(me.user(), me.site()).await?;
        self.rotate(me, Some(me.user()), id, rotation, is_as_seen).await
    }

    async fn rotate(
        &self,
        proof: &impl Proof,
        only: Option<UserId>,
        id: KeyId,
        rotation: &Rotation,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<CreatedKey>> {
        if rotation.overlap_seconds.is_some_and(|seconds| seconds > 0) {
            return Err(ControlError::invalid(
                "overlap_seconds",
                "not available in this version: the old credentials end at once; leave it out, or send 0",
            ));
        }
        let alone = self.changing.lock().await;
        let before = self.find_key(proof, only, id).await?;
        if !is_as_seen(&before) {
            return Ok(None);
        }
        let storage = self.check_scope(proof, &before).await?;
        self.check_authority(proof, "rotate_key", &before, None).await?;
        self.require_confirmed(proof.principal())?;
        let minted = self.access.mint(proof, id, before.channel)?;
        let generation = before.generation.saturating_add(1);
        let key = Key { credential: minted.credential, generation, leaked: None, ..before.clone() };
        // Both ids are public, and with them the trail can be followed through a rotation.
        let what = format!("{} ({} is now {})", key.name, before.credential, key.credential);
        let deed = crate::audit::Deed { object: Some(&what), ..deed_of("rotate_key", &key) };
        let new = NewSecret { credential: key.credential, stored: minted.stored };
        let now = self.access.now();
        let rotated = self.metadata.rotate_key(id, before.generation, &new, now, now);
        self.carry_out(proof, deed, rotated).await?;
        self.access.applied(Change::Key(id)).await?;
        drop(alone);
        let last_used = self.metadata.last_use(&[id]).await?.pop();
        Ok(Some(CreatedKey { view: self.view_key(key, last_used), secret: minted.secret, storage }))
    }
}
