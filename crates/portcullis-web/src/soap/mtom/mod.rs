//! Bytes beside the envelope instead of within it: MTOM, which is a `multipart/related` body (RFC 2387) with the envelope as its root
//! and the bytes as a part that `xop:Include` names (XOP 1.0). None of it is ever held whole.

mod answer;
mod fault;
mod related;
mod spool;

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use portcullis_multipart::ContentType;

pub(super) use answer::answer;
pub(super) use fault::RelatedFault;
pub(super) use related::Related;
pub(crate) use spool::Spool;

const RELATED: &str = "multipart/related";
const XOP: &str = "application/xop+xml";

/// Whether whoever sent this reads MTOM: it sends it, or says that it takes it.
pub(super) fn wanted(headers: &HeaderMap) -> bool {
    let sends = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let takes = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    is_related(sends.unwrap_or_default())
        || takes.flat_map(|value| value.split(',')).any(|kind| {
            let kind = ContentType::new(kind);
            kind.is(RELATED) || kind.is(XOP)
        })
}

/// Whether this content type is that of a body with parts that belong together.
pub(super) fn is_related(content_type: &str) -> bool {
    ContentType::new(content_type).is(RELATED)
}

#[cfg(test)]
mod tests;
