//! From a user name and a secret, or a public key of SSH, to a principal: protocols that know no signatures.
//!
//! A generated secret is told from a chosen one by its form, which no chosen one may have. It is compared at once; a chosen one is
//! stretched first. Strangers who send what could be a chosen one always wait for the same: two stretchings, whether there is such a
//! name, and whatever it has or had for secrets. All refusals are alike.

use std::sync::Arc;

use portcullis_domain::{Secret, SshPublicKey, Timestamp};
use portcullis_metadata::StoredSecret;

use crate::audit::Suspect;
use crate::authenticate::{entry_principal, shown_principal, throttled};
use crate::bearer::{told, why_not};
use crate::directory::{Generation, KeyEntry, Name, Pair};
use crate::principal::{Origin, Principal};
use crate::proofs::Digest;
use crate::session::LONGEST_PASSWORD;
use crate::{Access, AccessError, Denial};

/// Stretchings that everybody who is refused has waited for.
const SLOTS: usize = 2;

/// Somebody who tries to come in with what could be a chosen secret.
struct Visitor<'a> {
    origin: &'a Origin<'a>,
    /// The key of that name.
    entry: Option<(Arc<KeyEntry>, Name)>,
    secret: &'a Secret,
    digest: Digest,
}

/// A stretched secret of a key, and whether it works or is only remembered.
struct Candidate {
    generation: Generation,
    phc: String,
    works: bool,
}

impl Access {
    /// Authenticates a key by its user name, which is its public half or a name that was chosen for it, and its secret.
    ///
    /// # Errors
    /// [`AccessError::Throttled`]; [`AccessError::Denied`] with `BadSecret` for everything that is not known, and on the channels for files
    /// for whatever the policy says of the key; [`AccessError::Unavailable`].
    pub async fn authenticate_password(
        &self,
        origin: Origin<'_>,
        name: &str,
        secret: &Secret,
    ) -> Result<Principal, AccessError> {
        self.heard()?;
        let found = match Secret::parse(secret.reveal()) {
            Ok(generated) => self.by_secret(&origin, (name, Name::parse(name)), generated.reveal()),
            Err(_) => self.by_chosen(&origin, name, secret).await,
        };
        found.map_err(|error| told(origin.channel, error))
    }

    async fn by_chosen(
        &self,
        origin: &Origin<'_>,
        text: &str,
        secret: &Secret,
    ) -> Result<Principal, AccessError> {
        let (inner, now) = (self.inner(), self.now());
        let name = Name::parse(text);
        let attempt = self.attempt(origin, text, name.as_ref());
        let has_failed = inner.throttle.admit(&attempt, now).map_err(throttled)?;
        let entry = name.and_then(|name| Some((inner.directory.named(origin.channel, &name, now)?, name)));
        let digest = inner.prover.digest(entry.as_ref().map(|(entry, _)| entry.key.id), secret);
        let visitor = Visitor { origin, entry, secret, digest };
        if let Some(who) = visitor.known(self, now) {
            return self.let_in(who, &attempt, has_failed, now);
        }
        let _lane = inner.prover.lane(&visitor.digest).await;
        if let Some(who) = visitor.known(self, self.now()) {
            return self.let_in(who, &attempt, has_failed, now);
        }
        // Also for names that there are: otherwise the refusal would tell which. Whose secret came from there lately is not stopped by the
        // guesses of a neighbour.
        if !visitor.has_come_from_there() {
            inner.throttle.admit_unknown(&attempt, now).map_err(throttled)?;
        }
        let _place = inner.passwords.queue()?;
        let mut remembered = None;
        let mut refused = None;
        let candidates = visitor.candidates(now);
        for slot in 0..SLOTS {
            let candidate = candidates.get(slot);
            let phc = candidate.map(|candidate| candidate.phc.as_str());
            let right = inner.passwords.verify(phc, visitor.text()).await?;
            let (Some(candidate), Some((entry, _)), true) = (candidate, &visitor.entry, right) else {
                continue;
            };
            if !candidate.works {
                remembered = Some(candidate.generation);
            } else if refused.is_none() {
                let (now, generation) = (self.now(), candidate.generation);
                let who = entry_principal(entry, generation, None, origin);
                match self.let_in(who, &attempt, has_failed, now) {
                    Ok(who) => {
                        entry.proofs.keep(generation, visitor.digest, origin.peer, now);
                        return Ok(who);
                    }
                    // They wait as long as those who are wrong: the time would tell that they are right.
                    Err(error) => refused = Some(error),
                }
            }
        }
        if let Some(error) = refused {
            return Err(error);
        }
        inner.throttle.failed(&attempt, self.now());
        let (suspect, found) = match (&visitor.entry, remembered) {
            (None, _) => (self.suspect(text), Denial::UnknownKey),
            (Some((entry, _)), Some(generation)) => {
                (Suspect { generation, proved: true, ..Suspect::key(&entry.key) }, Denial::OldSecret)
            }
            (Some((entry, name)), None) => (Suspect::key(&entry.key), why_not(entry, name, false, now)),
        };
        Err(self.refuse_stranger(origin, suspect, found, Denial::BadSecret))
    }

    /// Authenticates a key by its user name and a public key that was registered with it. That the client has the private half was
    /// verified before by whoever calls.
    ///
    /// # Errors
    /// As [`Access::authenticate_password`].
    pub fn authenticate_public_key(
        &self,
        origin: Origin<'_>,
        name: &str,
        shown: &SshPublicKey,
    ) -> Result<Principal, AccessError> {
        self.heard()?;
        let (inner, now) = (self.inner(), self.now());
        let named = Name::parse(name);
        let canonical = named.as_ref().map(ToString::to_string);
        // Counted apart from secrets: clients show one public key after the other.
        let attempt = inner.throttle.attempt(origin.peer, "ssh", canonical.as_deref().unwrap_or(name));
        let has_failed = inner.throttle.admit(&attempt, now).map_err(throttled)?;
        let entry =
            named.and_then(|named| Some((inner.directory.named(origin.channel, &named, now)?, named)));
        if let Some((entry, named)) = &entry
            && entry.key.public_keys.contains(shown)
            && entry.working(named, now).next().is_some()
        {
            let who = shown_principal(entry, shown, &origin);
            let let_in = self.let_in(who, &attempt, has_failed, now);
            return let_in.map_err(|error| told(origin.channel, error));
        }
        inner.throttle.admit_unknown(&attempt, now).map_err(throttled)?;
        inner.throttle.failed(&attempt, now);
        let (suspect, found) = match &entry {
            None => (self.suspect(name), Denial::UnknownKey),
            Some((entry, named)) => (Suspect::key(&entry.key), why_not(entry, named, false, now)),
        };
        Err(self.refuse_stranger(&origin, suspect, found, Denial::BadSecret))
    }
}

impl Visitor<'_> {
    /// Who it is, if this very secret was right a moment ago and they may still do something.
    fn known(&self, access: &Access, now: Timestamp) -> Option<Principal> {
        let (entry, name) = self.entry.as_ref()?;
        let generation = entry.proofs.of(&self.digest, now)?;
        entry.working(name, now).find(|pair| pair.generation == generation)?;
        let who = entry_principal(entry, generation, None, self.origin);
        access.inner().directory.alive(&who, now).is_ok().then_some(who)
    }

    fn has_come_from_there(&self) -> bool {
        self.entry.as_ref().is_some_and(|(entry, _)| entry.proofs.came_from(self.origin.peer))
    }

    /// The stretched secrets that it could be: those that work, the latest first, then one that is only remembered.
    fn candidates(&self, now: Timestamp) -> Vec<Candidate> {
        let Some((entry, name)) = &self.entry else { return Vec::new() };
        let stretched = |pair: Pair<'_>, works| match pair.stored {
            StoredSecret::Stretched(phc) => {
                Some(Candidate { generation: pair.generation, phc: phc.clone(), works })
            }
            StoredSecret::Hash(_) | StoredSecret::Sealed(_) | StoredSecret::None => None,
        };
        let working = entry.working(name, now).filter_map(|pair| stretched(pair, true));
        let remembered = entry.remembered(name, now).and_then(|pair| stretched(pair, false));
        working.chain(remembered).take(SLOTS).collect()
    }

    /// What is stretched; no chosen secret is longer.
    fn text(&self) -> &str {
        let text = self.secret.reveal();
        if text.len() > LONGEST_PASSWORD { "" } else { text }
    }
}
