//! Signing in and out. Passwords are hashed with Argon2id (RFC 9106), off the threads that serve others.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use portcullis_domain::{DenyReason, Secret, SessionId, User, UserState, Username};
use portcullis_metadata::SessionRecord;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::admin::fresh_secret;
use crate::audit::Suspect;
use crate::authenticate::{hash_of, throttled};
use crate::directory::Part;
use crate::principal::{Origin, Principal, Who};
use crate::{Access, AccessError, Denial, OpenError};

/// Passwords that wait for their turn; more are told to come back.
const WAITING: usize = 32;
/// The longest session.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest password in bytes; hashing takes time for each.
const LONGEST_PASSWORD: usize = 1024;

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

/// Hashes passwords, a few at a time.
#[derive(Debug)]
pub(crate) struct Passwords {
    working: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// The hash of no password: what the password of an unknown user is compared with, so that it takes as long.
    nobody: String,
}

impl Passwords {
    pub(crate) async fn new(at_a_time: usize) -> Result<Self, OpenError> {
        let working = Arc::new(Semaphore::new(at_a_time.clamp(1, 64)));
        let mut passwords =
            Self { working, waiting: Arc::new(Semaphore::new(WAITING)), nobody: String::new() };
        let password = fresh_secret().map_err(|_| OpenError::System)?;
        passwords.nobody = passwords.hash(&password).await.map_err(|_| OpenError::System)?;
        Ok(passwords)
    }

    /// The PHC string of a password.
    pub(crate) async fn hash(&self, password: &Secret) -> Result<String, AccessError> {
        let password = password.clone();
        self.work(move || {
            let hash: PasswordHash = argon2id()?
                .hash_password(password.reveal().as_bytes())
                .map_err(|_| AccessError::Unavailable)?;
            Ok(hash.to_string())
        })
        .await
    }

    async fn verify(&self, stored: Option<String>, password: &Secret) -> Result<bool, AccessError> {
        let (known, password) = (stored.is_some(), password.clone());
        let stored = stored.unwrap_or_else(|| self.nobody.clone());
        self.work(move || {
            let hash = PasswordHash::new(&stored).map_err(|_| AccessError::Unavailable)?;
            let right = argon2id()?.verify_password(password.reveal().as_bytes(), &hash).is_ok();
            Ok(right && known)
        })
        .await
    }

    /// A place in the queue, if it is not full.
    fn queue(&self) -> Result<OwnedSemaphorePermit, AccessError> {
        let place = Arc::clone(&self.waiting).try_acquire_owned();
        place.map_err(|_| AccessError::Throttled { retry_after: Duration::from_secs(1) })
    }

    /// The permit goes with the work: who gives up waiting does not let another begin before the work is done.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, AccessError> {
        let permit = Arc::clone(&self.working).acquire_owned().await.map_err(|_| AccessError::Unavailable)?;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(permit);
            outcome
        });
        done.await.map_err(|_| AccessError::Unavailable)?
    }
}

/// 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
fn argon2id() -> Result<Argon2<'static>, AccessError> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|_| AccessError::Unavailable)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl Access {
    /// Signs a person in for `lifetime`, at most 30 days.
    ///
    /// # Errors
    /// [`AccessError::Throttled`]; [`AccessError::Denied`] with `BadSecret` for an unknown user as for a wrong password, and
    /// with the policy's reason for the right password of a disabled user; [`AccessError::Metadata`].
    pub async fn sign_in(
        &self,
        origin: Origin<'_>,
        username: &str,
        password: &Secret,
        lifetime: Duration,
    ) -> Result<SignedIn, AccessError> {
        self.heard()?;
        let user = self.check_password(&origin, username, password).await?;
        let (inner, now) = (self.inner(), self.now());
        if user.state != UserState::Active {
            let denial = Denial::Policy(DenyReason::UserDisabled);
            return Err(self.refuse_stranger(&origin, Suspect::user(&user), denial, denial));
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
        };
        inner.metadata.create_session(&session).await?;
        // If another session ended meanwhile, the next request looks this one up.
        inner.directory.admit_session(&session, ended);
        let who = Who::Session { id: session.id, user: user.id, expires: session.expires };
        let principal = Principal::new(who, user.site, &origin);
        self.note_sign_in(&principal);
        Ok(SignedIn { token, session, principal })
    }

    /// Whether this is the person's password, for acts that ask for it once more; slowed down under guessing as signing in is.
    /// It signs nobody in, and does not look whether the person may come in.
    ///
    /// # Errors
    /// As [`Access::sign_in`], but for the state of the user.
    pub async fn check_password(
        &self,
        origin: &Origin<'_>,
        username: &str,
        password: &Secret,
    ) -> Result<User, AccessError> {
        let (inner, now) = (self.inner(), self.now());
        let attempt = inner.throttle.attempt(origin.peer, "user", &username.trim().to_ascii_lowercase());
        let has_failed = inner.throttle.admit(&attempt, now).map_err(throttled)?;
        // Also for users that exist: otherwise the refusal would tell which do.
        inner.throttle.admit_unknown(&attempt, now).map_err(throttled)?;
        let _place = inner.passwords.queue()?;
        let login = match Username::parse(username) {
            Ok(name) if password.reveal().len() <= LONGEST_PASSWORD => inner.metadata.login(&name).await?,
            Ok(_) | Err(_) => None,
        };
        let (user, stored) = login.unzip();
        let right = inner.passwords.verify(stored, password).await?;
        match user {
            Some(user) if right => {
                if has_failed {
                    inner.throttle.succeeded(&attempt);
                }
                Ok(user)
            }
            other => {
                inner.throttle.failed(&attempt, self.now());
                let (suspect, found) = match &other {
                    Some(user) => (Suspect::user(user), Denial::BadSecret),
                    None => (Suspect::nobody(), Denial::UnknownUser),
                };
                Err(self.refuse_stranger(origin, suspect, found, Denial::BadSecret))
            }
        }
    }

    /// Ends the session that this principal came with; its transfers are cut off.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a key, which has no session; [`AccessError::Metadata`], after which it has not ended.
    pub async fn sign_out(&self, who: &Principal) -> Result<(), AccessError> {
        let Some(id) = who.session_id() else {
            return Err(self.refuse_principal(
                who,
                "sign_out",
                None::<(_, Part<'_>)>,
                Denial::WrongCredentialKind,
            ));
        };
        self.inner().metadata.delete_session(id).await?;
        self.inner().directory.end_session(id);
        self.review().await;
        Ok(())
    }

    /// The hash of a password, as it is stored (a PHC string). 1 to 1,024 bytes.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `Malformed` for an empty or longer one; [`AccessError::Unavailable`].
    pub async fn hash_password(&self, password: &Secret) -> Result<String, AccessError> {
        if password.reveal().is_empty() || password.reveal().len() > LONGEST_PASSWORD {
            return Err(AccessError::Denied(Denial::Malformed));
        }
        self.inner().passwords.hash(password).await
    }
}
