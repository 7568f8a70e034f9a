//! From what a request presents to a principal: signatures of S3 and bearer tokens.
//!
//! The order is always the same: may this pair of address and credential try, is the credential known, is the request of
//! this time, is the secret right, and only then what the policy says of the key. An unknown key costs the same work as a
//! known one, and only a holder of the secret learns that a key is expired or bound to another network.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{DenyReason, KeyState, Narrowing, Secret, Timestamp};
use portcullis_metadata::StoredSecret;
use portcullis_sigv4::{
    ChunkVerifier, Presented, PresentedPolicy, Scope, Seed, SignatureMismatch, SigningKey, TimeError,
};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::audit::Suspect;
use crate::directory::KeyEntry;
use crate::principal::{Origin, Principal, Who};
use crate::temporary::Claims;
use crate::vault::Purpose;
use crate::{Access, AccessError, Denial};
use portcullis_vault::NotOpened;

/// A caller whose signature verified.
#[derive(Debug)]
pub struct SignedPrincipal {
    /// Who they are.
    pub principal: Principal,
    /// Goes on from the request's signature, for a body whose chunks are signed; of no use for any other.
    pub chunks: ChunkVerifier,
}

/// Something that a signature is over.
trait Signed {
    type Proof;
    fn access_key_id(&self) -> &str;
    fn scope(&self) -> &Scope;
    fn check_time(&self, now: i64) -> Result<(), TimeError>;
    fn verify(&self, key: &SigningKey) -> Result<Self::Proof, SignatureMismatch>;
}

macro_rules! signed {
    ($name:ty, $proof:ty) => {
        impl<'a> Signed for $name {
            type Proof = $proof;
            fn access_key_id(&self) -> &str {
                Self::access_key_id(self)
            }
            fn scope(&self) -> &Scope {
                Self::scope(self)
            }
            fn check_time(&self, now: i64) -> Result<(), TimeError> {
                Self::check_time(self, now)
            }
            fn verify(&self, key: &SigningKey) -> Result<Self::Proof, SignatureMismatch> {
                Self::verify(self, key)
            }
        }
    };
}
signed!(Presented<'a>, Seed);
signed!(PresentedPolicy<'a>, &'a str);

pub(crate) fn throttled(retry_after: Duration) -> AccessError {
    AccessError::Throttled { retry_after }
}

/// What is stored of a bearer secret. No salt and no stretching: the secret has 184 bits of chance.
pub(crate) fn hash_of(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

impl Access {
    /// Authenticates a request signed with Signature Version 4, in its headers or its query. All in memory. With temporary
    /// credentials comes a session token.
    ///
    /// # Errors
    /// [`AccessError::Throttled`]; [`AccessError::Denied`] with `UnknownKey`, `TimeSkew`, `NotYetValid`, `RequestExpired`,
    /// `BadSignature`, `BadSessionToken`, or what the policy says of the key itself; [`AccessError::Unavailable`].
    pub fn authenticate_sigv4(
        &self,
        origin: Origin<'_>,
        presented: &Presented<'_>,
        session_token: Option<&str>,
    ) -> Result<SignedPrincipal, AccessError> {
        let (principal, key, seed) = self.signed(&origin, presented, session_token)?;
        Ok(SignedPrincipal { principal, chunks: ChunkVerifier::new(key, seed) })
    }

    /// Authenticates a form whose policy is signed (S3 reference, "Browser-based uploads using POST"). What the policy says,
    /// its expiration included, is the protocol's to check.
    ///
    /// # Errors
    /// As [`Access::authenticate_sigv4`].
    pub fn authenticate_post_policy(
        &self,
        origin: Origin<'_>,
        presented: &PresentedPolicy<'_>,
        session_token: Option<&str>,
    ) -> Result<Principal, AccessError> {
        self.signed(&origin, presented, session_token).map(|(principal, ..)| principal)
    }

    fn signed<S: Signed>(
        &self,
        origin: &Origin<'_>,
        presented: &S,
        session_token: Option<&str>,
    ) -> Result<(Principal, SigningKey, S::Proof), AccessError> {
        self.heard()?;
        let (inner, now) = (self.inner(), self.now());
        let id = presented.access_key_id();
        let attempt = inner.throttle.attempt(origin.peer, "key", id);
        let has_failed = inner.throttle.admit(&attempt, now).map_err(throttled)?;
        let (entry, claims) = match self.signer(id, session_token) {
            Ok(signer) => signer,
            Err((found, told)) => {
                inner.throttle.admit_unknown(&attempt, now).map_err(throttled)?;
                drop(presented.verify(&inner.nobody));
                inner.throttle.failed(&attempt, now);
                return Err(self.refuse_stranger(origin, self.suspect(id), found, told));
            }
        };
        let refuse = |denial| self.refuse_stranger(origin, Suspect::key(&entry.key), denial, denial);
        presented.check_time(now.seconds()).map_err(|error| refuse(time_denial(&error)))?;
        let scope = presented.scope();
        let (key, is_new) = match (&claims, entry.signing_key(scope)) {
            (Some(claims), _) => (SigningKey::derive(claims.secret.reveal().as_bytes(), scope), false),
            (None, Some(known)) => (known, false),
            (None, None) => (self.derive(&entry, scope)?, true),
        };
        let Ok(proof) = presented.verify(&key) else {
            inner.throttle.failed(&attempt, now);
            return Err(refuse(Denial::BadSignature));
        };
        if is_new {
            entry.keep_signing_key(*scope, key.clone());
        }
        if has_failed {
            inner.throttle.succeeded(&attempt);
        }
        let narrowing = claims.map(|claims| claims.narrowing);
        Ok((self.alive(entry_principal(&entry, narrowing, origin), now)?, key, proof))
    }

    /// The key that signs under this id, itself or through temporary credentials of it; otherwise what to write down and what
    /// to tell.
    fn signer(
        &self,
        id: &str,
        session_token: Option<&str>,
    ) -> Result<(Arc<KeyEntry>, Option<Claims>), (Denial, Denial)> {
        let Some(token) = session_token else {
            let entry = self.entry_that_signs(id).map_err(|found| (found, Denial::UnknownKey))?;
            return Ok((entry, None));
        };
        let bad = (Denial::BadSessionToken, Denial::BadSessionToken);
        let claims = self.claims(token).filter(|claims| claims.access_key.as_str() == id).ok_or(bad)?;
        // The key is found by the credential it had then: with another, or deleted, it gives nothing more.
        let entry = self.entry_that_signs(claims.credential.as_str());
        let entry = entry.map_err(|found| (found, Denial::UnknownKey))?;
        if entry.key.id != claims.key {
            return Err(bad);
        }
        Ok((entry, Some(claims)))
    }

    /// The key with this id, if there is one that can sign; otherwise what to write down.
    fn entry_that_signs(&self, id: &str) -> Result<Arc<KeyEntry>, Denial> {
        let entry = self.inner().directory.by_credential(id).ok_or(Denial::UnknownKey)?;
        match (entry.key.state, &entry.stored) {
            (KeyState::Deleted, _) => Err(Denial::Policy(DenyReason::KeyDeleted)),
            (KeyState::Active, StoredSecret::Sealed(_)) => Ok(entry),
            (KeyState::Active, StoredSecret::Hash(_) | StoredSecret::None) => {
                Err(Denial::WrongCredentialKind)
            }
        }
    }

    /// Opens the key's secret for as long as it takes to derive a signing key.
    fn derive(&self, entry: &KeyEntry, scope: &Scope) -> Result<SigningKey, AccessError> {
        let StoredSecret::Sealed(sealed) = &entry.stored else { return Err(AccessError::Unavailable) };
        match self.unseal(Purpose::KeySecret(entry.key.id), sealed) {
            Ok(secret) => Ok(SigningKey::derive(&secret, scope)),
            Err(NotOpened) => {
                tracing::error!(key = %entry.key.id, "the sealed secret of this key does not open: damaged, or sealed under another master key");
                Err(AccessError::Unavailable)
            }
        }
    }

    /// Authenticates what follows `Bearer `: a key as `PC….pcs…` (id, a point, secret), or the token of a session.
    ///
    /// # Errors
    /// [`AccessError::Throttled`]; [`AccessError::Denied`] with `BadSecret` for everything that is not known, or what the
    /// policy says of the key or session itself; [`AccessError::Metadata`], [`AccessError::Unavailable`].
    pub async fn authenticate_bearer(
        &self,
        origin: Origin<'_>,
        token: &str,
    ) -> Result<Principal, AccessError> {
        self.heard()?;
        match token.split_once('.') {
            Some((id, secret)) => self.bearer_key(&origin, id, secret),
            None => self.bearer_session(&origin, token).await,
        }
    }

    fn bearer_key(&self, origin: &Origin<'_>, id: &str, secret: &str) -> Result<Principal, AccessError> {
        let (inner, now) = (self.inner(), self.now());
        let attempt = inner.throttle.attempt(origin.peer, "key", id);
        let has_failed = inner.throttle.admit(&attempt, now).map_err(throttled)?;
        let refuse = |suspect, found| self.refuse_stranger(origin, suspect, found, Denial::BadSecret);
        // A secret has a checksum: what does not fit it was mistyped or cut off, and is no guess at any key.
        let secret = Secret::parse(secret).map_err(|_| refuse(self.suspect(id), Denial::BadSecret))?;
        let presented = hash_of(secret.reveal());
        let entry = match self.entry_with_hash(id) {
            Ok((entry, stored)) if presented.ct_eq(&stored).into() => entry,
            Ok((entry, _)) => {
                inner.throttle.failed(&attempt, now);
                return Err(refuse(Suspect::key(&entry.key), Denial::BadSecret));
            }
            Err(found) => {
                inner.throttle.admit_unknown(&attempt, now).map_err(throttled)?;
                inner.throttle.failed(&attempt, now);
                return Err(refuse(self.suspect(id), found));
            }
        };
        if has_failed {
            inner.throttle.succeeded(&attempt);
        }
        self.alive(entry_principal(&entry, None, origin), now)
    }

    /// The key with this id, if its secret is one to be shown. The secret of an S3 key is not: it never travels, and
    /// typed here it opens nothing.
    fn entry_with_hash(&self, id: &str) -> Result<(Arc<KeyEntry>, [u8; 32]), Denial> {
        let entry = self.inner().directory.by_credential(id).ok_or(Denial::UnknownKey)?;
        match (entry.key.state, &entry.stored) {
            (KeyState::Deleted, _) => Err(Denial::Policy(DenyReason::KeyDeleted)),
            (KeyState::Active, StoredSecret::Hash(hash)) => {
                let hash = *hash;
                Ok((entry, hash))
            }
            (KeyState::Active, StoredSecret::Sealed(_) | StoredSecret::None) => {
                Err(Denial::WrongCredentialKind)
            }
        }
    }

    async fn bearer_session(&self, origin: &Origin<'_>, token: &str) -> Result<Principal, AccessError> {
        let (inner, now) = (self.inner(), self.now());
        let attempt = inner.throttle.attempt(origin.peer, "session", token);
        // A session that ends while it is looked up must not be taken for alive: then it is looked up again.
        for _ in 0..3 {
            let ended = inner.directory.sessions_ended();
            let session = match Secret::parse(token) {
                Ok(token) => inner.metadata.session_by_token(&hash_of(token.reveal())).await?,
                Err(_) => None,
            };
            let user = session.as_ref().and_then(|session| inner.directory.user(session.user));
            let (Some(session), Some(user)) = (session, user) else {
                inner.throttle.admit_unknown(&attempt, now).map_err(throttled)?;
                inner.throttle.failed(&attempt, now);
                return Err(self.refuse_stranger(
                    origin,
                    Suspect::nobody(),
                    Denial::BadSecret,
                    Denial::BadSecret,
                ));
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

fn entry_principal(entry: &KeyEntry, narrowing: Option<Narrowing>, origin: &Origin<'_>) -> Principal {
    let who = Who::Key { id: entry.key.id, credential: entry.key.credential, owner: entry.owner() };
    Principal::narrowed(who, narrowing, entry.key.site, origin)
}

fn time_denial(error: &TimeError) -> Denial {
    match error {
        TimeError::TooSkewed { now, .. } => Denial::TimeSkew { server: Timestamp::from_seconds(*now) },
        TimeError::NotYetValid { .. } => Denial::NotYetValid,
        TimeError::Expired { expires_at, .. } => {
            Denial::RequestExpired { at: Timestamp::from_seconds(*expires_at) }
        }
    }
}
