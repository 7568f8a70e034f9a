//! People's sign-ins: how they begin, go on and end.

use std::time::Duration;

use portcullis_access::{
    AccessError, Change, Denial, Oneself, Origin, Principal, Proved, SessionRecord, SignedIn,
};
use portcullis_domain::{Secret, SessionId};

use crate::audit::Deed;
use crate::{Control, ControlError, Result};

/// How long a sign-in lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// How far somebody has come who signs in by password.
#[derive(Debug)]
pub enum SignInStep {
    /// They are in.
    In(Box<SignedIn>),
    /// The password is right, and they set a second factor up.
    CodeNeeded {
        /// Says so for five minutes, for [`Control::sign_in_by_code`].
        ticket: Ticket,
    },
}

/// What a page carries from the password to the code.
pub struct Ticket(Secret);

impl Ticket {
    /// The text, for the one page that carries it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket")
    }
}

impl Control {
    /// Signs in, for [`SESSION_LIFETIME`], somebody who has no second factor. The token is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`AccessError::Denied`] alike for an unknown user and a wrong password, and with `SecondFactorMissing` for the right one of
    /// somebody who set a second factor up; [`AccessError::Throttled`] after too many.
    pub async fn sign_in(&self, origin: Origin<'_>, username: &str, password: &Secret) -> Result<SignedIn> {
        let proved = self.access.prove_password(&origin, username, password).await?;
        self.begin(origin, &proved).await
    }

    /// Signs somebody in by password and, if they set a second factor up, by a code: of their app, or a recovery code.
    ///
    /// # Errors
    /// [`AccessError::Denied`] alike for an unknown user and a wrong password, with `BadCode` for a wrong code;
    /// [`AccessError::Throttled`] after too many of either.
    pub async fn sign_in_by_password(
        &self,
        origin: Origin<'_>,
        username: &str,
        password: &Secret,
        code: Option<&str>,
    ) -> Result<SignInStep> {
        let proved = self.access.prove_password(&origin, username, password).await?;
        self.go_on(origin, proved, code).await
    }

    /// Goes on after a first proof, whichever it was: to the session, or to the question for a code.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `otp` if there is a code and nothing that it is a code of: nobody shall believe that it was looked
    /// at; else as [`Control::sign_in_by_password`].
    pub async fn go_on(&self, origin: Origin<'_>, proved: Proved, code: Option<&str>) -> Result<SignInStep> {
        if !self.access.needs_second_factor(&proved) {
            if code.is_some() {
                return Err(ControlError::invalid("otp", "no second factor is set up for you; leave it out"));
            }
            return Ok(SignInStep::In(Box::new(self.begin(origin, &proved).await?)));
        }
        let Some(code) = code else {
            return Ok(SignInStep::CodeNeeded { ticket: Ticket(self.access.ticket(&proved)?) });
        };
        let proved = self.access.prove_code(&origin, &proved, code).await?;
        Ok(SignInStep::In(Box::new(self.begin(origin, &proved).await?)))
    }

    /// Signs in somebody who has shown their password and now shows a code.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `Malformed` if the ticket is none or too old, with `BadCode` for a wrong code;
    /// [`AccessError::Throttled`] after too many.
    pub async fn sign_in_by_code(&self, origin: Origin<'_>, ticket: &str, code: &str) -> Result<SignedIn> {
        let proved = self.access.proved(ticket).await?;
        let proved = self.access.prove_code(&origin, &proved, code).await?;
        self.begin(origin, &proved).await
    }

    pub(crate) async fn begin(&self, origin: Origin<'_>, proved: &Proved) -> Result<SignedIn> {
        Ok(self.access.begin_session(origin, proved, SESSION_LIFETIME).await?)
    }

    /// Ends the sign-in with which the principal came.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a key, which never signed in.
    pub async fn sign_out(&self, who: &Principal) -> Result<()> {
        Ok(self.access.sign_out(who).await?)
    }

    /// The sign-ins of the person who asks that have not run out, the newest first.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a key: it is not the person.
    pub async fn own_sessions(&self, who: &Principal) -> Result<Vec<SessionRecord>> {
        let (Some(_), Some(user)) = (who.session_id(), who.user_id()) else {
            return Err(AccessError::Denied(Denial::WrongCredentialKind).into());
        };
        let now = self.access.now();
        let mut sessions = self.metadata.sessions_of(user).await?;
        sessions.retain(|session| session.expires > now);
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created));
        Ok(sessions)
    }

    /// Ends a sign-in of the person who asks, also the one they ask with; its transfers are cut off.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if it is not theirs, or has ended; [`AccessError::Denied`] for a key.
    pub async fn end_own_session(&self, who: &Principal, id: SessionId) -> Result<()> {
        let me = self.in_person(who)?;
        if !self.own_sessions(who).await?.iter().any(|session| session.id == id) {
            return Err(ControlError::NotFound);
        }
        let object = id.to_string();
        let deed = Deed { action: "end_own_session", object: Some(&object), ..Deed::default() };
        self.carry_out(&me, deed, self.metadata.delete_session(id)).await?;
        self.in_force_everywhere(self.cutting_lately(), &[Change::Session(id)]).await?;
        Ok(())
    }

    /// Ends all sign-ins of the person who asks but the one they ask with, and says how many.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a key.
    pub async fn end_other_sessions(&self, who: &Principal) -> Result<u64> {
        let me = self.in_person(who)?;
        let Some(own) = who.session_id() else { return Err(not_a_person()) };
        let deed = Deed { action: "end_other_sessions", ..Deed::default() };
        let ended = self.carry_out(&me, deed, self.metadata.delete_sessions_but(me.user(), own)).await?;
        self.in_force_everywhere(self.cutting_lately(), &[Change::User(me.user())]).await?;
        Ok(ended)
    }

    /// Takes note that the person who asks knows their password, and a code if they give one: what is worth asking again is
    /// allowed for ten minutes from now.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `password` or `otp`; [`AccessError::Throttled`] after too many wrong ones;
    /// [`AccessError::Denied`] for a key.
    pub async fn confirm(&self, who: &Principal, password: &Secret, code: Option<&str>) -> Result<()> {
        self.in_person(who)?;
        let user = self.person(who).await?;
        let origin = origin_of(who);
        let proved = self.access.prove_password(&origin, user.username.as_str(), password).await;
        let mut proved = proved.map_err(|error| about("password", "not your password", error))?;
        if let Some(code) = code {
            let shown = self.access.prove_code(&origin, &proved, code).await;
            proved = shown.map_err(|error| about("otp", "not the present code, or used before", error))?;
        }
        Ok(self.access.confirm(who, &proved).await?)
    }

    /// The person who signed in, as proof that they may look after what is their own. Never a key: it is not the person.
    pub(crate) fn in_person(&self, who: &Principal) -> Result<Oneself> {
        if who.session_id().is_none() {
            return Err(not_a_person());
        }
        Ok(self.access.oneself(who)?)
    }
}

/// Where a request comes from that has been authenticated already.
pub(crate) fn origin_of(who: &Principal) -> Origin<'_> {
    Origin {
        channel: who.channel(),
        peer: who.peer(),
        request_id: who.request_id(),
        tool: who.tool(),
        line: None,
    }
}

fn not_a_person() -> ControlError {
    AccessError::Denied(Denial::WrongCredentialKind).into()
}

/// A proof that was wrong is a wrong field to somebody who is known already.
fn about(field: &str, message: &str, error: AccessError) -> ControlError {
    match error {
        AccessError::Denied(Denial::BadSecret | Denial::BadCode) => ControlError::invalid(field, message),
        other @ (AccessError::Denied(_)
        | AccessError::NotFound
        | AccessError::Throttled { .. }
        | AccessError::Backend(_)
        | AccessError::Metadata(_)
        | AccessError::Unavailable) => other.into(),
    }
}
