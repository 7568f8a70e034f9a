//! What was answered and did not leave yet.
//!
//! The bytes of files wait for room here. Short answers hardly do: a client that sends a whole file before it reads one answer must not stop itself.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use russh::ChannelWriteHalf;
use russh::server::Msg;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::activity::UnderWay;

/// With more than this waiting, nothing is begun whose answer is long.
const LONG_WAITS: usize = 1024 * 1024;
/// With more than this waiting, nothing is begun at all.
const ALL_WAITS: usize = 8 * 1024 * 1024;
/// How much leaves at once: what one packet of SSH holds.
const AT_ONCE: usize = 32 * 1024;

/// The answers of one channel that wait for the client.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    came: Notify,
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Bytes>,
    waiting: usize,
    /// What is answered is under way until the answer has left.
    work: Option<UnderWay>,
    over: bool,
}

/// Why answers leave no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// All of them left, and there will be no more.
    Done,
    /// The client has taken none for too long.
    Stalled,
    /// The channel or the connection is gone.
    Gone,
}

impl Outbox {
    /// Waits until an answer may be made: a long one, or one of a few bytes.
    pub(super) async fn room(&self, long: bool) {
        let most = if long { LONG_WAITS } else { ALL_WAITS };
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            if self.state().waiting <= most {
                return;
            }
            left.await;
        }
    }

    pub(super) fn put(&self, (head, data): (Bytes, Option<Bytes>), work: UnderWay) {
        let mut state = self.state();
        state.work = Some(work);
        for part in [Some(head), data].into_iter().flatten() {
            state.waiting += part.len();
            state.queue.push_back(part);
        }
        drop(state);
        self.came.notify_one();
    }

    /// There will be no more.
    pub(super) fn end(&self) {
        self.state().over = true;
        self.came.notify_one();
    }

    /// Sends until there is no more to send.
    pub(super) async fn send(&self, to: &ChannelWriteHalf<Msg>, stall: Duration) -> Stopped {
        loop {
            let Some(bytes) = self.next().await else { return Stopped::Done };
            let length = bytes.len();
            match timeout(stall, to.data_bytes(bytes)).await {
                Ok(Ok(())) => {
                    let done = self.state().left(length);
                    drop(done);
                    self.left.notify_one();
                }
                Ok(Err(_)) => return Stopped::Gone,
                Err(_) => return Stopped::Stalled,
            }
        }
    }

    /// What leaves next: short answers together.
    async fn next(&self) -> Option<Bytes> {
        loop {
            {
                let mut state = self.state();
                if let Some(bytes) = state.take() {
                    return Some(bytes);
                }
                if state.over {
                    return None;
                }
            }
            self.came.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// So much has left; what was answered is done if that was all.
    fn left(&mut self, length: usize) -> Option<UnderWay> {
        self.waiting -= length;
        if self.waiting == 0 { self.work.take() } else { None }
    }

    fn take(&mut self) -> Option<Bytes> {
        let mut first = self.queue.pop_front()?;
        if first.len() > AT_ONCE {
            let rest = first.split_off(AT_ONCE);
            self.queue.push_front(rest);
            return Some(first);
        }
        if self.queue.is_empty() {
            return Some(first);
        }
        let mut together = BytesMut::with_capacity(AT_ONCE);
        together.extend_from_slice(&first);
        while let Some(next) = self.queue.front_mut() {
            let room = AT_ONCE - together.len();
            if next.len() > room {
                together.extend_from_slice(&next.split_to(room));
                break;
            }
            together.extend_from_slice(next);
            self.queue.pop_front();
        }
        Some(together.freeze())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::activity::Activity;
    use super::*;

    fn work() -> UnderWay {
        Arc::new(Activity::default()).work()
    }

    #[tokio::test]
    async fn what_leaves_is_what_came_in_pieces_that_fit() {
        let outbox = Outbox::default();
        let mut expected = Vec::new();
        for length in [5, 40_000, 1, 0, 32 * 1024, 100_000, 3] {
            let data = Bytes::from(vec![u8::try_from(length % 251).unwrap(); length]);
            expected.extend_from_slice(b"head");
            expected.extend_from_slice(&data);
            outbox.put((Bytes::from_static(b"head"), Some(data)), work());
        }
        let mut sent = Vec::new();
        while let Some(bytes) = outbox.state().take() {
            assert!(bytes.len() <= AT_ONCE);
            sent.extend_from_slice(&bytes);
        }
        assert_eq!(sent, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn short_answers_may_be_made_when_long_ones_wait() {
        let outbox = Outbox::default();
        outbox.put((Bytes::from(vec![0; LONG_WAITS + 1]), None), work());
        assert!(timeout(Duration::from_secs(1), outbox.room(true)).await.is_err());
        assert!(timeout(Duration::from_secs(1), outbox.room(false)).await.is_ok());
        outbox.put((Bytes::from(vec![0; ALL_WAITS]), None), work());
        assert!(timeout(Duration::from_secs(1), outbox.room(false)).await.is_err());
    }
}
