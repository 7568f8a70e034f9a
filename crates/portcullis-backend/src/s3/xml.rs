//! The documents of S3: those that a provider answers with, read into a small tree with bounds, and those that it is sent.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

const MAX_DEPTH: usize = 8;
/// A page of 1,000 versions with a dozen elements each fits several times.
const MAX_NODES: usize = 60_000;

/// Not well-formed, not the document that was asked for, or with what no document of S3 has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// An element: its name without a prefix, its text without that of its children, its children.
#[derive(Debug, Default)]
pub(super) struct Node {
    name: String,
    text: String,
    children: Vec<Self>,
}

impl Node {
    /// The text of the first child of this name.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.children.iter().find(|child| child.name == name).map(|child| child.text.as_str())
    }

    /// The children of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the child of this name, which must be there.
    pub(super) fn text(&self, name: &str) -> Result<&str, Malformed> {
        self.first(name).ok_or(Malformed)
    }

    /// The number in the child of this name, which must be there.
    pub(super) fn number(&self, name: &str) -> Result<u64, Malformed> {
        self.text(name)?.trim().parse().map_err(|_| Malformed)
    }

    /// Whether the child of this name says `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.first(name).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }
}

/// Reads a whole document whose root has this name.
pub(super) fn parse(document: &[u8], root: &str) -> Result<Node, Malformed> {
    let text = str::from_utf8(document).map_err(|_| Malformed)?;
    let mut tree = Tree::default();
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    loop {
        match reader.read_event().map_err(|_| Malformed)? {
            Event::Start(tag) => tree.open(&tag)?,
            Event::Empty(tag) => {
                tree.open(&tag)?;
                tree.close()?;
            }
            Event::End(_) => tree.close()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => tree.text(&resolve(&reference)?)?,
            Event::Decl(_) | Event::Comment(_) => {}
            Event::DocType(_) | Event::PI(_) => return Err(Malformed),
            Event::Eof => break,
        }
    }
    tree.done.filter(|node| tree.open.is_empty() && node.name == root).ok_or(Malformed)
}

#[derive(Default)]
struct Tree {
    open: Vec<Node>,
    nodes: usize,
    done: Option<Node>,
}

impl Tree {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), Malformed> {
        self.nodes += 1;
        if self.open.len() == MAX_DEPTH || self.nodes > MAX_NODES || self.done.is_some() {
            return Err(Malformed);
        }
        self.open.push(Node { name: tag.local_name().as_ref().to_owned(), ..Node::default() });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Malformed> {
        let node = self.open.pop().ok_or(Malformed)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.done = Some(node),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Malformed> {
        match self.open.last_mut() {
            Some(node) => node.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(Malformed),
        }
        Ok(())
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, Malformed> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| Malformed)? {
        return Ok(character.to_string());
    }
    let text = match &**reference {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return Err(Malformed),
    };
    Ok(text.to_owned())
}

/// Writes `<name>text</name>` with the text escaped.
pub(super) fn element(out: &mut String, name: &str, text: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' | '\n' | '\t' => {
                out.push_str(&format!("&#{};", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_document_as_providers_send_it() {
        let node = parse(
            b"<?xml version=\"1.0\"?>\n<s3:Page xmlns:s3=\"urn:x\"><K>a&amp;b</K><K>c</K><N> 7 </N><T>true</T></s3:Page>",
            "Page",
        )
        .unwrap();
        assert_eq!(node.all("K").map(|node| node.text.as_str()).collect::<Vec<_>>(), ["a&b", "c"]);
        assert_eq!(node.number("N"), Ok(7));
        assert!(node.flag("T") && !node.flag("N"));
        assert_eq!(node.text("Missing"), Err(Malformed));
    }

    #[test]
    fn what_is_not_read() {
        let many = format!("<P>{}</P>", "<a/>".repeat(MAX_NODES));
        let deep = format!("<P>{}{}</P>", "<a>".repeat(9), "</a>".repeat(9));
        for document in [
            &b"<!DOCTYPE d [<!ENTITY a \"aaaa\">]><P>&a;</P>"[..],
            b"<P>&unknown;</P>",
            b"<html></html>",
            b"<P><a></P>",
            b"<P/><P/>",
            b"<P>",
            b"",
            b"<P>\xff</P>",
            many.as_bytes(),
            deep.as_bytes(),
        ] {
            assert!(parse(document, "P").is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "[ -~\\r\\n\\t\u{e9}\u{1f600}]{0,40}") {
            let mut out = String::new();
            element(&mut out, "T", &text);
            let node = parse(out.as_bytes(), "T").unwrap();
            prop_assert_eq!(node.text, text);
        }

        #[test]
        fn never_panics(document in "[<>/a&;#x!\\[\\]\"=? -]{0,80}") {
            drop(parse(document.as_bytes(), "a"));
        }
    }
}
