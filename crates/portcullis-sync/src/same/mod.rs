//! Whether two objects hold the same bytes.
//!
//! Same is proven, different may be assumed: a wrong "different" costs a copy that nobody needed, a wrong "same" costs data. What the
//! listings say comes first, then what the objects' metadata say, and bytes are read only where nothing else decides and as far as that
//! was allowed. A time says nothing: neither that objects are the same nor that they are not. The questions are pure ([`at_once`], `facts`); [`Resolver`] asks them of the sides.

mod facts;
mod look;
mod parts;
mod read;

pub(crate) use facts::{Reading, at_once};
pub(crate) use look::{First, Resolver};
