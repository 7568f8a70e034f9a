//! In what a form differs from what is stored.

use portcullis_domain::Networks;

use super::super::words;
use super::Draft;

/// What the stored list has become in the meantime.
#[derive(Debug)]
pub(in super::super) struct Stale {
    /// What it has that the form has not.
    pub(in super::super) theirs: Vec<String>,
    /// What the form has that it has not.
    pub(in super::super) ours: Vec<String>,
    /// Whether it lets everybody in.
    pub(in super::super) anywhere: bool,
}

impl Stale {
    pub(super) fn new(list: &Networks, stored: &Networks) -> Self {
        let missing = |from: &Networks, of: &Networks| -> Vec<String> {
            let has = |network| from.entries().iter().any(|entry| entry.network == network);
            let entries = of.entries().iter().filter(|entry| !has(entry.network));
            entries.map(|entry| entry.network.to_string()).collect()
        };
        Self { theirs: missing(list, stored), ours: missing(stored, list), anywhere: stored.is_anywhere() }
    }
}

/// In what the form differs from what is stored.
pub(super) fn unsaved(draft: &Draft, stored: &Networks) -> String {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let kept = |network| draft.rows.iter().find(|row| row.network == network);
    let mut parts = Vec::new();
    match (draft.listed, stored.is_anywhere()) {
        (false, true) => return String::new(),
        (false, false) => return words::count("networks.unsaved.any", number(stored.entries().len())),
        (true, true) => parts.push(words::text("networks.unsaved.listed").to_owned()),
        (true, false) => {}
    }
    let known = |network| stored.entries().iter().any(|entry| entry.network == network);
    let added = draft.rows.iter().filter(|row| !known(row.network)).count();
    let removed = stored.entries().iter().filter(|entry| kept(entry.network).is_none()).count();
    let noted = stored
        .entries()
        .iter()
        .filter(|entry| kept(entry.network).is_some_and(|row| row.note != entry.note))
        .count();
    for (name, count) in [
        ("networks.unsaved.added", added),
        ("networks.unsaved.removed", removed),
        ("networks.unsaved.noted", noted),
    ] {
        if count > 0 {
            parts.push(words::count(name, number(count)));
        }
    }
    if parts.is_empty() { String::new() } else { words::fill("networks.unsaved", &[&parts.join(", ")]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::NetworkEntry;

    fn stored(list: &[(&str, &str)]) -> Networks {
        let entries =
            list.iter().map(|(network, note)| NetworkEntry::parse(network, note).unwrap()).collect();
        Networks::new(entries).unwrap()
    }

    #[test]
    fn a_change_by_others_is_told_by_what_differs() {
        let ours = stored(&[("10.0.0.1", ""), ("10.0.0.2", "")]);
        let theirs = stored(&[("10.0.0.1", ""), ("10.0.0.3", "")]);
        let stale = Stale::new(&ours, &theirs);
        assert_eq!(
            (stale.theirs, stale.ours, stale.anywhere),
            (vec!["10.0.0.3".to_owned()], vec!["10.0.0.2".to_owned()], false)
        );
    }
}
