//! What of a provider must not stand in an address: its secret, between the steps of the wizard.
//!
//! It stays in this process, for a quarter of an hour at most, for the session that typed it and no other; the page only carries a
//! name of chance for it. When it is gone, the page asks for it again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_control::{Step, new_once_token};
use portcullis_domain::{Secret, SessionId, Timestamp};

use super::super::error::PanelError;

/// How long a secret is kept after it was typed.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// As many are kept for one session, and in all; the oldest makes room.
const PER_SESSION: usize = 8;
const MOST: usize = 256;
/// The longest that is kept, in bytes: what is longer than a secret may be is refused further on.
const LONGEST: usize = 2_048;
/// Length of a name: 128 bits in hexadecimal digits.
const NAME: usize = 32;

/// What the last test with a secret found.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// A fingerprint of what was tested.
    pub(super) of: String,
    pub(super) steps: Vec<Step>,
}

struct Kept {
    name: String,
    session: SessionId,
    until: Timestamp,
    secret: Secret,
    trial: Option<Trial>,
}

/// The secrets that are kept, the oldest first. Each is wiped when it goes.
#[derive(Default)]
pub(crate) struct KeptSecrets(Mutex<Vec<Kept>>);

impl std::fmt::Debug for KeptSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptSecrets").finish_non_exhaustive()
    }
}

impl KeptSecrets {
    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of those whose time is over.
    pub(crate) fn tidy(&self, now: Timestamp) {
        self.lock().retain(|kept| kept.until > now);
    }

    /// Keeps a secret, in place of the one with this name if that is the session's, and says what it is called now.
    pub(super) fn keep(
        &self,
        session: SessionId,
        instead_of: &str,
        secret: &str,
        now: Timestamp,
    ) -> Result<String, PanelError> {
        let name: String = new_once_token()?.chars().take(NAME).collect();
        let end = (0..=secret.len().min(LONGEST)).rev().find(|end| secret.is_char_boundary(*end));
        let secret = Secret::foreign(secret.get(..end.unwrap_or(0)).unwrap_or_default().to_owned());
        let kept = Kept { name: name.clone(), session, until: now.after(LIFE), secret, trial: None };
        let mut all = self.lock();
        all.retain(|kept| kept.until > now && !(kept.session == session && kept.name == instead_of));
        if all.iter().filter(|kept| kept.session == session).count() >= PER_SESSION
            && let Some(oldest) = all.iter().position(|kept| kept.session == session)
        {
            all.remove(oldest);
        }
        if all.len() >= MOST {
            all.remove(0);
        }
        all.push(kept);
        Ok(name)
    }

    /// The secret with this name, if it is the session's and still there.
    pub(super) fn secret(&self, session: SessionId, name: &str, now: Timestamp) -> Option<Secret> {
        self.find(session, name, now, |kept| kept.secret.clone())
    }

    /// What the last test found, if it was of the same.
    pub(super) fn trial(
        &self,
        session: SessionId,
        name: &str,
        of: &str,
        now: Timestamp,
    ) -> Option<Vec<Step>> {
        let trial = self.find(session, name, now, |kept| kept.trial.clone()).flatten()?;
        (trial.of == of).then_some(trial.steps)
    }

    /// Notes what a test found.
    pub(super) fn note(&self, session: SessionId, name: &str, trial: Trial) {
        let mut all = self.lock();
        if let Some(kept) = all.iter_mut().find(|kept| kept.session == session && kept.name == name) {
            kept.trial = Some(trial);
        }
    }

    /// Lets go of a secret that has done its work.
    pub(super) fn forget(&self, session: SessionId, name: &str) {
        self.lock().retain(|kept| !(kept.session == session && kept.name == name));
    }

    fn find<T>(
        &self,
        session: SessionId,
        name: &str,
        now: Timestamp,
        take: impl FnOnce(&Kept) -> T,
    ) -> Option<T> {
        let all = self.lock();
        let is_it = |kept: &&Kept| kept.session == session && kept.until > now && kept.name == name;
        all.iter().find(is_it).map(take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2027-01-31T18:00:00Z".parse().unwrap()
    }

    fn text(kept: &KeptSecrets, session: SessionId, name: &str, now: Timestamp) -> Option<String> {
        kept.secret(session, name, now).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn a_secret_is_for_its_session_and_a_quarter_of_an_hour() {
        let (kept, ours, theirs) = (KeptSecrets::default(), SessionId::generate(), SessionId::generate());
        let name = kept.keep(ours, "", "hush", now()).unwrap();
        assert_eq!(name.len(), NAME);
        assert_eq!(text(&kept, ours, &name, now()).as_deref(), Some("hush"));
        assert_eq!(text(&kept, theirs, &name, now()), None);
        assert_eq!(text(&kept, ours, "", now()), None);
        assert_eq!(text(&kept, ours, &name, now().after(LIFE)), None);
        kept.tidy(now().after(LIFE));
        assert!(kept.lock().is_empty());
        assert!(!format!("{kept:?}").contains("hush"));
    }

    #[test]
    fn another_takes_its_place_and_nobody_elses() {
        let (kept, ours, theirs) = (KeptSecrets::default(), SessionId::generate(), SessionId::generate());
        let first = kept.keep(ours, "", "one", now()).unwrap();
        let foreign = kept.keep(theirs, &first, "two", now()).unwrap();
        assert!(kept.secret(ours, &first, now()).is_some());
        let second = kept.keep(ours, &first, "three", now()).unwrap();
        assert_eq!(text(&kept, ours, &first, now()), None);
        assert_eq!(kept.lock().len(), 2);
        kept.forget(ours, &foreign);
        kept.forget(ours, &second);
        assert_eq!(text(&kept, theirs, &foreign, now()).as_deref(), Some("two"));
        assert_eq!(kept.lock().len(), 1);
    }

    #[test]
    fn there_is_a_most() {
        let kept = KeptSecrets::default();
        let ours = SessionId::generate();
        let first = kept.keep(ours, "", "first", now()).unwrap();
        for _ in 0..PER_SESSION {
            kept.keep(ours, "", "more", now()).unwrap();
        }
        assert_eq!(text(&kept, ours, &first, now()), None);
        assert_eq!(kept.lock().len(), PER_SESSION);
        for _ in 0..MOST {
            kept.keep(SessionId::generate(), "", &"ä".repeat(LONGEST), now()).unwrap();
        }
        assert_eq!(kept.lock().len(), MOST);
        assert!(kept.lock().iter().all(|kept| kept.secret.reveal().len() <= LONGEST));
    }

    #[test]
    fn a_finding_is_of_what_was_tested() {
        let (kept, ours) = (KeptSecrets::default(), SessionId::generate());
        let name = kept.keep(ours, "", "hush", now()).unwrap();
        kept.note(ours, &name, Trial { of: "one".to_owned(), steps: Vec::new() });
        assert!(kept.trial(ours, &name, "one", now()).is_some());
        assert!(kept.trial(ours, &name, "other", now()).is_none());
        assert!(kept.trial(SessionId::generate(), &name, "one", now()).is_none());
        let next = kept.keep(ours, &name, "new", now()).unwrap();
        assert!(kept.trial(ours, &next, "one", now()).is_none());
    }
}
