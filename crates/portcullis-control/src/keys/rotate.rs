//! New credentials for a key.

use std::fmt;
use std::time::Duration;

use portcullis_access::{Change, Oneself, Proof, SiteAdmin};
use portcullis_domain::{Key, KeyId, LoginName, Secret, Timestamp, UserId};
use portcullis_metadata::NewSecret;

use super::chosen::{self, hidden};
use super::draft::check_shape;
use super::{CreatedKey, deed_of};
use crate::audit::Deed;
use crate::check::Check;
use crate::receipt::Done;
use crate::{Control, ControlError, Result};

/// The longest time for which old credentials work beside the new ones.
pub const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why credentials are changed, as it may be given for the trail.
pub const ROTATION_REASONS: [&str; 3] = ["routine", "security_incident", "lost"];

/// How a key gets new credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    /// For how many seconds the old credentials go on working beside the new, at most [`LONGEST_OVERLAP`]. With 0, or nothing, they end
    /// at once.
    pub overlap_seconds: Option<u64>,
    /// Whether the access key stays and only the secret is another.
    pub keep_access_key: bool,
    /// Why, for the audit trail: one of [`ROTATION_REASONS`].
    pub reason: Option<String>,
    /// Another user name that somebody chose; the empty text takes it away, and left out it stays. The old one goes on with the old
    /// credentials.
    pub login: Option<String>,
    /// The new secret, if somebody chose it; generated if left out.
    pub secret: Option<Secret>,
}

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { overlap_seconds, keep_access_key, reason, login, secret } = self;
        let mut shown = f.debug_struct("Rotation");
        shown.field("overlap_seconds", overlap_seconds).field("keep_access_key", keep_access_key);
        shown.field("reason", reason).field("login", login);
        shown.field("secret", &hidden(secret.as_ref())).finish()
    }
}

impl Rotation {
    /// How long the old credentials go on, and what the key is called then.
    fn check(&self, key: &Key) -> Result<(Duration, Option<LoginName>)> {
        let mut check = Check::default();
        let overlap = Duration::from_secs(self.overlap_seconds.unwrap_or_default());
        if overlap > LONGEST_OVERLAP {
            let longest = LONGEST_OVERLAP.as_secs();
            let message = format!("at most {longest} (30 days); 0 ends the old credentials at once");
            check.problem("overlap_seconds", message);
        }
        if key.leaked.is_some() && !overlap.is_zero() {
            let message =
                "the secret of this key was found where others can read it: leave this out, or send 0";
            check.problem("overlap_seconds", message);
        }
        if self.reason.as_deref().is_some_and(|given| !ROTATION_REASONS.contains(&given)) {
            let message = format!("is one of {}, or left out", ROTATION_REASONS.join(", "));
            check.problem("reason", message);
        }
        let login = match self.login.as_deref() {
            None => key.login.clone(),
            Some("") => None,
            Some(text) => check.parse::<LoginName>("login", text),
        };
        if let Some(secret) = &self.secret {
            chosen::secret(&mut check, key.channel, (&key.name, login.as_ref()), secret);
        }
        check_shape(&Key { login: login.clone(), ..key.clone() })?;
        check.finish(Some((overlap, login)))
    }

    /// What is done, for the trail. Both ids are public, and with them the trail can be followed through a rotation.
    fn in_words(&self, before: &Key, after: &Key, overlap: Option<Timestamp>) -> String {
        let mut what = if before.credential == after.credential {
            format!("{} ({} with another secret", before.name, before.credential)
        } else {
            format!("{} ({} is now {}", before.name, before.credential, after.credential)
        };
        match &after.login {
            login if *login == before.login => {}
            Some(login) => what.push_str(&format!("; the user name is {login}")),
            None => what.push_str("; without a user name of its own"),
        }
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
    /// Gives a key a new secret, and a new access key if it is not to stay. Name, permission, networks, prefix, expiry, public keys and id
    /// stay. A generated secret is in the answer and nowhere else, ever.
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
        let (overlap, login) = rotation.check(&before)?;
        let storage = self.check_scope(proof, &before).await?;
        self.check_authority(proof, "rotate_key", &before, None).await?;
        self.require_confirmed(proof.principal())?;
        let (now, running) = (self.access.now(), self.overlap_of(id).await?);
        let until = (!overlap.is_zero()).then(|| now.after(overlap));
        if let (Some(running), Some(_)) = (running, until) {
            return Err(ControlError::OverlapRuns { until: running.until });
        }
        let chosen = rotation.secret.as_ref();
        let (fresh, stored, secret) = self.credentials_for(proof, &before, chosen).await?;
        let credential = if rotation.keep_access_key { before.credential } else { fresh };
        let generation = before.generation.saturating_add(1);
        let key = Key { credential, login, generation, leaked: None, ..before.clone() };
        let what = rotation.in_words(&before, &key, until);
        let deed = Deed { object: Some(&what), ..deed_of("rotate_key", &key) };
        let new = NewSecret { credential, login: key.login.clone(), stored };
        let cutting = self.cutting();
        let rotated = self.metadata.rotate_key(id, before.generation, &new, until.unwrap_or(now), now);
        self.carry_out(proof, deed, rotated).await?;
        let receipt = self.in_force(cutting, proof, deed, &[Change::Key(id)]).await?;
        drop(alone);
        self.access.written(proof).await;
        let last_used = self.metadata.last_use(&[id]).await?.pop();
        let view = self.view_key(key, last_used, self.overlap_of(id).await?);
        Ok(Some(Done { value: CreatedKey { view, secret, storage }, receipt }))
    }
}
