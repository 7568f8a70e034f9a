//! Signatures of the chunks and the trailer of a streaming body, each going on from the one before.

use sha2::{Digest as _, Sha256};

use crate::canonical::{Sink as _, write_preamble};
use crate::signature::encode_hex;
use crate::{Seed, Signature, SignatureMismatch, SigningKey};

const CHUNK_ALGORITHM: &str = "AWS4-HMAC-SHA256-PAYLOAD";
const TRAILER_ALGORITHM: &str = "AWS4-HMAC-SHA256-TRAILER";

/// SHA-256 of nothing, in hex.
const EMPTY_SHA256: &[u8; 64] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Signs the chunks of one body, in order.
#[derive(Clone, Debug)]
pub struct ChunkSigner {
    key: SigningKey,
    previous: Seed,
}

impl ChunkSigner {
    /// Goes on from the signature of the request.
    #[must_use]
    pub const fn new(key: SigningKey, seed: Seed) -> Self {
        Self { key, previous: seed }
    }

    /// Signs the next chunk, given the SHA-256 of its data. The last chunk is the empty one.
    pub fn sign_chunk(&mut self, sha256: &[u8; 32]) -> Signature {
        let signature = self.chunk(sha256);
        self.previous.signature = signature;
        signature
    }

    /// Signs the trailer, given its canonical bytes (see [`crate::aws_chunked::canonical_trailers`]).
    #[must_use]
    pub fn sign_trailer(self, canonical: &[u8]) -> Signature {
        self.trailer(canonical)
    }

    fn chunk(&self, sha256: &[u8; 32]) -> Signature {
        self.sign(CHUNK_ALGORITHM, &[EMPTY_SHA256, b"\n", &encode_hex(sha256)])
    }

    fn trailer(&self, canonical: &[u8]) -> Signature {
        self.sign(TRAILER_ALGORITHM, &[&encode_hex(&Sha256::digest(canonical).into())])
    }

    fn sign(&self, algorithm: &str, hashes: &[&[u8]]) -> Signature {
        let mut signing = self.key.start();
        write_preamble(algorithm, &self.previous.date, &self.previous.scope, &mut signing);
        signing.put(&self.previous.signature.hex());
        signing.put(b"\n");
        for piece in hashes {
            signing.put(piece);
        }
        signing.finish()
    }
}

/// Verifies the chunks of one body, in order.
#[derive(Clone, Debug)]
pub struct ChunkVerifier(ChunkSigner);

impl ChunkVerifier {
    /// Goes on from the verified signature of the request.
    #[must_use]
    pub const fn new(key: SigningKey, seed: Seed) -> Self {
        Self(ChunkSigner::new(key, seed))
    }

    /// Checks the next chunk, given the SHA-256 of its data. The empty chunk at the end is checked too.
    ///
    /// # Errors
    /// [`SignatureMismatch`]; the body must not be committed, and no later chunk will match either.
    pub fn verify_chunk(
        &mut self,
        sha256: &[u8; 32],
        presented: &Signature,
    ) -> Result<(), SignatureMismatch> {
        if self.0.sign_chunk(sha256).matches(presented) { Ok(()) } else { Err(SignatureMismatch) }
    }

    /// Checks the trailer, given its canonical bytes.
    ///
    /// # Errors
    /// [`SignatureMismatch`]; the body must not be committed.
    pub fn verify_trailer(self, canonical: &[u8], presented: &Signature) -> Result<(), SignatureMismatch> {
        if self.0.trailer(canonical).matches(presented) { Ok(()) } else { Err(SignatureMismatch) }
    }
}
