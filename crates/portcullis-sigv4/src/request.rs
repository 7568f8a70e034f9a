//! A request as it came over the wire.

/// What of a request is signed, borrowed from the server's or client's own types.
///
/// Fill it from the wire, before anything is normalised, added or removed: an `x-amz-*` header that a front adds
/// itself counts as unsigned, and a rewritten `host` breaks the signature.
#[derive(Clone, Copy)]
pub struct RawRequest<'a> {
    /// `GET`, `PUT`, …
    pub method: &'a str,
    /// The path exactly as sent, still percent-encoded, without the query.
    pub path: &'a str,
    /// What follows the first `?`, exactly as sent; `None` without one.
    pub query: Option<&'a str>,
    /// All headers in the order received, names in lower case, one entry per line. Over HTTP/2 the caller puts the
    /// authority in as `host`. A name that is not in lower case is never found, and so never counts as signed.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl<'a> RawRequest<'a> {
    /// The values of all headers of that name, in order.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(present, _)| *present == name).map(|(_, value)| *value)
    }

    /// Whether method and path as sent fit on a line of the canonical request. What does not cannot have come
    /// through an HTTP parser, and could pretend to be more than one line.
    pub(crate) fn is_single_line(&self) -> bool {
        let visible = |byte: u8| byte > b' ' && byte != 0x7f;
        self.method.bytes().all(visible) && self.path.bytes().all(visible)
    }
}
