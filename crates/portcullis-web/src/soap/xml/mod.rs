//! Envelopes are read as they come: nothing is held but the piece of markup that is looked at.
//!
//! No document types, no entities but the five of XML and character references, no processing instructions; depth, attributes,
//! namespaces, and everything that is not content of a file are bounded.

mod meter;
mod reader;

use meter::Metered;
pub(super) use reader::{Element, Token, XmlReader};
