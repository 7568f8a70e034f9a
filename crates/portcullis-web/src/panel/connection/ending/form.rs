//! What is filled in before a connection is deleted: six boxes, and its name.

use super::super::super::fields::{Faults, Fields};
use super::super::super::words;

/// A box to tick: its field, and what one says by ticking it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick {
    pub(super) field: &'static str,
    pub(super) text: &'static str,
    pub(super) ticked: bool,
}

/// The form.
#[derive(Debug, Default)]
pub(super) struct DeleteForm {
    pub(super) ticks: Vec<Tick>,
    /// What was typed as the name.
    pub(super) confirm: String,
    pub(super) faults: Faults,
}

impl DeleteForm {
    /// The form as it was sent, or as nobody has filled it in yet. The last but one of the boxes of a built-in storage is another one:
    /// there is no bucket elsewhere.
    pub(super) fn of(form: Option<&Fields>) -> Self {
        let texts = [
            ("backup", words::text("ending.tick.backup")),
            ("told", words::text("ending.tick.told")),
            ("switched", words::text("ending.tick.switched")),
            ("considered", words::text("ending.tick.considered")),
            ("noted", words::text("ending.tick.noted")),
            ("final", words::text("ending.tick.final")),
        ];
        let ticked = |field: &str| form.is_some_and(|form| form.get(field) == "yes");
        let ticks = texts.map(|(field, text)| Tick { field, text, ticked: ticked(field) });
        let confirm = form.map(|form| form.get("confirm").chars().take(200).collect()).unwrap_or_default();
        Self { ticks: ticks.into(), confirm, faults: Faults::default() }
    }

    /// Notes what is missing; the name is compared where the deed is done.
    pub(super) fn check(&mut self) {
        for tick in self.ticks.iter().filter(|tick| !tick.ticked) {
            self.faults.add(tick.field, words::fill("ending.tick.missing", &[&tick.text]));
        }
    }
}

/// A pattern that this text alone matches, for the browser.
pub(super) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if "^$\\.*+?()[]{}|/".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_pattern() {
        assert_eq!(literal("NAS backup"), "NAS backup");
        assert_eq!(literal("a.b (c) [d]/e\\"), "a\\.b \\(c\\) \\[d\\]\\/e\\\\");
        assert_eq!(literal("«Büro» – 1"), "«Büro» – 1");
    }

    #[test]
    fn every_box_has_to_be_ticked() {
        let all = b"backup=yes&told=yes&switched=yes&considered=yes&noted=yes&final=yes&confirm=x";
        let mut form = DeleteForm::of(Some(&Fields::parse(all)));
        form.check();
        assert!(form.faults.is_empty());
        assert_eq!((form.ticks.len(), form.confirm.as_str()), (6, "x"));
        for field in ["backup", "told", "switched", "considered", "noted", "final"] {
            let text = String::from_utf8_lossy(all).replace(&format!("{field}=yes"), &format!("{field}=on"));
            let mut form = DeleteForm::of(Some(&Fields::parse(text.as_bytes())));
            form.check();
            assert_eq!((form.faults.count(), form.faults.at(field).is_some()), (1, true), "{field}");
        }
    }
}
