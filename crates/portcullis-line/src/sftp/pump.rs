//! What came and was not looked at yet.
//!
//! The SSH library reads nothing from the socket while it waits for whoever takes a channel's data, and whoever answers waits for the
//! client's window, which only the library can see growing. So data is taken off its hands at once and kept here, up to a bound: a client that asks for
//! a whole file at once, in a million small requests, does not stop itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::request::LONGEST_PACKET;

/// What every channel may keep, whatever others do.
const OWN: usize = 256 * 1024 + 64 * 1024;
/// What one channel may keep beside, of what all share: half a million requests to read.
const MOST: usize = 16 * 1024 * 1024;
/// What a channel may have of the shared memory without need.
const KEPT: usize = 1024 * 1024;
/// What all channels of the process keep together, beside their own.
const SHARED: usize = 64 * 1024 * 1024;

/// The memory that the pumps of a process share.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<Semaphore>);

impl Default for Pool {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SHARED)))
    }
}

/// One channel's pump.
#[derive(Debug)]
pub(super) struct Pump {
    state: Mutex<State>,
    pool: Pool,
    /// Something came, or nothing will any more.
    came: Notify,
    /// There is room again.
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    bytes: BytesMut,
    /// What of the shared memory is taken.
    shared: Option<OwnedSemaphorePermit>,
    /// Nothing comes any more.
    over: bool,
}

impl State {
    fn taken(&self) -> usize {
        self.shared.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Gives back what is not needed any more, not for every packet.
    fn give_back(&mut self) {
        let needed = self.bytes.len().saturating_sub(OWN);
        let surplus = self.taken().saturating_sub(needed);
        if needed == 0 {
            self.shared = None;
        } else if surplus > KEPT {
            drop(self.shared.as_mut().and_then(|all| all.split(surplus)));
        }
    }
}

/// What is next on a channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Packet(Bytes),
    /// The client sends nothing more.
    Over,
    /// The client says that a packet follows which is longer than any that is taken.
    TooLong,
}

impl Pump {
    pub(super) fn new(pool: Pool) -> Self {
        Self { state: Mutex::default(), pool, came: Notify::new(), room: Notify::new() }
    }

    /// Takes what came; returns when there was room for it.
    pub(super) async fn put(&self, data: &[u8]) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            let short = {
                let mut state = self.state();
                if state.over {
                    return;
                }
                let taken = state.taken();
                let allowed = OWN + taken;
                let needed = (state.bytes.len() + data.len()).saturating_sub(allowed);
                if needed == 0 {
                    state.bytes.extend_from_slice(data);
                    self.came.notify_one();
                    return;
                }
                if taken + needed > MOST { None } else { Some(needed) }
            };
            match short.and_then(|needed| u32::try_from(needed).ok()) {
                Some(needed) => tokio::select! {
                    permit = Arc::clone(&self.pool.0).acquire_many_owned(needed) => {
                        if let Ok(permit) = permit {
                            let mut state = self.state();
                            match &mut state.shared {
                                Some(all) => all.merge(permit),
                                none @ None => *none = Some(permit),
                            }
                        }
                    }
                    () = room => {}
                },
                None => room.await,
            }
        }
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) {
        self.state().over = true;
        self.came.notify_one();
        self.room.notify_one();
    }

    /// The next whole packet, without the length before it.
    pub(super) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.came.notified().await;
        }
    }

    fn take(&self) -> Option<Next> {
        let mut state = self.state();
        let Some(length) = state.bytes.first_chunk::<4>().map(|length| u32::from_be_bytes(*length)) else {
            return state.over.then_some(Next::Over);
        };
        let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_PACKET);
        let Some(length) = length else { return Some(Next::TooLong) };
        if state.bytes.len() < length + 4 {
            return state.over.then_some(Next::Over);
        }
        state.bytes.advance(4);
        let packet = state.bytes.split_to(length).freeze();
        if state.bytes.is_empty() {
            // Lets go of the allocation, which would else be kept at its largest.
            state.bytes = BytesMut::new();
        }
        state.give_back();
        drop(state);
        self.room.notify_one();
        Some(Next::Packet(packet))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(payload);
        frame
    }

    #[tokio::test]
    async fn packets_come_whole_in_whatever_pieces() {
        let pump = Pump::new(Pool::default());
        for piece in [framed(b"first"), framed(b""), framed(b"second")].concat().chunks(3) {
            pump.put(piece).await;
        }
        pump.end();
        for expected in [&b"first"[..], b"", b"second"] {
            assert_eq!(pump.next().await, Next::Packet(Bytes::from_static(expected)));
        }
        assert_eq!(pump.next().await, Next::Over);
    }

    #[tokio::test]
    async fn half_a_packet_at_the_end_is_none() {
        let pump = Pump::new(Pool::default());
        pump.put(&framed(b"whole")[..6]).await;
        pump.end();
        assert_eq!(pump.next().await, Next::Over);
    }

    #[tokio::test]
    async fn a_packet_that_is_too_long_is_not_waited_for() {
        let pump = Pump::new(Pool::default());
        pump.put(&u32::try_from(LONGEST_PACKET + 1).unwrap().to_be_bytes()).await;
        assert_eq!(pump.next().await, Next::TooLong);
    }

    /// Fills a pump until it takes no more; how many bytes that were.
    async fn fill(pump: &Pump) -> usize {
        let frame = framed(&[7; 32 * 1024]);
        let mut bytes = 0;
        while timeout(Duration::from_millis(20), pump.put(&frame)).await.is_ok() {
            bytes += frame.len();
            assert!(bytes <= 2 * MOST, "no bound");
        }
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn one_channel_has_its_bound_and_all_have_one_together() {
        let pool = Pool::default();
        let pumps: Vec<Pump> = (0..6).map(|_| Pump::new(pool.clone())).collect();
        let mut all = 0;
        for pump in &pumps {
            let kept = fill(pump).await;
            assert!((OWN - 64 * 1024..=OWN + MOST).contains(&kept), "{kept}");
            all += kept;
        }
        assert!(all <= SHARED + pumps.len() * OWN, "{all}");
        // Whoever comes late has their own, and takes whole packets with it.
        assert!(fill(&pumps[5]).await == 0);
        for pump in &pumps {
            pump.end();
            while pump.next().await != Next::Over {}
        }
        assert_eq!(pool.0.available_permits(), SHARED, "all of it is given back");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_room_goes_on_when_something_is_taken() {
        let pump = Arc::new(Pump::new(Pool::default()));
        let kept = fill(&pump).await;
        let frame = framed(&[8; 32 * 1024]);
        let put = {
            let pump = Arc::clone(&pump);
            tokio_util::task::TaskTracker::new().spawn(async move { pump.put(&frame).await })
        };
        tokio::task::yield_now().await;
        assert!(!put.is_finished(), "{kept}");
        assert!(matches!(pump.next().await, Next::Packet(_)));
        put.await.unwrap();
    }
}
