//! The bytes of a file within an envelope that is answered.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use portcullis_files::{FileError, ReadStream};

use super::version::Version;

/// Bytes that are encoded at a time.
const PIECE: usize = 48 * 1024;

/// The answer that is `head`, `length` bytes of content in base64, and `tail`. Its length is told: one that ends before it was cut off.
pub(super) fn inline(
    version: Version,
    head: String,
    tail: String,
    content: ReadStream,
    length: u64,
) -> Response {
    let encoded = length.div_ceil(3).saturating_mul(4);
    let around = u64::try_from(head.len().saturating_add(tail.len())).unwrap_or(u64::MAX);
    let whole = encoded.saturating_add(around);
    let before = stream::once(async { Ok(Bytes::from(head)) });
    let after = stream::once(async { Ok(Bytes::from(tail)) });
    let headers = [
        (CONTENT_TYPE, version.content_type()),
        (CONTENT_LENGTH, HeaderValue::from(whole)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let body = Body::from_stream(before.chain(in_base64(content)).chain(after));
    (StatusCode::OK, headers, body).into_response()
}

/// A stream that is encoded.
struct Encoding {
    content: ReadStream,
    /// What came and was not encoded yet.
    piece: Bytes,
    /// Up to two bytes that make no whole group.
    held: Vec<u8>,
    ended: bool,
}

/// The same bytes in base64, a piece at a time.
fn in_base64(content: ReadStream) -> ReadStream {
    let state = Encoding { content, piece: Bytes::new(), held: Vec::new(), ended: false };
    Box::pin(stream::try_unfold(state, |mut state| async move {
        let text = state.next().await?;
        Ok::<_, FileError>((!text.is_empty()).then(|| (Bytes::from(text), state)))
    }))
}

impl Encoding {
    /// Some of the text; empty at the end.
    async fn next(&mut self) -> Result<String, FileError> {
        let mut text = String::new();
        while text.is_empty() && !self.ended {
            if self.piece.is_empty() {
                match self.content.next().await {
                    Some(piece) => self.piece = piece?,
                    None => {
                        self.ended = true;
                        STANDARD.encode_string(std::mem::take(&mut self.held), &mut text);
                        break;
                    }
                }
            }
            self.group(&mut text);
        }
        Ok(text)
    }

    /// Encodes whole groups of the piece, with what was held before it.
    fn group(&mut self, text: &mut String) {
        let piece = self.piece.split_to(self.piece.len().min(PIECE));
        let missing = if self.held.is_empty() { 0 } else { 3 - self.held.len() };
        let (first, rest) = piece.split_at(missing.min(piece.len()));
        self.held.extend_from_slice(first);
        if self.held.len() == 3 {
            STANDARD.encode_string(&self.held, text);
            self.held.clear();
        }
        let (whole, left) = rest.split_at(rest.len() - rest.len() % 3);
        STANDARD.encode_string(whole, text);
        self.held.extend_from_slice(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt as _;

    #[tokio::test]
    async fn any_pieces_make_the_same_text() {
        let all: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for length in [0, 1, 2, 3, 4, 5, 100, 1000] {
            for size in [1, 2, 3, 4, 7, 999] {
                let bytes = all.get(..length).unwrap();
                let pieces: Vec<_> =
                    bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
                let text: Vec<Bytes> = in_base64(Box::pin(stream::iter(pieces))).try_collect().await.unwrap();
                assert_eq!(text.concat(), STANDARD.encode(bytes).into_bytes(), "{length} in {size}");
            }
        }
    }

    #[tokio::test]
    async fn what_fails_does_not_end_well() {
        let pieces = [Ok(Bytes::from_static(b"abcd")), Err(FileError::Denied)];
        let read: Result<Vec<Bytes>, _> = in_base64(Box::pin(stream::iter(pieces))).try_collect().await;
        assert!(matches!(read, Err(FileError::Denied)));
    }
}
