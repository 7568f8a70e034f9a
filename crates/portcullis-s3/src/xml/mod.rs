//! XML, written and read: a bounded, plain subset, which is all that S3 uses.

mod read;
mod write;

pub(crate) use read::{MalformedXml, Node, parse};
pub(crate) use write::{KeyEncoding, Xml};
