//! Documents that strangers send, read into a small tree.
//!
//! No document types, no entities but the five of XML and character references, no processing instructions, bounded depth and number
//! of elements: nothing in a document can make reading it cost more than its length. Namespaces and attributes are passed over, since
//! S3 means nothing by them; readers that need them ([`character`] is theirs) keep the same rules.

mod node;
mod read;

pub use node::Node;
pub use read::{Bounds, character, parse};

/// The document is not well-formed, not the one that was asked for, or has what no such document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document is not well-formed XML, or not the one that belongs here")]
pub struct Malformed;
