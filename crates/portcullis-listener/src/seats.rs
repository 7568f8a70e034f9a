//! How many connections there are, in all and per address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;

/// The seats of one listener.
#[derive(Debug)]
pub(crate) struct Seats {
    total: Arc<Semaphore>,
    count: u32,
    per_address: usize,
    /// Only addresses that hold a seat are in it, so it has at most `count` entries.
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's seat, free again when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Seats {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            total: Arc::new(Semaphore::new(limits.max_connections)),
            count: u32::try_from(limits.max_connections).unwrap_or(u32::MAX),
            per_address: limits.max_connections_per_address,
            taken: Mutex::new(HashMap::new()),
        }
    }

    /// Whether every seat is taken.
    pub(crate) fn full(&self) -> bool {
        self.total.available_permits() == 0
    }

    /// Waits for a free seat. `None` cannot happen, as nobody closes the semaphore.
    pub(crate) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.total).acquire_owned().await.ok()
    }

    /// Gives the seat to an address, unless that one has its share already; of an address that many share it may have any number.
    pub(crate) fn take(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        address: IpAddr,
        shared: bool,
    ) -> Option<Seat> {
        let mut taken = self.taken();
        let held = taken.entry(address).or_insert(0);
        if *held >= self.per_address && !shared {
            return None;
        }
        *held += 1;
        Some(Seat { seats: Arc::clone(self), address, _permit: permit })
    }

    /// Waits until no seat is taken.
    pub(crate) async fn empty(&self) {
        drop(self.total.acquire_many(self.count).await);
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if let Some(held) = taken.get_mut(&self.address) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use super::Seats;
    use crate::limits::Limits;

    const A: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    #[tokio::test]
    async fn one_address_has_its_share_and_leaves_nothing_behind() {
        let limits = Limits { max_connections: 3, max_connections_per_address: 2, ..Limits::default() };
        let seats = Arc::new(Seats::new(&limits));
        let first = seats.take(seats.free().await.unwrap(), A, false).unwrap();
        let second = seats.take(seats.free().await.unwrap(), A, false).unwrap();
        assert!(seats.take(seats.free().await.unwrap(), A, false).is_none());
        let other = seats.take(seats.free().await.unwrap(), B, false).unwrap();
        assert!(seats.full());
        drop(first);
        let third = seats.take(seats.free().await.unwrap(), A, false).unwrap();
        drop((second, third, other));
        assert!(seats.taken().is_empty());
        seats.empty().await;
        assert!(!seats.full());
    }
}
