//! Bytes that decide.

use futures_util::StreamExt;
use portcullis_backend::{
    Body, ByteRange, Digest, DigestAlgorithm, Digester, EtagCondition, GetOptions, Object, RangeRequest,
    ReadConditions,
};
use portcullis_domain::ObjectKey;

use super::facts::{Proof, Reading, SAMPLE};
use super::parts::PartsTag;
use crate::plan::{Equal, PlanProgress};
use crate::{Evidence, Mark, Side, Sides, Store, StoreError, StoreFault};

/// Reads one side's object as it was listed, or fails with [`StoreFault::Changed`].
pub(super) struct Reader<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) side: Side,
    pub(super) key: &'a ObjectKey,
    pub(super) mark: &'a Mark,
    pub(super) progress: &'a PlanProgress,
}

impl Reader<'_> {
    /// Gives the bytes to `take`, piece by piece; how many there were is checked.
    async fn each(
        &self,
        range: Option<ByteRange>,
        take: impl FnMut(&[u8]) + Send,
    ) -> Result<u64, (Side, StoreError)> {
        self.pieces(range, take).await.map_err(|error| (self.side, error))
    }

    async fn pieces(
        &self,
        range: Option<ByteRange>,
        mut take: impl FnMut(&[u8]) + Send,
    ) -> Result<u64, StoreError> {
        let if_match = Some(EtagCondition::OneOf(vec![self.mark.etag.to_string()]));
        let options = GetOptions {
            range: range.map(|range| RangeRequest::FromTo(range.first, range.last)),
            conditions: ReadConditions { if_match, ..ReadConditions::default() },
            ..GetOptions::default()
        };
        let Object { meta, range: given, body } = self.store.get(self.key, options).await?;
        let wanted = range.map_or(self.mark.size, |range| range.length());
        if meta.etag != self.mark.etag || meta.size != self.mark.size || (range.is_some() && given != range) {
            return Err(StoreError::new(StoreFault::Changed, "read"));
        }
        let mut count = 0u64;
        let mut pass = |bytes: &[u8]| {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.progress.read(self.side, length);
            count = count.saturating_add(length);
            take(bytes);
        };
        match body {
            Body::Full(bytes) => pass(&bytes),
            Body::Stream(mut stream) => {
                while let Some(piece) = stream.next().await {
                    let piece = piece
                        .map_err(|fault| StoreError::from(portcullis_backend::BackendError::from(fault)))?;
                    pass(&piece);
                }
            }
        }
        if count == wanted { Ok(count) } else { Err(StoreError::new(StoreFault::Corrupt, "read")) }
    }

    async fn sample(&self, at: ByteRange) -> Result<Vec<u8>, (Side, StoreError)> {
        let mut held = Vec::new();
        self.each(Some(at), |bytes| held.extend_from_slice(bytes)).await?;
        Ok(held)
    }
}

/// Reads until it is known whether both sides hold the same; and how many bytes that took.
pub(super) async fn compare(
    readers: &Sides<Reader<'_>>,
    reading: &Reading,
) -> Result<(Equal, u64), (Side, StoreError)> {
    let mut spent = 0;
    if reading.samples() {
        for place in places(reading.size) {
            let (one, other) =
                futures_util::try_join!(readers.storage.sample(place), readers.bucket.sample(place))?;
            spent += 2 * place.length();
            if one != other {
                return Ok((Equal::different(Evidence::Sample), spent));
            }
        }
    }
    let mut work = Work::new(&reading.proofs);
    spent += readers.of(reading.first).each(None, |bytes| work.update(bytes)).await?;
    let (proven, hash) = work.finish(&reading.proofs);
    if let Some(equal) = proven {
        return Ok((equal, spent));
    }
    let mut other = Digester::new(&[DigestAlgorithm::Sha256]);
    spent += readers.of(reading.first.other()).each(None, |bytes| other.update(bytes)).await?;
    let same = hash.is_some() && other.finish().pop() == hash;
    Ok((if same { Equal::same(Evidence::Bytes) } else { Equal::different(Evidence::Bytes) }, spent))
}

/// The beginning, the middle and the end.
fn places(size: u64) -> [ByteRange; 3] {
    let at = |first: u64| ByteRange { first, last: first + SAMPLE - 1 };
    [at(0), at((size - SAMPLE) / 2), at(size - SAMPLE)]
}

/// Everything that is computed in one go over the bytes of one side.
struct Work {
    digests: Digester,
    parts: Vec<Option<PartsTag>>,
}

impl Work {
    fn new(proofs: &[Proof]) -> Self {
        let mut algorithms = vec![DigestAlgorithm::Sha256];
        let mut parts = Vec::new();
        for proof in proofs {
            match proof {
                Proof::Digest(digest, _) => {
                    if !algorithms.contains(&digest.algorithm) {
                        algorithms.push(digest.algorithm);
                    }
                    parts.push(None);
                }
                Proof::Parts { cutting, .. } => parts.push(Some(PartsTag::new(cutting.clone()))),
            }
        }
        Self { digests: Digester::new(&algorithms), parts }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.digests.update(bytes);
        for part in self.parts.iter_mut().flatten() {
            part.update(bytes);
        }
    }

    /// What the proofs decide, and the SHA-256 of the bytes.
    fn finish(self, proofs: &[Proof]) -> (Option<Equal>, Option<Digest>) {
        let digests = self.digests.finish();
        let hash = digests.iter().find(|digest| digest.algorithm == DigestAlgorithm::Sha256).cloned();
        let mut against = None;
        for (proof, parts) in proofs.iter().zip(self.parts) {
            let (holds, evidence) = match proof {
                Proof::Digest(digest, evidence) => (digests.contains(digest), *evidence),
                Proof::Parts { tag, count, .. } => {
                    let found = parts.and_then(PartsTag::finish);
                    (found == Some((*tag, usize::from(*count))), Evidence::Parts)
                }
            };
            if holds {
                return (Some(Equal::same(evidence)), hash);
            }
            if proof.is_certain() {
                against = Some(Equal::different(evidence));
            }
        }
        (against, hash)
    }
}
