//! From a secret that is sent as it is to a principal: bearer tokens, and whatever else brings a name and a generated secret.

use std::sync::Arc;

use portcullis_domain::{Action, Channel, CredentialId, DenyReason, KeyState, Secret, Timestamp};
use portcullis_metadata::{ActivityKind, StoredSecret};
use portcullis_signin::throttle::Attempt;
use subtle::ConstantTimeEq as _;

use crate::audit::Suspect;
use crate::authenticate::{entry_principal, hash_of, throttled};
use crate::digest::UsernameDigest;
use crate::directory::{Generation, KeyEntry, Name, Pair};
use crate::principal::{Origin, Principal, Who};
use crate::vault::Purpose;
use crate::{Access, AccessError, Denial};

/// Secrets that are looked at for everybody who is refused: the present one, one before, and one that is only remembered.
const SLOTS: usize = 3;

/// Whether a channel tells whoever it does not let in nothing at all, not even a holder of the secret.
const fn is_silent(channel: Channel) -> bool {
    match channel {
        Channel::Http | Channel::Ftp | Channel::WebService | Channel::Email => true,
        Channel::S3 | Channel::Rest => false,
    }
}

/// What is told of a refusal on this channel.
pub(crate) fn told(channel: Channel, error: AccessError) -> AccessError {
    let denied = matches!(error, AccessError::Denied(_));
    if denied && is_silent(channel) { AccessError::Denied(Denial::BadSecret) } else { error }
}

impl Access {
    /// Authenticates what follows `Bearer `: a key as `PC….pcs…` (id, a point, secret), or, where people sign in, the token of a
    /// session.
    ///
    /// # Errors
    /// [`AccessError::Throttled`]; [`AccessError::Denied`] with `BadSecret` for everything that is not known, or what the
    /// policy says of the key or session itself, which the channels for files do not tell; [`AccessError::Metadata`],
    /// [`AccessError::Unavailable`].
    pub async fn authenticate_bearer(
        &self,
        origin: Origin<'_>,
        token: &str,
    ) -> Result<Principal, AccessError> {
        self.heard()?;
        let found = match token.split_once('.') {
            Some((id, secret)) => {
                let name = CredentialId::parse(id).ok().map(Name::Credential);
                self.by_secret(&origin, (id, name), secret)
            }
            None => self.bearer_session(&origin, token).await,
        };
        found.map_err(|error| told(origin.channel, error))
    }

    /// A key by a name and its generated secret; with the name, the text that it was read of.
    pub(crate) fn by_secret(
        &self,
        origin: &Origin<'_>,
        (text, name): (&str, Option<Name>),
        secret: &str,
    ) -> Result<Principal, AccessError> {
        let now = self.now();
        let attempt = self.attempt(origin, text, name.as_ref());
        let has_failed = self.inner().throttle.admit(&attempt, now).map_err(throttled)?;
        // A secret has a checksum: what does not fit it was mistyped or cut off, and is no guess at any key.
        let secret = Secret::parse(secret).map_err(|_| {
            self.refuse_stranger(origin, self.suspect(text), Denial::BadSecret, Denial::BadSecret)
        })?;
        let found = self.recognised(origin, (text, name), Shown::Secret(&secret), &attempt, now)?;
        let who = entry_principal(&found.0, found.1, None, origin);
        self.let_in(who, &attempt, has_failed, now)
    }

    /// The key of this name and those of its credentials of which something right was shown. It is the same work for everybody who is
    /// refused.
    pub(crate) fn recognised(
        &self,
        origin: &Origin<'_>,
        (text, name): (&str, Option<Name>),
        shown: Shown<'_>,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<(Arc<KeyEntry>, Generation), AccessError> {
        let (inner, is_digest, mut old) = (self.inner(), matches!(shown, Shown::Digest(_)), None);
        let known = name.and_then(|name| Some((inner.directory.named(origin.channel, &name, now)?, name)));
        let pairs = known.as_ref().map(|(entry, name)| entry.tried(name, now)).unwrap_or_default();
        for slot in 0..SLOTS {
            let pair = pairs.get(slot).zip(known.as_ref());
            let right = self.is_right(pair.map(|((pair, _), (entry, _))| (pair.stored, &**entry)), shown);
            match pair {
                Some(((pair, true), (entry, _))) if right => return Ok((Arc::clone(entry), pair.generation)),
                Some(((pair, false), _)) if right => old = Some(pair.generation),
                Some(_) | None => {}
            }
        }
        let (suspect, found) = match (&known, old) {
            (None, _) => (self.suspect(text), Denial::UnknownKey),
            (Some((entry, _)), Some(generation)) => {
                (Suspect { generation, proved: true, ..Suspect::key(&entry.key) }, Denial::OldSecret)
            }
            (Some((entry, name)), None) => (Suspect::key(&entry.key), why_not(entry, name, is_digest, now)),
        };
        // Chosen names can be guessed: an address that is refused unknown ones is not told which are known.
        if found != Denial::BadSecret || matches!(known, Some((_, Name::Login(_)))) {
            inner.throttle.admit_unknown(attempt, now).map_err(throttled)?;
        }
        inner.throttle.failed(attempt, now);
        Err(self.refuse_stranger(origin, suspect, found, Denial::BadSecret))
    }

    /// Whether it is what is stored that was shown. Unless a hash says so at once a sealed secret is opened, be it nobody's.
    fn is_right(&self, stored: Option<(&StoredSecret, &KeyEntry)>, shown: Shown<'_>) -> bool {
        let (purpose, sealed) = match (stored, shown) {
            (Some((StoredSecret::Hash(stored), _)), Shown::Secret(secret))
                if hash_of(secret.reveal()).ct_eq(stored).into() =>
            {
                return true;
            }
            (Some((StoredSecret::Sealed(sealed), entry)), _) if entry.key.channel == Channel::WebService => {
                (Purpose::KeySecret(entry.key.id), sealed)
            }
            (_, _) => (Purpose::Nobody, &self.inner().nobody),
        };
        let opened = self.unseal(purpose, sealed);
        let opened =
            opened.inspect_err(|error| tracing::error!(%error, ?purpose, "a sealed secret is damaged"));
        opened.is_ok_and(|plain| match shown {
            Shown::Secret(secret) => plain.ct_eq(secret.reveal().as_bytes()).into(),
            Shown::Digest(digest) => digest.is_of(&plain),
        })
    }

    /// An attempt at a key of this name; however it is written, it is one.
    pub(crate) fn attempt(&self, origin: &Origin<'_>, text: &str, name: Option<&Name>) -> Attempt {
        let name = name.map(Name::to_string);
        self.inner().throttle.attempt(origin.peer, "key", name.as_deref().unwrap_or(text))
    }

    /// Who showed the right secret, if the policy lets them do anything at all. Where nothing is told of those it does not, they are slowed down
    /// as others who fail, or that would tell.
    pub(crate) fn let_in(
        &self,
        who: Principal,
        attempt: &Attempt,
        has_failed: bool,
        now: Timestamp,
    ) -> Result<Principal, AccessError> {
        let silent = is_silent(who.channel());
        let who = self.alive(who, now).inspect_err(|_| {
            if silent {
                self.inner().throttle.failed(attempt, now);
            }
        })?;
        if has_failed {
            self.inner().throttle.succeeded(attempt);
        }
        self.count(&who, None, ActivityKind::Used, Action::Enter.as_str());
        Ok(who)
    }

    async fn bearer_session(&self, origin: &Origin<'_>, token: &str) -> Result<Principal, AccessError> {
        let (inner, now) = (self.inner(), self.now());
        let attempt = inner.throttle.attempt(origin.peer, "session", token);
        // A session that ends while it is looked up must not be taken for alive: then it is looked up again.
        for _ in 0..3 {
            let ended = inner.directory.sessions_ended();
            let session = match Secret::parse(token) {
                Ok(token) if !is_silent(origin.channel) => {
                    inner.metadata.session_by_token(&hash_of(token.reveal())).await?
                }
                Ok(_) | Err(_) => None,
            };
            let user = session.as_ref().and_then(|session| inner.directory.user(session.user));
            let (Some(session), Some(user)) = (session, user) else {
                inner.throttle.admit_unknown(&attempt, now).map_err(throttled)?;
                inner.throttle.failed(&attempt, now);
                let refused = (Denial::BadSecret, Denial::BadSecret);
                return Err(self.refuse_stranger(origin, Suspect::nobody(), refused.0, refused.1));
            };
            if inner.directory.admit_session(&session, ended) {
                let who = Who::Session { id: session.id, user: session.user, expires: session.expires };
                return self.alive(Principal::new(who, session.site.unwrap_or(user.site), origin), now);
            }
        }
        Err(AccessError::Unavailable)
    }

    /// The principal, if there is anything at all that the policy would let them do.
    pub(crate) fn alive(&self, who: Principal, now: Timestamp) -> Result<Principal, AccessError> {
        match self.inner().directory.alive(&who, now) {
            Ok(()) => Ok(who),
            Err(reason) => Err(self.refuse_principal(&who, "authenticate", None, Denial::Policy(reason))),
        }
    }
}

/// Why a wrong secret, or the digest of one, opens nothing at the key of this name, for the trail: `BadSecret` if a right one would.
pub(crate) fn why_not(entry: &KeyEntry, name: &Name, is_digest: bool, now: Timestamp) -> Denial {
    let is_sent = |pair: Pair<'_>| match pair.stored {
        // Its clients send the secret, or what is made of it; those of S3 sign.
        StoredSecret::Sealed(_) => entry.key.channel == Channel::WebService,
        StoredSecret::Hash(_) | StoredSecret::Stretched(_) => !is_digest,
        StoredSecret::None => false,
    };
    let works = entry.working(name, now).any(is_sent);
    match (entry.key.state, works, entry.working(name, now).next().is_some()) {
        (KeyState::Deleted, ..) => Denial::Policy(DenyReason::KeyDeleted),
        (KeyState::Active, true, _) => Denial::BadSecret,
        // The secret of an S3 key never travels, and typed here it opens nothing.
        (KeyState::Active, false, true) => Denial::WrongCredentialKind,
        (KeyState::Active, false, false) => Denial::Policy(DenyReason::CredentialsReplaced),
    }
}

/// What a caller shows beside a name.
#[derive(Clone, Copy)]
pub(crate) enum Shown<'a> {
    /// A generated secret.
    Secret(&'a Secret),
    /// What was made of one.
    Digest(&'a UsernameDigest),
}
