//! Bodies in `aws-chunked` framing: taken apart, and their signatures checked, while they come.

use bytes::{Buf as _, Bytes};
use portcullis_access::{BodyFault, Digest, LateDigests};
use portcullis_sigv4::aws_chunked::{
    ChunkMode, ChunkedError, Decoder, Event, Trailer, canonical_trailers, check_trailers,
};
use portcullis_sigv4::{ChunkVerifier, Signature};
use sha2::{Digest as _, Sha256};

use super::{Frames, OFF_THREAD};
use crate::headers::{algorithm_of, decode_digest};

/// A framed body.
///
/// Data is passed on as it comes, before the signature of its chunk can be known. What makes that safe is the end: it is
/// only said after every signature, the trailer and the length were right, and nothing is stored before the end.
pub(super) struct Chunked {
    frames: Frames,
    decoder: Option<Decoder>,
    rest: Bytes,
    verifier: Option<ChunkVerifier>,
    signed: bool,
    hash: Sha256,
    announced: Option<String>,
    late: Option<LateDigests>,
}

impl Chunked {
    /// A body of `length` bytes of data.
    pub(super) fn new(frames: Frames, mode: ChunkMode, length: u64) -> Self {
        Self {
            frames,
            decoder: Some(Decoder::new(mode, length)),
            rest: Bytes::new(),
            verifier: None,
            signed: match mode {
                ChunkMode::Signed | ChunkMode::SignedTrailer => true,
                ChunkMode::Unsigned => false,
            },
            hash: Sha256::new(),
            announced: None,
            late: None,
        }
    }

    /// What checks the signatures. In a signed mode, a body without it fails.
    pub(super) fn verified_by(mut self, verifier: Option<ChunkVerifier>) -> Self {
        self.verifier = verifier;
        self
    }

    /// The names of the trailers that were announced, and where their digests are put.
    pub(super) fn with_trailer(mut self, announced: Option<String>, late: Option<LateDigests>) -> Self {
        self.announced = announced;
        self.late = late;
        self
    }

    /// The next piece of data; none at a good end.
    ///
    /// # Errors
    /// The fault, after which there is no more.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, BodyFault> {
        loop {
            if self.rest.is_empty() {
                match self.frames.next().await? {
                    Some(piece) => self.rest = piece,
                    None => return self.end(),
                }
            }
            let decoder = self.decoder.as_mut().ok_or(BodyFault::Incomplete)?;
            let step = decoder.step(&self.rest).map_err(fault)?;
            let data = match &step.event {
                Some(Event::Data(range)) => Some(self.rest.slice(range.clone())),
                Some(Event::ChunkEnd { .. } | Event::Trailers { .. }) | None => None,
            };
            self.rest.advance(step.consumed);
            if let Some(data) = data {
                return self.digest(data).await.map(Some);
            }
            match step.event {
                Some(Event::ChunkEnd { signature, .. }) => self.chunk(signature.as_ref())?,
                Some(Event::Trailers { trailers, signature }) => {
                    self.trailers(&trailers, signature.as_ref())?
                }
                Some(Event::Data(_)) | None => {}
            }
        }
    }

    fn end(&mut self) -> Result<Option<Bytes>, BodyFault> {
        if let Some(decoder) = self.decoder.take() {
            decoder.finish().map_err(fault)?;
        }
        Ok(None)
    }

    /// Takes data into the hash of its chunk; much of it on another thread.
    async fn digest(&mut self, data: Bytes) -> Result<Bytes, BodyFault> {
        if !self.signed {
            return Ok(data);
        }
        if data.len() < OFF_THREAD {
            self.hash.update(&data);
            return Ok(data);
        }
        let mut hash = std::mem::take(&mut self.hash);
        let task = tokio::task::spawn_blocking(move || {
            hash.update(&data);
            (hash, data)
        });
        // It only fails if the process is going down.
        let (hash, data) = task.await.map_err(|_| BodyFault::Disconnected)?;
        self.hash = hash;
        Ok(data)
    }

    fn chunk(&mut self, signature: Option<&Signature>) -> Result<(), BodyFault> {
        if !self.signed {
            return Ok(());
        }
        let hash = std::mem::take(&mut self.hash).finalize().into();
        let verifier = self.verifier.as_mut().ok_or(BodyFault::Signature)?;
        verifier.verify_chunk(&hash, signature.ok_or(BodyFault::Signature)?).map_err(|_| BodyFault::Signature)
    }

    fn trailers(&mut self, trailers: &[Trailer], signature: Option<&Signature>) -> Result<(), BodyFault> {
        if self.signed {
            let verifier = self.verifier.take().ok_or(BodyFault::Signature)?;
            let signature = signature.ok_or(BodyFault::Signature)?;
            verifier
                .verify_trailer(&canonical_trailers(trailers), signature)
                .map_err(|_| BodyFault::Signature)?;
        }
        check_trailers(self.announced.as_deref(), trailers).map_err(fault)?;
        let digests: Option<Vec<Digest>> = trailers.iter().map(digest_of).collect();
        let digests = digests.ok_or(BodyFault::Trailer)?;
        if let Some(late) = &self.late {
            late.set(digests);
        }
        Ok(())
    }
}

fn digest_of(trailer: &Trailer) -> Option<Digest> {
    let algorithm = algorithm_of(trailer.name.strip_prefix("x-amz-checksum-")?).ok()?;
    decode_digest(algorithm, &trailer.value)
}

const fn fault(error: ChunkedError) -> BodyFault {
    match error {
        ChunkedError::Truncated | ChunkedError::Length => BodyFault::Incomplete,
        ChunkedError::Malformed | ChunkedError::TrailingBytes => BodyFault::Chunk,
        ChunkedError::ChunkTooSmall | ChunkedError::ChunkTooLarge => BodyFault::ChunkSize,
        ChunkedError::Trailer => BodyFault::Trailer,
    }
}
