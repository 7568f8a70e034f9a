//! Documents that clients send, read into a small tree.
//!
//! No document types, no entities but the five of XML and character references, no processing instructions, bounded
//! depth and number of elements: nothing in a document can make reading it cost more than its length.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

const MAX_DEPTH: usize = 8;
/// 10,000 parts with six elements each fit.
const MAX_NODES: usize = 80_000;

/// The document is not well-formed XML, or has what no S3 document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedXml;

/// An element: its name without a namespace prefix, its text without that of its children, its children.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Self>,
}

impl Node {
    /// The only child of this name, or none.
    ///
    /// # Errors
    /// If there are several: acting on one of them would be a guess.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&Self>, MalformedXml> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        let first = found.next();
        if found.next().is_some() { Err(MalformedXml) } else { Ok(first) }
    }

    /// The child of this name, which must be there once.
    ///
    /// # Errors
    /// If it is missing or repeated.
    pub(crate) fn child(&self, name: &str) -> Result<&Self, MalformedXml> {
        self.only(name)?.ok_or(MalformedXml)
    }

    /// The text of the only child of this name, if it is there.
    ///
    /// # Errors
    /// If it is repeated.
    pub(crate) fn text_of(&self, name: &str) -> Result<Option<&str>, MalformedXml> {
        Ok(self.only(name)?.map(|child| child.text.as_str()))
    }
}

/// Reads a whole document whose root must have this name.
///
/// # Errors
/// [`MalformedXml`], whatever is wrong.
pub(crate) fn parse(document: &[u8], root: &str) -> Result<Node, MalformedXml> {
    let text = str::from_utf8(document).map_err(|_| MalformedXml)?;
    let mut tree = Tree::default();
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    loop {
        match reader.read_event().map_err(|_| MalformedXml)? {
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
            Event::DocType(_) | Event::PI(_) => return Err(MalformedXml),
            Event::Eof => break,
        }
    }
    tree.finish().filter(|node| node.name == root).ok_or(MalformedXml)
}

#[derive(Default)]
struct Tree {
    open: Vec<Node>,
    nodes: usize,
    done: Option<Node>,
}

impl Tree {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), MalformedXml> {
        self.nodes += 1;
        if self.open.len() == MAX_DEPTH || self.nodes > MAX_NODES || self.done.is_some() {
            return Err(MalformedXml);
        }
        let name = tag.local_name().as_ref().to_owned();
        self.open.push(Node { name, ..Node::default() });
        Ok(())
    }

    fn close(&mut self) -> Result<(), MalformedXml> {
        let node = self.open.pop().ok_or(MalformedXml)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.done = Some(node),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), MalformedXml> {
        match self.open.last_mut() {
            Some(node) => node.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(MalformedXml),
        }
        Ok(())
    }

    fn finish(self) -> Option<Node> {
        self.done.filter(|_| self.open.is_empty())
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, MalformedXml> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| MalformedXml)? {
        return Ok(character.to_string());
    }
    let text = match &**reference {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return Err(MalformedXml),
    };
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_document_as_a_client_sends_it() {
        let node = parse(
            b"<?xml version=\"1.0\"?>\n<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n <Object>\
              <Key> a&amp;b&#x20AC;<![CDATA[<c>]]></Key></Object><Quiet>true</Quiet></Delete>\n",
            "Delete",
        )
        .unwrap();
        assert_eq!(node.text_of("Quiet"), Ok(Some("true")));
        assert_eq!(node.child("Object").unwrap().child("Key").unwrap().text, " a&b\u{20ac}<c>");
        assert!(node.only("Missing").unwrap().is_none());
    }

    #[test]
    fn what_no_client_sends_is_refused() {
        let bomb = b"<!DOCTYPE d [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Delete>&b;</Delete>";
        let external = b"<!DOCTYPE d SYSTEM \"file:///etc/passwd\"><Delete/>";
        let deep = format!("<Delete>{}{}</Delete>", "<a>".repeat(9), "</a>".repeat(9));
        let many = format!("<Delete>{}</Delete>", "<a/>".repeat(MAX_NODES));
        let wrong: [&[u8]; 12] = [
            bomb,
            external,
            deep.as_bytes(),
            many.as_bytes(),
            b"",
            b"<Delete>",
            b"<Delete></Other>",
            b"<Delete/><Delete/>",
            b"<Delete>&unknown;</Delete>",
            b"<Other/>",
            b"text<Delete/>",
            b"<Delete>\xff</Delete>",
        ];
        for document in wrong {
            let head = String::from_utf8_lossy(&document[..document.len().min(40)]).into_owned();
            assert!(parse(document, "Delete").is_err(), "{head}");
        }
    }

    #[test]
    fn a_repeated_child_is_no_answer() {
        let node = parse(b"<T><K>a</K><K>b</K></T>", "T").unwrap();
        assert_eq!(node.text_of("K"), Err(MalformedXml));
    }

    proptest! {
        #[test]
        fn never_panics(document in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(parse(&document, "Delete"));
        }

        #[test]
        fn never_panics_on_markup(document in "[<>/a&;#x!\\[\\]\"=? -]{0,80}") {
            drop(parse(document.as_bytes(), "a"));
        }
    }
}
