//! How many keys at a time, how long to wait, how many bytes a second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Thousandths, in which the number of keys at a time grows.
const ONE: usize = 1000;

/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(15);

/// How many keys at a time: halved when a side says that it is too much, one more after as many answers as there are
/// keys under way.
#[derive(Debug)]
pub(super) struct Gate {
    most: usize,
    /// In thousandths of keys.
    limit: AtomicUsize,
    /// Until when it is not halved again: what is under way was begun before.
    calm: Mutex<Option<Instant>>,
}

impl Gate {
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, 1024);
        Self { most, limit: AtomicUsize::new(most * ONE), calm: Mutex::new(None) }
    }

    /// How many keys may be under way.
    pub(super) fn limit(&self) -> usize {
        (self.limit.load(Ordering::Relaxed) / ONE).clamp(1, self.most)
    }

    /// A side answered, with yes or with no.
    pub(super) fn answered(&self) {
        let limit = self.limit.load(Ordering::Relaxed);
        let more = limit.saturating_add(ONE * ONE / limit.max(ONE)).min(self.most * ONE);
        self.limit.store(more, Ordering::Relaxed);
    }

    /// A side did not answer, or said that it is too much.
    pub(super) fn busy(&self) {
        let now = Instant::now();
        let mut calm = self.calm.lock().unwrap_or_else(PoisonError::into_inner);
        if calm.is_none_or(|until| now >= until) {
            *calm = Some(now + Duration::from_millis(500));
            let limit = self.limit.load(Ordering::Relaxed);
            self.limit.store((limit / 2).max(ONE), Ordering::Relaxed);
        }
    }
}

/// How long to wait before a try: twice as long each time, and not as long as others wait who were refused at the same
/// moment. `salt` tells them apart.
pub(super) fn wait_before(tries: u32, salt: u64) -> Duration {
    let whole = Duration::from_millis(100).saturating_mul(1 << tries.min(8)).min(LONGEST);
    // Enough of a hash to spread numbers that follow each other (Fibonacci hashing).
    let mixed = (salt.wrapping_add(u64::from(tries) << 48)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    let part = u32::try_from(mixed).unwrap_or_default();
    whole / 2 + whole / 2048 * part
}

/// So many bytes a second.
#[derive(Debug)]
pub(super) struct Throttle {
    per_second: Option<u64>,
    /// When all bytes that were let through so far will have had their time.
    free: Mutex<Option<Instant>>,
}

impl Throttle {
    pub(super) const fn new(per_second: Option<u64>) -> Self {
        Self { per_second, free: Mutex::new(None) }
    }

    /// Waits until these bytes may go.
    pub(super) async fn take(&self, bytes: u64) {
        let Some(rate) = self.per_second else { return };
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
        let span = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let begin = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let begin = free.map_or(now, |free| free.max(now));
            *free = begin.checked_add(span);
            begin
        };
        tokio::time::sleep_until(begin).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_differ() {
        for tries in 0..12 {
            let whole = Duration::from_millis(100).saturating_mul(1 << tries.min(8)).min(LONGEST);
            let waits: Vec<_> = (0..64).map(|salt| wait_before(tries, salt)).collect();
            assert!(waits.iter().all(|wait| (whole / 2..=whole).contains(wait)), "{waits:?}");
            let mut apart = waits.clone();
            apart.sort();
            apart.dedup();
            assert!(apart.len() > 48, "{apart:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fewer_at_a_time_when_it_is_too_much_and_more_again_later() {
        let gate = Gate::new(16);
        assert_eq!(gate.limit(), 16);
        gate.busy();
        // The others that were under way say the same; that is one time too much, not many.
        gate.busy();
        assert_eq!(gate.limit(), 8);
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..9 {
            gate.busy();
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(gate.limit(), 1);
        for _ in 0..200 {
            gate.answered();
        }
        assert_eq!(gate.limit(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_bytes_a_second() {
        let (throttle, begin) = (Throttle::new(Some(1000)), Instant::now());
        for _ in 0..11 {
            throttle.take(500).await;
        }
        assert_eq!(begin.elapsed().as_secs(), 5);
        Throttle::new(None).take(u64::MAX).await;
        assert_eq!(begin.elapsed().as_secs(), 5);
    }
}
