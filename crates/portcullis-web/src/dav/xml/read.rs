//! Documents that clients send, read into a small tree.
//!
//! No document types, no entities but the five of XML and character references, no processing instructions, bounded depth, elements
//! and namespaces: nothing in a document can make reading it cost more than its length.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

const MAX_DEPTH: usize = 16;
const MAX_NODES: usize = 2_000;
const MAX_ATTRIBUTES: usize = 16;
const MAX_BINDINGS: usize = 64;

/// The document is not well-formed XML, or has what no WebDAV document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedXml;

/// The name of an element or an attribute: its namespace, empty for none, and its local part.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) space: String,
    pub(crate) local: String,
}

impl Name {
    pub(crate) fn new(space: &str, local: &str) -> Self {
        Self { space: space.to_owned(), local: local.to_owned() }
    }

    pub(crate) fn is(&self, space: &str, local: &str) -> bool {
        self.space == space && self.local == local
    }
}

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: Name,
    pub(crate) attributes: Vec<(Name, String)>,
    pub(crate) children: Vec<Child>,
}

/// What is in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Child {
    Text(String),
    Element(Node),
}

impl Node {
    /// Its child elements.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Child::Element(node) => Some(node),
            Child::Text(_) => None,
        })
    }

    /// The first child of this name in WebDAV's namespace.
    pub(crate) fn dav(&self, local: &str) -> Option<&Self> {
        self.elements().find(|node| node.name.is(super::DAV, local))
    }

    /// Its text, without that of its children.
    pub(crate) fn text(&self) -> String {
        let texts = self.children.iter().filter_map(|child| match child {
            Child::Text(text) => Some(text.as_str()),
            Child::Element(_) => None,
        });
        texts.collect()
    }
}

/// Reads a whole document.
///
/// # Errors
/// [`MalformedXml`], whatever is wrong.
pub(crate) fn parse(document: &[u8]) -> Result<Node, MalformedXml> {
    let text = str::from_utf8(document).map_err(|_| MalformedXml)?;
    let mut tree = Tree::default();
    let mut reader = NsReader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    reader.resolver_mut().set_max_namespace_bindings(MAX_BINDINGS);
    loop {
        match reader.read_event().map_err(|_| MalformedXml)? {
            Event::Start(tag) => tree.open(element(&reader, &tag)?)?,
            Event::Empty(tag) => {
                tree.open(element(&reader, &tag)?)?;
                tree.close()?;
            }
            Event::End(_) => tree.close()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = portcullis_xml::character(&reference).map_err(|_| MalformedXml)?;
                tree.text(character.encode_utf8(&mut [0; 4]))?;
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::DocType(_) | Event::PI(_) => return Err(MalformedXml),
            Event::Eof => break,
        }
    }
    tree.finish().ok_or(MalformedXml)
}

/// An element without what is in it.
fn element(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Result<Node, MalformedXml> {
    let (space, local) = reader.resolver().resolve_element(tag.name());
    let name = named(&space, local.into_inner())?;
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| MalformedXml)?;
        let key = attribute.key;
        let declares = key.as_namespace_binding();
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| MalformedXml)?;
        if let Some(declared) = declares {
            // A prefix that is bound to nothing is wrong (Namespaces in XML 1.0, "Prefix Undeclaring").
            let prefixed = matches!(declared, quick_xml::name::PrefixDeclaration::Named(_));
            if prefixed && value.is_empty() {
                return Err(MalformedXml);
            }
            continue;
        }
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(MalformedXml);
        }
        let (space, local) = reader.resolver().resolve_attribute(key);
        attributes.push((named(&space, local.into_inner())?, value.into_owned()));
    }
    Ok(Node { name, attributes, children: Vec::new() })
}

fn named(space: &ResolveResult<'_>, local: &str) -> Result<Name, MalformedXml> {
    let space = match space {
        ResolveResult::Bound(space) => space.into_inner(),
        ResolveResult::Unbound => "",
        ResolveResult::Unknown(_) => return Err(MalformedXml),
    };
    // What is no name is never written back.
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.') || !c.is_ascii();
    let starts = local.starts_with(|c: char| c.is_alphabetic() || c == '_' || !c.is_ascii());
    if !starts || !local.chars().all(plain) || space.chars().any(char::is_control) {
        return Err(MalformedXml);
    }
    Ok(Name::new(space, local))
}

#[derive(Default)]
struct Tree {
    open: Vec<Node>,
    nodes: usize,
    done: Option<Node>,
}

impl Tree {
    fn open(&mut self, node: Node) -> Result<(), MalformedXml> {
        self.nodes += 1;
        if self.open.len() == MAX_DEPTH || self.nodes > MAX_NODES || self.done.is_some() {
            return Err(MalformedXml);
        }
        self.open.push(node);
        Ok(())
    }

    fn close(&mut self) -> Result<(), MalformedXml> {
        let node = self.open.pop().ok_or(MalformedXml)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Child::Element(node)),
            None => self.done = Some(node),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), MalformedXml> {
        let Some(node) = self.open.last_mut() else {
            return if text.trim().is_empty() { Ok(()) } else { Err(MalformedXml) };
        };
        // XML 1.0 has no other control characters, written out or not.
        if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{7f}'..='\u{9f}')) {
            return Err(MalformedXml);
        }
        match node.children.last_mut() {
            Some(Child::Text(before)) => before.push_str(text),
            Some(Child::Element(_)) | None => node.children.push(Child::Text(text.to_owned())),
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

    #[test]
    fn names_have_their_namespaces() {
        let root = parse(
            b"<?xml version=\"1.0\"?>\n<propfind xmlns=\"DAV:\" xmlns:a=\"urn:a\"><prop><a:x/><y xmlns=\"\"/><b:x xmlns:b=\"urn:a\" b:k='1&amp;2'/>\
              </prop></propfind>\n",
        )
        .unwrap();
        assert!(root.name.is("DAV:", "propfind"));
        let names: Vec<_> = root.dav("prop").unwrap().elements().map(|node| node.name.clone()).collect();
        assert_eq!(names, [Name::new("urn:a", "x"), Name::new("", "y"), Name::new("urn:a", "x")]);
        let last = root.dav("prop").unwrap().elements().last().unwrap();
        assert_eq!(last.attributes, [(Name::new("urn:a", "k"), "1&2".to_owned())]);
    }

    #[test]
    fn text_is_text() {
        let root = parse("<a>x&lt;&#x20AC;<![CDATA[<b>]]><c/>y</a>".as_bytes()).unwrap();
        assert_eq!(root.text(), "x<\u{20ac}<b>y");
        assert_eq!(root.children.len(), 3);
    }

    #[test]
    fn what_no_client_sends_is_refused() {
        let bomb = "<!DOCTYPE d [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><d>&b;</d>".to_owned();
        let deep = format!("{}{}", "<a>".repeat(MAX_DEPTH + 1), "</a>".repeat(MAX_DEPTH + 1));
        let many = format!("<d>{}</d>", "<a/>".repeat(MAX_NODES));
        let attributes: String = (0..=MAX_ATTRIBUTES).map(|n| format!(" a{n}='x'")).collect();
        let spaces: String = (0..=MAX_BINDINGS).map(|n| format!(" xmlns:a{n}='urn:x{n}'")).collect();
        let external = "<!DOCTYPE d SYSTEM \"file:///etc/passwd\"><d/>".to_owned();
        let mut wrong = vec![
            bomb,
            deep,
            many,
            format!("<d{attributes}/>"),
            format!("<d{spaces}/>"),
            external,
            "<?xml-stylesheet href='x'?><d/>".to_owned(),
        ];
        let plain = [
            "",
            "<d>",
            "<d></e>",
            "<d/><d/>",
            "x<d/>",
            "<d>&unknown;</d>",
            "<x:d/>",
            "<d x:a='1'/>",
            "<d xmlns:x=''/>",
            "<D:prop xmlns:D='DAV:'><ns1:foo xmlns:ns1=''/></D:prop>",
            "<d a='1' a='2'/>",
            "<d>&#0;</d>",
            "<d>&#1;</d>",
            "<1/>",
            "<a&b/>",
        ];
        wrong.extend(plain.map(str::to_owned));
        for document in wrong {
            assert_eq!(parse(document.as_bytes()), Err(MalformedXml), "{document:.60}");
        }
        assert!(parse(b"<d>\xff</d>").is_err());
    }
}
