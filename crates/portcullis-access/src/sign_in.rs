//! Proving who one is: by password, by a code besides, by a passkey, by an identity provider.

use std::time::Duration;

use portcullis_domain::{Secret, User, UserId, Username};
use portcullis_metadata::Login;
use portcullis_signin::{VerifiedIdentity, VerifiedPasskey, recovery, totp};

use crate::audit::Suspect;
use crate::authenticate::throttled;
use crate::principal::Origin;
use crate::session::LONGEST_PASSWORD;
use crate::vault::Purpose;
use crate::{Access, AccessError, Denial};

/// For how long somebody may look for the code of their second factor.
const TICKET: Duration = Duration::from_secs(5 * 60);
const STATE: &str = "proved";

/// Somebody who proved who they are, by one factor or two. Only the checks of this crate make one.
#[derive(Clone)]
pub struct Proved {
    user: User,
    /// The password as it was stored when it was compared; none if another factor came first.
    password_phc: Option<String>,
    /// Whether a second factor was shown.
    second_factor: bool,
    /// Whether one is set up.
    has_second_factor: bool,
}

impl std::fmt::Debug for Proved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proved")
            .field("user", &self.user.id)
            .field("second_factor", &self.second_factor)
            .finish_non_exhaustive()
    }
}

impl Proved {
    /// Who it is. Whether they may come in is asked when a session begins.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// Whether a second factor was shown.
    #[must_use]
    pub const fn second_factor(&self) -> bool {
        self.second_factor
    }

    pub(crate) fn password_phc(&self) -> Option<&str> {
        self.password_phc.as_deref()
    }
}

impl Access {
    /// Whether this person set a second factor up and has not shown it yet.
    #[must_use]
    pub const fn needs_second_factor(&self, proved: &Proved) -> bool {
        proved.has_second_factor && !proved.second_factor
    }

    /// Who this is by name and password; slowed down under guessing, of this pair of address and name, and of an address that
    /// tries many names.
    ///
    /// # Errors
    /// [`AccessError::Throttled`]; [`AccessError::Denied`] with `BadSecret` for an unknown user, for one without a password, and
    /// for a wrong password alike; [`AccessError::Metadata`], [`AccessError::Unavailable`].
    pub async fn prove_password(
        &self,
        origin: &Origin<'_>,
        username: &str,
        password: &Secret,
    ) -> Result<Proved, AccessError> {
        self.heard()?;
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
        let stored = login.as_ref().and_then(|login| login.password_phc.as_deref());
        let right = inner.passwords.verify(stored, password.reveal()).await?;
        match login {
            Some(login) if right => {
                if has_failed {
                    inner.throttle.succeeded(&attempt);
                }
                Ok(Proved {
                    has_second_factor: has_second_factor(&login),
                    user: login.user,
                    password_phc: login.password_phc,
                    second_factor: false,
                })
            }
            other => {
                inner.throttle.failed(&attempt, self.now());
                let (suspect, found) = match &other {
                    Some(login) => (Suspect::user(&login.user), Denial::BadSecret),
                    None => (Suspect::nobody(), Denial::UnknownUser),
                };
                Err(self.refuse_stranger(origin, suspect, found, Denial::BadSecret))
            }
        }
    }

    /// The second factor of somebody who showed the first: a code of their app, or one of their recovery codes. Each is taken once.
    ///
    /// # Errors
    /// [`AccessError::Throttled`]; [`AccessError::Denied`] with `BadCode`; [`AccessError::Metadata`], [`AccessError::Unavailable`].
    pub async fn prove_code(
        &self,
        origin: &Origin<'_>,
        proved: &Proved,
        code: &str,
    ) -> Result<Proved, AccessError> {
        self.heard()?;
        let (inner, now) = (self.inner(), self.now());
        let attempt = inner.throttle.attempt(origin.peer, "code", proved.user.username.as_str());
        let has_failed = inner.throttle.admit(&attempt, now).map_err(throttled)?;
        if !self.takes_code(proved.user.id, code).await? {
            inner.throttle.failed(&attempt, now);
            let suspect = Suspect::user(&proved.user);
            return Err(self.refuse_stranger(origin, suspect, Denial::BadCode, Denial::BadCode));
        }
        if has_failed {
            inner.throttle.succeeded(&attempt);
        }
        Ok(Proved { second_factor: true, ..proved.clone() })
    }

    async fn takes_code(&self, user: UserId, code: &str) -> Result<bool, AccessError> {
        let metadata = &self.inner().metadata;
        let Some(login) = metadata.login_of(user).await? else { return Ok(false) };
        if let Some(sealed) = login.totp_sealed {
            let seed = self.unseal(Purpose::Totp(user), &sealed).map_err(|_| AccessError::Unavailable)?;
            if let Some(step) = totp::matching_step(&seed, code, self.now()) {
                return Ok(metadata.take_totp_step(user, step).await?);
            }
        }
        match recovery::hash(code) {
            Some(hash) => Ok(metadata.take_recovery_code(user, &hash).await?),
            None => Ok(false),
        }
    }

    /// Who this is by a passkey: something they have, opened by something they know or are, so both factors at once.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `BadSecret` if the passkey is nobody's any more; [`AccessError::Metadata`],
    /// [`AccessError::Unavailable`].
    pub async fn prove_passkey(
        &self,
        origin: &Origin<'_>,
        verified: &VerifiedPasskey,
    ) -> Result<Proved, AccessError> {
        self.heard()?;
        let metadata = &self.inner().metadata;
        let passkey = metadata.passkey_by_credential(verified.credential_id()).await?;
        // What was verified was verified with a key that the caller brought: it has to be the one that is kept.
        let passkey = passkey.filter(|passkey| passkey.public_key == verified.public_key());
        let Some(passkey) = passkey else {
            return Err(self.refuse_stranger(
                origin,
                Suspect::nobody(),
                Denial::UnknownUser,
                Denial::BadSecret,
            ));
        };
        metadata.note_passkey_use(passkey.id, verified.sign_count(), self.now()).await?;
        let login = metadata.login_of(passkey.user).await?.ok_or(AccessError::NotFound)?;
        Ok(Proved { user: login.user, password_phc: None, second_factor: true, has_second_factor: true })
    }

    /// Who this is by the word of the identity provider.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] if nobody here is known by that identity; [`AccessError::Metadata`], [`AccessError::Unavailable`].
    pub async fn prove_external(
        &self,
        _origin: &Origin<'_>,
        verified: &VerifiedIdentity,
    ) -> Result<Proved, AccessError> {
        self.heard()?;
        let metadata = &self.inner().metadata;
        let user = metadata.user_by_external(&verified.external_id()).await?.ok_or(AccessError::NotFound)?;
        let login = metadata.login_of(user.id).await?.ok_or(AccessError::NotFound)?;
        let has_second_factor = has_second_factor(&login);
        Ok(Proved { user, password_phc: None, second_factor: verified.second_factor(), has_second_factor })
    }

    /// What a page carries from one factor to the next: sealed, for five minutes.
    ///
    /// # Errors
    /// [`AccessError::Unavailable`] if the system gives no random numbers.
    pub fn ticket(&self, proved: &Proved) -> Result<Secret, AccessError> {
        let password = proved.password_phc().unwrap_or_default();
        let plain = format!("{}\n{}\n{password}", proved.user.id, i32::from(proved.second_factor));
        Ok(Secret::foreign(self.seal_state(STATE, plain.as_bytes(), TICKET)?))
    }

    /// Who a ticket says they are.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `Malformed` if it is no ticket, or one of more than five minutes ago; [`AccessError::Metadata`].
    pub async fn proved(&self, ticket: &str) -> Result<Proved, AccessError> {
        let read = || {
            let plain = self.open_state(STATE, ticket)?;
            let mut lines = std::str::from_utf8(&plain).ok()?.splitn(3, '\n');
            let (user, second, password) =
                (lines.next()?.parse::<UserId>().ok()?, lines.next()?, lines.next()?);
            Some((user, second == "1", (!password.is_empty()).then(|| password.to_owned())))
        };
        let (user, second_factor, password_phc) = read().ok_or(AccessError::Denied(Denial::Malformed))?;
        let login = self.inner().metadata.login_of(user).await?;
        let login = login.ok_or(AccessError::Denied(Denial::Malformed))?;
        let has_second_factor = has_second_factor(&login);
        Ok(Proved { user: login.user, password_phc, second_factor, has_second_factor })
    }
}

const fn has_second_factor(login: &Login) -> bool {
    login.totp_sealed.is_some() || login.passkeys > 0
}
