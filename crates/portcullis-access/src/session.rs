//! Sessions: the time between proving who one is and going.

use std::time::Duration;

use portcullis_domain::{DenyReason, Secret, SessionId, SiteId, User, UserState};
use portcullis_metadata::SessionRecord;

use crate::access::System;
use crate::admin::fresh_secret;
use crate::audit::Suspect;
use crate::authenticate::hash_of;
use crate::directory::Part;
use crate::principal::{Origin, Principal, Who};
use crate::sign_in::Proved;
use crate::{Access, AccessError, Change, Denial};

/// The longest session.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest password in bytes; hashing takes time for each.
pub(crate) const LONGEST_PASSWORD: usize = 1024;
/// For how long nobody asks again who somebody is.
const CONFIRMED: Duration = Duration::from_secs(10 * 60);

/// A new session.
pub struct SignedIn {
    /// The token, shown once; its hash is what is kept.
    pub token: Secret,
    /// The session.
    pub session: SessionRecord,
    /// Who signed in.
    pub principal: Principal,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("principal", &self.principal).finish_non_exhaustive()
    }
}

impl Access {
    /// Begins a session for `lifetime`, at most 30 days, for somebody who showed all that they set up.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `SecondFactorMissing`, with the policy's reason for a user who may not come in, or with
    /// `BadSecret` if the password was changed meanwhile; [`AccessError::Metadata`], [`AccessError::Unavailable`].
    pub async fn begin_session(
        &self,
        origin: Origin<'_>,
        proved: &Proved,
        lifetime: Duration,
    ) -> Result<SignedIn, AccessError> {
        self.heard()?;
        let (inner, now) = (self.inner(), self.now());
        let refuse = |denial| self.refuse_stranger(&origin, Suspect::user(proved.user()), denial, denial);
        let user = inner.metadata.user(proved.user().id).await?;
        let Some(user) = user.filter(|user| user.state == UserState::Active) else {
            return Err(refuse(Denial::Policy(DenyReason::UserDisabled)));
        };
        if self.needs_second_factor(proved) {
            return Err(refuse(Denial::SecondFactorMissing));
        }
        let ended = inner.directory.sessions_ended();
        let token = fresh_secret()?;
        let session = SessionRecord {
            id: SessionId::generate(),
            user: user.id,
            token_hash: hash_of(token.reveal()),
            created: now,
            expires: now.after(lifetime.min(LONGEST)),
            peer: origin.peer.to_canonical().to_string(),
            tool: origin.tool_text(),
            site: None,
            second_factor: proved.second_factor(),
            confirmed: now,
        };
        let who = Who::Session { id: session.id, user: user.id, expires: session.expires };
        let principal = Principal::new(who, user.site, &origin);
        let created = inner.metadata.create_session(&session, proved.password_phc());
        if !inner.metadata.recording(self.done(&principal, "sign_in", None), created).await? {
            return Err(refuse(Denial::BadSecret));
        }
        inner.metadata.note_sign_in(user.id, now).await?;
        // If another session ended meanwhile, the next request looks this one up.
        inner.directory.admit_session(&session, ended);
        Ok(SignedIn { token, session, principal })
    }

    /// Signs somebody in by their password alone, as far as they set nothing else up.
    ///
    /// # Errors
    /// As [`Access::prove_password`] and [`Access::begin_session`].
    pub async fn sign_in(
        &self,
        origin: Origin<'_>,
        username: &str,
        password: &Secret,
        lifetime: Duration,
    ) -> Result<SignedIn, AccessError> {
        let proved = self.prove_password(&origin, username, password).await?;
        self.begin_session(origin, &proved, lifetime).await
    }

    /// Whether this is the person's password, for acts that ask for it once more; slowed down under guessing as signing in is.
    /// It signs nobody in, and does not look whether the person may come in.
    ///
    /// # Errors
    /// As [`Access::prove_password`].
    pub async fn check_password(
        &self,
        origin: &Origin<'_>,
        username: &str,
        password: &Secret,
    ) -> Result<User, AccessError> {
        Ok(self.prove_password(origin, username, password).await?.user().clone())
    }

    /// Whether who asks proved who they are in the last ten minutes, for acts that are worth asking again. A key always did: its
    /// secret comes with every request.
    #[must_use]
    pub fn is_confirmed(&self, who: &Principal) -> bool {
        let Some(id) = who.session_id() else { return true };
        let session = self.inner().directory.session(id);
        session.is_some_and(|session| session.confirmed.after(CONFIRMED) > self.now())
    }

    /// Takes note that the person of this session proved once more who they are.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `WrongCredentialKind` for who has no session, with `BadSecret` if it was somebody else;
    /// [`AccessError::Metadata`].
    pub async fn confirm(&self, who: &Principal, proved: &Proved) -> Result<(), AccessError> {
        let id = self.session_of(who, "confirm")?;
        if who.user_id() != Some(proved.user().id) {
            return Err(self.refuse_principal(who, "confirm", None, Denial::BadSecret));
        }
        let metadata = &self.inner().metadata;
        let confirmed = metadata.confirm_session(id, self.now(), proved.second_factor());
        metadata.recording(self.done(who, "confirm", None), confirmed).await?;
        self.applied(Change::Session(id)).await?;
        Ok(())
    }

    /// Moves a session to another site: the person's own, or for an admin one below it. What they have under way in the site they
    /// leave is cut off.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `WrongCredentialKind` for who has no session; [`AccessError::NotFound`] for a site that is not
    /// theirs; [`AccessError::Metadata`].
    pub async fn switch_site(&self, who: &Principal, site: SiteId) -> Result<(), AccessError> {
        let id = self.session_of(who, "switch_site")?;
        let (inner, home) = (self.inner(), self.home_site(who).ok_or(AccessError::NotFound)?);
        let user = who.user_id().and_then(|user| inner.directory.user(user));
        let is_admin = user.is_some_and(|user| user.role == portcullis_domain::Role::Admin);
        if site != home && !(is_admin && inner.directory.is_below(site, home)) {
            return Err(AccessError::NotFound);
        }
        inner.metadata.set_session_site(id, (site != home).then_some(site)).await?;
        self.applied(Change::Session(id)).await?;
        Ok(())
    }

    /// Ends the session that this principal came with; its transfers are cut off.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a key, which has no session; [`AccessError::Metadata`], after which it has not ended.
    pub async fn sign_out(&self, who: &Principal) -> Result<(), AccessError> {
        let id = self.session_of(who, "sign_out")?;
        let since = tokio::time::Instant::now();
        let metadata = &self.inner().metadata;
        metadata.recording(self.done(who, "sign_out", None), metadata.delete_session(id)).await?;
        self.inner().directory.end_session(id);
        self.cut_off(&[Change::Session(id)], since).await;
        Ok(())
    }

    fn session_of(&self, who: &Principal, action: &str) -> Result<SessionId, AccessError> {
        who.session_id().ok_or_else(|| {
            self.refuse_principal(who, action, None::<(_, Part<'_>)>, Denial::WrongCredentialKind)
        })
    }

    /// How many passwords and chosen secrets this node has stretched since its start, right ones and wrong ones.
    #[must_use]
    pub fn stretched(&self, _: &System) -> u64 {
        self.inner().passwords.worked()
    }

    /// The hash of a password, as it is stored (a PHC string). 1 to 1,024 bytes.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `Malformed` for an empty or longer one; [`AccessError::Unavailable`].
    pub async fn hash_password(&self, password: &Secret) -> Result<String, AccessError> {
        if password.reveal().is_empty() || password.reveal().len() > LONGEST_PASSWORD {
            return Err(AccessError::Denied(Denial::Malformed));
        }
        Ok(self.inner().passwords.hash(password.reveal()).await?)
    }
}
