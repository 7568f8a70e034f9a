//! What an installation signs about its trail.

use super::{Head, put};
use crate::Timestamp;

/// Keeps these signatures apart from any other.
const LABEL: &[u8] = b"portcullis audit checkpoint 1";

/// What a checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointKind {
    /// The chain reached this entry.
    Reached,
    /// Everything up to this entry was removed because its time was over.
    Removed,
    /// The copy ends here.
    End,
}

impl CheckpointKind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Removed => "removed",
            Self::End => "end",
        }
    }

    /// What this word means.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Reached, Self::Removed, Self::End].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A signed statement about a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What it says.
    pub kind: CheckpointKind,
    /// Of which chain and which of its entries.
    pub head: Head,
    /// When it was said.
    pub at: Timestamp,
    /// SHA-256 of all that stands before it in the copy that it ends; none for other kinds.
    pub digest: Option<[u8; 32]>,
    /// Ed25519 over [`Checkpoint::statement`].
    pub signature: [u8; 64],
}

impl Checkpoint {
    /// A checkpoint with the signature that `sign` gives of its statement.
    pub fn signed(
        kind: CheckpointKind,
        head: Head,
        at: Timestamp,
        digest: Option<[u8; 32]>,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Self {
        let unsigned = Self { kind, head, at, digest, signature: [0; 64] };
        Self { signature: sign(&unsigned.statement()), ..unsigned }
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn statement(&self) -> Vec<u8> {
        let mut bytes = LABEL.to_vec();
        put(&mut bytes, self.kind.as_str().as_bytes());
        put(&mut bytes, self.head.chain.as_bytes());
        bytes.extend_from_slice(&self.head.seq.to_be_bytes());
        bytes.extend_from_slice(&self.head.hash);
        bytes.extend_from_slice(&self.at.micros().to_be_bytes());
        put(&mut bytes, self.digest.as_ref().map_or(&[][..], |digest| digest));
        bytes
    }
}
