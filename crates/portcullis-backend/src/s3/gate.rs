//! What stands before every call to a provider: places, the circuit breaker, the retry budget, and what is known of its
//! health.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::{Clock, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::options::Limits;
use crate::{BackendError, BackendErrorKind, Result};

/// How a provider is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthState {
    /// Nothing was asked of it yet.
    Unknown,
    /// It answers.
    Reachable,
    /// It answers, with errors now and then.
    Degraded,
    /// It does not answer, or with errors only.
    Unreachable,
    /// It answers, and does not take the credentials.
    CredentialsRejected,
    /// It answers, and the bucket is not there.
    BucketGone,
}

impl HealthState {
    /// A stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Reachable => "reachable",
            Self::Degraded => "degraded",
            Self::Unreachable => "unreachable",
            Self::CredentialsRejected => "credentials rejected",
            Self::BucketGone => "bucket gone",
        }
    }
}

/// How a provider is, since when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteHealth {
    /// In one word.
    pub state: HealthState,
    /// When it became so.
    pub since: Timestamp,
    /// The last fault, in words for the operator. Kept while the provider is reachable.
    pub last_error: Option<String>,
}

/// What a call showed of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It did its work, be it to say no.
    Well,
    /// It did not answer, or with a fault of its own.
    Failing,
    /// It does not take the credentials.
    Rejected,
    /// The bucket is not there.
    Gone,
}

#[derive(Debug)]
struct State {
    health: RemoteHealth,
    failures: u32,
    /// Faults of the last calls, one bit each, the newest lowest.
    recent: u32,
    /// Until when the provider is left alone, and for how long that is.
    open: Option<(Instant, Duration)>,
    probing: bool,
    /// In tenths of a repetition.
    budget: u32,
}

/// The gate of one connection.
#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    limits: Limits,
    queue: Duration,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// Who holds it may call. What the call showed is told once; one that tells nothing was given up.
#[derive(Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    probe: bool,
    _place: OwnedSemaphorePermit,
}

impl Gate {
    pub(super) fn new(limits: Limits, queue: Duration, clock: Arc<dyn Clock>) -> Arc<Self> {
        let health = RemoteHealth { state: HealthState::Unknown, since: clock.now(), last_error: None };
        let budget = limits.retry_budget.saturating_mul(10);
        let state = State { health, failures: 0, recent: 0, open: None, probing: false, budget };
        let places = Arc::new(Semaphore::new(limits.concurrency.clamp(1, Semaphore::MAX_PERMITS)));
        Arc::new(Self { places, limits, queue, clock, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, unless the provider is left alone or none becomes free in time.
    pub(super) async fn enter(self: &Arc<Self>, operation: &'static str) -> Result<Pass> {
        // Asked twice: those who wait when the breaker opens must not all try.
        self.may_try(operation, false)?;
        let waiting = timeout(self.queue, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = waiting else {
            return Err(unavailable(operation, "too many requests to the provider are under way"));
        };
        let probe = self.may_try(operation, true)?;
        Ok(Pass { gate: Arc::clone(self), probe, _place: place })
    }

    /// Whether a try is the probe that decides about going on.
    fn may_try(&self, operation: &'static str, take_probe: bool) -> Result<bool> {
        let mut state = self.state();
        let Some((until, _)) = state.open else { return Ok(false) };
        if Instant::now() < until || state.probing {
            return Err(unavailable(
                operation,
                "the provider did not answer lately and is left alone for a moment",
            ));
        }
        state.probing = take_probe;
        Ok(true)
    }

    /// Takes a repetition from the budget.
    pub(super) fn may_repeat(&self) -> bool {
        let mut state = self.state();
        match state.budget.checked_sub(10) {
            Some(left) => {
                state.budget = left;
                true
            }
            None => false,
        }
    }

    /// How the provider is.
    pub(super) fn health(&self) -> RemoteHealth {
        self.state().health.clone()
    }

    /// Notes what a call showed.
    pub(super) fn note(&self, sign: Sign, error: Option<&dyn std::fmt::Display>) {
        let mut state = self.state();
        let failing = sign == Sign::Failing;
        state.recent = (state.recent << 1) | u32::from(failing);
        if failing {
            state.failures = state.failures.saturating_add(1);
            if state.failures >= self.limits.breaker_failures {
                let longest = self.limits.breaker_pause.saturating_mul(16);
                let pause = state.open.map_or(self.limits.breaker_pause, |(until, pause)| {
                    // Calls that were under way when it opened say nothing new.
                    if Instant::now() < until { pause } else { pause.saturating_mul(2).min(longest) }
                });
                state.open = Some((Instant::now() + pause, pause));
            }
        } else {
            state.failures = 0;
            state.open = None;
            let full = self.limits.retry_budget.saturating_mul(10);
            state.budget = state.budget.saturating_add(1).min(full);
        }
        let next = match sign {
            Sign::Rejected => HealthState::CredentialsRejected,
            Sign::Gone => HealthState::BucketGone,
            Sign::Failing if state.open.is_some() => HealthState::Unreachable,
            Sign::Failing => HealthState::Degraded,
            Sign::Well if state.recent & 0xffff == 0 => HealthState::Reachable,
            Sign::Well => HealthState::Degraded,
        };
        if state.health.state != next {
            state.health.state = next;
            state.health.since = self.clock.now();
        }
        if let Some(error) = error {
            state.health.last_error = Some(error.to_string().chars().take(300).collect());
        }
    }
}

impl Pass {
    /// Tells what the call showed.
    pub(super) fn tell(&mut self, sign: Sign, error: Option<&dyn std::fmt::Display>) {
        self.end_probe();
        self.gate.note(sign, error);
    }

    fn end_probe(&mut self) {
        if std::mem::take(&mut self.probe) {
            self.gate.state().probing = false;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.end_probe();
    }
}

pub(super) fn unavailable(operation: &'static str, why: &str) -> BackendError {
    BackendError::with(BackendErrorKind::Unavailable, operation, why)
}

#[cfg(test)]
mod tests {
    use portcullis_domain::ManualClock;

    use super::*;

    fn gate(limits: Limits) -> Arc<Gate> {
        Gate::new(limits, Duration::from_secs(1), Arc::new(ManualClock::at(Timestamp::from_seconds(7))))
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_fails_is_left_alone_and_probed_by_one() {
        let limits =
            Limits { breaker_failures: 3, breaker_pause: Duration::from_secs(10), ..Limits::default() };
        let gate = gate(limits);
        for _ in 0..3 {
            gate.enter("t").await.unwrap().tell(Sign::Failing, Some(&"no"));
        }
        assert_eq!(gate.health().state, HealthState::Unreachable);
        assert_eq!(gate.health().last_error.as_deref(), Some("no"));
        assert_eq!(gate.enter("t").await.unwrap_err().kind, BackendErrorKind::Unavailable);
        tokio::time::advance(Duration::from_secs(10)).await;
        let mut probe = gate.enter("t").await.unwrap();
        assert!(gate.enter("t").await.is_err(), "one probe at a time");
        probe.tell(Sign::Failing, None);
        tokio::time::advance(Duration::from_secs(19)).await;
        assert!(gate.enter("t").await.is_err(), "the pause doubles");
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(gate.enter("t").await.unwrap());
        let mut probe = gate.enter("t").await.expect("a probe that was given up makes way for another");
        probe.tell(Sign::Well, None);
        drop(gate.enter("t").await.unwrap());
        assert_eq!(gate.health().state, HealthState::Degraded);
        for _ in 0..16 {
            gate.note(Sign::Well, None);
        }
        assert_eq!(gate.health().state, HealthState::Reachable);
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_bounded_and_so_is_the_wait() {
        let gate = gate(Limits { concurrency: 1, ..Limits::default() });
        let held = gate.enter("t").await.unwrap();
        assert_eq!(gate.enter("t").await.unwrap_err().kind, BackendErrorKind::Unavailable);
        drop(held);
        drop(gate.enter("t").await.unwrap());
    }

    #[test]
    fn repetitions_are_earned() {
        let gate = gate(Limits { retry_budget: 2, ..Limits::default() });
        assert!(gate.may_repeat() && gate.may_repeat() && !gate.may_repeat());
        for _ in 0..10 {
            gate.note(Sign::Well, None);
        }
        assert!(gate.may_repeat() && !gate.may_repeat());
    }

    #[test]
    fn what_is_known_of_it() {
        let gate = gate(Limits::default());
        assert_eq!(gate.health().state, HealthState::Unknown);
        for (sign, state) in [
            (Sign::Well, HealthState::Reachable),
            (Sign::Rejected, HealthState::CredentialsRejected),
            (Sign::Gone, HealthState::BucketGone),
            (Sign::Failing, HealthState::Degraded),
        ] {
            gate.note(sign, None);
            assert_eq!(gate.health().state, state, "{sign:?}");
        }
    }
}
