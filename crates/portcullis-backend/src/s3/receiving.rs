//! Bodies on their way from a provider.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep, timeout_at};

use super::fault::untrue;
use super::gate::{Pass, Sign};
use super::options::Timeouts;
use super::wire::Answer;
use super::xml::{self, Node};
use crate::{BodyFault, Result};

/// The longest document that is read: 1,000 keys of 1,024 bytes, each byte written as three.
const MAX_DOCUMENT: usize = 8 << 20;

/// A body of at most `most` bytes; none if it is longer, breaks off, stops coming or takes too long.
pub(super) async fn collect(mut body: Incoming, most: usize, timeouts: &Timeouts) -> Option<Vec<u8>> {
    let mut all = BytesMut::new();
    let deadline = Instant::now() + timeouts.total;
    loop {
        let until = deadline.min(Instant::now() + timeouts.idle);
        match timeout_at(until, body.frame()).await {
            Err(_) | Ok(Some(Err(_))) => return None,
            Ok(None) => return Some(all.into()),
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                if all.len().saturating_add(data.len()) > most {
                    return None;
                }
                all.extend_from_slice(&data);
            }
        }
    }
}

impl Answer {
    /// The answer, if it says that what was sent is stored.
    pub(super) fn only_ok(self) -> Result<Self> {
        if self.status == StatusCode::OK {
            Ok(self)
        } else {
            Err(untrue(self.operation, "it is another success"))
        }
    }

    /// The document of the answer, whose root has this name.
    pub(super) async fn document(self, root: &str, timeouts: &Timeouts) -> Result<Node> {
        self.document_of(&[root], timeouts).await
    }

    /// The document of the answer, whose root has one of these names.
    pub(super) async fn document_of(self, roots: &[&str], timeouts: &Timeouts) -> Result<Node> {
        let operation = self.operation;
        let Some(bytes) = collect(self.body, MAX_DOCUMENT, timeouts).await else {
            return Err(untrue(operation, "its document broke off"));
        };
        // Some operations say 200 before they know.
        if let Some(fault) = super::fault::Fault::inside(&bytes) {
            return Err(fault.error(operation));
        }
        let node = roots.iter().find_map(|root| xml::parse(&bytes, root).ok());
        node.ok_or_else(|| untrue(operation, "it is not the document of S3"))
    }

    /// Reads the rest of an answer that should have no document, so that its connection can be used again.
    pub(super) async fn finish(self, timeouts: &Timeouts) {
        drop(collect(self.body, MAX_DOCUMENT, timeouts).await);
    }
}

/// An object's bytes as they come; an error if there are not exactly as many as were announced.
pub(super) struct Download {
    body: Incoming,
    left: u64,
    idle: Duration,
    due: Pin<Box<Sleep>>,
    ended: bool,
    pass: Pass,
}

impl Download {
    pub(super) fn new(body: Incoming, length: u64, idle: Duration, pass: Pass) -> Self {
        Self { body, left: length, idle, due: Box::pin(sleep(idle)), ended: false, pass }
    }

    fn fail(&mut self, why: &str) -> Poll<Option<Result<Bytes, BodyFault>>> {
        self.ended = true;
        self.pass.tell(Sign::Failing, Some(&why));
        Poll::Ready(Some(Err(BodyFault::Incomplete)))
    }
}

impl Stream for Download {
    type Item = Result<Bytes, BodyFault>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
                ready!(this.due.as_mut().poll(cx));
                return this.fail("the provider stopped in the middle of a body");
            };
            let data = match frame {
                None if this.left == 0 => {
                    this.ended = true;
                    return Poll::Ready(None);
                }
                None | Some(Err(_)) => return this.fail("a body broke off"),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
            let Some(left) = this.left.checked_sub(length) else {
                return this.fail("a body is longer than was said");
            };
            this.left = left;
            // The time runs from the moment the reader asks on, so that a slow reader is not the provider's fault.
            this.due.as_mut().reset(Instant::now() + this.idle);
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(data)));
            }
        }
    }
}
