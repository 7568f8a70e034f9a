//! Bodies, received whole and compared with what was promised.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::{
    BackendError, BackendErrorKind, Body, BodyFault, Checksum, ChecksumKind, Digest, DigestAlgorithm,
    DigestPlan, Digester, Etag, Result,
};

/// How much may come.
pub(super) struct Bounds {
    /// Exactly this much, if it is known.
    pub(super) length: Option<u64>,
    /// The storage's quota.
    pub(super) quota: Option<u64>,
    /// What fits into memory.
    pub(super) limit: Option<u64>,
}

impl Bounds {
    /// Whether `bytes`, all that would be stored, are too many.
    pub(super) fn check(&self, bytes: u64) -> Result<(), BackendErrorKind> {
        if self.quota.is_some_and(|quota| bytes > quota) {
            return Err(BackendErrorKind::QuotaExceeded);
        }
        if self.limit.is_some_and(|limit| bytes > limit) {
            return Err(BackendErrorKind::Full);
        }
        Ok(())
    }
}

/// A body that came whole and is what it should be.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    digests: Vec<Digest>,
}

impl Received {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        size_of(&self.bytes)
    }

    /// The MD5, as an entity tag.
    pub(super) fn etag(&self) -> Result<Etag> {
        let md5 = self.digest(DigestAlgorithm::Md5).and_then(|md5| md5.value.try_into().ok());
        let digest = md5.ok_or(BackendError::new(BackendErrorKind::Corrupt, "etag"))?;
        Ok(Etag::Md5 { digest, parts: None })
    }

    /// The digest of this algorithm, if it was computed.
    pub(super) fn digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        self.digests.iter().find(|digest| digest.algorithm == algorithm).cloned()
    }

    /// The same as a checksum over all bytes.
    pub(super) fn full_checksum(&self, algorithm: DigestAlgorithm) -> Option<Checksum> {
        self.digest(algorithm).map(|digest| Checksum { digest, kind: ChecksumKind::FullObject })
    }
}

/// Takes bytes that are here already, with these digests besides their MD5.
pub(super) fn received(bytes: Bytes, mut algorithms: Vec<DigestAlgorithm>) -> Received {
    algorithms.push(DigestAlgorithm::Md5);
    algorithms.sort_unstable();
    algorithms.dedup();
    let mut digester = Digester::new(&algorithms);
    digester.update(&bytes);
    Received { bytes, digests: digester.finish() }
}

/// Receives a body to its end, since only then its late digests are known, and checks its length and digests.
/// `also` is computed besides the plan's algorithms.
pub(super) async fn receive(
    body: Body,
    bounds: &Bounds,
    plan: &DigestPlan,
    also: Option<DigestAlgorithm>,
) -> Result<Received> {
    let bytes = match body {
        Body::Full(bytes) => {
            check_progress(bytes.len(), bounds)?;
            bytes
        }
        Body::Stream(mut stream) => {
            let mut buffer = BytesMut::new();
            while let Some(piece) = stream.next().await {
                let piece = piece?;
                check_progress(buffer.len().saturating_add(piece.len()), bounds)?;
                buffer.extend_from_slice(&piece);
            }
            buffer.freeze()
        }
    };
    if bounds.length.is_some_and(|length| size_of(&bytes) < length) {
        return Err(BodyFault::Incomplete.into());
    }
    let mut algorithms = plan.algorithms();
    algorithms.extend(also);
    let received = received(bytes, algorithms);
    plan.check(&received.digests)?;
    Ok(received)
}

/// Ends a body early that cannot be stored whatever follows.
fn check_progress(length: usize, bounds: &Bounds) -> Result<()> {
    let bytes = u64::try_from(length).unwrap_or(u64::MAX);
    if bounds.length.is_some_and(|length| bytes > length) {
        return Err(BodyFault::TooLong.into());
    }
    bounds.check(bytes).map_err(|kind| BackendError::new(kind, "receive"))
}

/// Bytes, as a size.
pub(super) fn size_of(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
