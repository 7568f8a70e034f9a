//! Chosen secrets that were right a moment ago: stretching is slow on purpose, and some clients send theirs with every request.

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use portcullis_domain::{KeyId, Secret, Timestamp};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::MutexGuard;
use zeroize::Zeroizing;

use crate::AccessError;
use crate::admin::fill;
use crate::directory::Generation;
use crate::lock::locked;

/// For how long nobody stretches again what was right.
const FRESH: Duration = Duration::from_secs(60);
/// Right secrets of one key at a time: the present one and one before.
const SECRETS: usize = 2;
/// Addresses of a key with a good record.
const ADDRESSES: usize = 16;
/// Who sends the same secret at once waits for the first of them.
const LANES: usize = 64;

/// A secret of a key in a form that is compared quickly and is of no use elsewhere. It is kept for a minute.
pub(crate) type Digest = Zeroizing<[u8; 32]>;

/// Makes digests, under a key of chance that this process has to itself.
pub(crate) struct Prover {
    key: Zeroizing<[u8; 32]>,
    lanes: [tokio::sync::Mutex<()>; LANES],
}

impl Prover {
    pub(crate) fn new() -> Result<Self, AccessError> {
        let mut key = Zeroizing::new([0; 32]);
        fill(&mut *key)?;
        Ok(Self { key, lanes: [const { tokio::sync::Mutex::const_new(()) }; LANES] })
    }

    pub(crate) fn digest(&self, key: Option<KeyId>, secret: &Secret) -> Digest {
        let mut hash = Sha256::new();
        hash.update(*self.key);
        hash.update(key.as_ref().map_or(&[0; 16], KeyId::as_bytes));
        hash.update(secret.reveal().as_bytes());
        Zeroizing::new(hash.finalize().into())
    }

    /// Held while this secret is looked at. Strangers do not know which other secrets share its lane.
    pub(crate) async fn lane(&self, digest: &Digest) -> Option<MutexGuard<'_, ()>> {
        let lane = digest.first().map_or(0, |byte| usize::from(*byte) % LANES);
        Some(self.lanes.get(lane)?.lock().await)
    }
}

/// What is known of one key's chosen secrets; it goes with the record whenever that changes.
#[derive(Default)]
pub(crate) struct Proofs {
    right: Mutex<Vec<(Generation, Digest, Timestamp)>>,
    addresses: Mutex<Vec<IpAddr>>,
}

impl Proofs {
    /// Of which credentials this secret was found to be the right one a moment ago.
    pub(crate) fn of(&self, digest: &Digest, now: Timestamp) -> Option<Generation> {
        let mut right = locked(&self.right);
        right.retain(|(.., since)| *since <= now && now < since.after(FRESH));
        let same = |known: &&(Generation, Digest, Timestamp)| bool::from(known.1.ct_eq(&**digest));
        right.iter().find(same).map(|(generation, ..)| *generation)
    }

    /// Keeps that it is, and that it came from there.
    pub(crate) fn keep(&self, generation: Generation, digest: Digest, peer: IpAddr, now: Timestamp) {
        let mut right = locked(&self.right);
        right.retain(|(of, ..)| *of != generation);
        right.truncate(SECRETS - 1);
        right.insert(0, (generation, digest, now));
        let (peer, mut addresses) = (peer.to_canonical(), locked(&self.addresses));
        addresses.retain(|known| *known != peer);
        addresses.truncate(ADDRESSES - 1);
        addresses.insert(0, peer);
    }

    /// Whether the right secret has come from there.
    pub(crate) fn came_from(&self, peer: IpAddr) -> bool {
        locked(&self.addresses).contains(&peer.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_ones_are_known_for_a_minute_by_their_key_and_text() {
        let (prover, proofs) = (Prover::new().unwrap(), Proofs::default());
        let digest = |key: u128, text: &str| {
            prover.digest(Some(KeyId::from_u128(key)), &Secret::foreign(text.to_owned()))
        };
        let (peer, at) = (IpAddr::from([192, 0, 2, 1]), Timestamp::from_seconds);
        proofs.keep(3, digest(1, "blue cup"), peer, at(100));
        assert_eq!(proofs.of(&digest(1, "blue cup"), at(159)), Some(3));
        for (key, text) in [(2, "blue cup"), (1, "blue cup "), (1, "")] {
            assert_eq!(proofs.of(&digest(key, text), at(100)), None, "{key} {text}");
        }
        let foreign = Prover::new().unwrap();
        let same = foreign.digest(Some(KeyId::from_u128(1)), &Secret::foreign("blue cup".to_owned()));
        assert_eq!(proofs.of(&same, at(100)), None, "another process has another key");
        assert!(proofs.came_from("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!proofs.came_from(IpAddr::from([192, 0, 2, 2])));
        assert_eq!(proofs.of(&digest(1, "blue cup"), at(160)), None);
        assert_eq!(locked(&proofs.right).len(), 0, "it is gone, not only too old");
        proofs.keep(3, digest(1, "blue cup"), peer, at(100));
        assert_eq!(
            proofs.of(&digest(1, "blue cup"), at(99)),
            None,
            "a clock that was set back revives nothing"
        );
    }

    #[test]
    fn they_are_bounded() {
        let (prover, proofs) = (Prover::new().unwrap(), Proofs::default());
        let digest = |text: u8| prover.digest(None, &Secret::foreign(text.to_string()));
        for n in 0..100 {
            proofs.keep(n.into(), digest(n), IpAddr::from([192, 0, 2, n]), Timestamp::default());
        }
        assert_eq!((locked(&proofs.right).len(), locked(&proofs.addresses).len()), (SECRETS, ADDRESSES));
        assert_eq!(proofs.of(&digest(99), Timestamp::default()), Some(99));
        assert!(proofs.came_from(IpAddr::from([192, 0, 2, 99])));
    }
}
