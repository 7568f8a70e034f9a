//! Lines of listings.

use portcullis_domain::Timestamp;
use portcullis_files::Entry;

use super::moment::Moment;
use super::reply::push_clean;

/// Which facts a client wants of files and folders (RFC 3659 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    kind: bool,
    size: bool,
    modify: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self { kind: true, size: true, modify: true }
    }
}

impl Facts {
    /// What FEAT says of them, the wanted ones marked.
    pub(super) fn feature(self) -> String {
        let mark = |wanted: bool| if wanted { "*" } else { "" };
        format!("MLST type{};size{};modify{};", mark(self.kind), mark(self.size), mark(self.modify))
    }

    /// Those that `OPTS MLST` names; others are passed over, as RFC 3659 section 7.9 asks.
    pub(super) fn chosen(list: &str) -> Self {
        let named = |fact: &str| list.split(';').any(|name| name.trim().eq_ignore_ascii_case(fact));
        Self { kind: named("type"), size: named("size"), modify: named("modify") }
    }

    /// The names of the wanted ones, each with a semicolon.
    pub(super) fn names(self) -> String {
        let all = [(self.kind, "type;"), (self.size, "size;"), (self.modify, "modify;")];
        all.iter().filter_map(|(wanted, name)| wanted.then_some(*name)).collect()
    }

    /// A line of MLSD or MLST without its end: the facts, a space, and this name or path.
    pub(super) fn line(self, entry: &Entry, name: &str) -> String {
        let mut line = String::with_capacity(name.len() + 64);
        if self.kind {
            line.push_str(if entry.is_folder() { "type=dir;" } else { "type=file;" });
        }
        if self.size && !entry.is_folder() {
            line.push_str(&format!("size={};", entry.size()));
        }
        if let Some(modified) = entry.modified.filter(|_| self.modify) {
            line.push_str(&format!("modify={};", Moment::of(modified).fact()));
        }
        line.push(' ');
        push_clean(&mut line, name);
        line
    }
}

/// A line of LIST without its end, as `ls -l` writes it, times in UTC. What no object has (owner, group, links, mode) is made up.
pub(super) fn list_line(entry: &Entry, now: Timestamp) -> String {
    let mode = if entry.is_folder() { "drwxrwxrwx" } else { "-rw-rw-rw-" };
    let when = entry.modified.unwrap_or_default();
    let mut line =
        format!("{mode}   1 files    files    {:>12} {} ", entry.size(), Moment::of(when).listed(now));
    push_clean(&mut line, &entry.name);
    line
}

/// Whether a name is meant by a pattern with `*` and `?`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut of) = (0, 0);
    // Where the last star is, and what it has taken so far: going back there is enough, so the work is bounded.
    let mut star = None;
    while let Some(character) = name.get(at) {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == character => (at, of) = (at + 1, of + 1),
            Some(_) | None => {
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                (at, of) = (taken + 1, back + 1);
            }
        }
    }
    pattern.iter().skip(of).all(|character| *character == '*')
}

#[cfg(test)]
mod tests {
    use portcullis_access::Etag;
    use portcullis_files::Kind;
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn file(name: &str, size: u64, modified: Timestamp) -> Entry {
        let etag = Etag::Md5 { digest: [0; 16], parts: None };
        let kind = Kind::File { size, etag, content_type: None, archived: false };
        Entry { name: name.to_owned(), kind, modified: Some(modified) }
    }

    fn folder(name: &str) -> Entry {
        Entry { name: name.to_owned(), kind: Kind::Folder, modified: None }
    }

    #[test]
    fn facts() {
        let all = Facts::default();
        assert_eq!(all.feature(), "MLST type*;size*;modify*;");
        let entry = file("a b", 7, NOW);
        assert_eq!(all.line(&entry, "a b"), "type=file;size=7;modify=20270115080000; a b");
        assert_eq!(all.line(&folder("f"), "f"), "type=dir; f");
        let some = Facts::chosen("Size;unix.mode;TYPE;");
        assert_eq!(
            (some.names(), some.feature()),
            ("type;size;".to_owned(), "MLST type*;size*;modify;".to_owned())
        );
        assert_eq!(some.line(&entry, "x"), "type=file;size=7; x");
        assert_eq!(Facts::chosen("").line(&entry, "x"), " x");
    }

    #[test]
    fn listings() {
        let line = list_line(&file("a", 7, NOW), NOW);
        assert_eq!(line, "-rw-rw-rw-   1 files    files               7 Jan 15 08:00 a");
        assert!(list_line(&file("a", 7, Timestamp::default()), NOW).ends_with(" 7 Jan  1  1970 a"));
        assert!(list_line(&folder("f g"), NOW).starts_with("drwxrwxrwx "));
        assert!(list_line(&folder("f g"), NOW).ends_with(" f g"));
    }

    #[test]
    fn patterns() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "a"),
            ("*.txt", "a.txt"),
            ("a?c", "abc"),
            ("a*b*c", "axxbyyc"),
            ("**", "x"),
            ("?", "é"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("?", ""), ("*.txt", "a.txt2"), ("a?c", "ac"), ("", "a"), ("a*b", "acbd")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn no_name_ends_a_line(name in any::<String>()) {
            let entry = file(&name, 1, NOW);
            for line in [Facts::default().line(&entry, &name), list_line(&entry, NOW)] {
                prop_assert!(!line.chars().any(char::is_control), "{line}");
            }
        }

        #[test]
        fn a_pattern_of_stars_ends(stars in 0_usize..200, name in "a{0,200}") {
            let pattern = "a*".repeat(stars) + "b";
            prop_assert!(!matches(&pattern, &name));
        }
    }
}
