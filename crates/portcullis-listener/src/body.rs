//! The bodies of an exchange, watched.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use crate::progress::Half;

/// The body of a request: hyper's, and an error when the client stops sending.
///
/// Only a wait of the reader counts: a service that is slow to ask for the next bytes, or that has them all and is
/// still at work, is not the client's fault.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Source,
    /// Until the body is at its end.
    half: Option<Half>,
    stall: Duration,
    /// Since when the reader waits, if it does.
    waiting: Option<Instant>,
    /// Made at the first wait, and moved forward only when it fires.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// Where the bytes come from.
#[derive(Debug)]
enum Source {
    /// From a client.
    Client(Incoming),
    /// From this process, all at once.
    Given(Option<Bytes>),
}

impl Body for Source {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Client(incoming) => Pin::new(incoming).poll_frame(cx).map_err(Into::into),
            Self::Given(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Client(incoming) => incoming.is_end_stream(),
            Self::Given(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Client(incoming) => incoming.size_hint(),
            Self::Given(bytes) => SizeHint::with_exact(
                bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            ),
        }
    }
}

/// Why a request body has no more bytes although it is not at its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Nothing came for as long as [`Limits::read_stall`](crate::Limits::read_stall). An answer can still be sent;
    /// the connection closes after it.
    #[error("the client stopped sending")]
    Stalled,
    /// The connection ended, or the chunked coding was malformed (RFC 9112, section 7.1).
    #[error("the request body broke off")]
    Broken(#[source] Box<dyn StdError + Send + Sync>),
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, answer: &Half, stall: Duration) -> Self {
        let half = if incoming.is_end_stream() { None } else { Some(answer.other()) };
        Self { incoming: Source::Client(incoming), half, stall, waiting: None, alarm: None }
    }

    /// The body of a request that this process makes of itself, past any socket.
    #[must_use]
    pub fn given(bytes: Bytes) -> Self {
        let incoming = Source::Given(Some(bytes).filter(|bytes| !bytes.is_empty()));
        Self { incoming, half: None, stall: Duration::MAX, waiting: None, alarm: None }
    }

    /// Ready when the reader has waited too long.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        let Some(due) = since.checked_add(self.stall) else {
            return Poll::Pending;
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        while alarm.as_mut().poll(cx).is_ready() {
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => return self.poll_stalled(cx).map(|()| Some(Err(BodyError::Stalled))),
        };
        self.waiting = None;
        let ended = match &frame {
            None | Some(Err(_)) => true,
            Some(Ok(frame)) => frame.is_trailers() || self.incoming.is_end_stream(),
        };
        if ended {
            self.half = None;
        }
        Poll::Ready(frame.map(|result| result.map_err(BodyError::Broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(half) = &self.half {
            half.give_up();
        }
    }
}

pin_project! {
    /// The body of an answer, under way until hyper lets go of it.
    #[derive(Debug)]
    pub(crate) struct ResponseBody<B> {
        #[pin]
        body: B,
        half: Option<Half>,
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn new(body: B, half: Option<Half>) -> Self {
        Self { body, half }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
