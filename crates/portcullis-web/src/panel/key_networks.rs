//! Editing from where a key may be used, on the pages of all keys.

use http::StatusCode;
use portcullis_control::networks::{Clients, TrialChange, TrialView};
use portcullis_control::{ControlError, FieldProblem, KeyChange};
use portcullis_domain::{Channel, Key, KeyId};

use super::error::PanelError;
use super::fields::Fields;
use super::networks_editor::{Banner, Draft, Edit, Editor, Frame, Holder, Op, is_shown};
use super::visitor::Person;
use crate::app::App;
use crate::extract::Keeper;

/// Whose editor it is: a key, who looks after it, and what the page around it says.
pub(super) struct Whitelist<'a> {
    pub(super) app: &'a App,
    pub(super) keeper: &'a Keeper,
    pub(super) person: &'a Person,
    pub(super) key: KeyId,
    /// The path of the key's page.
    pub(super) path: String,
    /// The key's connection with its own list, if it has one.
    pub(super) holder: Holder,
}

/// What came of a press of a button.
pub(super) enum Edited {
    /// What was not saved is forgotten.
    Discarded,
    /// Something was stored; the name of the text that says so.
    Done(&'static str),
    /// The editor goes on, on a page with this status.
    Again(StatusCode, Box<Editor>),
}

/// The key as it is now, and who uses it.
struct Now {
    key: Key,
    clients: Clients,
    trial: Option<TrialView>,
}

impl Whitelist<'_> {
    async fn now(&self) -> Result<Now, PanelError> {
        let control = &self.app.control;
        let key = self.keeper.key(control, self.key).await?.key;
        let clients = self.keeper.clients(control, self.key).await?;
        let trial = self.keeper.trial(control, self.key).await?;
        Ok(Now { key, clients, trial })
    }

    fn frame(&self, key: &Key, trial: Option<&TrialView>) -> Frame {
        let chrome = &self.person.chrome;
        Frame {
            action: format!("{}/networks", self.path),
            csrf: chrome.csrf.clone(),
            now: chrome.now,
            own: self.person.peer,
            holder: self.holder.clone(),
            is_whitelist: key.channel != Channel::S3,
            trial: trial.map(|trial| Banner::new(trial, chrome.now)),
        }
    }

    fn stored(&self, now: &Now) -> Editor {
        let list = &now.key.networks;
        Editor::new(self.frame(&now.key, now.trial.as_ref()), Draft::stored(list), list, &now.clients)
    }

    /// The editor with the list as it is stored.
    pub(super) async fn show(&self) -> Result<Editor, PanelError> {
        Ok(self.stored(&self.now().await?))
    }

    /// Does what the pressed button says.
    pub(super) async fn edit(&self, form: &Fields) -> Result<Edited, PanelError> {
        let op = Op::parse(form.get("op"));
        match op {
            Op::Discard => return Ok(Edited::Discarded),
            Op::Close => {
                let off = KeyChange { permission: Some("none".to_owned()), ..KeyChange::default() };
                return self.change(&off, |_| true, "done.key_off").await.map(|done| match done {
                    Outcome::Done(word) => Edited::Done(word),
                    Outcome::Stale | Outcome::Invalid(_) => Edited::Discarded,
                });
            }
            Op::Enforce | Op::EndTrial => return self.trial(form, op).await,
            Op::Check
            | Op::Add
            | Op::Remove(_)
            | Op::Mine
            | Op::Take(_)
            | Op::Allow(_)
            | Op::Save
            | Op::Try => {}
        }
        loop {
            let now = self.now().await?;
            let stored = &now.key.networks;
            let edit = Edit::new(form, op, stored, &now.clients, self.person.peer);
            let (wanted, word) = if let Some(networks) = edit.to_store() {
                (Some(KeyChange { networks: Some(networks), ..KeyChange::default() }), "done.networks")
            } else {
                let begin = edit.to_try().map(TrialChange::Begin);
                (begin.map(|begin| KeyChange { trial: Some(begin), ..KeyChange::default() }), "done.trial")
            };
            let mut problem = None;
            if let Some(wanted) = wanted {
                match self.change(&wanted, |key| key.networks == *stored, word).await? {
                    Outcome::Done(word) => return Ok(Edited::Done(word)),
                    // Changed since the look a moment ago: another look sees that, and stores nothing.
                    Outcome::Stale => continue,
                    Outcome::Invalid(found) => problem = found,
                }
            }
            let (status, editor) = edit.show(self.frame(&now.key, now.trial.as_ref()), problem);
            return Ok(Edited::Again(status, Box::new(editor)));
        }
    }

    /// Ends what is tried out, or puts it in force if whom it would refuse was seen.
    async fn trial(&self, form: &Fields, op: Op) -> Result<Edited, PanelError> {
        let now = self.now().await?;
        let tried = now.key.trial.as_ref();
        let seen = now.trial.as_ref().is_some_and(|trial| is_shown(trial, form));
        let (trial, word) = match (op == Op::EndTrial, seen) {
            (true, _) => (TrialChange::End, "done.trial_ended"),
            (false, true) => (TrialChange::Enforce, "done.networks"),
            (false, false) => return Ok(self.not_enforced(&now, None)),
        };
        let wanted = KeyChange { trial: Some(trial), ..KeyChange::default() };
        let as_seen = |key: &Key| op == Op::EndTrial || key.trial.as_ref() == tried;
        match self.change(&wanted, as_seen, word).await? {
            Outcome::Done(word) => Ok(Edited::Done(word)),
            Outcome::Stale => Ok(self.not_enforced(&self.now().await?, None)),
            Outcome::Invalid(problem) => Ok(self.not_enforced(&now, problem)),
        }
    }

    /// The editor with how the trial is now, and why it was not put in force.
    fn not_enforced(&self, now: &Now, problem: Option<FieldProblem>) -> Edited {
        let mut editor = self.stored(now);
        editor.not_enforced(problem);
        Edited::Again(StatusCode::UNPROCESSABLE_ENTITY, Box::new(editor))
    }

    async fn change(
        &self,
        change: &KeyChange,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
        word: &'static str,
    ) -> Result<Outcome, PanelError> {
        match self.keeper.update_if(&self.app.control, self.key, change, is_as_seen).await {
            Ok(Some(changed)) => {
                self.person.chrome.note(changed.receipt);
                Ok(Outcome::Done(word))
            }
            Ok(None) => Ok(Outcome::Stale),
            Err(ControlError::Invalid(problems)) => Ok(Outcome::Invalid(problems.into_iter().next())),
            Err(error) => Err(error.into()),
        }
    }
}

/// What came of a change.
enum Outcome {
    Done(&'static str),
    Stale,
    Invalid(Option<FieldProblem>),
}
