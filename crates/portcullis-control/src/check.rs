//! Reads the fields of a draft, and remembers what is wrong with each.

use std::fmt::Display;
use std::str::FromStr;

use portcullis_domain::{InvalidNetwork, NetworkEntry, Networks};

use crate::networks::{self, Outcome};
use crate::{ControlError, FieldProblem, Result};

/// The longest text that is looked at in a field; longer ones are refused before anything is copied.
const MAX_TEXT: usize = 4096;

/// A network with a note, as somebody typed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkDraft {
    /// An address, a CIDR network or a range.
    pub network: String,
    /// What it is; may be empty.
    pub note: String,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Check(Vec<FieldProblem>);

impl Check {
    /// Notes a problem.
    pub(crate) fn problem(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldProblem::new(field, message));
    }

    /// Notes a problem if the condition does not hold.
    pub(crate) fn require(&mut self, holds: bool, field: &str, message: impl Into<String>) {
        if !holds {
            self.problem(field, message);
        }
    }

    /// The value of a field, or nothing and a problem noted.
    pub(crate) fn parse<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        if text.len() > MAX_TEXT {
            self.problem(field, "too long");
            return None;
        }
        self.noted(field, text.parse())
    }

    /// The value of a field that may be left out.
    pub(crate) fn parse_or<T>(&mut self, field: &str, text: Option<&str>, default: T) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        text.map_or(Some(default), |text| self.parse(field, text))
    }

    /// The value of a list of networks.
    pub(crate) fn networks(&mut self, drafts: &[NetworkDraft]) -> Option<Networks> {
        // Twice the longest list: the same network may be named more than once.
        if drafts.len() > 2 * Networks::MAX {
            self.problem("networks", format!("at most {} networks", Networks::MAX));
            return None;
        }
        let entries: Vec<_> = drafts
            .iter()
            .enumerate()
            .filter_map(|(at, draft)| {
                let entry = NetworkEntry::parse(&draft.network, &draft.note)
                    .map_err(|error| advice(draft, &error))
                    .and_then(|entry| networks::require_some(&entry.network).map(|()| entry));
                self.noted(&format!("networks[{at}]"), entry)
            })
            .collect();
        if entries.len() < drafts.len() {
            return None;
        }
        self.noted("networks", Networks::new(entries))
    }

    fn noted<T, E: Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.problem(field, error.to_string())).ok()
    }

    /// Notes the problems of something that stands inside, such as `accounts[3]`.
    pub(crate) fn inside(&mut self, place: &str, inner: Self) {
        let of =
            |problem: FieldProblem| FieldProblem { field: format!("{place}.{}", problem.field), ..problem };
        self.0.extend(inner.0.into_iter().map(of));
    }

    /// How many problems there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Everything that was read, if all of it was right.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T> {
        match read {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => Err(ControlError::Invalid(self.0)),
        }
    }
}

/// What is wrong with a network, and what was probably meant.
fn advice(draft: &NetworkDraft, error: &InvalidNetwork) -> String {
    match networks::read_one(&draft.network, "").outcome {
        Outcome::Refused(refusal) => refusal.to_string(),
        // It is the note, or a form that only the editor takes.
        Outcome::Accepted { .. } => error.to_string(),
    }
}

/// Puts what was read in its place; what could not be read was noted and is left as it was.
pub(crate) fn set<T>(place: &mut T, read: Option<T>) {
    if let Some(value) = read {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::Permission;

    #[test]
    fn every_problem_is_named() {
        let mut check = Check::default();
        let draft =
            |network: &str, note: &str| NetworkDraft { network: network.to_owned(), note: note.to_owned() };
        let networks =
            check.networks(&[draft("10.0.0.0/8", ""), draft("10.0.0.0/99", ""), draft("::1", "a\nb")]);
        assert_eq!(networks, None);
        assert_eq!(check.parse::<Permission>("permission", "all"), None);
        assert_eq!(check.parse::<Permission>("permission", &"x".repeat(5000)), None);
        let Err(ControlError::Invalid(problems)) = check.finish(Some(())) else { panic!("accepted") };
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["networks[1]", "networks[2]", "permission", "permission"]);
    }
}
