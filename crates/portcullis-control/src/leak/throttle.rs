//! How many reports one address may send.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use portcullis_domain::{Timestamp, canonical_address};

/// Reports that may come at once.
const BURST: u32 = 10;
/// How long it takes until one more may come.
const EACH: Duration = Duration::from_secs(6);
/// Addresses that are remembered. If there are more, they share what is left.
const ADDRESSES: usize = 10_000;

/// Who sent how much lately.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// Until when the reports of an address are paid for.
    paid: HashMap<IpAddr, Timestamp>,
}

impl Throttle {
    /// Admits a report, or says how long to wait.
    pub(super) fn admit(&mut self, from: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let mut who = network_of(from);
        if self.paid.len() >= ADDRESSES && !self.paid.contains_key(&who) {
            self.paid.retain(|_, until| *until > now);
            if self.paid.len() >= ADDRESSES {
                who = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let most = EACH * BURST;
        // A clock that went back must not lock anybody out.
        let until = self.paid.get(&who).copied().unwrap_or(now).clamp(now, now.after(most));
        let next = until.after(EACH);
        let ahead = next.since(now);
        if ahead > most {
            return Err(ahead.saturating_sub(most).max(Duration::from_secs(1)));
        }
        self.paid.insert(who, next);
        Ok(())
    }
}

/// Whoever has an IPv6 address has all of its /64.
fn network_of(from: IpAddr) -> IpAddr {
    match canonical_address(from) {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_few_at_once_and_then_one_by_one() {
        let (mut throttle, start) = (Throttle::default(), Timestamp::from_seconds(1000));
        for _ in 0..BURST {
            assert_eq!(throttle.admit(ip("192.0.2.1"), start), Ok(()));
        }
        assert_eq!(throttle.admit(ip("192.0.2.1"), start), Err(EACH));
        assert_eq!(throttle.admit(ip("::ffff:192.0.2.1"), start), Err(EACH));
        assert_eq!(throttle.admit(ip("192.0.2.2"), start), Ok(()));
        let later = start.after(EACH);
        assert_eq!(throttle.admit(ip("192.0.2.1"), later), Ok(()));
        assert!(throttle.admit(ip("192.0.2.1"), later).is_err());
        let earlier = Timestamp::from_seconds(10);
        assert_eq!(throttle.admit(ip("192.0.2.1"), earlier), Err(EACH));
        assert_eq!(throttle.admit(ip("192.0.2.1"), earlier.after(EACH)), Err(EACH), "nothing was paid");
    }

    #[test]
    fn a_network_of_one_owner_is_one_and_memory_is_bounded() {
        let (mut throttle, now) = (Throttle::default(), Timestamp::from_seconds(1000));
        for host in 0..BURST {
            assert_eq!(throttle.admit(ip(&format!("2001:db8::{host:x}")), now), Ok(()));
        }
        assert!(throttle.admit(ip("2001:db8::ffff"), now).is_err());
        for n in 0..30_000u32 {
            throttle.admit(IpAddr::from(n.to_be_bytes()), now).ok();
        }
        assert!(throttle.paid.len() <= ADDRESSES + 1);
        assert!(throttle.admit(ip("203.0.113.9"), now).is_err(), "the rest share one");
        assert_eq!(throttle.admit(ip("203.0.113.9"), now.after(EACH * BURST)), Ok(()));
    }
}
