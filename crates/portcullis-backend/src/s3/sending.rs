//! Bodies on their way to a provider.
//!
//! The last piece of a stream is held back until the stream has ended well: length and digests are compared before it is
//! sent, so that a provider never has all of a body that is not what it should be, and stores nothing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

use super::names::checksum_header;
use super::options::Timeouts;
use crate::{BackendErrorKind, BodyFault, BodyStream, Digest, DigestAlgorithm, DigestPlan, Digester};

/// How a body goes, seen from both ends.
#[derive(Debug)]
pub(super) struct Sending {
    begun: Instant,
    /// When the provider last took something, in milliseconds since `begun`.
    last: AtomicU64,
    /// The client is to give the next piece.
    waiting: AtomicBool,
    /// The first piece was asked for.
    started: AtomicBool,
    /// All of it was given to the connection.
    done: AtomicBool,
    outcome: OnceLock<Result<Sent, BackendErrorKind>>,
}

/// A body that was sent whole.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) size: u64,
    pub(super) digests: Vec<Digest>,
}

impl Sending {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            last: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            started: AtomicBool::new(false),
            done: AtomicBool::new(false),
            outcome: OnceLock::new(),
        })
    }

    fn touch(&self) {
        let passed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(passed, Ordering::Relaxed);
    }

    fn end(&self) {
        self.done.store(true, Ordering::Relaxed);
        self.touch();
    }

    /// Whether any of it may have been sent.
    pub(super) fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// How the body ended, if it has.
    pub(super) fn outcome(&self) -> Option<&Result<Sent, BackendErrorKind>> {
        self.outcome.get()
    }

    /// Ends when nothing has moved for too long; false if it was the client who did not go on.
    pub(super) async fn stalled(&self, timeouts: &Timeouts) -> bool {
        loop {
            let waiting = self.waiting.load(Ordering::Relaxed);
            let limit = if waiting {
                timeouts.client_idle
            } else if self.done.load(Ordering::Relaxed) {
                timeouts.head
            } else {
                timeouts.idle
            };
            let last = std::time::Duration::from_millis(self.last.load(Ordering::Relaxed));
            let due = self.begun + last + limit;
            if Instant::now() >= due {
                return !waiting;
            }
            sleep_until(due).await;
        }
    }
}

/// A body that comes piece by piece.
pub(super) struct Outgoing {
    source: BodyStream,
    plan: DigestPlan,
    digester: Option<Digester>,
    length: u64,
    size: u64,
    held: Option<Bytes>,
    queue: VecDeque<Bytes>,
    /// The algorithm whose value follows the bytes.
    trailer: Option<DigestAlgorithm>,
    ended: bool,
    sending: Arc<Sending>,
}

/// The body was not what it should be; what is wrong stands in [`Sending::outcome`].
#[derive(Debug, thiserror::Error)]
#[error("the body is not what it was said to be")]
pub(super) struct BadBody;

impl Outgoing {
    /// A body of exactly `length` bytes; with `trailer`, framed as aws-chunked with this checksum at the end.
    pub(super) fn new(
        source: BodyStream,
        length: u64,
        plan: DigestPlan,
        trailer: Option<DigestAlgorithm>,
        sending: Arc<Sending>,
    ) -> Self {
        let digester = Some(Digester::new(&plan.algorithms()));
        let (held, queue) = (None, VecDeque::new());
        Self { source, plan, digester, length, size: 0, held, queue, trailer, ended: false, sending }
    }

    fn emit(&mut self, piece: Bytes) {
        if self.trailer.is_some() {
            self.queue.push_back(Bytes::from(format!("{:x}\r\n", piece.len())));
            self.queue.push_back(piece);
            self.queue.push_back(Bytes::from_static(b"\r\n"));
        } else {
            self.queue.push_back(piece);
        }
    }

    fn take(&mut self, piece: Bytes) -> Result<(), BackendErrorKind> {
        if let Some(digester) = &mut self.digester {
            digester.update(&piece);
        }
        self.size = self.size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if self.size > self.length {
            return Err(BackendErrorKind::Body(BodyFault::TooLong));
        }
        if let Some(before) = self.held.replace(piece) {
            self.emit(before);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Sent, BackendErrorKind> {
        if self.size < self.length {
            return Err(BackendErrorKind::Body(BodyFault::Incomplete));
        }
        let digests = self.digester.take().map(Digester::finish).unwrap_or_default();
        self.plan.check(&digests).map_err(|error| error.kind)?;
        if let Some(last) = self.held.take() {
            self.emit(last);
        }
        if let Some(algorithm) = self.trailer {
            let digest = digests.iter().find(|digest| digest.algorithm == algorithm);
            let value = digest.map(|digest| STANDARD.encode(&digest.value)).unwrap_or_default();
            let name = checksum_header(algorithm).unwrap_or_default();
            self.queue.push_back(Bytes::from(format!("0\r\n{name}:{value}\r\n\r\n")));
        }
        self.ended = true;
        Ok(Sent { size: self.size, digests })
    }

    fn settle(&mut self, outcome: Result<Sent, BackendErrorKind>) -> Result<(), BadBody> {
        let failed = outcome.is_err();
        // A second outcome cannot come: the body has ended.
        drop(self.sending.outcome.set(outcome));
        self.ended = true;
        if failed { Err(BadBody) } else { Ok(()) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BadBody>>> {
        self.sending.started.store(true, Ordering::Relaxed);
        self.sending.touch();
        loop {
            if let Some(piece) = self.queue.pop_front() {
                if self.ended && self.queue.is_empty() {
                    self.sending.end();
                }
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if self.ended {
                self.sending.end();
                return Poll::Ready(None);
            }
            let Poll::Ready(next) = self.source.as_mut().poll_next(cx) else {
                self.sending.waiting.store(true, Ordering::Relaxed);
                return Poll::Pending;
            };
            self.sending.waiting.store(false, Ordering::Relaxed);
            self.sending.touch();
            let settled = match next {
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => match self.take(piece) {
                    Ok(()) => continue,
                    Err(fault) => self.settle(Err(fault)),
                },
                Some(Err(fault)) => self.settle(Err(BackendErrorKind::Body(fault))),
                None => {
                    let outcome = self.finish();
                    self.settle(outcome)
                }
            };
            if let Err(bad) = settled {
                return Poll::Ready(Some(Err(bad)));
            }
        }
    }
}

/// What a request carries. A stream stays with its owner, so that one of which nothing was sent can be sent again.
pub(super) enum SendBody {
    Full(Option<Bytes>, Arc<Sending>),
    Stream(Arc<Mutex<Outgoing>>),
}

impl SendBody {
    pub(super) fn full(bytes: Bytes, sending: &Arc<Sending>) -> Self {
        if bytes.is_empty() {
            sending.end();
            return Self::Full(None, Arc::clone(sending));
        }
        Self::Full(Some(bytes), Arc::clone(sending))
    }
}

impl http_body::Body for SendBody {
    type Data = Bytes;
    type Error = BadBody;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BadBody>>> {
        match self.get_mut() {
            Self::Full(bytes, sending) => {
                sending.started.store(true, Ordering::Relaxed);
                sending.end();
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Stream(outgoing) => outgoing.lock().unwrap_or_else(PoisonError::into_inner).poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None, _))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes, _) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Stream(outgoing) => {
                let outgoing = outgoing.lock().unwrap_or_else(PoisonError::into_inner);
                if outgoing.trailer.is_some() {
                    SizeHint::new()
                } else {
                    SizeHint::with_exact(outgoing.length)
                }
            }
        }
    }
}
