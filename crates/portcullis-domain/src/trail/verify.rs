//! Whether a copy of a chain is what the installation wrote.

use super::{AuditEvent, ChainedEvent, Checkpoint, CheckpointKind, HASH_OF_NOTHING, Head};
use crate::Timestamp;

/// What is wrong with a copy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The entry does not have the hash that stands with it.
    #[error("changed: entry {0} is not what was written")]
    Changed(u64),
    /// Entries are not there.
    #[error(
        "missing: entries {0} to {1} are not there, and nothing that is signed says that they were removed"
    )]
    Missing(u64, u64),
    /// An entry stands where it does not belong.
    #[error("reordered: entry {0} stands after entry {1}")]
    Reordered(u64, u64),
    /// An entry is of another chain.
    #[error("inserted: entry {0} belongs to another site")]
    Foreign(u64),
    /// An entry without a number stands inside the chain.
    #[error("inserted: an entry from before the chain stands after entry {0}")]
    Unnumbered(u64),
    /// A checkpoint was not signed with the key.
    #[error("signature: the checkpoint at entry {0} was not signed with this installation's key")]
    Signature(u64),
    /// A checkpoint was signed for another chain, or stands where it does not belong.
    #[error("reordered: the checkpoint at entry {0} does not belong here")]
    Misplaced(u64),
    /// The entries fit each other and not what was signed.
    #[error("changed: the entries after {0} up to {1} are not those that were signed at {2}")]
    Rewritten(u64, u64, Timestamp),
    /// There is no end.
    #[error("truncated: there is no signed end; the last entry that is there is {0}")]
    Truncated(u64),
    /// There is more after the end.
    #[error("inserted: something stands after the signed end")]
    AfterEnd,
    /// All entries are right, and something else is not what the installation wrote.
    #[error("changed: something outside of the entries is not what was written")]
    Digest,
}

/// What a copy without faults holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Entries of the chain.
    pub entries: u64,
    /// The first of them; 0 without entries.
    pub first: u64,
    /// The last of them; 0 without entries.
    pub last: u64,
    /// Signed checkpoints, the end among them.
    pub checkpoints: u64,
    /// Entries from before there was a chain, which the signed end of the copy vouches for and no chain does.
    pub before_chain: u64,
    /// Up to which entry all were removed, and when; none if none were.
    pub removed: Option<(u64, Timestamp)>,
    /// When the copy was made.
    pub at: Timestamp,
}

/// Reads a copy of a chain from its beginning to its end, in bounded memory. After the first fault it is of no more use.
#[derive(Debug)]
pub struct Verifier<F> {
    head: Head,
    is_signed: F,
    /// The last entry that something signed vouches for.
    signed: u64,
    /// Numbers that were passed over: missing, if they do not come later.
    gap: Option<(u64, u64)>,
    entries: u64,
    first: u64,
    checkpoints: u64,
    before_chain: u64,
    removed: Option<(u64, Timestamp)>,
    end: Option<Timestamp>,
}

impl<F: Fn(&[u8], &[u8; 64]) -> bool> Verifier<F> {
    /// For a copy of this chain; `is_signed` says whether a signature of a statement is the installation's.
    pub const fn new(chain: String, is_signed: F) -> Self {
        Self {
            head: Head { chain, seq: 0, hash: HASH_OF_NOTHING },
            is_signed,
            signed: 0,
            gap: None,
            entries: 0,
            first: 0,
            checkpoints: 0,
            before_chain: 0,
            removed: None,
            end: None,
        }
    }

    /// The next entry, if it is from before there was a chain.
    ///
    /// # Errors
    /// It stands inside the chain.
    pub fn before_chain(&mut self, event: &AuditEvent) -> Result<(), Fault> {
        self.open()?;
        if self.entries > 0 || self.removed.is_some() {
            return Err(Fault::Unnumbered(self.head.seq));
        }
        if super::chain_of(event.site) != self.head.chain {
            return Err(Fault::Foreign(0));
        }
        self.before_chain += 1;
        Ok(())
    }

    /// The next entry.
    ///
    /// # Errors
    /// What is wrong with it, or with what should stand before it.
    pub fn entry(&mut self, entry: &ChainedEvent) -> Result<(), Fault> {
        self.open()?;
        let expected = self.head.seq.saturating_add(1);
        if let Some((from, found)) = self.gap {
            // What comes after a gap cannot be verified; only whether the gap was a swap is of interest.
            return if entry.seq == from { Err(Fault::Reordered(entry.seq, found)) } else { Ok(()) };
        }
        if super::chain_of(entry.event.site) != self.head.chain {
            return Err(Fault::Foreign(entry.seq));
        }
        if entry.seq < expected {
            return Err(Fault::Reordered(entry.seq, self.head.seq));
        }
        if entry.seq > expected {
            self.gap = Some((expected, entry.seq));
            return Ok(());
        }
        let (seq, hash) = self.head.append(&entry.event);
        if hash != entry.hash {
            return Err(Fault::Changed(seq));
        }
        if self.entries == 0 {
            self.first = seq;
        }
        self.entries += 1;
        Ok(())
    }

    /// The next checkpoint. `digest` is the SHA-256 of all that stands before it in the copy.
    ///
    /// # Errors
    /// What is wrong with it, or with the entries that it vouches for.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint, digest: &[u8; 32]) -> Result<(), Fault> {
        self.open()?;
        let Checkpoint { kind, head, at, .. } = checkpoint;
        if !(self.is_signed)(&checkpoint.statement(), &checkpoint.signature) {
            return Err(Fault::Signature(head.seq));
        }
        if head.chain != self.head.chain {
            return Err(Fault::Misplaced(head.seq));
        }
        self.checkpoints += 1;
        match kind {
            CheckpointKind::Removed => {
                if self.entries > 0 || self.gap.is_some() || self.checkpoints > 1 {
                    return Err(Fault::Misplaced(head.seq));
                }
                self.head = head.clone();
                self.signed = head.seq;
                self.removed = Some((head.seq, *at));
                Ok(())
            }
            CheckpointKind::Reached => self.vouched(head, *at),
            CheckpointKind::End => {
                self.complete()?;
                self.vouched(head, *at)?;
                self.complete()?;
                if checkpoint.digest.as_ref() != Some(digest) {
                    return Err(Fault::Digest);
                }
                self.end = Some(*at);
                Ok(())
            }
        }
    }

    /// What the copy holds, if nothing more comes.
    ///
    /// # Errors
    /// It has no end.
    pub fn finish(self) -> Result<Summary, Fault> {
        self.complete()?;
        let at = self.end.ok_or(Fault::Truncated(self.head.seq))?;
        Ok(Summary {
            entries: self.entries,
            first: self.first,
            last: if self.entries > 0 { self.head.seq } else { 0 },
            checkpoints: self.checkpoints,
            before_chain: self.before_chain,
            removed: self.removed,
            at,
        })
    }

    fn open(&self) -> Result<(), Fault> {
        if self.end.is_some() { Err(Fault::AfterEnd) } else { Ok(()) }
    }

    fn complete(&self) -> Result<(), Fault> {
        self.gap.map_or(Ok(()), |(from, found)| Err(Fault::Missing(from, found.saturating_sub(1))))
    }

    fn vouched(&mut self, head: &Head, at: Timestamp) -> Result<(), Fault> {
        if self.gap.is_some() {
            return Ok(());
        }
        if head.seq < self.head.seq {
            return Err(Fault::Misplaced(head.seq));
        }
        if head.seq > self.head.seq {
            // Something signed knows of more than is there.
            self.gap = Some((self.head.seq.saturating_add(1), head.seq.saturating_add(1)));
            return Ok(());
        }
        if head.hash != self.head.hash {
            return Err(Fault::Rewritten(self.signed, head.seq, at));
        }
        self.signed = head.seq;
        Ok(())
    }
}
