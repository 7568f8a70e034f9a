//! XML, read and written: what WebDAV needs of it, bounded.

mod read;
mod write;

use read::Child;
pub(crate) use read::{Name, Node, parse};
pub(crate) use write::{Xml, escaped};

/// The namespace of WebDAV itself (RFC 4918 section 14).
pub(crate) const DAV: &str = "DAV:";
/// The namespace of Windows's own properties.
pub(crate) const WINDOWS: &str = "urn:schemas-microsoft-com:";
/// The namespace of `xml:lang`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
