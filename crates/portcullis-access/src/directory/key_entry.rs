//! A key in memory, with the credentials that it had before and the signing keys that were derived of them.

use std::fmt;
use std::sync::Mutex;

use portcullis_domain::{CredentialId, Key, KeyState, LoginName, Scope, Timestamp, UserId};
use portcullis_metadata::{RetiredSecret, StoredSecret};
use portcullis_sigv4::SigningKey;

use crate::lock::locked;
use crate::proofs::Proofs;

/// Signing keys that are kept of one key: clients use one region, two days around midnight, and two secrets at times.
const SIGNING_KEYS: usize = 4;

/// A key with what is stored of its secrets.
pub(crate) struct KeyEntry {
    pub(crate) key: Key,
    stored: StoredSecret,
    /// The latest first.
    retired: Vec<RetiredSecret>,
    signing: Mutex<Vec<(Generation, portcullis_sigv4::Scope, SigningKey)>>,
    /// Chosen secrets that were right a moment ago.
    pub(crate) proofs: Proofs,
}

/// What a caller says a key is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// The public half of its credentials.
    Credential(CredentialId),
    /// What somebody chose; on one channel.
    Login(LoginName),
}

impl Name {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let id = CredentialId::parse(text).map(Self::Credential);
        id.ok().or_else(|| LoginName::parse(text).map(Self::Login).ok())
    }

    fn is_of(&self, credential: CredentialId, login: Option<&LoginName>) -> bool {
        match self {
            Self::Credential(own) => *own == credential,
            Self::Login(own) => Some(own) == login,
        }
    }
}

impl From<CredentialId> for Name {
    fn from(id: CredentialId) -> Self {
        Self::Credential(id)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(id) => id.fmt(f),
            Self::Login(login) => login.fmt(f),
        }
    }
}

/// Which of a key's credentials.
pub(crate) type Generation = u32;

/// One of the credentials of a key.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) generation: Generation,
    pub(crate) stored: &'a StoredSecret,
}

impl KeyEntry {
    pub(crate) fn new(key: Key, stored: StoredSecret, retired: Vec<RetiredSecret>) -> Self {
        Self { key, stored, retired, signing: Mutex::new(Vec::new()), proofs: Proofs::default() }
    }

    /// The credentials of this name that work now, the present ones first.
    pub(crate) fn working<'a>(&'a self, name: &'a Name, now: Timestamp) -> impl Iterator<Item = Pair<'a>> {
        let alive = self.key.state == KeyState::Active;
        let present = (alive && self.is_called(name))
            .then_some(Pair { generation: self.key.generation, stored: &self.stored });
        let earlier = self
            .retired
            .iter()
            .filter(move |old| alive && name.is_of(old.credential, old.login.as_ref()) && old.works(now))
            .map(Pair::from);
        present.into_iter().chain(earlier)
    }

    /// Whether its present credentials have this name.
    pub(super) fn is_called(&self, name: &Name) -> bool {
        name.is_of(self.key.credential, self.key.login.as_ref())
    }

    /// The latest credentials of this name that no longer work and whose secret is still known.
    pub(crate) fn remembered(&self, name: &Name, now: Timestamp) -> Option<Pair<'_>> {
        let dead = |old: &&RetiredSecret| {
            let named = name.is_of(old.credential, old.login.as_ref());
            named && !old.works(now) && old.stored != StoredSecret::None
        };
        self.retired.iter().find(dead).map(Pair::from)
    }

    /// The credentials of this name with which something that is shown is compared, and whether they work.
    pub(crate) fn tried<'a>(&'a self, name: &'a Name, now: Timestamp) -> Vec<(Pair<'a>, bool)> {
        let remembered = self.remembered(name, now).map(|pair| (pair, false));
        self.working(name, now).map(|pair| (pair, true)).chain(remembered).collect()
    }

    /// The present credentials, whether the key works or not.
    pub(crate) fn present(&self) -> Pair<'_> {
        Pair { generation: self.key.generation, stored: &self.stored }
    }

    /// All credentials that it has or had.
    pub(crate) fn known(&self) -> impl Iterator<Item = Pair<'_>> {
        std::iter::once(self.present()).chain(self.retired.iter().map(Pair::from))
    }

    /// Whether these credentials were replaced, as the policy takes it: when they stop, none for the present ones.
    pub(crate) fn replaced(&self, generation: Generation) -> Option<Timestamp> {
        if generation == self.key.generation {
            return None;
        }
        let old = self.retired.iter().find(|old| old.generation == generation);
        Some(old.filter(|old| !old.ended).map_or(Timestamp::default(), |old| old.until))
    }

    /// The public half of these credentials.
    pub(crate) fn credential(&self, generation: Generation) -> CredentialId {
        let old = self.retired.iter().find(|old| old.generation == generation);
        old.map_or(self.key.credential, |old| old.credential)
    }

    /// Every public half that the key has or had.
    pub(super) fn credentials(&self) -> impl Iterator<Item = CredentialId> {
        std::iter::once(self.key.credential).chain(self.retired.iter().map(|old| old.credential))
    }

    /// Every user name that it has or had.
    pub(super) fn logins(&self) -> impl Iterator<Item = &LoginName> {
        let earlier = self.retired.iter().filter_map(|old| old.login.as_ref());
        self.key.login.as_ref().into_iter().chain(earlier)
    }

    pub(crate) fn signing_key(
        &self,
        generation: Generation,
        scope: &portcullis_sigv4::Scope,
    ) -> Option<SigningKey> {
        let known = locked(&self.signing);
        known.iter().find(|(of, at, _)| *of == generation && at == scope).map(|(.., key)| key.clone())
    }

    /// Keeps a signing key that verified a request; the oldest makes room.
    pub(crate) fn keep_signing_key(
        &self,
        generation: Generation,
        scope: portcullis_sigv4::Scope,
        key: SigningKey,
    ) {
        let mut signing = locked(&self.signing);
        if signing.iter().any(|(of, known, _)| *of == generation && *known == scope) {
            return;
        }
        if signing.len() == SIGNING_KEYS {
            signing.remove(0);
        }
        signing.push((generation, scope, key));
    }

    pub(crate) fn owner(&self) -> Option<UserId> {
        match self.key.scope {
            Scope::User(id) => Some(id),
            Scope::Storage(_) | Scope::Site => None,
        }
    }

    pub(super) fn is_same(&self, key: &Key, stored: &StoredSecret, retired: &[RetiredSecret]) -> bool {
        self.key == *key && self.stored == *stored && self.retired == retired
    }
}

impl<'a> From<&'a RetiredSecret> for Pair<'a> {
    fn from(old: &'a RetiredSecret) -> Self {
        Self { generation: old.generation, stored: &old.stored }
    }
}

impl fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEntry").field("key", &self.key.id).finish_non_exhaustive()
    }
}
