//! The `aws-chunked` framing of a body: a decoder without I/O, and what an encoder needs.
//!
//! ```text
//! SIZE-IN-HEX[;chunk-signature=64-HEX-DIGITS] CRLF
//! DATA CRLF
//! …
//! 0[;chunk-signature=64-HEX-DIGITS] CRLF
//! [NAME:VALUE CRLF]…
//! [x-amz-trailer-signature:64-HEX-DIGITS CRLF]
//! CRLF
//! ```
//!
//! Reference: *Transferring Payload in Multiple Chunks* and *Including Trailing Headers* in the S3 API Reference.

mod decoder;
mod trailer;

pub use decoder::{Decoder, Event, Step};
pub use trailer::{Trailer, canonical_trailers, check_trailers};

use crate::Signature;
use trailer::TRAILER_SIGNATURE;

/// The longest header line of a chunk, with its line break, in bytes.
pub const MAX_CHUNK_HEADER: usize = 1_024;

/// The most data of one signed chunk, in bytes: it is released before its signature can be checked.
pub const MAX_SIGNED_CHUNK: u64 = 16 * 1_024 * 1_024;

/// The least data of a signed chunk that is not the last one with data, in bytes.
pub const MIN_SIGNED_CHUNK: u64 = 8_192;

/// The most that all lines of the trailer may have together, in bytes.
pub const MAX_TRAILERS: usize = 16 * 1_024;

/// The most headers that a trailer may have.
pub const MAX_TRAILER_COUNT: usize = 16;

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkMode {
    /// Every chunk has a signature, there is no trailer.
    Signed,
    /// Every chunk has a signature, and a signed trailer follows.
    SignedTrailer,
    /// No signatures; a trailer may follow. Extensions of a chunk's size are ignored.
    Unsigned,
}

impl ChunkMode {
    const fn is_signed(self) -> bool {
        match self {
            Self::Signed | Self::SignedTrailer => true,
            Self::Unsigned => false,
        }
    }
}

/// What is wrong with an `aws-chunked` body. Nothing of such a body may be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkedError {
    /// The body ended before its last chunk and trailer. `IncompleteBody` (400).
    #[error("the body ended before its last chunk")]
    Truncated,
    /// A chunk's header line or the line break after its data is malformed, or a signature is missing.
    /// `IncompleteBody` (400).
    #[error("the framing of the body is malformed")]
    Malformed,
    /// The data is longer or shorter than `x-amz-decoded-content-length`. `IncompleteBody` (400).
    #[error("the body does not have the length that was declared")]
    Length,
    /// Something follows the end. `IncompleteBody` (400).
    #[error("something follows the end of the body")]
    TrailingBytes,
    /// A signed chunk that is not the last one has less than [`MIN_SIGNED_CHUNK`]. `InvalidChunkSizeError` (400).
    #[error("only the last chunk may have less than 8192 bytes")]
    ChunkTooSmall,
    /// A signed chunk has more than [`MAX_SIGNED_CHUNK`]. `InvalidRequest` (400).
    #[error("a signed chunk must not have more than 16 MiB")]
    ChunkTooLarge,
    /// The trailer is malformed, too long, or not the one announced in `x-amz-trailer`.
    /// `MalformedTrailerError` (400).
    #[error("the trailer is malformed or not the one that was announced")]
    Trailer,
}

impl ChunkedError {
    /// The S3 error code; the status is always 400.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Truncated | Self::Malformed | Self::Length | Self::TrailingBytes => "IncompleteBody",
            Self::ChunkTooSmall => "InvalidChunkSizeError",
            Self::ChunkTooLarge => "InvalidRequest",
            Self::Trailer => "MalformedTrailerError",
        }
    }
}

/// The header line of a chunk, for an encoder. After it come the data and CRLF; after the empty chunk the trailer.
#[must_use]
pub fn encode_header(size: u64, signature: Option<&Signature>) -> String {
    match signature {
        Some(signature) => format!("{size:x};chunk-signature={}\r\n", signature.to_hex()),
        None => format!("{size:x}\r\n"),
    }
}

/// What follows the empty chunk: the trailers, the signature of a signed trailer, and the empty line at the end.
#[must_use]
pub fn encode_end(trailers: &[Trailer], signature: Option<&Signature>) -> String {
    let mut text = String::new();
    for trailer in trailers {
        text.push_str(&trailer.name);
        text.push(':');
        text.push_str(&trailer.value);
        text.push_str("\r\n");
    }
    if let Some(signature) = signature {
        text.push_str(TRAILER_SIGNATURE);
        text.push(':');
        text.push_str(&signature.to_hex());
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text
}
