//! Ending what people have: sign-ins, transfers, passwords.

use portcullis_access::{Change, SessionRecord, SiteAdmin};
use portcullis_domain::{User, UserId, UserState};

use super::NewInvitation;
use crate::audit::Deed;
use crate::{Control, ControlError, Result};

/// What a change ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Sign-ins.
    pub sessions: u64,
    /// Transfers under way, on every node.
    pub transfers: u32,
}

/// A person who has to choose a new password.
#[derive(Debug)]
pub struct ResetUser {
    /// By which they choose it. Told this once.
    pub invitation: NewInvitation,
    /// What ended.
    pub ended: Ended,
}

impl Control {
    /// The sign-ins of a person of the admin's site that have not run out, the newest first.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn sessions_of_user(&self, admin: &SiteAdmin, id: UserId) -> Result<Vec<SessionRecord>> {
        self.user(admin, id).await?;
        let now = self.access.now();
        let mut sessions = self.metadata.sessions_of(id).await?;
        sessions.retain(|session| session.expires > now);
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created));
        Ok(sessions)
    }

    /// Ends all sign-ins of a person of the admin's site, with the transfers under way under them. Their keys go on.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Metadata`]; [`ControlError::Access`] if they have ended but that could not be put in
    /// force here.
    pub async fn end_sessions_of_user(&self, admin: &SiteAdmin, id: UserId) -> Result<Ended> {
        let row = self.user(admin, id).await?;
        let name = row.user.username.as_str();
        let deed = Deed { action: "end_sessions", object: Some(name), ..Deed::default() };
        let sessions = self.carry_out(admin, deed, self.metadata.delete_sessions_of(id)).await?;
        Ok(Ended { sessions, ..self.apply_user(id).await? })
    }

    /// Takes a person's password away: they choose another by the invitation in the answer. It stops at once, and so do their sign-ins.
    /// Their passkeys go too, since a passkey signs in by itself; one-time codes and recovery codes go if that is asked for. Their keys go on.
    ///
    /// # Errors
    /// As [`Self::reset_user_if`].
    pub async fn reset_user(&self, admin: &SiteAdmin, id: UserId, second_factor: bool) -> Result<ResetUser> {
        self.reset_user_if(admin, id, second_factor, |_| true).await?.ok_or(ControlError::Stale)
    }

    /// Resets a person as [`Self::reset_user`] does, but only if they still are as whoever decided on it saw them; none, and nothing is
    /// changed, if they are not.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] for one's own account and for somebody who is kept out;
    /// [`ControlError::ConfirmationNeeded`]; [`portcullis_access::AccessError::Denied`] for a key that is bound to networks or ends;
    /// [`ControlError::Metadata`]; [`ControlError::Access`]: then reset them again.
    pub async fn reset_user_if(
        &self,
        admin: &SiteAdmin,
        id: UserId,
        second_factor: bool,
        is_as_seen: impl Fn(&User) -> bool + Send + Sync,
    ) -> Result<Option<ResetUser>> {
        let alone = self.changing.lock().await;
        let row = self.user(admin, id).await?;
        if !is_as_seen(&row.user) {
            return Ok(None);
        }
        if admin.user() == Some(id) {
            return Err(ControlError::invalid(
                "user",
                "this is your own account: change your password instead",
            ));
        }
        if row.user.state == UserState::Disabled {
            return Err(ControlError::invalid("user", "is disabled; let them in again first"));
        }
        self.require_confirmed(admin.principal())?;
        self.may_make_people(admin, "reset_user").await?;
        let with = if second_factor { "with second factor" } else { "password" };
        let what = format!("{} ({with})", row.user.username);
        let deed = Deed { action: "reset_user", object: Some(&what), ..Deed::default() };
        let sessions = self.carry_out(admin, deed, self.metadata.clear_password(id)).await?;
        // A passkey signs in by itself: who reset the account because a stranger was in it would not have put them out.
        self.take_passkeys(id).await?;
        if second_factor {
            self.metadata.set_totp(id, None).await?;
            self.metadata.set_recovery_codes(id, &[]).await?;
        }
        let invitation = self.new_invitation(id).await?;
        let ended = Ended { sessions, ..self.apply_user(id).await? };
        drop(alone);
        Ok(Some(ResetUser { invitation, ended }))
    }

    async fn take_passkeys(&self, id: UserId) -> Result<()> {
        for passkey in self.metadata.passkeys_of(id).await? {
            self.metadata.delete_passkey(id, passkey.id).await?;
        }
        Ok(())
    }

    /// Ends the sign-ins of a person and puts it in force with what else was changed of them.
    pub(super) async fn end_all_of(&self, id: UserId) -> Result<Ended> {
        let sessions = self.metadata.delete_sessions_of(id).await.map_err(ControlError::from);
        // What was changed of the person holds even if their sign-ins could not be deleted.
        let applied = self.apply_user(id).await?;
        Ok(Ended { sessions: sessions?, ..applied })
    }

    /// Puts in force what was changed of a person.
    pub(super) async fn apply_user(&self, id: UserId) -> Result<Ended> {
        Ok(Ended { sessions: 0, transfers: self.apply_users(&[id]).await? })
    }

    /// Puts in force what was changed of these people, or shared with them; says how many transfers that cut. If it cannot be done for
    /// one it is done for the others.
    pub(crate) async fn apply_users(&self, ids: &[UserId]) -> Result<u32> {
        let changes: Vec<_> = ids.iter().copied().map(Change::User).collect();
        Ok(self.in_force_everywhere(self.cutting_lately(), &changes).await?.transfers_cut)
    }
}
