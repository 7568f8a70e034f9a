//! What to do when `accept` fails, and how not to fill the log with it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::time::Duration;

use tokio::time::Instant;

/// Two events less than this apart belong to one burst.
const QUIET: Duration = Duration::from_secs(10);
const SHORTEST: u64 = 50;
const SPREAD: u64 = 100;

/// Tells the first event of a burst from the rest.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    last: Option<Instant>,
}

impl Burst {
    /// Notes an event; true if it begins a burst.
    pub(crate) fn begins(&mut self) -> bool {
        let now = Instant::now();
        self.last.replace(now).is_none_or(|last| now.duration_since(last) > QUIET)
    }
}

/// Whether the error belongs to the one connection that would have been accepted (accept(2), "Error handling"): the
/// next one may be accepted at once. Anything else (no descriptors, no memory) stays true until something is freed.
pub(crate) fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::ConnectionRefused
            | Kind::Interrupted
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::TimedOut
    )
}

/// How long to wait before the next try: 50 to 150 ms, so that several listeners do not wake together.
pub(crate) fn pause() -> Duration {
    let random = RandomState::new().build_hasher().finish();
    Duration::from_millis(SHORTEST + random % SPREAD)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use tokio::time::advance;

    use super::{Burst, concerns_one_connection, pause};

    #[test]
    fn only_a_lack_of_resources_makes_the_loop_wait() {
        // Linux numbers: ECONNABORTED, EINTR, EHOSTUNREACH; ENFILE, EMFILE, ENOBUFS, ENOMEM.
        for (code, one) in
            [(103, true), (4, true), (113, true), (23, false), (24, false), (105, false), (12, false)]
        {
            assert_eq!(concerns_one_connection(&io::Error::from_raw_os_error(code)), one, "{code}");
        }
    }

    #[test]
    fn the_pause_is_short_and_not_always_the_same() {
        let pauses: Vec<_> = (0..64).map(|_| pause()).collect();
        assert!(pauses.iter().all(|pause| (50..150).contains(&pause.as_millis())), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_told_once() {
        let mut burst = Burst::default();
        assert!(burst.begins());
        for _ in 0..100 {
            advance(Duration::from_millis(100)).await;
            assert!(!burst.begins());
        }
        advance(Duration::from_secs(11)).await;
        assert!(burst.begins());
    }
}
