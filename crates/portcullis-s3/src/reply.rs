//! What goes back: a response whose body is nothing, bytes at hand, or a stream of known length.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use portcullis_access::{Body, BodyFault, BodyStream};

/// A response of this door.
pub(crate) type Reply = Response<ReplyBody>;

/// The stream that feeds a response broke off: the connection is cut, since the length that was announced cannot be
/// kept any more.
#[derive(Debug, thiserror::Error)]
#[error("the body of a response broke off: {0:?}")]
pub(crate) struct BrokenOff(BodyFault);

/// The body of a response.
pub(crate) enum ReplyBody {
    /// All of it, or what is left; none at the end.
    Full(Option<Bytes>),
    /// A stream, and how many bytes are still to come.
    Stream(BodyStream, u64),
}

impl ReplyBody {
    /// No bytes.
    pub(crate) const fn empty() -> Self {
        Self::Full(None)
    }

    /// These bytes.
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self::Full(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// The bytes of an object, of which there are `length`.
    pub(crate) fn object(body: Body, length: u64) -> Self {
        match body {
            Body::Full(bytes) => Self::full(bytes),
            Body::Stream(stream) => Self::Stream(stream, length),
        }
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(bytes) => write!(f, "Full({})", bytes.as_ref().map_or(0, Bytes::len)),
            Self::Stream(_, left) => write!(f, "Stream({left})"),
        }
    }
}

impl HttpBody for ReplyBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(stream, left) => match std::task::ready!(stream.as_mut().poll_next(context)) {
                Some(Ok(bytes)) => {
                    *left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                    Poll::Ready(Some(Ok(Frame::data(bytes))))
                }
                Some(Err(fault)) => Poll::Ready(Some(Err(BrokenOff(fault)))),
                // An end before its time must not look like one: the client would take half a file for the whole.
                None if *left > 0 => Poll::Ready(Some(Err(BrokenOff(BodyFault::Incomplete)))),
                None => Poll::Ready(None),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_none(),
            Self::Stream(_, left) => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Stream(_, left) => SizeHint::with_exact(*left),
        }
    }
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(ReplyBody::empty());
    *reply.status_mut() = status;
    reply
}

/// A document.
pub(crate) fn document(xml: Bytes) -> Reply {
    let mut reply = Response::new(ReplyBody::full(xml));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    reply
}

/// Sets a header whose value may come from a client; one that cannot stand in a header is left out.
pub(crate) fn set(reply: &mut Reply, name: impl Into<HeaderName>, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name.into(), value);
    }
}
