//! Documents that are answered, written straight into one buffer.

use std::borrow::Cow;

use super::{Child, DAV, Name, Node, WINDOWS, XML};

/// A document under way. WebDAV's namespace has the prefix `D`.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

/// The prefix of elements of foreign namespaces, declared at each of them.
const OTHER: &str = "x:";

/// What stands before the name of an element.
fn prefix(name: &Name) -> &'static str {
    match name.space.as_str() {
        DAV => "D:",
        WINDOWS => "Z:",
        "" => "",
        _ => OTHER,
    }
}

/// What every document begins with.
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

impl Xml {
    /// A piece of a document.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A document whose root is this element of WebDAV's, which stays open.
    pub(crate) fn document(root: &'static str) -> Self {
        let mut xml = Self(HEAD.to_owned());
        // Clients that take XML for text look for the prefixes where Apache declares them.
        xml.raw("<D:").raw(root).raw(" xmlns:D=\"DAV:\" xmlns:Z=\"urn:schemas-microsoft-com:\">");
        xml
    }

    /// Markup as it is.
    pub(crate) fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, escaped.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&escaped(text));
        self
    }

    /// `<D:local>text</D:local>`.
    pub(crate) fn field(&mut self, local: &'static str, text: &str) -> &mut Self {
        self.raw("<D:").raw(local).raw(">").text(text).raw("</D:").raw(local).raw(">")
    }

    /// The start tag of an element of any namespace, not yet closed: attributes may follow.
    fn begin(&mut self, name: &Name) {
        self.raw("<").raw(prefix(name)).raw(&name.local);
        if prefix(name) == OTHER {
            self.raw(" xmlns:x=\"").text(&name.space).raw("\"");
        }
    }

    fn end(&mut self, name: &Name) {
        self.raw("</").raw(prefix(name)).raw(&name.local).raw(">");
    }

    fn attribute(&mut self, prefix: &str, local: &str, value: &str) {
        self.raw(" ").raw(prefix).raw(local).raw("=\"").text(value).raw("\"");
    }

    /// An element without anything in it.
    pub(crate) fn empty(&mut self, name: &Name) -> &mut Self {
        self.begin(name);
        self.raw("/>")
    }

    /// An element with text.
    pub(crate) fn named(&mut self, name: &Name, text: &str) -> &mut Self {
        self.begin(name);
        self.raw(">").text(text);
        self.end(name);
        self
    }

    /// An element with what a client once put into it. Depth is bounded by how it was read.
    pub(crate) fn node(&mut self, node: &Node) -> &mut Self {
        self.begin(&node.name);
        for (at, (name, value)) in node.attributes.iter().enumerate() {
            match name.space.as_str() {
                "" => self.attribute("", &name.local, value),
                XML => self.attribute("xml:", &name.local, value),
                space => {
                    self.attribute("xmlns:", &format!("a{at}"), space);
                    self.attribute(&format!("a{at}:"), &name.local, value);
                }
            }
        }
        self.raw(">");
        for child in &node.children {
            match child {
                Child::Text(text) => self.text(text),
                Child::Element(node) => self.node(node),
            };
        }
        self.end(&node.name);
        self
    }

    /// How long it is by now, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The text.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Text so that a parser reads it back as it was. What XML 1.0 cannot hold becomes U+FFFD: one odd value never fails a document.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    let special = |c: char| {
        matches!(c, '&' | '<' | '>' | '"' | '\u{fffe}' | '\u{ffff}') || (c < ' ' && c != '\t' && c != '\n')
    };
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            c if special(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dav::xml::parse;

    #[test]
    fn what_was_read_is_written_and_read_back() {
        let given = "<p:a xmlns:p='urn:p' xmlns:q='urn:q' q:k='1' l='&lt;' xml:lang='de'>t&amp;\r\n<b xmlns='DAV:'>x</b><c/> y\u{10000}</p:a>";
        let node = parse(given.as_bytes()).unwrap();
        let mut xml = Xml::document("root");
        xml.node(&node).raw("</D:root>");
        let text = xml.into_string();
        let root = parse(text.as_bytes()).unwrap();
        assert_eq!(root.elements().next().unwrap(), &node, "{text}");
    }

    #[test]
    fn no_text_breaks_a_document() {
        for odd in ["", " a ", "<&>\"'", "a\tb\r\nc", "]]>", "\u{10ffff}"] {
            let mut xml = Xml::document("r");
            xml.text(odd).raw("</D:r>");
            assert_eq!(parse(xml.into_string().as_bytes()).unwrap().text(), odd);
        }
        let mut xml = Xml::document("r");
        xml.text("a\u{1}b\u{ffff}").raw("</D:r>");
        assert_eq!(parse(xml.into_string().as_bytes()).unwrap().text(), "a\u{fffd}b\u{fffd}");
    }
}
