//! The audit trail as a chain: each entry carries a hash over itself and the one before, so that whoever knows the last hash
//! knows whether any entry was changed, removed, inserted or moved.
//!
//! There is a chain for each site, and one with the empty name for entries of no site. What writes the trail and what
//! verifies a copy of it far from any server use the same code, this one.

mod chain;
mod checkpoint;
mod event;
#[cfg(test)]
mod tests;
mod verify;

pub use chain::{ChainedEvent, HASH_OF_NOTHING, Head, chain_of};
pub use checkpoint::{Checkpoint, CheckpointKind};
pub use event::AuditEvent;
pub use verify::{Fault, Summary, Verifier};

/// Puts a text into what is hashed or signed: its length first, so that no two lists of texts come to the same bytes.
fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(text);
}
