//! Whether what is there is what was meant to be there.

use futures_util::StreamExt as _;
use portcullis_backend::{
    Body, Digest, DigestAlgorithm, Digester, Etag, GetOptions, Object, ObjectMeta, PutOutcome, VersionId,
};
use portcullis_domain::ObjectKey;

use super::context::{Context, mark_of, only};
use super::work::Work;
use crate::{Mark, Side, StoreError, StoreFault};

/// Bytes to be taken from somewhere.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) side: Side,
    pub(super) key: ObjectKey,
    /// A version of it; the current object if none.
    pub(super) version: Option<VersionId>,
    /// What it has to be.
    pub(super) mark: Mark,
}

impl Source {
    /// How to read all of it.
    pub(super) fn options(&self) -> GetOptions {
        GetOptions { version: self.version.clone(), conditions: only(&self.mark), ..GetOptions::default() }
    }
}

/// The tag, if it can be the MD5 of the bytes.
pub(super) const fn plain(etag: &Etag) -> Option<[u8; 16]> {
    match etag {
        Etag::Md5 { digest, parts: None } => Some(*digest),
        Etag::Md5 { .. } | Etag::Opaque(_) => None,
    }
}

/// The same as a digest.
pub(super) fn md5(value: [u8; 16]) -> Digest {
    Digest { algorithm: DigestAlgorithm::Md5, value: value.to_vec() }
}

impl Context<'_> {
    /// Reads all of it, if it is still what it has to be.
    pub(super) async fn open(&self, from: &Source) -> Result<Object, StoreError> {
        let object = self.ask(self.store(from.side).get(&from.key, from.options())).await?;
        if mark_of(&object.meta) != from.mark {
            return Err(StoreError::new(StoreFault::Changed, "read"));
        }
        Ok(object)
    }

    /// The SHA-256 of its bytes, all of which are read.
    async fn read(&self, from: &Source) -> Result<Digest, StoreError> {
        let object = self.open(from).await?;
        let mut digester = Digester::new(&[DigestAlgorithm::Sha256]);
        let mut size = 0u64;
        let mut take = |piece: &[u8]| {
            digester.update(piece);
            size = size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        };
        match object.body {
            Body::Full(bytes) => take(&bytes),
            Body::Stream(mut stream) => {
                while let Some(piece) = stream.next().await {
                    take(&piece.map_err(|_| StoreError::new(StoreFault::Unavailable, "read"))?);
                }
            }
        }
        if size != from.mark.size {
            return Err(StoreError::new(StoreFault::Unavailable, "read"));
        }
        digester.finish().pop().ok_or(StoreError::new(StoreFault::Corrupt, "read"))
    }

    /// Whether both are the same bytes, by reading them.
    pub(super) async fn same_bytes(&self, one: &Source, other: &Source) -> Result<bool, StoreError> {
        Ok(one.mark.size == other.mark.size && self.read(one).await? == self.read(other).await?)
    }
}

impl Work<'_> {
    /// Whether what is at this key now is what the step was to put there: because the answer was lost, or the process was, or because
    /// somebody else put the very same bytes there. Only what is proven is the same.
    pub(super) async fn holds(
        &self,
        (side, key): (Side, &ObjectKey),
        here: &ObjectMeta,
        from: &Source,
    ) -> Result<bool, StoreError> {
        if here.size != from.mark.size {
            return Ok(false);
        }
        let upload = self.step.upload.as_ref().filter(|upload| upload.side == side && upload.key == *key);
        if upload.is_some_and(|upload| upload.expect.as_ref() == Some(&here.etag)) || here.size == 0 {
            return Ok(true);
        }
        let both = [side, from.side];
        let comparable =
            !matches!(here.etag, Etag::Opaque(_)) && both.iter().all(|side| self.cx.trusts_tags(*side));
        if comparable && here.etag == from.mark.etag {
            return Ok(true);
        }
        if here.size > self.cx.terms.transfer.proof {
            return Ok(false);
        }
        let there = Source { side, key: key.clone(), version: None, mark: mark_of(here) };
        self.cx.same_bytes(from, &there).await
    }

    /// Whether an object that was just written is what was sent: by its size, and by its tag if that can be one, else by looking again
    /// or by reading it.
    pub(super) async fn verify(
        &self,
        (side, key): (Side, &ObjectKey),
        outcome: &PutOutcome,
        from: &Source,
        known: Option<[u8; 16]>,
    ) -> Result<(), StoreError> {
        let wrong = || StoreError::new(StoreFault::Corrupt, "verify");
        if outcome.size != from.mark.size {
            return Err(wrong());
        }
        let tag = plain(&outcome.etag);
        if tag.is_some() && tag == known {
            return Ok(());
        }
        let here = self.cx.look(side, key).await?.ok_or(StoreError::new(StoreFault::Changed, "verify"))?;
        if here.size != outcome.size || here.etag != outcome.etag {
            return Err(StoreError::new(StoreFault::Changed, "verify"));
        }
        let (Some(_), Some(_), true) = (tag, known, self.cx.trusts_tags(side)) else { return Ok(()) };
        // Either it is damaged, or this side's tags only look like an MD5. Read once, then known.
        let there = Source { side, key: key.clone(), version: None, mark: mark_of(&here) };
        if !self.cx.same_bytes(from, &there).await? {
            return Err(wrong());
        }
        self.cx.distrust_tags(side);
        Ok(())
    }
}
