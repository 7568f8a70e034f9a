//! People's sign-ins.

use std::time::Duration;

use portcullis_access::{AccessError, Denial, Origin, Principal, SessionRecord, SignedIn};
use portcullis_domain::Secret;

use crate::{Control, Result};

/// How long a sign-in lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

impl Control {
    /// Signs a person in for [`SESSION_LIFETIME`]. The token is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`AccessError::Denied`] alike for an unknown user and a wrong password, [`AccessError::Throttled`] after too many.
    pub async fn sign_in(&self, origin: Origin<'_>, username: &str, password: &Secret) -> Result<SignedIn> {
        Ok(self.access.sign_in(origin, username, password, SESSION_LIFETIME).await?)
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
}
