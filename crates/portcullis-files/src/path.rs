//! Paths.

use std::fmt;

/// The longest path, in bytes: a key in which every character is escaped, and the name of a storage.
const LONGEST: usize = 4 * 1024;

/// Why a text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// The bytes are not UTF-8.
    #[error("a path is UTF-8 text")]
    NotUtf8,
    /// Longer than any key.
    #[error("the path is too long")]
    TooLong,
    /// It holds U+0000.
    #[error("a path never contains the character U+0000")]
    Nul,
}

/// An absolute path in a tree: the names of folders from the top, and of what is in the last of them.
///
/// Empty names and `.` are left out, and `..` leads to the folder above, as clients mean them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct TreePath {
    names: Vec<String>,
    /// Whether it ended with `/`: then it is a folder or nothing.
    folder: bool,
}

impl TreePath {
    /// The top.
    #[must_use]
    pub fn top() -> Self {
        Self::default()
    }

    /// Takes a path as the protocol gave it, after its own decoding; a path that does not begin with `/` begins here.
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn join(&self, raw: &[u8]) -> Result<Self, InvalidPath> {
        // What is too long is not looked at: dots and slashes may make it short again, but nobody needs that.
        if raw.len() > LONGEST {
            return Err(InvalidPath::TooLong);
        }
        let text = str::from_utf8(raw).map_err(|_| InvalidPath::NotUtf8)?;
        if text.contains('\0') {
            return Err(InvalidPath::Nul);
        }
        let mut names = if text.starts_with('/') { Vec::new() } else { self.names.clone() };
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => names.push(name.to_owned()),
            }
        }
        let folder = match text.rsplit('/').next() {
            Some("" | "." | "..") | None => !text.is_empty() || self.folder,
            Some(_) => false,
        };
        let path = Self { folder: folder && !names.is_empty(), names };
        if path.names.iter().map(|name| name.len() + 1).sum::<usize>() > LONGEST {
            return Err(InvalidPath::TooLong);
        }
        Ok(path)
    }

    /// The names from the top.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The last name; none of the top.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.names.last().map(String::as_str)
    }

    /// Whether it is the top.
    #[must_use]
    pub fn is_top(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether it was written with `/` at its end: then it is a folder or nothing.
    #[must_use]
    pub fn says_folder(&self) -> bool {
        self.folder
    }

    /// The folder that it is in; the top for the top.
    #[must_use]
    pub fn parent(&self) -> Self {
        let above = self.names.len().saturating_sub(1);
        let names = self.names.get(..above).unwrap_or_default().to_vec();
        Self { folder: !names.is_empty(), names }
    }

    /// What is in this folder under this name, as an [`Entry`](crate::Entry) tells it.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let mut names = self.names.clone();
        names.extend((!name.is_empty()).then(|| name.to_owned()));
        Self { names, folder: false }
    }

    /// Whether it lies under `other`, or is it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.names.starts_with(&other.names)
    }
}

impl fmt::Display for TreePath {
    /// With `/` at the beginning; one at the end only for the top.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.names.is_empty() {
            return f.write_str("/");
        }
        self.names.iter().try_for_each(|name| write!(f, "/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(raw: &str) -> TreePath {
        TreePath::top().join(raw.as_bytes()).unwrap()
    }

    #[test]
    fn as_clients_write_them() {
        for (raw, shown, folder) in [
            ("/", "/", false),
            ("", "/", false),
            ("a", "/a", false),
            ("/a/b", "/a/b", false),
            ("//a///b//", "/a/b", true),
            ("/a/./b/.", "/a/b", true),
            ("/a/../b", "/b", false),
            ("/a/b/..", "/a", true),
            ("/../../a", "/a", false),
            ("/..", "/", false),
            ("/a/...", "/a/...", false),
            ("/a/%2E%2E/b", "/a/%2E%2E/b", false),
        ] {
            let path = path(raw);
            assert_eq!((path.to_string().as_str(), path.says_folder()), (shown, folder), "{raw}");
        }
    }

    #[test]
    fn from_a_folder() {
        let here = path("/a/b");
        assert_eq!(here.join(b"c").unwrap().to_string(), "/a/b/c");
        assert_eq!(here.join(b"../c/").unwrap(), path("/a/c/"));
        assert_eq!(here.join(b"/c").unwrap().to_string(), "/c");
        assert_eq!(here.join(b"").unwrap(), here);
        assert_eq!(here.parent(), path("/a/"));
        assert_eq!(here.child("c").to_string(), "/a/b/c");
        assert!(here.is_within(&path("/a")) && here.is_within(&here) && here.is_within(&TreePath::top()));
        assert!(!path("/ab").is_within(&path("/a")));
    }

    #[test]
    fn no_paths() {
        let top = TreePath::top();
        assert_eq!(top.join(&[0xff]), Err(InvalidPath::NotUtf8));
        assert_eq!(top.join(b"a\0"), Err(InvalidPath::Nul));
        assert_eq!(top.join(&[b'a'; LONGEST + 1]), Err(InvalidPath::TooLong));
        let long = top.join(&[b'a'; LONGEST - 1]).unwrap();
        assert_eq!(long.join(b"b"), Err(InvalidPath::TooLong));
    }

    proptest! {
        #[test]
        fn nothing_leads_above_the_top(raw in "[./ab%2EF]{0,20}") {
            let path = path(&raw);
            prop_assert!(path.names().iter().all(|name| !matches!(name.as_str(), "" | "." | "..")));
            prop_assert!(path.names().iter().all(|name| !name.contains('/')));
            let again = TreePath::top().join(path.to_string().as_bytes()).unwrap();
            prop_assert_eq!(again.names(), path.names());
        }
    }
}
