//! What a request says about its body.

use crate::aws_chunked::ChunkMode;
use crate::error::{AuthParseError, NotImplemented};
use crate::signature::{decode_hex, encode_hex};

/// The meaning of `x-amz-content-sha256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The body has this SHA-256; whoever reads the body compares.
    Signed([u8; 32]),
    /// `UNSIGNED-PAYLOAD`: the signature says nothing about the body.
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: aws-chunked, every chunk signed.
    StreamingSigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`: aws-chunked, every chunk and the trailer signed.
    StreamingSignedTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: aws-chunked without signatures, a checksum in the trailer.
    StreamingUnsignedTrailer,
}

pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const STREAMING_SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const STREAMING_SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const STREAMING_UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

impl Payload {
    /// Reads the value of `x-amz-content-sha256`.
    ///
    /// # Errors
    /// [`NotImplemented::StreamingPayload`] for another `STREAMING-` form (ECDSA among them),
    /// [`AuthParseError::InvalidPayloadHash`] for anything else.
    pub fn parse(text: &[u8]) -> Result<Self, AuthParseError> {
        if text == UNSIGNED.as_bytes() {
            Ok(Self::Unsigned)
        } else if text == STREAMING_SIGNED.as_bytes() {
            Ok(Self::StreamingSigned)
        } else if text == STREAMING_SIGNED_TRAILER.as_bytes() {
            Ok(Self::StreamingSignedTrailer)
        } else if text == STREAMING_UNSIGNED_TRAILER.as_bytes() {
            Ok(Self::StreamingUnsignedTrailer)
        } else if text.starts_with(b"STREAMING-") {
            Err(AuthParseError::NotImplemented(NotImplemented::StreamingPayload))
        } else {
            decode_hex(text).map(Self::Signed).ok_or(AuthParseError::InvalidPayloadHash)
        }
    }

    /// The value of `x-amz-content-sha256` that says this.
    #[must_use]
    pub fn to_header(&self) -> String {
        match self {
            Self::Signed(hash) => encode_hex(hash).iter().copied().map(char::from).collect(),
            Self::Unsigned => UNSIGNED.to_owned(),
            Self::StreamingSigned => STREAMING_SIGNED.to_owned(),
            Self::StreamingSignedTrailer => STREAMING_SIGNED_TRAILER.to_owned(),
            Self::StreamingUnsignedTrailer => STREAMING_UNSIGNED_TRAILER.to_owned(),
        }
    }

    /// How the body is framed, or `None` if this alone does not say that it is aws-chunked. (With
    /// `content-encoding: aws-chunked` and a decoded length some clients frame an unsigned payload too; that body
    /// reads as [`ChunkMode::Unsigned`].)
    #[must_use]
    pub const fn chunk_mode(&self) -> Option<ChunkMode> {
        match self {
            Self::Signed(_) | Self::Unsigned => None,
            Self::StreamingSigned => Some(ChunkMode::Signed),
            Self::StreamingSignedTrailer => Some(ChunkMode::SignedTrailer),
            Self::StreamingUnsignedTrailer => Some(ChunkMode::Unsigned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Payload;
    use crate::error::{AuthParseError, NotImplemented};

    #[test]
    fn every_form_reads_back() {
        for payload in [
            Payload::Signed([0xab; 32]),
            Payload::Unsigned,
            Payload::StreamingSigned,
            Payload::StreamingSignedTrailer,
            Payload::StreamingUnsignedTrailer,
        ] {
            assert_eq!(Payload::parse(payload.to_header().as_bytes()), Ok(payload));
        }
    }

    #[test]
    fn other_values() {
        let missing = Err(AuthParseError::NotImplemented(NotImplemented::StreamingPayload));
        assert_eq!(Payload::parse(b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), missing);
        assert_eq!(Payload::parse(b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"), missing);
        for text in
            ["", "unsigned-payload", "abc", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"]
        {
            assert_eq!(Payload::parse(text.as_bytes()), Err(AuthParseError::InvalidPayloadHash), "{text}");
        }
    }
}
