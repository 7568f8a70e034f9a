//! Slowing down who guesses, without ever locking out who does not.
//!
//! Failures are counted for a pair of address and credential, and for an address over many credentials; never for a credential
//! alone, because then anybody could lock its owner out. An IPv6 address counts as its /64, which is what one client has.
//! A blocked address is refused credentials that do not exist; a key of its own with a good record keeps working.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use portcullis_domain::Timestamp;

/// When to refuse who fails.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleConfig {
    /// Failures in a row of one credential from one address before that pair is refused for a second, and then for twice as
    /// long after each further failure.
    pub pair_failures: u32,
    /// Credentials that fail from one address within `window` before it is refused unknown ones, in the same way.
    pub address_failures: u32,
    /// How long failures of an address are counted together.
    pub window: Duration,
    /// The longest refusal. A pair without a failure for four times as long starts anew.
    pub longest: Duration,
    /// Pairs, and addresses, that are remembered; those not seen for longest are forgotten first.
    pub remembered: NonZeroUsize,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            pair_failures: 10,
            address_failures: 100,
            window: Duration::from_secs(600),
            longest: Duration::from_secs(900),
            remembered: NonZeroUsize::new(65_536).unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// An attempt with some credential from some address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    address: IpAddr,
    credential: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    failures: u32,
    first: Timestamp,
    last: Timestamp,
    refused_until: Timestamp,
}

impl Count {
    fn remaining(&self, now: Timestamp) -> Option<Duration> {
        (self.refused_until > now).then(|| self.refused_until.since(now))
    }

    /// One more failure; from `allowed` on, refuses for 1, 2, 4, … seconds.
    fn fail(&mut self, allowed: u32, longest: Duration, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        if let Some(beyond) = self.failures.checked_sub(allowed) {
            let seconds = 1u64.checked_shl(beyond).unwrap_or(u64::MAX);
            self.refused_until = now.after(Duration::from_secs(seconds).min(longest));
        }
    }
}

/// The two tables.
#[derive(Debug)]
pub struct Throttle {
    config: ThrottleConfig,
    /// Credentials are remembered by a keyed hash: what somebody typed into the wrong field is not kept.
    hasher: RandomState,
    pairs: Mutex<LruCache<Attempt, Count>>,
    addresses: Mutex<LruCache<IpAddr, Count>>,
}

impl Throttle {
    /// Nobody has failed yet.
    #[must_use]
    pub fn new(config: ThrottleConfig) -> Self {
        Self {
            config,
            hasher: RandomState::new(),
            pairs: Mutex::new(LruCache::new(config.remembered)),
            addresses: Mutex::new(LruCache::new(config.remembered)),
        }
    }

    /// Names an attempt; `kind` keeps user names apart from key ids.
    #[must_use]
    pub fn attempt(&self, peer: IpAddr, kind: &'static str, credential: &str) -> Attempt {
        Attempt { address: network_of(peer), credential: self.hasher.hash_one((kind, credential)) }
    }

    /// Whether this pair may try; says whether it has failures that a success would clear.
    ///
    /// # Errors
    /// After how long it may.
    pub fn admit(&self, attempt: &Attempt, now: Timestamp) -> Result<bool, Duration> {
        match locked(&self.pairs).peek(attempt) {
            None => Ok(false),
            Some(count) => count.remaining(now).map_or(Ok(true), Err),
        }
    }

    /// Whether the address may try a credential that does not exist.
    ///
    /// # Errors
    /// After how long it may.
    pub fn admit_unknown(&self, attempt: &Attempt, now: Timestamp) -> Result<(), Duration> {
        let remaining = locked(&self.addresses).peek(&attempt.address).and_then(|count| count.remaining(now));
        remaining.map_or(Ok(()), Err)
    }

    /// Counts a failure.
    pub fn failed(&self, attempt: &Attempt, now: Timestamp) {
        let quiet = self.config.longest.saturating_mul(4);
        let is_new = {
            let mut pairs = locked(&self.pairs);
            let count = pairs.get_or_insert_mut(*attempt, Count::default);
            if count.failures > 0 && now.since(count.last) > quiet {
                *count = Count::default();
            }
            count.fail(self.config.pair_failures, self.config.longest, now);
            count.failures == 1
        };
        if !is_new {
            return;
        }
        let mut addresses = locked(&self.addresses);
        let count = addresses.get_or_insert_mut(attempt.address, || Count { first: now, ..Count::default() });
        if now.since(count.first) > self.config.window && count.remaining(now).is_none() {
            *count = Count { first: now, ..Count::default() };
        }
        count.fail(self.config.address_failures.saturating_add(1), self.config.longest, now);
    }

    /// A success: the pair starts anew.
    pub fn succeeded(&self, attempt: &Attempt) {
        locked(&self.pairs).pop(attempt);
    }
}

/// What one client has: an IPv4 address, or an IPv6 /64.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// The lock's content, also after a panic elsewhere: none of what this crate keeps under a lock is left half changed by one.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{Clock as _, ManualClock};

    const LONGEST: Duration = Duration::from_secs(900);

    fn ip(raw: &str) -> IpAddr {
        raw.parse().unwrap()
    }

    #[test]
    fn a_pair_is_refused_for_twice_as_long_each_time() {
        let (throttle, clock) =
            (Throttle::new(ThrottleConfig::default()), ManualClock::at(Timestamp::from_seconds(1)));
        let attempt = throttle.attempt(ip("203.0.113.7"), "key", "PC1");
        for _ in 0..9 {
            throttle.failed(&attempt, clock.now());
            assert_eq!(throttle.admit(&attempt, clock.now()), Ok(true));
        }
        let mut told = Vec::new();
        for _ in 0..13 {
            throttle.failed(&attempt, clock.now());
            let wait = throttle.admit(&attempt, clock.now()).unwrap_err();
            told.push(wait.as_secs());
            clock.advance(wait);
            assert_eq!(throttle.admit(&attempt, clock.now()), Ok(true), "after {wait:?} it may try again");
        }
        assert_eq!(told, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        throttle.succeeded(&attempt);
        assert_eq!(throttle.admit(&attempt, clock.now()), Ok(false));
        throttle.failed(&attempt, clock.now());
        assert_eq!(throttle.admit(&attempt, clock.now()), Ok(true), "a success begins the count anew");
    }

    #[test]
    fn nobody_locks_an_owner_out_from_elsewhere() {
        let (throttle, now) = (Throttle::new(ThrottleConfig::default()), Timestamp::from_seconds(1));
        for _ in 0..1_000 {
            throttle.failed(&throttle.attempt(ip("198.51.100.9"), "key", "PC1"), now);
        }
        assert!(throttle.admit(&throttle.attempt(ip("198.51.100.9"), "key", "PC1"), now).is_err());
        assert_eq!(throttle.admit(&throttle.attempt(ip("203.0.113.7"), "key", "PC1"), now), Ok(false));
        assert_eq!(throttle.admit(&throttle.attempt(ip("198.51.100.9"), "key", "PC2"), now), Ok(false));
    }

    #[test]
    fn an_address_that_tries_many_ids_is_refused_unknown_ones_only() {
        let throttle = Throttle::new(ThrottleConfig::default());
        let clock = ManualClock::at(Timestamp::from_seconds(1));
        let guess = |n: u32| throttle.attempt(ip("2001:db8::1"), "key", &format!("guess {n}"));
        for n in 0..100 {
            throttle.failed(&guess(n), clock.now());
        }
        assert_eq!(throttle.admit_unknown(&guess(100), clock.now()), Ok(()));
        throttle.failed(&guess(100), clock.now());
        assert_eq!(throttle.admit_unknown(&guess(101), clock.now()), Err(Duration::from_secs(1)));
        let neighbour = throttle.attempt(ip("2001:db8::ffff:1"), "key", "another");
        assert!(throttle.admit_unknown(&neighbour, clock.now()).is_err(), "one /64 is one client");
        assert_eq!(
            throttle.admit(&neighbour, clock.now()),
            Ok(false),
            "known keys without failures are not refused"
        );
        let outside = throttle.attempt(ip("2001:db8:0:1::1"), "key", "another");
        assert_eq!(throttle.admit_unknown(&outside, clock.now()), Ok(()));
        clock.advance(Duration::from_secs(601));
        throttle.failed(&guess(102), clock.now());
        assert_eq!(throttle.admit_unknown(&guess(103), clock.now()), Ok(()), "a new window");
    }

    #[test]
    fn the_same_id_over_and_over_does_not_count_for_the_address() {
        let (throttle, now) = (Throttle::new(ThrottleConfig::default()), Timestamp::from_seconds(1));
        let attempt = throttle.attempt(ip("203.0.113.7"), "key", "PC1");
        for _ in 0..1_000 {
            throttle.failed(&attempt, now);
        }
        assert_eq!(throttle.admit_unknown(&attempt, now), Ok(()));
    }

    #[test]
    fn quiet_is_forgiven_and_tables_are_bounded() {
        let remembered = NonZeroUsize::new(8).unwrap();
        let throttle = Throttle::new(ThrottleConfig { remembered, ..ThrottleConfig::default() });
        let clock = ManualClock::at(Timestamp::from_seconds(1));
        let attempt = throttle.attempt(ip("203.0.113.7"), "key", "PC1");
        for _ in 0..9 {
            throttle.failed(&attempt, clock.now());
        }
        clock.advance(LONGEST * 4 + Duration::from_secs(1));
        throttle.failed(&attempt, clock.now());
        assert_eq!(throttle.admit(&attempt, clock.now()), Ok(true));
        for n in 0..100 {
            throttle.failed(&throttle.attempt(IpAddr::from([10, 0, 0, n]), "key", "x"), clock.now());
        }
        assert_eq!(locked(&throttle.pairs).len(), 8);
        assert_eq!(locked(&throttle.addresses).len(), 8);
    }

    #[test]
    fn mapped_addresses_and_kinds() {
        let throttle = Throttle::new(ThrottleConfig::default());
        let plain = throttle.attempt(ip("203.0.113.7"), "key", "x");
        assert_eq!(plain, throttle.attempt(ip("::ffff:203.0.113.7"), "key", "x"));
        assert_ne!(plain, throttle.attempt(ip("203.0.113.7"), "user", "x"));
    }
}
