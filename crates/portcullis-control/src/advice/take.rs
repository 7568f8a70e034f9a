//! Following advice, and taking it back.

use portcullis_access::{Change, Oneself, Proof, SiteAdmin};
use portcullis_domain::{AdviceId, Key, KeyId, KeyState, Permission, Scope, UserId};
use portcullis_metadata::{AdviceTaken, Breadth, Page, PageRequest};

use super::{Advice, AdviceWhat, AdviceWindow};
use crate::audit::Deed;
use crate::authority::{storage_of, widens};
use crate::{ATTEMPTS, Control, ControlError, Done, Result};

/// Advice that was followed, and the key as it is now.
#[derive(Clone, Debug)]
pub struct TakenAdvice {
    /// What was done.
    pub taken: AdviceTaken,
    /// The key; none if it was deleted since.
    pub key: Option<Key>,
}

impl TakenAdvice {
    /// Whether it can be taken back: it was not, and the key still is as the advice made it.
    #[must_use]
    pub fn can_be_undone(&self) -> bool {
        let as_made =
            |key: &Key| part_of(&self.taken, &Breadth::of(key)) == part_of(&self.taken, &self.taken.after);
        self.taken.undone.is_none() && self.key.as_ref().is_some_and(as_made)
    }
}

/// The part of a key's breadth that this advice was about, the rest left empty.
fn part_of(taken: &AdviceTaken, breadth: &Breadth) -> Breadth {
    let empty = Breadth {
        permission: Permission::None,
        networks: portcullis_domain::Networks::anywhere(),
        prefix: portcullis_domain::KeyPrefix::default(),
    };
    let Breadth { permission, networks, prefix } = breadth.clone();
    match taken.what.parse() {
        Ok(AdviceWhat::Networks) => Breadth { networks, ..empty },
        Ok(AdviceWhat::Prefix) => Breadth { prefix, ..empty },
        Ok(AdviceWhat::Permission | AdviceWhat::Disable) => Breadth { permission, ..empty },
        // Of a later version: all of it.
        Err(_) => breadth.clone(),
    }
}

/// The key with that part as it was before the advice; what else was changed since stays.
fn restored(taken: &AdviceTaken, key: &Key) -> Key {
    let Breadth { permission, networks, prefix } = taken.before.clone();
    match taken.what.parse() {
        Ok(AdviceWhat::Networks) => Key { networks, ..key.clone() },
        Ok(AdviceWhat::Prefix) => Key { prefix, ..key.clone() },
        Ok(AdviceWhat::Permission | AdviceWhat::Disable) => Key { permission, ..key.clone() },
        Err(_) => taken.before.put_on(key),
    }
}

/// Who asks: for any key of the site, or for their own alone.
#[derive(Clone, Copy)]
struct For<'a, P> {
    proof: &'a P,
    only: Option<UserId>,
}

impl Control {
    /// Narrows a key as is advised at this moment; when this returns it holds, for transfers under way too. None, and nothing is
    /// changed, if the advice is not one that `agrees` (none at all, or to something else than whoever decided saw).
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Stale`], [`ControlError::Metadata`]; [`ControlError::Invalid`] for a key that would
    /// lock itself out; [`ControlError::Access`] if it is committed but could not be put in force here.
    pub async fn take_advice(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        (what, window): (AdviceWhat, AdviceWindow),
        agrees: impl Fn(&Key, &Advice) -> bool + Send + Sync,
    ) -> Result<Option<Done<TakenAdvice>>> {
        self.take(For { proof: admin, only: None }, id, (what, window), agrees).await
    }

    /// As [`Control::take_advice`], for a key of the person who asks.
    ///
    /// # Errors
    /// As there; [`ControlError::NotFound`] for the key of somebody else, too.
    pub async fn take_own_advice(
        &self,
        me: &Oneself,
        id: KeyId,
        (what, window): (AdviceWhat, AdviceWindow),
        agrees: impl Fn(&Key, &Advice) -> bool + Send + Sync,
    ) -> Result<Option<Done<TakenAdvice>>> {
        self.access.require_second_factor(me.principal())?;
        self.take(For { proof: me, only: Some(me.user()) }, id, (what, window), agrees).await
    }

    async fn take<P: Proof>(
        &self,
        For { proof, only }: For<'_, P>,
        id: KeyId,
        (what, window): (AdviceWhat, AdviceWindow),
        agrees: impl Fn(&Key, &Advice) -> bool + Send + Sync,
    ) -> Result<Option<Done<TakenAdvice>>> {
        let alone = self.changing.lock().await;
        for _ in 0..ATTEMPTS {
            let found = self.advise_about(proof, only, id, window).await?;
            let key = found.key;
            let advice = found.advised.advice.into_iter().find(|advice| advice.what == what);
            let Some(advice) = advice.filter(|advice| agrees(&key, advice)) else { return Ok(None) };
            let after = advice.after.put_on(&key);
            self.check_authority(proof, "take_advice", &after, Some(&key)).await?;
            self.check_rules(&after, Some(&key)).await?;
            refuse_own_lockout(proof, &key, &after)?;
            let taken = AdviceTaken {
                id: AdviceId::generate(),
                site: key.site,
                key: key.id,
                what: what.as_str().to_owned(),
                before: Breadth::of(&key),
                after: advice.after,
                actor: proof.actor().to_owned(),
                taken: self.access.now(),
                undone: None,
            };
            let object = format!("{} ({})", key.name, what.as_str());
            let deed = deed_of("take_advice", &key, &object);
            let (cutting, commit) = (self.cutting(), self.metadata.take_advice(&key, &taken));
            match self.carry_out(proof, deed, commit).await {
                // Another node came first: the advice may be another now.
                Err(ControlError::Stale) => {}
                Err(other) => return Err(other),
                Ok(()) => {
                    let receipt = self.in_force(cutting, proof, deed, &[Change::Key(id)]).await?;
                    drop(alone);
                    return Ok(Some(Done { value: TakenAdvice { taken, key: Some(after) }, receipt }));
                }
            }
        }
        Err(ControlError::Stale)
    }

    /// Makes a key as wide again as it was before advice was followed, in what the advice was about; other changes since stay.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] with `advice` if it was taken back before or the key was changed since,
    /// and with other fields if the rules of the site, or the key that asks, do not allow a key that is so wide;
    /// [`ControlError::Stale`], [`ControlError::Metadata`], [`ControlError::Access`].
    pub async fn undo_advice(&self, admin: &SiteAdmin, id: AdviceId) -> Result<TakenAdvice> {
        self.undo(For { proof: admin, only: None }, id).await
    }

    /// As [`Control::undo_advice`], for a key of the person who asks.
    ///
    /// # Errors
    /// As there; [`ControlError::NotFound`] for the key of somebody else, [`ControlError::KeysByAdminsOnly`] if the site does not let
    /// its members make keys.
    pub async fn undo_own_advice(&self, me: &Oneself, id: AdviceId) -> Result<TakenAdvice> {
        self.access.require_second_factor(me.principal())?;
        self.undo(For { proof: me, only: Some(me.user()) }, id).await
    }

    async fn undo<P: Proof>(&self, For { proof, only }: For<'_, P>, id: AdviceId) -> Result<TakenAdvice> {
        let alone = self.changing.lock().await;
        let taken = self.metadata.advice_taken(id).await?;
        let taken = taken.filter(|taken| taken.site == proof.site()).ok_or(ControlError::NotFound)?;
        let key = self.find_key(proof, only, taken.key).await?;
        if taken.undone.is_some() {
            return Err(ControlError::invalid("advice", "this was taken back before"));
        }
        let found = TakenAdvice { taken, key: Some(key.clone()) };
        if !found.can_be_undone() {
            let message = "the key was changed since; change it by hand to what you want";
            return Err(ControlError::invalid("advice", message));
        }
        let taken = found.taken;
        let wider = restored(&taken, &key);
        if let Scope::User(_) = wider.scope {
            self.check_scope(proof, &wider).await?;
        }
        if let (Some(user), true) = (only, widens(&wider, &key)) {
            self.members_may(user, proof.site()).await?;
        }
        self.check_authority(proof, "undo_advice", &wider, Some(&key)).await?;
        self.check_rules(&wider, Some(&key)).await?;
        wider.check_shape().map_err(|wrong| ControlError::invalid("advice", wrong.to_string()))?;
        if wider.permission == Permission::Full && key.permission != Permission::Full {
            self.require_confirmed(proof.principal())?;
        }
        let now = self.access.now();
        let object = format!("{} ({})", key.name, taken.what);
        let commit = self.metadata.undo_advice(&key, &wider, id, now);
        self.carry_out(proof, deed_of("undo_advice", &key, &object), commit).await?;
        self.access.applied(Change::Key(key.id)).await?;
        drop(alone);
        Ok(TakenAdvice { taken: AdviceTaken { undone: Some(now), ..taken }, key: Some(wider) })
    }

    /// The advice that was followed in the site, or on one of its keys, the newest first.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn taken_advice(
        &self,
        admin: &SiteAdmin,
        key: Option<KeyId>,
        page: &PageRequest,
    ) -> Result<Page<TakenAdvice>> {
        self.list_taken(admin, key, page).await
    }

    /// The advice that was followed on a key of the person who asks, the newest first.
    ///
    /// # Errors
    /// As [`Control::taken_advice`]; [`ControlError::NotFound`] for a key that is not theirs.
    pub async fn own_taken_advice(
        &self,
        me: &Oneself,
        key: KeyId,
        page: &PageRequest,
    ) -> Result<Page<TakenAdvice>> {
        self.find_key(me, Some(me.user()), key).await?;
        self.list_taken(me, Some(key), page).await
    }

    async fn list_taken(
        &self,
        proof: &impl Proof,
        key: Option<KeyId>,
        page: &PageRequest,
    ) -> Result<Page<TakenAdvice>> {
        let found = self.metadata.advice_taken_in(proof.site(), key, page).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for taken in found.items {
            let key = self.metadata.key(taken.key).await?;
            items.push(TakenAdvice { key: key.filter(|key| key.state == KeyState::Active), taken });
        }
        Ok(Page { items, next: found.next })
    }
}

fn deed_of<'a>(action: &'a str, key: &Key, object: &'a str) -> Deed<'a> {
    Deed { action, key: Some(key.id), storage: storage_of(key), object: Some(object) }
}

/// A key that narrows itself to where it is not would not be heard again.
fn refuse_own_lockout(proof: &impl Proof, before: &Key, after: &Key) -> Result<()> {
    let (who, peer) = (proof.principal(), proof.principal().peer());
    let is_out =
        before.networks.admit(peer) && !after.networks.admit(peer) || after.permission == Permission::None;
    if who.key_id() == Some(after.id) && is_out {
        return Err(ControlError::invalid("advice", "the key that asks for this would lock itself out"));
    }
    Ok(())
}
