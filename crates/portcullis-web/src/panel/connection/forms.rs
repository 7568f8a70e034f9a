//! The small forms, as connections and credentials both have them.

use portcullis_control::FieldProblem;
use portcullis_domain::{DisplayName, Permission};

use super::super::fields::{Faults, Fields};
use super::super::seen::Seen;
use super::super::{labels, words};
use super::subject::seen;

/// The form for a name.
#[derive(Debug)]
pub(super) struct NameForm {
    pub(super) action: String,
    pub(super) value: String,
    pub(super) faults: Faults,
    pub(super) seen: Seen,
    pub(super) of_key: bool,
}

/// One permission to choose.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) value: Permission,
    pub(super) name: &'static str,
    pub(super) detail: &'static str,
    pub(super) is_chosen: bool,
}

/// The form for a permission.
#[derive(Debug)]
pub(super) struct PermissionForm {
    pub(super) action: String,
    pub(super) choices: Vec<Choice>,
    pub(super) faults: Faults,
    pub(super) seen: Seen,
    pub(super) of_key: bool,
    /// How many credentials can be changed along with it.
    pub(super) followers: u64,
    pub(super) seen_followers: Seen,
    /// Whether they are to be.
    pub(super) also: bool,
}

/// What became of a form.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The change is made.
    Done,
    /// What the form shows has changed since it was made; nothing was done.
    Stale,
    /// It cannot be.
    Invalid(Vec<FieldProblem>),
}

impl Outcome {
    /// What is wrong with the field: what the verb says, or that it was changed by somebody else.
    pub(super) fn faults(self, field: &str, stale: impl FnOnce() -> String) -> Faults {
        match self {
            Self::Done => Faults::default(),
            Self::Stale => Faults::from(vec![FieldProblem::new(field, stale())]),
            Self::Invalid(problems) => Faults::from(problems),
        }
    }
}

impl NameForm {
    pub(super) fn new(action: String, name: &DisplayName, of_key: bool) -> Self {
        let (value, seen) = (name.to_string(), seen(name));
        Self { action, value, faults: Faults::default(), seen, of_key }
    }

    /// The form with what was typed, and why that was not done.
    pub(super) fn after(mut self, form: &Fields, outcome: Outcome) -> Self {
        let now = std::mem::replace(&mut self.value, form.get("name").chars().take(1_000).collect());
        self.faults = outcome.faults("name", || words::fill("details.stale.name", &[&now]));
        self
    }
}

impl PermissionForm {
    /// The form for a connection's permission, with the number of credentials that can follow and how they are; for one pair of
    /// credentials without.
    pub(super) fn new(action: String, chosen: Permission, followers: Option<(usize, Seen)>) -> Self {
        let of_key = followers.is_none();
        let (count, seen_followers) = followers.unwrap_or_default();
        Self {
            action,
            choices: choices(chosen, of_key),
            faults: Faults::default(),
            seen: seen(&chosen),
            of_key,
            followers: u64::try_from(count).unwrap_or(u64::MAX),
            seen_followers,
            also: true,
        }
    }

    /// The form with what was chosen, and why that was not done.
    pub(super) fn after(mut self, form: &Fields, outcome: Outcome) -> Self {
        let now = self.choices.iter().find(|choice| choice.is_chosen).map_or("", |choice| choice.name);
        self.faults = outcome.faults("permission", || words::fill("details.stale.permission", &[&now]));
        for choice in &mut self.choices {
            choice.is_chosen = choice.value.as_str() == form.get("permission");
        }
        self.also = form.has("also");
        self
    }
}

fn choices(chosen: Permission, of_key: bool) -> Vec<Choice> {
    let none = if of_key { words::text("rights.none.key.detail") } else { words::text("rights.none.detail") };
    [
        (Permission::Read, words::text("rights.read.detail")),
        (Permission::Write, words::text("rights.write.detail")),
        (Permission::ReadWrite, words::text("rights.read_write.detail")),
        (Permission::None, none),
    ]
    .into_iter()
    .map(|(value, detail)| Choice {
        value,
        name: labels::permission(value),
        detail,
        is_chosen: value == chosen,
    })
    .collect()
}
