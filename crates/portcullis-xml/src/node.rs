//! What was read.

use crate::Malformed;

/// An element: its name without a namespace prefix, its text without that of its children, its children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Without prefix.
    pub name: String,
    /// All of it, references resolved.
    pub text: String,
    /// In the order sent.
    pub children: Vec<Self>,
}

impl Node {
    /// The only child of this name, or none.
    ///
    /// # Errors
    /// If there are several: acting on one of them would be a guess.
    pub fn only(&self, name: &str) -> Result<Option<&Self>, Malformed> {
        let mut found = self.all(name);
        let first = found.next();
        if found.next().is_some() { Err(Malformed) } else { Ok(first) }
    }

    /// The child of this name, which must be there once.
    ///
    /// # Errors
    /// If it is missing or repeated.
    pub fn child(&self, name: &str) -> Result<&Self, Malformed> {
        self.only(name)?.ok_or(Malformed)
    }

    /// The text of the only child of this name, if it is there.
    ///
    /// # Errors
    /// If it is repeated.
    pub fn text_of(&self, name: &str) -> Result<Option<&str>, Malformed> {
        Ok(self.only(name)?.map(|child| child.text.as_str()))
    }

    /// The text of the first child of this name: for answers, which are read for what can be found in them.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next().map(|child| child.text.as_str())
    }

    /// The text of the first child of this name, which must be there.
    ///
    /// # Errors
    /// If it is missing.
    pub fn needed(&self, name: &str) -> Result<&str, Malformed> {
        self.first(name).ok_or(Malformed)
    }

    /// The number in the first child of this name, which must be there; space around it is passed over.
    ///
    /// # Errors
    /// If it is missing, or no number.
    pub fn number(&self, name: &str) -> Result<u64, Malformed> {
        self.needed(name)?.trim().parse().map_err(|_| Malformed)
    }

    /// Whether the first child of this name says `true`, in whatever case.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.first(name).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }

    /// The children of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_child_is_no_answer() {
        let leaf = |name: &str, text: &str| Node { name: name.into(), text: text.into(), children: vec![] };
        let node = Node { children: vec![leaf("K", "a"), leaf("L", "l"), leaf("K", "b")], ..Node::default() };
        assert_eq!((node.text_of("K"), node.text_of("L")), (Err(Malformed), Ok(Some("l"))));
        assert_eq!((node.child("M"), node.only("M")), (Err(Malformed), Ok(None)));
        assert_eq!(node.child("L").map(|child| child.text.as_str()), Ok("l"));
        assert_eq!((node.first("K"), node.all("K").count(), node.first("M")), (Some("a"), 2, None));
        assert_eq!((node.needed("K"), node.needed("M")), (Ok("a"), Err(Malformed)));
    }

    #[test]
    fn numbers_and_flags() {
        let leaf = |name: &str, text: &str| Node { name: name.into(), text: text.into(), children: vec![] };
        let children = vec![leaf("N", " 7 "), leaf("T", "True\n"), leaf("F", "yes")];
        let node = Node { children, ..Node::default() };
        assert_eq!(
            (node.number("N"), node.number("T"), node.number("M")),
            (Ok(7), Err(Malformed), Err(Malformed))
        );
        assert!(node.flag("T") && !node.flag("F") && !node.flag("M"));
    }
}
