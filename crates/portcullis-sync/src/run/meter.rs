//! Bytes on their way from one side to the other: counted, held back, and hashed where that is needed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream;
use futures_util::{Stream, StreamExt as _};
use portcullis_backend::{Body, BodyFault, BodyStream, Digest, DigestAlgorithm, Digester, LateDigests};

use super::context::Context;
use super::pace::Throttle;
use super::progress::Bytes as Counted;

/// What passed.
#[derive(Debug, Default)]
pub(super) struct Passed {
    bytes: AtomicU64,
    md5: Mutex<Option<Digest>>,
    /// The same for whoever stores the bytes, if they are hashed.
    late: Option<LateDigests>,
}

impl Passed {
    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What the bytes have to be hashed to by whoever stores them, if they are hashed.
    pub(super) fn late(&self) -> Option<(LateDigests, Vec<DigestAlgorithm>)> {
        self.late.clone().map(|late| (late, vec![DigestAlgorithm::Md5]))
    }

    /// The MD5, if all of it passed and it was asked for.
    pub(super) fn md5(&self) -> Option<Digest> {
        self.md5.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A body under way.
struct Meter {
    body: BodyStream,
    length: u64,
    digester: Option<Digester>,
    passed: Arc<Passed>,
    counted: Arc<Counted>,
    throttle: Arc<Throttle>,
}

impl Meter {
    async fn next(mut self) -> Option<(Result<Bytes, BodyFault>, Option<Self>)> {
        let Some(piece) = self.body.next().await else {
            let whole = self.passed.bytes() == self.length;
            if whole {
                let md5 = self.digester.take().and_then(|digester| digester.finish().pop());
                if let (Some(late), Some(md5)) = (&self.passed.late, &md5) {
                    late.set(vec![md5.clone()]);
                }
                *self.passed.md5.lock().unwrap_or_else(PoisonError::into_inner) = md5;
                return None;
            }
            return Some((Err(BodyFault::Disconnected), None));
        };
        let Ok(piece) = piece else { return Some((piece, None)) };
        let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.throttle.take(size).await;
        if let Some(digester) = &mut self.digester {
            digester.update(&piece);
        }
        self.passed.bytes.fetch_add(size, Ordering::Relaxed);
        self.counted.moved(size);
        Some((Ok(piece), Some(self)))
    }
}

/// A body whose bytes are counted as they are taken from it, and which fails if there are fewer than `length`.
pub(super) fn metered(cx: &Context<'_>, body: Body, length: u64, hash: bool) -> (Body, Arc<Passed>) {
    let passed = Arc::new(Passed { late: hash.then(LateDigests::default), ..Passed::default() });
    let body: BodyStream = match body {
        Body::Full(bytes) => Box::pin(stream::iter((!bytes.is_empty()).then_some(Ok(bytes)))),
        Body::Stream(stream) => stream,
    };
    let meter = Meter {
        body,
        length,
        digester: hash.then(|| Digester::new(&[DigestAlgorithm::Md5])),
        passed: Arc::clone(&passed),
        counted: Arc::clone(&cx.bytes),
        throttle: Arc::clone(&cx.throttle),
    };
    (Body::Stream(Box::pin(pieces(meter))), passed)
}

fn pieces(meter: Meter) -> impl Stream<Item = Result<Bytes, BodyFault>> + Send {
    stream::unfold(Some(meter), |meter| async move {
        let meter = meter?;
        meter.next().await
    })
}
