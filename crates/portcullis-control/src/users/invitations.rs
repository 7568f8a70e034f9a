//! One-time invitations, by which people choose their password themselves.

use std::time::Duration;

use portcullis_access::{Access, Change, Origin};
use portcullis_domain::{DisplayName, Secret, Timestamp, User, UserId, UserState, Username};
use portcullis_metadata::AuditEvent;

use crate::{Control, ControlError, Result, check_password};

/// How long an invitation can be taken up.
pub const INVITATION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// An invitation that was just made.
pub struct NewInvitation {
    /// What takes it up; told this once.
    pub token: Secret,
    /// The first moment at which it no longer does.
    pub expires: Timestamp,
}

impl std::fmt::Debug for NewInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewInvitation").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// What an invitation says to who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationView {
    /// Whom it invites.
    pub username: Username,
    /// To which site.
    pub site: DisplayName,
    /// The first moment at which it can no longer be taken up.
    pub expires: Timestamp,
}

impl Control {
    /// Makes an invitation for a person; an older one ends.
    pub(super) async fn new_invitation(&self, user: UserId) -> Result<NewInvitation> {
        let (token, hash) = self.access.mint_token()?;
        let now = self.access.now();
        let expires = now.after(INVITATION_LIFETIME);
        self.metadata.set_invitation(user, &hash, now, expires).await?;
        Ok(NewInvitation { token, expires })
    }

    /// What the invitation with this token says; none if it is unknown, was taken up, or has run out.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn invitation(&self, token: &str) -> Result<Option<InvitationView>> {
        let Some((_, user, expires)) = self.open_invitation(token).await? else { return Ok(None) };
        let site = self.metadata.site(user.site).await?;
        Ok(site.map(|site| InvitationView { username: user.username, site: site.name, expires }))
    }

    async fn open_invitation(&self, token: &str) -> Result<Option<([u8; 32], User, Timestamp)>> {
        let Some(hash) = Access::hash_token(token.trim()) else { return Ok(None) };
        let Some(found) = self.metadata.invitation(&hash).await? else { return Ok(None) };
        let open = found.expires > self.access.now() && found.user.state != UserState::Disabled;
        Ok(open.then_some((hash, found.user, found.expires)))
    }

    /// Takes an invitation up, once: gives the person this password, and lets them in from now on. Nobody is signed in by it.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `token` if it takes nothing up, and for `password` if it breaks a rule of [`check_password`];
    /// [`ControlError::Metadata`]; [`ControlError::Access`] if the password is set but that could not be put in force here.
    pub async fn accept_invitation(
        &self,
        origin: Origin<'_>,
        token: &Secret,
        password: &Secret,
    ) -> Result<User> {
        let no_invitation = || {
            let message = "this invitation is unknown, was taken up, or has run out; ask for another";
            ControlError::invalid("token", message)
        };
        let (hash, user, _) = self.open_invitation(token.reveal()).await?.ok_or_else(no_invitation)?;
        check_password(&user.username, password)
            .map_err(|message| ControlError::invalid("password", message))?;
        let phc = self.access.hash_password(password).await?;
        let accepted = self.metadata.accept_invitation(&hash, &phc, self.access.now());
        let accepted = self.metadata.recording(vec![self.acceptance(&origin, &user)], accepted).await?;
        let user = accepted.ok_or_else(no_invitation)?;
        self.access.applied(Change::User(user.id)).await?;
        Ok(user)
    }

    /// Nobody is signed in yet, so that the entry is made by hand.
    fn acceptance(&self, origin: &Origin<'_>, user: &User) -> AuditEvent {
        AuditEvent {
            at: self.access.now(),
            request_id: origin.request_id.to_owned(),
            site: Some(user.site),
            actor: format!("user:{}", user.username),
            key: None,
            storage: None,
            channel: origin.channel,
            peer: origin.peer.to_canonical().to_string(),
            tool: origin
                .tool
                .bytes()
                .filter(|byte| (b' '..=b'~').contains(byte))
                .take(120)
                .map(char::from)
                .collect(),
            action: "accept_invitation".to_owned(),
            object: None,
            allowed: true,
            reason: String::new(),
            detail: String::new(),
        }
    }
}
