//! Whether a session is in use.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use portcullis_listener::LineStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The longest first line of a client that is kept (RFC 4253 section 4.2).
const LONGEST_NAME: usize = 255;

/// What is going on in a session.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    /// When the client was heard last, in milliseconds from `began`.
    heard: AtomicU64,
    /// Requests that are worked on.
    working: AtomicUsize,
    /// Files that are open.
    open: AtomicUsize,
    /// One of them became none.
    none: Notify,
    /// What the client calls itself.
    name: OnceLock<String>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            heard: AtomicU64::new(0),
            working: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            none: Notify::new(),
            name: OnceLock::new(),
        }
    }
}

impl Activity {
    /// What the client calls itself, such as `OpenSSH_9.2p1`; empty as long as it has not said it.
    pub(super) fn name(&self) -> &str {
        self.name.get().map_or("", String::as_str)
    }

    /// A request is worked on until the guard is dropped.
    pub(super) fn work(self: &Arc<Self>) -> UnderWay {
        UnderWay::new(self, Kind::Work)
    }

    /// A file is open until the guard is dropped.
    pub(super) fn open(self: &Arc<Self>) -> UnderWay {
        UnderWay::new(self, Kind::File)
    }

    /// Ready when nothing is worked on and the client was not heard for so long. What it is told in between does not count, nor
    /// that it has files open.
    pub(super) async fn idle(&self, allowed: Duration) {
        loop {
            let since = self.began + Duration::from_millis(self.heard.load(Relaxed));
            match since.checked_add(allowed) {
                Some(due) if due > Instant::now() => sleep_until(due).await,
                Some(_) if self.working.load(Relaxed) == 0 => return,
                Some(_) => {
                    // Work that takes longer than that is answered, and the wait begins after it.
                    self.until(|activity| activity.working.load(Relaxed) == 0).await;
                    self.hear();
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Ready when nothing is worked on and no file is open.
    pub(super) async fn quiet(&self) {
        self.until(|activity| activity.working.load(Relaxed) + activity.open.load(Relaxed) == 0).await;
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            let none = self.none.notified();
            tokio::pin!(none);
            none.as_mut().enable();
            if holds(self) {
                return;
            }
            none.await;
        }
    }

    fn hear(&self) {
        let heard = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(heard, Relaxed);
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Work,
    File,
}

/// Something that is under way.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>, Kind);

impl UnderWay {
    fn new(activity: &Arc<Activity>, kind: Kind) -> Self {
        let made = Self(Arc::clone(activity), kind);
        made.counter().fetch_add(1, Relaxed);
        made
    }

    fn counter(&self) -> &AtomicUsize {
        match self.1 {
            Kind::Work => &self.0.working,
            Kind::File => &self.0.open,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.counter().fetch_sub(1, Relaxed) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

/// A connection whose client is heard.
pub(super) struct Heard {
    stream: LineStream,
    activity: Arc<Activity>,
    /// The first line, until it is whole.
    first: Option<Vec<u8>>,
}

impl Heard {
    pub(super) fn new(stream: LineStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity, first: Some(Vec::new()) }
    }

    fn read(&mut self, bytes: &[u8]) {
        self.activity.hear();
        let Some(first) = &mut self.first else { return };
        let end = bytes.iter().position(|byte| *byte == b'\n');
        first.extend(bytes.iter().take(end.unwrap_or(bytes.len()).min(LONGEST_NAME)));
        if end.is_some() || first.len() >= LONGEST_NAME {
            let line = String::from_utf8_lossy(first).into_owned();
            let name = line.trim().splitn(3, '-').nth(2).unwrap_or_default();
            drop(self.activity.name.set(name.to_owned()));
            self.first = None;
        }
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(came) = buf.filled().get(before..).filter(|came| !came.is_empty()) {
            self.read(came);
        }
        result
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_not_idleness() {
        let activity = Arc::new(Activity::default());
        let start = Instant::now();
        let (work, file) = (activity.work(), activity.open());
        let waiting = {
            let activity = Arc::clone(&activity);
            tokio_util::task::TaskTracker::new()
                .spawn(async move { activity.idle(Duration::from_secs(300)).await })
        };
        tokio::time::sleep(Duration::from_secs(3600)).await;
        drop(work);
        waiting.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 3900, "an open file is no work");
        drop(file);
        activity.quiet().await;
    }
}
