//! What clients leave with a file: kept in its metadata, so that it goes where the file goes.
//!
//! An object's own metadata holds 2 KB in all, on every provider: this is for the few words that clients write there, packed.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::dav::xml::{Name, Node, Xml, parse};

/// The name of the metadata (`x-amz-meta-…` in S3) in which they are.
pub(crate) const METADATA: &str = "dav-props";
/// The most that they may be when packed, in bytes.
const MOST_PACKED: usize = 1_600;
/// The most that they may be, in bytes.
const MOST: u64 = 64 * 1024;

/// Properties that clients left with a file, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dead(Vec<Node>);

impl Dead {
    /// Reads what is in a file's metadata. What is not of this form is not touched, and not told.
    pub(crate) fn of(user: &[(String, String)]) -> Self {
        let packed = user.iter().find(|(name, _)| name == METADATA).map(|(_, value)| value.as_str());
        Self(packed.and_then(unpack).unwrap_or_default())
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.0.iter()
    }

    pub(crate) fn get(&self, name: &Name) -> Option<&Node> {
        self.0.iter().find(|node| node.name == *name)
    }

    /// Puts a property in the place of the one of its name.
    pub(crate) fn set(&mut self, node: Node) {
        match self.0.iter_mut().find(|old| old.name == node.name) {
            Some(old) => *old = node,
            None => self.0.push(node),
        }
    }

    pub(crate) fn remove(&mut self, name: &Name) {
        self.0.retain(|node| node.name != *name);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As metadata; none if they do not fit.
    pub(crate) fn pack(&self) -> Option<String> {
        let mut xml = Xml::document("prop");
        for node in &self.0 {
            xml.node(node);
        }
        xml.raw("</D:prop>");
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(xml.into_string().as_bytes()).ok()?;
        let text = STANDARD_NO_PAD.encode(packed.finish().ok()?);
        (text.len() <= MOST_PACKED).then_some(text)
    }
}

fn unpack(text: &str) -> Option<Vec<Node>> {
    let packed = STANDARD_NO_PAD.decode(text).ok()?;
    let mut xml = Vec::new();
    DeflateDecoder::new(packed.as_slice()).take(MOST).read_to_end(&mut xml).ok()?;
    let root = parse(&xml).ok()?;
    Some(root.elements().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node {
        parse(text.as_bytes()).unwrap()
    }

    fn kept(dead: &Dead) -> Dead {
        Dead::of(&[("mtime".to_owned(), "1".to_owned()), (METADATA.to_owned(), dead.pack().unwrap())])
    }

    #[test]
    fn what_is_kept_comes_back() {
        let mut dead = Dead::default();
        for text in [
            "<a xmlns='urn:x' xml:lang='de'>1</a>",
            "<a>2&amp;<b/></a>",
            "<Win32FileAttributes xmlns='urn:schemas-microsoft-com:'>20</Win32FileAttributes>",
        ] {
            dead.set(node(text));
        }
        assert_eq!(kept(&dead), dead);
        dead.set(node("<a xmlns='urn:x'>3</a>"));
        dead.remove(&Name::new("", "a"));
        let names: Vec<_> = kept(&dead).nodes().map(|node| (node.name.local.clone(), node.text())).collect();
        assert_eq!(
            names,
            [("a".to_owned(), "3".to_owned()), ("Win32FileAttributes".to_owned(), "20".to_owned())]
        );
    }

    #[test]
    fn what_does_not_fit_is_not_kept_and_what_is_no_property_is_none() {
        let mut dead = Dead::default();
        let step = |n: &u64| Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let numbers = std::iter::successors(Some(1u64), step).take(4000);
        let noise: String = numbers.map(|n| char::from(b'a' + u8::try_from(n >> 60).unwrap())).collect();
        dead.set(node(&format!("<a>{noise}</a>")));
        assert_eq!(dead.pack(), None);
        let bomb = {
            let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
            packed.write_all(b"<a>").unwrap();
            packed.write_all(&vec![b' '; 10_000_000]).unwrap();
            packed.write_all(b"</a>").unwrap();
            STANDARD_NO_PAD.encode(packed.finish().unwrap())
        };
        for odd in ["", "x", "AAAA", bomb.as_str()] {
            assert!(Dead::of(&[(METADATA.to_owned(), odd.to_owned())]).is_empty());
        }
    }
}
