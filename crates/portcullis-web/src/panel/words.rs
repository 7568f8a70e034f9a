//! What the panel says: every sentence stands in `texts/en`, one place for whoever translates.
//!
//! A line is `name = text`; `{1}` and `{2}` are filled in. A text that counts has two lines, `name.one` and `name.many`.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

static ENGLISH: &[&str] = &[
    include_str!("../../texts/en/app.txt"),
    include_str!("../../texts/en/sign_in.txt"),
    include_str!("../../texts/en/identity.txt"),
    include_str!("../../texts/en/account.txt"),
    include_str!("../../texts/en/activity.txt"),
    include_str!("../../texts/en/advice.txt"),
    include_str!("../../texts/en/second_factor.txt"),
    include_str!("../../texts/en/connections.txt"),
    include_str!("../../texts/en/new_connection.txt"),
    include_str!("../../texts/en/credentials.txt"),
    include_str!("../../texts/en/connection.txt"),
    include_str!("../../texts/en/providers.txt"),
    include_str!("../../texts/en/shared.txt"),
    include_str!("../../texts/en/files.txt"),
    include_str!("../../texts/en/people.txt"),
    include_str!("../../texts/en/api_keys.txt"),
    include_str!("../../texts/en/channels.txt"),
    include_str!("../../texts/en/leaks.txt"),
    include_str!("../../texts/en/sites.txt"),
    include_str!("../../texts/en/sharing.txt"),
    include_str!("../../texts/en/ending.txt"),
    include_str!("../../texts/en/rotation.txt"),
    include_str!("../../texts/en/transfers.txt"),
    include_str!("../../texts/en/sync.txt"),
];

static TEXTS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = ENGLISH.iter().flat_map(|file| file.lines());
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" = ")).collect()
});

/// The text with this name. A name without a text is shown as it is; a test sees to it that there is none.
pub(crate) fn text(name: &'static str) -> &'static str {
    TEXTS.get(name).copied().unwrap_or(name)
}

/// The text with a name that came from outside, if there is one.
pub(super) fn find(name: &str) -> Option<&'static str> {
    TEXTS.get(name).copied()
}

/// The text with its places filled.
pub(super) fn fill(name: &'static str, values: &[&dyn Display]) -> String {
    fill_text(text(name), values)
}

fn fill_text(template: &str, values: &[&dyn Display]) -> String {
    let mut filled = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let place =
            after.split_once('}').and_then(|(place, tail)| Some((place.parse::<usize>().ok()?, tail)));
        rest = match place.and_then(|(place, tail)| Some((values.get(place.checked_sub(1)?)?, tail))) {
            Some((value, tail)) => {
                filled.push_str(&value.to_string());
                tail
            }
            None => {
                filled.push('{');
                after
            }
        };
    }
    filled.push_str(rest);
    filled
}

/// The text for a number of things: `{1}` is the number.
pub(crate) fn count(name: &str, number: u64) -> String {
    let form = if number == 1 { "one" } else { "many" };
    let name = format!("{name}.{form}");
    let template = TEXTS.get(name.as_str()).copied().unwrap_or_default();
    fill_text(template, &[&thousands(number)])
}

/// A number with its thousands apart: `12,345`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The filters that templates use: `{{ "list.title"|t }}`, `{{ "list.of"|t1(total) }}`, `{{ "list.files"|n(files) }}`.
#[expect(unreachable_pub, reason = "what the macro makes of a function is public")]
pub(crate) mod filters {
    use std::fmt::Display;

    use askama::{Result, Values};

    /// A text by its name.
    #[askama::filter_fn]
    pub(crate) fn t(name: &'static str, _: &dyn Values) -> Result<&'static str> {
        Ok(super::text(name))
    }

    /// A text with one place filled.
    #[askama::filter_fn]
    pub(crate) fn t1<A: Display>(name: &'static str, _: &dyn Values, first: A) -> Result<String> {
        Ok(super::fill(name, &[&first]))
    }

    /// A text with two places filled.
    #[askama::filter_fn]
    pub(crate) fn t2<A: Display, B: Display>(
        name: &'static str,
        _: &dyn Values,
        first: A,
        second: B,
    ) -> Result<String> {
        Ok(super::fill(name, &[&first, &second]))
    }

    /// A text that counts.
    #[askama::filter_fn]
    pub(crate) fn n(name: &'static str, _: &dyn Values, number: u64) -> Result<String> {
        Ok(super::count(name, number))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn places_are_filled() {
        assert_eq!(fill_text("{1} of {2} {x} {3} {", &[&1, &"two"]), "1 of two {x} {3} {");
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(999), "999");
    }

    fn files(below: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(below).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                files(&entry.path(), found);
            } else {
                found.push(entry.path());
            }
        }
    }

    /// Every text has a place where it is said, and everything that is said has a text.
    #[test]
    fn every_text_is_used_and_every_use_has_a_text() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut sources = Vec::new();
        files(&home.join("templates"), &mut sources);
        files(&home.join("src/panel"), &mut sources);
        files(&home.join("src/shared"), &mut sources);
        files(&home.join("src/files"), &mut sources);
        files(&home.join("src/handlers"), &mut sources);
        // This file only speaks of how it is done.
        sources.retain(|path| !path.ends_with("words.rs"));
        let said: String = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let named: BTreeSet<&str> = TEXTS
            .keys()
            .map(|name| name.strip_suffix(".one").or_else(|| name.strip_suffix(".many")).unwrap_or(name))
            .collect();
        let unused: Vec<_> = named.iter().filter(|name| !said.contains(&format!("\"{name}\""))).collect();
        assert!(unused.is_empty(), "texts that nobody says: {unused:?}");
        // A name is a quoted word with a dot, followed by a filter or given to a function of this module.
        let uses = said.split('"').collect::<Vec<_>>();
        let mut missing = BTreeSet::new();
        for window in uses.windows(3) {
            let [before, name, after] = window else { continue };
            let filtered =
                ["|t ", "|t}", "|t)", "|t|", "|t1(", "|t2(", "|n("].iter().any(|f| after.starts_with(f));
            let given = ["words::text(", "words::fill(", "words::count("].iter().any(|f| before.ends_with(f));
            if (filtered || given) && !named.contains(name) {
                missing.insert(*name);
            }
        }
        assert!(missing.is_empty(), "texts that are missing: {missing:?}");
    }

    #[test]
    fn the_files_have_nothing_else() {
        let mut names = BTreeSet::new();
        for line in ENGLISH.iter().flat_map(|file| file.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, _) = line.split_once(" = ").unwrap_or_else(|| panic!("not `name = text`: {line}"));
            assert!(names.insert(name), "twice: {name}");
        }
    }
}
