//! What was filled in: the fields of a form or of a query, and what is wrong with them.

use portcullis_control::FieldProblem;
use zeroize::Zeroize as _;

/// The most fields that are looked at.
const MOST: usize = 2_000;

/// Names and values in the order they came. Wiped when dropped: a password may be among them.
#[derive(Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`; what is not UTF-8 becomes a replacement character.
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().take(MOST).collect())
    }

    /// The first value of a field; empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The first value of a field that was filled in with more than white space, without that around it.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }

    /// Whether the field is there at all: a ticked box, a pressed button.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    /// Every field with its value.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All values of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}

/// What is wrong with a form, by field, for its page to show: a summary on top, and a message at each field.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<FieldProblem>);

impl Faults {
    pub(super) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldProblem::new(field, sentence(&message.into())));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The message for one field; the field's own message comes before that of a part of it (`networks[2]`).
    pub(super) fn at(&self, field: &str) -> Option<&str> {
        let own = self.0.iter().find(|fault| fault.field == field);
        let part = || {
            self.0.iter().find(|fault| {
                fault.field.strip_prefix(field).is_some_and(|rest| rest.starts_with(['[', '.']))
            })
        };
        own.or_else(part).map(|fault| fault.message.as_str())
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// All of them, for the summary.
    pub(super) fn iter(&self) -> impl Iterator<Item = &FieldProblem> {
        self.0.iter()
    }
}

/// The part of a field's name that is an id in the page: `networks` of `networks[2]`.
pub(super) fn anchor(field: &str) -> &str {
    field.split(['[', '.']).next().unwrap_or(field)
}

impl From<Vec<FieldProblem>> for Faults {
    fn from(problems: Vec<FieldProblem>) -> Self {
        let mut faults = Self::default();
        problems.into_iter().for_each(|problem| faults.add(problem.field, problem.message));
        faults
    }
}

/// A message with a capital letter and an end mark: in the API it is part of a line, on a page it stands by itself.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if message.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read() {
        let fields = Fields::parse(b"a=1&b=x+y%2B&a=2&empty=&space=+");
        assert_eq!(fields.get("a"), "1");
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.get("b"), "x y+");
        assert_eq!(
            (fields.filled("empty"), fields.filled("space"), fields.filled("none")),
            (None, None, None)
        );
        assert!(fields.has("empty") && !fields.has("none"));
    }

    #[test]
    fn a_fault_of_a_part_is_a_fault_of_the_field() {
        let faults =
            Faults::from(vec![FieldProblem::new("networks[1]", "wrong"), FieldProblem::new("name", "empty")]);
        assert_eq!(faults.at("networks"), Some("Wrong."));
        assert_eq!(faults.at("name"), Some("Empty."));
        assert_eq!(faults.at("net"), None);
    }
}
