//! Changing and deleting keys.

use portcullis_access::{Change, Oneself, Proof, SiteAdmin};
use portcullis_domain::{Key, KeyId, Permission, Scope, UserId};

use super::create::only_admins_full;
use super::{KeyChange, KeyView, deed_of};
use crate::authority::widens;
use crate::receipt::UploadsOf;
use crate::{Control, ControlError, Done, Result};

/// How often a change is tried again that another node came before.
const TRIES: u32 = 3;

impl Control {
    /// Changes a key. When this returns, the change holds: for new requests, and for those under way.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], [`ControlError::NotFound`], [`ControlError::ConfirmationNeeded`] for the permission `full` and for
    /// another public key; [`ControlError::Metadata`], [`ControlError::Access`] if the change is committed but could not be put in force here.
    pub async fn update_key(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        change: &KeyChange,
    ) -> Result<Done<KeyView>> {
        self.update_key_if(admin, id, change, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// Changes a key as [`Self::update_key`] does, but only if it still is as whoever decided on the change saw it; none, and
    /// nothing is changed, if it is not.
    ///
    /// # Errors
    /// As [`Self::update_key`].
    pub async fn update_key_if(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        change: &KeyChange,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<Done<KeyView>>> {
        self.change_key(admin, None, id, change, is_as_seen).await
    }

    /// Changes a key of the person who asks, as [`Self::update_key`] does.
    ///
    /// # Errors
    /// As [`Self::update_key`]; [`ControlError::NotFound`] for the key of somebody else, too;
    /// [`ControlError::KeysByAdminsOnly`] for a change that widens it, if the site does not let its members make keys;
    /// [`ControlError::Access`] for a sign-in without the second factor that the site asks for.
    pub async fn update_own_key(&self, me: &Oneself, id: KeyId, change: &KeyChange) -> Result<Done<KeyView>> {
        self.update_own_key_if(me, id, change, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// As [`Self::update_key_if`], for a key of the person who asks.
    ///
    /// # Errors
    /// As [`Self::update_own_key`].
    pub async fn update_own_key_if(
        &self,
        me: &Oneself,
        id: KeyId,
        change: &KeyChange,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<Done<KeyView>>> {
        self.access.require_second_factor(me.principal())?;
        if change.permission.as_deref() == Some(Permission::Full.as_str()) {
            return Err(only_admins_full());
        }
        self.change_key(me, Some(me.user()), id, change, is_as_seen).await
    }

    async fn change_key(
        &self,
        proof: &impl Proof,
        only: Option<UserId>,
        id: KeyId,
        change: &KeyChange,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<Done<KeyView>>> {
        let alone = self.changing.lock().await;
        for _ in 0..TRIES {
            let before = self.find_key(proof, only, id).await?;
            if !is_as_seen(&before) {
                return Ok(None);
            }
            let key = change.apply(before.clone(), self.access.now())?;
            if let Scope::User(_) = key.scope {
                self.check_scope(proof, &key).await?;
            }
            // Who puts a public key of their own on a key has the key from then on, as who rotates it.
            let lets_in = key.public_keys.iter().any(|shown| !before.public_keys.contains(shown));
            if let (Some(user), true) = (only, lets_in || widens(&key, &before)) {
                self.members_may(user, proof.site()).await?;
            }
            if lets_in {
                self.require_confirmed(proof.principal())?;
            }
            let narrower = (!lets_in).then_some(&before);
            self.check_authority(proof, "update_key", &key, narrower).await?;
            self.check_rules(&key, Some(&before)).await?;
            refuse_own_lockout(proof, change, &before, &key)?;
            if key.permission == Permission::Full && before.permission != Permission::Full {
                self.require_confirmed(proof.principal())?;
            }
            let (deed, cutting) = (deed_of(change.action(), &key), self.cutting());
            let cutting = if may_end_uploads(&before, &key) {
                cutting.ends_uploads(UploadsOf::Key(id))
            } else {
                cutting
            };
            let commit = self.metadata.update_key_if_same(&before, &key);
            match self.carry_out(proof, deed, commit).await {
                // Another node came first: what it made of the key has to be looked at again.
                Err(ControlError::Stale) => {}
                Err(other) => return Err(other),
                Ok(()) => {
                    let receipt = self.in_force(cutting, proof, deed, &[Change::Key(id)]).await?;
                    drop(alone);
                    let last_used = self.metadata.last_use(&[id]).await?.pop();
                    let value = self.view_key(key, last_used, self.overlap_of(id).await?);
                    return Ok(Some(Done { value, receipt }));
                }
            }
        }
        Err(ControlError::Stale)
    }

    /// Deletes a key for good. When this returns, nothing is admitted under it, and transfers under way have ended.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], also if it was deleted before; [`ControlError::ConfirmationNeeded`];
    /// [`ControlError::Metadata`]; [`ControlError::Access`] if it is deleted but that could not be put in force here.
    pub async fn delete_key(&self, admin: &SiteAdmin, id: KeyId) -> Result<Done<()>> {
        self.delete_key_if(admin, id, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// Deletes a key as [`Self::delete_key`] does, but only if it still is as whoever decided on that saw it; none, and nothing
    /// is deleted, if it is not.
    ///
    /// # Errors
    /// As [`Self::delete_key`].
    pub async fn delete_key_if(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<Done<()>>> {
        self.end_key(admin, None, id, is_as_seen).await
    }

    /// Deletes a key of the person who asks, as [`Self::delete_key`] does.
    ///
    /// # Errors
    /// As [`Self::delete_key`]; [`ControlError::NotFound`] for the key of somebody else, too.
    pub async fn delete_own_key(&self, me: &Oneself, id: KeyId) -> Result<Done<()>> {
        self.delete_own_key_if(me, id, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// As [`Self::delete_key_if`], for a key of the person who asks.
    ///
    /// # Errors
    /// As [`Self::delete_own_key`].
    pub async fn delete_own_key_if(
        &self,
        me: &Oneself,
        id: KeyId,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<Done<()>>> {
        self.end_key(me, Some(me.user()), id, is_as_seen).await
    }

    async fn end_key(
        &self,
        proof: &impl Proof,
        only: Option<UserId>,
        id: KeyId,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<Done<()>>> {
        let alone = self.changing.lock().await;
        let key = self.find_key(proof, only, id).await?;
        if !is_as_seen(&key) {
            return Ok(None);
        }
        self.require_confirmed(proof.principal())?;
        let (deed, cutting) = (deed_of("delete_key", &key), self.cutting());
        let cutting = cutting.ends_uploads(UploadsOf::Key(id));
        let commit = self.metadata.delete_key(id, self.access.now());
        let deleted = self.carry_out(proof, deed, commit).await?;
        let receipt = self.in_force(cutting, proof, deed, &[Change::Key(id)]).await?;
        drop(alone);
        if deleted { Ok(Some(Done { value: (), receipt })) } else { Err(ControlError::NotFound) }
    }
}

/// Whether what the key began it may perhaps not finish any more.
fn may_end_uploads(before: &Key, after: &Key) -> bool {
    let reach = |key: &Key| (key.permission, key.scope, key.prefix.clone(), key.expires, key.state);
    reach(before) != reach(after)
}

/// Refuses that a key takes from itself the address from which it asks, unless that is what it says it wants: nobody but somebody
/// else could give it back.
fn refuse_own_lockout(proof: &impl Proof, change: &KeyChange, before: &Key, after: &Key) -> Result<()> {
    let who = proof.principal();
    let peer = who.peer();
    let keeps_out = before.networks.admit(peer) && !after.networks.admit(peer);
    if who.key_id() != Some(after.id) || !keeps_out || change.confirm_lockout {
        return Ok(());
    }
    let peer = peer.to_canonical();
    Err(ControlError::invalid(
        "networks",
        format!(
            "the key that asks for this would lock itself out, at {peer}; add that address, or send confirm_lockout as true"
        ),
    ))
}
