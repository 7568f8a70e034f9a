//! The one timer of a connection.
//!
//! hyper has a header time-out of its own (1.12, `proto/h1/conn.rs`): it runs from the moment hyper looks for a head,
//! so on a kept-alive connection it counts the idle wait as well, and it makes and drops a timer per request. Here one
//! timer serves all waits, and it is moved forward only when it fires: a busy connection touches the timer wheel
//! about once a minute.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Limits;
use crate::progress::{Progress, Stage};

/// When nothing has a limit, the timer looks again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Sees to it that a connection does not wait for its client longer than allowed.
#[derive(Debug)]
pub(crate) struct Watchdog {
    progress: Arc<Progress>,
    limits: Limits,
    stage: Stage,
    /// When `stage` was first seen.
    since: Instant,
    alarm: Pin<Box<Sleep>>,
}

/// Why the watchdog ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    Head,
    Idle,
    Write,
}

impl Watchdog {
    pub(crate) fn new(progress: Arc<Progress>, limits: Limits) -> Self {
        let (stage, since) = (progress.stage(), Instant::now());
        let alarm = Box::pin(sleep_until(later(since, limits.header_read_timeout)));
        Self { progress, limits, stage, since, alarm }
    }

    /// Ready when the connection is overdue. To be called after each turn of the connection.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Overdue> {
        let stage = self.progress.stage();
        if stage != self.stage {
            (self.stage, self.since) = (stage, Instant::now());
        }
        let limit = self.limit();
        if let Some((due, _)) = limit
            && due < self.alarm.deadline()
        {
            self.alarm.as_mut().reset(due);
        }
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let now = Instant::now();
            match limit {
                Some((due, overdue)) if due <= now => return Poll::Ready(overdue),
                Some((due, _)) => self.alarm.as_mut().reset(due),
                None => self.alarm.as_mut().reset(later(now, LOOK_AGAIN)),
            }
        }
    }

    fn limit(&self) -> Option<(Instant, Overdue)> {
        let (allowed, overdue) = match self.stage {
            Stage::Head { .. } => (self.limits.header_read_timeout, Overdue::Head),
            Stage::Idle { .. } => (self.limits.idle_timeout, Overdue::Idle),
            Stage::Blocked { .. } => (self.limits.write_stall, Overdue::Write),
            Stage::Exchange { .. } => return None,
        };
        self.since.checked_add(allowed).map(|due| (due, overdue))
    }
}

/// `from + wait`, or the next look if the clock does not reach that far.
fn later(from: Instant, wait: Duration) -> Instant {
    from.checked_add(wait).unwrap_or_else(|| from + LOOK_AGAIN)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io;
    use std::sync::Arc;
    use std::task::Poll;
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::{Overdue, Watchdog};
    use crate::limits::Limits;
    use crate::progress::Progress;

    const HEAD: Duration = Duration::from_secs(15);
    const IDLE: Duration = Duration::from_secs(75);
    const WRITE: Duration = Duration::from_secs(40);

    fn watched() -> (Arc<Progress>, Watchdog) {
        let progress = Arc::new(Progress::default());
        let limits =
            Limits { header_read_timeout: HEAD, idle_timeout: IDLE, write_stall: WRITE, ..Limits::default() };
        (Arc::clone(&progress), Watchdog::new(progress, limits))
    }

    /// Lets `wait` pass and polls as a connection's task does that is woken by nothing else.
    async fn quiet(watchdog: &mut Watchdog, wait: Duration) -> Option<Overdue> {
        timeout(wait, poll_fn(|cx| watchdog.poll(cx))).await.ok()
    }

    async fn overdue(watchdog: &mut Watchdog) -> (Overdue, Duration) {
        let start = Instant::now();
        let overdue = poll_fn(|cx| watchdog.poll(cx)).await;
        (overdue, start.elapsed())
    }

    fn near(took: Duration, expected: Duration) -> bool {
        took >= expected && took <= expected + Duration::from_millis(5)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_head_is_timed_from_the_connect_whatever_trickles_in() {
        let (progress, mut watchdog) = watched();
        let start = Instant::now();
        for _ in 0..14 {
            assert_eq!(quiet(&mut watchdog, Duration::from_secs(1)).await, None);
            progress.received();
        }
        assert_eq!(overdue(&mut watchdog).await.0, Overdue::Head);
        assert!(near(start.elapsed(), HEAD), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_head_time() {
        let (progress, mut watchdog) = watched();
        // Begun and answered within one turn: the watchdog never sees the exchange itself.
        drop(progress.begin());
        assert_eq!(quiet(&mut watchdog, IDLE - Duration::from_secs(1)).await, None);
        progress.received();
        let (why, took) = overdue(&mut watchdog).await;
        assert_eq!(why, Overdue::Head);
        assert!(near(took, HEAD), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn each_request_begins_the_idle_wait_anew() {
        let (progress, mut watchdog) = watched();
        for _ in 0..10 {
            drop(progress.begin());
            assert_eq!(quiet(&mut watchdog, IDLE - Duration::from_secs(1)).await, None);
        }
        drop(progress.begin());
        let (why, took) = overdue(&mut watchdog).await;
        assert_eq!(why, Overdue::Idle);
        assert!(near(took, IDLE), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_may_take_its_time() {
        let (progress, mut watchdog) = watched();
        let answer = progress.begin();
        assert_eq!(quiet(&mut watchdog, Duration::from_secs(3600)).await, None);
        drop(answer);
        let (why, took) = overdue(&mut watchdog).await;
        assert_eq!(why, Overdue::Idle);
        assert!(near(took, IDLE), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_lives_by_each_byte_and_a_stopped_one_does_not() {
        let (progress, mut watchdog) = watched();
        let _answer = progress.begin();
        for _ in 0..5 {
            progress.wrote(&Poll::Ready(Ok::<_, io::Error>(1)));
            progress.wrote(&Poll::Pending);
            assert_eq!(quiet(&mut watchdog, WRITE - Duration::from_secs(1)).await, None);
        }
        progress.wrote(&Poll::Ready(Ok(1)));
        progress.wrote(&Poll::Pending);
        let (why, took) = overdue(&mut watchdog).await;
        assert_eq!(why, Overdue::Write);
        assert!(near(took, WRITE), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_limit_never_ends_a_connection() {
        let progress = Arc::new(Progress::default());
        let limits = Limits { header_read_timeout: Duration::MAX, ..Limits::default() };
        let mut watchdog = Watchdog::new(progress, limits);
        assert_eq!(quiet(&mut watchdog, Duration::from_secs(86_400)).await, None);
    }
}
