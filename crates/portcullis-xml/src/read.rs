//! Reading.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use crate::{Malformed, Node};

/// The most that a document may have of what costs more than its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Elements within each other.
    pub depth: usize,
    /// Elements altogether.
    pub elements: usize,
}

/// Reads a whole document in UTF-8 whose root has this name.
///
/// # Errors
/// [`Malformed`], whatever is wrong.
pub fn parse(document: &[u8], root: &str, bounds: Bounds) -> Result<Node, Malformed> {
    let text = str::from_utf8(document).map_err(|_| Malformed)?;
    let mut tree = Tree { bounds, open: Vec::new(), elements: 0, done: None };
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
            Event::GeneralRef(reference) => {
                let character = character(&reference)?;
                tree.text(character.encode_utf8(&mut [0; 4]))?;
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::DocType(_) | Event::PI(_) => return Err(Malformed),
            Event::Eof => break,
        }
    }
    tree.finish().filter(|node| node.name == root).ok_or(Malformed)
}

/// The character that a reference stands for: `&#…;`, or one of the five entities of XML.
///
/// # Errors
/// [`Malformed`] for any other entity.
pub fn character(reference: &BytesRef<'_>) -> Result<char, Malformed> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| Malformed)? {
        return Ok(character);
    }
    match &**reference {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Malformed),
    }
}

struct Tree {
    bounds: Bounds,
    open: Vec<Node>,
    elements: usize,
    done: Option<Node>,
}

impl Tree {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), Malformed> {
        self.elements += 1;
        if self.open.len() == self.bounds.depth || self.elements > self.bounds.elements || self.done.is_some()
        {
            return Err(Malformed);
        }
        let name = tag.local_name().as_ref().to_owned();
        self.open.push(Node { name, ..Node::default() });
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

    fn finish(self) -> Option<Node> {
        self.done.filter(|_| self.open.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds { depth: 8, elements: 100 };

    fn read(document: &str, root: &str) -> Result<Node, Malformed> {
        parse(document.as_bytes(), root, BOUNDS)
    }

    #[test]
    fn a_document_as_a_client_sends_it() {
        let node = read(
            "\u{feff}<?xml version=\"1.0\"?>\n<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n <!-- one --><Object>\
             <Key> a&amp;b&#x20AC;<![CDATA[<c>]]></Key></Object><Quiet>true</Quiet></Delete>\n",
            "Delete",
        )
        .unwrap();
        assert_eq!(node.text_of("Quiet"), Ok(Some("true")));
        assert_eq!(node.child("Object").unwrap().child("Key").unwrap().text, " a&b\u{20ac}<c>");
        assert!(node.only("Missing").unwrap().is_none());
        let prefixed = read("<s3:Page xmlns:s3=\"urn:x\"><s3:K a='1'>\r\n</s3:K></s3:Page>", "Page").unwrap();
        assert_eq!(prefixed.first("K"), Some("\n"));
    }

    #[test]
    fn what_no_client_sends_is_refused() {
        let deep = format!("<D>{}{}</D>", "<a>".repeat(BOUNDS.depth), "</a>".repeat(BOUNDS.depth));
        let many = format!("<D>{}</D>", "<a/>".repeat(BOUNDS.elements));
        for wrong in [
            "<!DOCTYPE d [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><D>&b;</D>",
            "<!DOCTYPE d SYSTEM \"file:///etc/passwd\"><D/>",
            "<?xml-stylesheet href='x'?><D/>",
            deep.as_str(),
            many.as_str(),
            "",
            "<D>",
            "<D></E>",
            "<D><a></D>",
            "<D/><D/>",
            "<D>&unknown;</D>",
            "<D>&#0;</D>",
            "<E/>",
            "text<D/>",
            "<D/>text",
        ] {
            assert_eq!(read(wrong, "D"), Err(Malformed), "{wrong:.40}");
        }
        assert_eq!(parse(b"<D>\xff</D>", "D", BOUNDS), Err(Malformed));
        assert!(read(&deep.replacen("<a>", "", 1).replacen("</a>", "", 1), "D").is_ok());
        assert!(read(&many.replacen("<a/>", "", 1), "D").is_ok());
    }

    proptest! {
        #[test]
        fn text_that_was_escaped_is_read_back(text in "[ -~\\t\u{e9}\u{1f600}]{0,40}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let references: String = text.chars().map(|c| format!("&#{};", u32::from(c))).collect();
            for written in [escaped, references] {
                prop_assert_eq!(&read(&format!("<T>{written}</T>"), "T").unwrap().text, &text);
            }
        }

        #[test]
        fn nonsense_is_refused_or_bounded(document in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(node) = parse(&document, "a", BOUNDS) {
                prop_assert!(node.text.len() <= document.len());
            }
        }

        #[test]
        fn markup_is_refused_or_bounded(document in "[<>/a&;#x!\\[\\]\"=? -]{0,80}") {
            if let Ok(node) = read(&document, "a") {
                prop_assert!(node.text.len() <= document.len() && node.children.len() <= document.len());
            }
        }
    }
}
