//! Links of the chain.

use sha2::{Digest as _, Sha256};

use super::{AuditEvent, put};
use crate::SiteId;

/// What the first entry of a chain takes for the hash of the one before it.
pub const HASH_OF_NOTHING: [u8; 32] = [0; 32];

/// Keeps these hashes apart from any other; a change of what is hashed is another number.
const LABEL: &[u8] = b"portcullis audit entry 1";

/// The name of the chain for entries of this site: its id, or nothing for entries of no site.
#[must_use]
pub fn chain_of(site: Option<SiteId>) -> String {
    site.map(|site| site.to_string()).unwrap_or_default()
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainedEvent {
    /// What it says.
    pub event: AuditEvent,
    /// The how-manieth of its chain, from 1.
    pub seq: u64,
    /// SHA-256 over the hash of the entry before, the chain, `seq`, and every field.
    pub hash: [u8; 32],
}

/// The end of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The chain's name.
    pub chain: String,
    /// The number of its last entry; 0 if it has none.
    pub seq: u64,
    /// The hash of its last entry.
    pub hash: [u8; 32],
}

impl Head {
    /// The head of a chain without entries.
    #[must_use]
    pub const fn empty(chain: String) -> Self {
        Self { chain, seq: 0, hash: HASH_OF_NOTHING }
    }

    /// The hash of this event as the next entry, which is then the head. The event must be cut to what is kept of it.
    pub fn append(&mut self, event: &AuditEvent) -> (u64, [u8; 32]) {
        self.seq = self.seq.saturating_add(1);
        self.hash = hash(&self.hash, &self.chain, self.seq, event);
        (self.seq, self.hash)
    }
}

fn hash(previous: &[u8; 32], chain: &str, seq: u64, event: &AuditEvent) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(LABEL);
    hash.update(previous);
    hash.update(bytes_of(chain, seq, event));
    hash.finalize().into()
}

/// Every field, each with its length; nothing and an empty text differ. The pattern names all fields, so that one that is
/// added is not forgotten here.
fn bytes_of(chain: &str, seq: u64, event: &AuditEvent) -> Vec<u8> {
    let AuditEvent {
        at,
        request_id,
        site,
        actor,
        key,
        storage,
        channel,
        peer,
        tool,
        action,
        object,
        allowed,
        reason,
        detail,
    } = event;
    let mut bytes = Vec::with_capacity(512);
    put(&mut bytes, chain.as_bytes());
    bytes.extend_from_slice(&seq.to_be_bytes());
    bytes.extend_from_slice(&at.micros().to_be_bytes());
    put(&mut bytes, request_id.as_bytes());
    put_optional(&mut bytes, site.map(|id| id.to_string()).as_deref());
    put(&mut bytes, actor.as_bytes());
    put_optional(&mut bytes, key.map(|id| id.to_string()).as_deref());
    put_optional(&mut bytes, storage.map(|id| id.to_string()).as_deref());
    put(&mut bytes, channel.as_str().as_bytes());
    put(&mut bytes, peer.as_bytes());
    put(&mut bytes, tool.as_bytes());
    put(&mut bytes, action.as_bytes());
    put_optional(&mut bytes, object.as_deref());
    bytes.push(u8::from(*allowed));
    put(&mut bytes, reason.as_bytes());
    // Entries without it are hashed as they were before there was any.
    if !detail.is_empty() {
        put(&mut bytes, detail.as_bytes());
    }
    bytes
}

fn put_optional(bytes: &mut Vec<u8>, text: Option<&str>) {
    bytes.push(u8::from(text.is_some()));
    put(bytes, text.unwrap_or_default().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, KeyId, StorageId, Timestamp};

    fn event() -> AuditEvent {
        AuditEvent {
            at: Timestamp::from_micros(1),
            request_id: "r".to_owned(),
            site: Some(SiteId::from_u128(1)),
            actor: "user:ada".to_owned(),
            key: None,
            storage: None,
            channel: Channel::S3,
            peer: "::1".to_owned(),
            tool: String::new(),
            action: "get".to_owned(),
            object: None,
            allowed: true,
            reason: String::new(),
            detail: String::new(),
        }
    }

    #[test]
    fn every_field_counts() {
        let base = event();
        let others = [
            AuditEvent { at: Timestamp::from_micros(2), ..base.clone() },
            AuditEvent { request_id: String::new(), ..base.clone() },
            AuditEvent { site: None, ..base.clone() },
            AuditEvent { actor: "user:bob".to_owned(), ..base.clone() },
            AuditEvent { key: Some(KeyId::from_u128(1)), ..base.clone() },
            AuditEvent { storage: Some(StorageId::from_u128(1)), ..base.clone() },
            AuditEvent { channel: Channel::Rest, ..base.clone() },
            AuditEvent { peer: String::new(), ..base.clone() },
            AuditEvent { tool: "x".to_owned(), ..base.clone() },
            AuditEvent { action: "put".to_owned(), ..base.clone() },
            AuditEvent { object: Some(String::new()), ..base.clone() },
            AuditEvent { allowed: false, ..base.clone() },
            AuditEvent { reason: "x".to_owned(), ..base.clone() },
            AuditEvent { detail: "x".to_owned(), ..base.clone() },
            // The same letters, cut elsewhere.
            AuditEvent { peer: "::1g".to_owned(), action: "et".to_owned(), ..base.clone() },
        ];
        let of = |chain: &str, seq, event: &AuditEvent| hash(&HASH_OF_NOTHING, chain, seq, event);
        let mut seen =
            vec![of("a", 1, &base), of("b", 1, &base), of("a", 2, &base), hash(&[1; 32], "a", 1, &base)];
        seen.extend(others.iter().map(|other| of("a", 1, other)));
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn the_hash_is_for_good() {
        // Entries that were written must verify with every later version.
        let mut head = Head::empty("chain".to_owned());
        let (seq, hash) = head.append(&event());
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            (seq, hex.as_str()),
            (1, "ff4e7c6cc9e97e5c5c80e75ffa078a248da3608f3b9dc59f6bf311a96f0ee814")
        );
    }
}
