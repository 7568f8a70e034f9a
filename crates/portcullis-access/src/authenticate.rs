//! From what a request presents to a principal: signatures of S3.
//!
//! The order is always the same: may this pair of address and credential try, is the credential known, is the request of
//! this time, is the secret right, and only then what the policy says of the key. An unknown key costs the same work as a
//! known one, and only a holder of the secret learns that a key is expired or bound to another network.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{CredentialId, DenyReason, KeyState, Narrowing, SshPublicKey, Timestamp};
use portcullis_metadata::StoredSecret;
use portcullis_sigv4::{
    AmzDate, ChunkVerifier, Presented, PresentedPolicy, Scope, Seed, SignatureMismatch, SigningKey, TimeError,
};
use sha2::{Digest as _, Sha256};

use crate::audit::Suspect;
use crate::directory::{Generation, KeyEntry};
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
        let signer = match self.signer(id, session_token, now) {
            Ok(signer) => signer,
            Err((found, told)) => {
                inner.throttle.admit_unknown(&attempt, now).map_err(throttled)?;
                let (suspect, found) = self.suspect_of_signature(presented, found, now);
                inner.throttle.failed(&attempt, now);
                return Err(self.refuse_stranger(origin, suspect, found, told));
            }
        };
        let Signer { entry, pairs, claims } = signer;
        presented.check_time(now.seconds()).map_err(|error| {
            let suspect = Suspect { detail: skew(&error), ..Suspect::key(&entry.key) };
            let denial = time_denial(&error);
            self.refuse_stranger(origin, suspect, denial, denial)
        })?;
        let scope = presented.scope();
        if let Some(claims) = claims {
            let key = SigningKey::derive(claims.secret.reveal().as_bytes(), scope);
            if let Ok(proof) = presented.verify(&key) {
                if has_failed {
                    inner.throttle.succeeded(&attempt);
                }
                let who = entry_principal(&entry, claims.generation, Some(claims.narrowing), origin);
                return Ok((self.alive(who, now)?, key, proof));
            }
            inner.throttle.failed(&attempt, now);
            let suspect = Suspect::key(&entry.key);
            return Err(self.refuse_stranger(origin, suspect, Denial::BadSignature, Denial::BadSignature));
        }
        for (generation, sealed) in &pairs {
            let (key, is_new) = match entry.signing_key(*generation, scope) {
                Some(known) => (known, false),
                None => (self.derive(&entry, sealed, scope)?, true),
            };
            let Ok(proof) = presented.verify(&key) else { continue };
            if is_new {
                entry.keep_signing_key(*generation, *scope, key.clone());
            }
            if has_failed {
                inner.throttle.succeeded(&attempt);
            }
            let who = entry_principal(&entry, *generation, None, origin);
            return Ok((self.alive(who, now)?, key, proof));
        }
        let (suspect, found) = self.suspect_of_signature(presented, Denial::BadSignature, now);
        inner.throttle.failed(&attempt, now);
        Err(self.refuse_stranger(origin, suspect, found, Denial::BadSignature))
    }

    /// The key that signs under this id, itself or through temporary credentials of it; otherwise what to write down and what
    /// to tell.
    fn signer(
        &self,
        id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Signer, (Denial, Denial)> {
        let Some(token) = session_token else {
            let (entry, pairs) =
                self.entry_that_signs(id, now).map_err(|found| (found, Denial::UnknownKey))?;
            return Ok(Signer { entry, pairs, claims: None });
        };
        let bad = (Denial::BadSessionToken, Denial::BadSessionToken);
        let claims = self.claims(token).filter(|claims| claims.access_key.as_str() == id).ok_or(bad)?;
        // The key is found by the credential it had then: if that no longer works, or the key was deleted, it gives nothing more.
        let signs = self.entry_that_signs(claims.credential.as_str(), now);
        let (entry, pairs) = signs.map_err(|found| (found, Denial::UnknownKey))?;
        if entry.key.id != claims.key {
            return Err(bad);
        }
        if !pairs.iter().any(|(generation, _)| *generation == claims.generation) {
            return Err((Denial::Policy(DenyReason::CredentialsReplaced), Denial::UnknownKey));
        }
        Ok(Signer { entry, pairs: Vec::new(), claims: Some(claims) })
    }

    /// The key with this id and those of its credentials that can sign; otherwise what to write down.
    fn entry_that_signs(&self, id: &str, now: Timestamp) -> Result<(Arc<KeyEntry>, SealedPairs), Denial> {
        let credential = CredentialId::parse(id).map_err(|_| Denial::UnknownKey)?;
        let entry = self.inner().directory.by_credential(credential).ok_or(Denial::UnknownKey)?;
        if entry.key.state == KeyState::Deleted {
            return Err(Denial::Policy(DenyReason::KeyDeleted));
        }
        let mut found = Denial::Policy(DenyReason::CredentialsReplaced);
        let mut pairs = SealedPairs::new();
        for pair in entry.working(&credential.into(), now) {
            match pair.stored {
                StoredSecret::Sealed(sealed) => pairs.push((pair.generation, sealed.clone())),
                StoredSecret::Hash(_) | StoredSecret::Stretched(_) | StoredSecret::None => {
                    found = Denial::WrongCredentialKind;
                }
            }
        }
        if pairs.is_empty() { Err(found) } else { Ok((entry, pairs)) }
    }

    /// Opens a secret for as long as it takes to derive a signing key.
    fn derive(&self, entry: &KeyEntry, sealed: &[u8], scope: &Scope) -> Result<SigningKey, AccessError> {
        match self.unseal(Purpose::KeySecret(entry.key.id), sealed) {
            Ok(secret) => Ok(SigningKey::derive(&secret, scope)),
            Err(NotOpened) => {
                tracing::error!(key = %entry.key.id, "the sealed secret of this key does not open: damaged, or sealed under another master key");
                Err(AccessError::Unavailable)
            }
        }
    }

    /// Who a signature that opens nothing is from, and what to write down of it: a holder of a secret that the key once had is
    /// told from somebody who only knows its id. It is the same work for every id there may be, so that its time tells nothing.
    fn suspect_of_signature<S: Signed>(
        &self,
        presented: &S,
        found: Denial,
        now: Timestamp,
    ) -> (Suspect, Denial) {
        let id = presented.access_key_id();
        let credential = CredentialId::parse(id).ok();
        let entry = credential.and_then(|id| self.inner().directory.by_credential(id));
        let old = entry.as_deref().zip(credential).and_then(|(entry, credential)| {
            let pair = entry.remembered(&credential.into(), now)?;
            match pair.stored {
                StoredSecret::Sealed(sealed) => {
                    Some((Purpose::KeySecret(entry.key.id), sealed, pair.generation))
                }
                StoredSecret::Hash(_) | StoredSecret::Stretched(_) | StoredSecret::None => None,
            }
        });
        let (purpose, sealed) =
            old.map_or((Purpose::Nobody, &self.inner().nobody), |(purpose, sealed, _)| (purpose, sealed));
        let verified = self.unseal(purpose, sealed).is_ok_and(|secret| {
            let key = SigningKey::derive(&secret, presented.scope());
            presented.verify(&key).is_ok()
        });
        let suspect = entry.as_deref().map_or_else(|| self.suspect(id), |entry| Suspect::key(&entry.key));
        match old {
            Some((.., generation)) if verified => {
                (Suspect { generation, proved: true, ..suspect }, Denial::OldSecret)
            }
            Some(_) | None => (suspect, found),
        }
    }
}

/// A key, and with what a request in its name may be signed.
struct Signer {
    entry: Arc<KeyEntry>,
    /// Its own credentials, unless the request came with others.
    pairs: SealedPairs,
    /// Temporary credentials.
    claims: Option<Claims>,
}

type SealedPairs = Vec<(Generation, Vec<u8>)>;

pub(crate) fn entry_principal(
    entry: &KeyEntry,
    generation: Generation,
    narrowing: Option<Narrowing>,
    origin: &Origin<'_>,
) -> Principal {
    let who = Who::Key { id: entry.key.id, generation, owner: entry.owner() };
    Principal::narrowed(who, narrowing, entry.key.site, origin)
}

/// The principal of a key whose holder showed a public key.
pub(crate) fn shown_principal(entry: &KeyEntry, shown: &SshPublicKey, origin: &Origin<'_>) -> Principal {
    let who = Who::Key { id: entry.key.id, generation: entry.key.generation, owner: entry.owner() };
    Principal::showing(who, shown, entry.key.site, origin)
}

/// By how much a request is not of now.
fn skew(error: &TimeError) -> String {
    let of = |request: &AmzDate, now: i64| format!("skew_seconds={}", request.unix().saturating_sub(now));
    match error {
        TimeError::TooSkewed { request, now } | TimeError::NotYetValid { request, now } => of(request, *now),
        TimeError::Expired { expires_at, now } => format!("late_seconds={}", now.saturating_sub(*expires_at)),
    }
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
