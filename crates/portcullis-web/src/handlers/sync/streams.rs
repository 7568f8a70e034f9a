//! How many answers without an end there may be at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::SiteId;

/// The most on this node.
const MOST: usize = 256;
/// The most of one site: none of them takes all.
const MOST_OF_SITE: usize = 32;

/// The streams that are open on this node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(Arc<Mutex<HashMap<SiteId, usize>>>);

impl Streams {
    /// A place for one more; none if there are too many.
    pub(crate) fn enter(&self, site: SiteId) -> Option<Seat> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_site = open.get(&site).copied().unwrap_or_default();
        if of_site >= MOST_OF_SITE || open.values().sum::<usize>() >= MOST {
            return None;
        }
        open.insert(site, of_site + 1);
        drop(open);
        Some(Seat { streams: self.clone(), site })
    }
}

/// A place that is taken while this lives.
#[derive(Debug)]
pub(crate) struct Seat {
    streams: Streams,
    site: SiteId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.site) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.site);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_their_share_and_places_are_given_back() {
        let streams = Streams::default();
        let of = |site: u128| SiteId::from_u128(site);
        let mut taken: Vec<_> = (0..MOST_OF_SITE).map(|_| streams.enter(of(1)).unwrap()).collect();
        assert!(streams.enter(of(1)).is_none());
        taken.extend(
            (MOST_OF_SITE..MOST).map(|n| streams.enter(of(2 + u128::try_from(n).unwrap() / 8)).unwrap()),
        );
        assert!(streams.enter(of(9999)).is_none(), "all are taken");
        taken.remove(0);
        taken.push(streams.enter(of(9999)).unwrap());
        assert!(streams.enter(of(1)).is_none(), "the place went to somebody else");
        taken.clear();
        assert!(streams.0.lock().unwrap().is_empty());
    }
}
