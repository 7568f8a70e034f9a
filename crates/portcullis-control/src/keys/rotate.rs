//! New credentials for a key.

use std::time::Duration;

use portcullis_access::{Change, Oneself, Proof, SiteAdmin};
use portcullis_domain::{Key, KeyId, Timestamp, UserId};
use portcullis_metadata::NewSecret;

use super::{CreatedKey, deed_of};
use crate::audit::Deed;
use crate::receipt::Done;
use crate::{Control, ControlError, FieldProblem, Result};

/// The longest time for which old credentials work beside the new ones.
pub const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why credentials are changed, as it may be given for the trail.
pub const ROTATION_REASONS: [&str; 3] = ["routine", "security_incident", "lost"];

/// How a key gets new credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// For how many seconds the old credentials go on working beside the new, at most [`LONGEST_OVERLAP`]. With 0, or nothing, they end
    /// at once.
    pub overlap_seconds: Option<u64>,
    /// Whether the access key stays and only the secret is another.
    pub keep_access_key: bool,
    /// Why, for the audit trail: one of [`ROTATION_REASONS`].
    pub reason: Option<String>,
}

impl Rotation {
    /// How long the old credentials go on.
    fn check(&self, key: &Key) -> Result<Duration> {
        let mut problems = Vec::new();
        let overlap = Duration::from_secs(self.overlap_seconds.unwrap_or_default());
        if overlap > LONGEST_OVERLAP {
            let longest = LONGEST_OVERLAP.as_secs();
            let message = format!("at most {longest} (30 days); 0 ends the old credentials at once");
            problems.push(FieldProblem::new("overlap_seconds", message));
        }
        if key.leaked.is_some() && !overlap.is_zero() {
            let message =
                "the secret of this key was found where others can read it: leave this out, or send 0";
            problems.push(FieldProblem::new("overlap_seconds", message));
        }
        if self.reason.as_deref().is_some_and(|given| !ROTATION_REASONS.contains(&given)) {
            let message = format!("is one of {}, or left out", ROTATION_REASONS.join(", "));
            problems.push(FieldProblem::new("reason", message));
        }
        if problems.is_empty() { Ok(overlap) } else { Err(ControlError::Invalid(problems)) }
    }

    /// What is done, for the trail. Both ids are public, and with them the trail can be followed through a rotation.
    fn in_words(&self, before: &Key, after: &Key, overlap: Option<Timestamp>) -> String {
        let mut what = if before.credential == after.credential {
            format!("{} ({} with another secret", before.name, before.credential)
        } else {
            format!("{} ({} is now {}", before.name, before.credential, after.credential)
        };
        if let Some(until) = overlap {
            what.push_str(&format!("; the old until {until}"));
        }
        if let Some(reason) = &self.reason {
            what.push_str(&format!("; {reason}"));
        }
        what.push(')');
        what
    }
}

impl Control {
    /// Gives a key a new secret, and a new access key if it is not to stay. Name, permission, networks, prefix, expiry and id stay. The
    /// new secret is in the answer and nowhere else, ever.
    ///
    /// Without an overlap nothing is admitted under any older credentials when this returns, neither what was signed with them
    /// beforehand nor what was made of them for a while, and transfers under way under them have ended. With one, those
    /// replaced work beside the new until then, with the rights that the key has at each moment.
    ///
    /// A key that is off or expired stays so.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for an overlap that is too long or of a key whose secret was found in public, and for a key wider than
    /// the key that asks, since who rotates a key has it afterwards; [`ControlError::OverlapRuns`] for an overlap while another
    /// runs; [`ControlError::Stale`] if another node rotated it at the same time; [`ControlError::NotFound`];
    /// [`ControlError::ConfirmationNeeded`]; [`ControlError::Metadata`]; [`ControlError::Access`] if no secret could be made, or
    /// the key is rotated but that could not be put in force here: then rotate it again.
    pub async fn rotate_key(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        rotation: &Rotation,
    ) -> Result<Done<CreatedKey>> {
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
    ) -> Result<Option<Done<CreatedKey>>> {
        self.rotate(admin, None, id, rotation, is_as_seen).await
    }

    /// Rotates a key of the person who asks, as [`Self::rotate_key`] does.
    ///
    /// # Errors
    /// As [`Self::rotate_key`]; [`ControlError::NotFound`] for the key of somebody else, too;
    /// [`ControlError::KeysByAdminsOnly`] if the site does not let its members make keys; [`ControlError::Access`] for a sign-in
    /// without the second factor that the site asks for.
    pub async fn rotate_own_key(
        &self,
        me: &Oneself,
        id: KeyId,
        rotation: &Rotation,
    ) -> Result<Done<CreatedKey>> {
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
    ) -> Result<Option<Done<CreatedKey>>> {
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
    ) -> Result<Option<Done<CreatedKey>>> {
        let alone = self.changing.lock().await;
        let before = self.find_key(proof, only, id).await?;
        if !is_as_seen(&before) {
            return Ok(None);
        }
        let overlap = rotation.check(&before)?;
        let storage = self.check_scope(proof, &before).await?;
        self.check_authority(proof, "rotate_key", &before, None).await?;
        self.require_confirmed(proof.principal())?;
        let (now, running) = (self.access.now(), self.overlap_of(id).await?);
        let until = (!overlap.is_zero()).then(|| now.after(overlap));
        if let (Some(running), Some(_)) = (running, until) {
            return Err(ControlError::OverlapRuns { until: running.until });
        }
        let mut minted = self.access.mint(proof, id, before.channel)?;
        if rotation.keep_access_key {
            minted.credential = before.credential;
        }
        let generation = before.generation.saturating_add(1);
        let key = Key { credential: minted.credential, generation, leaked: None, ..before.clone() };
        let what = rotation.in_words(&before, &key, until);
        let deed = Deed { object: Some(&what), ..deed_of("rotate_key", &key) };
        let new = NewSecret { credential: key.credential, stored: minted.stored };
        let cutting = self.cutting();
        let rotated = self.metadata.rotate_key(id, before.generation, &new, until.unwrap_or(now), now);
        self.carry_out(proof, deed, rotated).await?;
        let receipt = self.in_force(cutting, proof, deed, &[Change::Key(id)]).await?;
        drop(alone);
        self.access.written(proof).await;
        let last_used = self.metadata.last_use(&[id]).await?.pop();
        let view = self.view_key(key, last_used, self.overlap_of(id).await?);
        Ok(Some(Done { value: CreatedKey { view, secret: minted.secret, storage }, receipt }))
    }
}
