//! Answers: the envelope, then the bytes that it names.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use portcullis_files::{FileError, ReadStream};

use super::super::version::Version;

/// Nobody can write a file with the boundary of an answer in it that is still to come.
const RANDOM: usize = 18;

/// Case does not matter (RFC 2045 section 6.1) but to zeep, which takes line breaks from both ends of what is `binary` in lower case:
/// a text that it fetched would have lost its last one.
const AS_IT_IS: &str = "Binary";

/// The answer whose envelope is `head`, a name for the content, `tail`; and the `length` bytes of the content, as they come.
pub(in crate::soap) fn answer(
    version: Version,
    head: &str,
    tail: &str,
    content: ReadStream,
    length: u64,
) -> Response {
    let mut random = [0; RANDOM];
    if getrandom::fill(&mut random).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let mark = hex::encode(random);
    let framed = Framed::new(version, head, tail, &mark);
    let whole = length.saturating_add(framed.length());
    let before = stream::once(async { Ok::<_, FileError>(framed.before) });
    let after = stream::once(async { Ok(framed.after) });
    let headers = [
        (CONTENT_TYPE, framed.content_type),
        (CONTENT_LENGTH, HeaderValue::from(whole)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::OK, headers, Body::from_stream(before.chain(content).chain(after))).into_response()
}

/// What stands around the content.
struct Framed {
    content_type: HeaderValue,
    before: Bytes,
    after: Bytes,
}

impl Framed {
    fn new(version: Version, head: &str, tail: &str, mark: &str) -> Self {
        let boundary = format!("MIME-{mark}");
        let (root, content) = (format!("root.{mark}@portcullis"), format!("content.{mark}@portcullis"));
        let inner = version.media_type();
        let content_type = format!(
            "multipart/related; type=\"application/xop+xml\"; start=\"<{root}>\"; start-info=\"{inner}\"; boundary=\"{boundary}\""
        );
        let before = format!(
            "--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"{inner}\"\r\n\
             Content-Transfer-Encoding: binary\r\nContent-ID: <{root}>\r\n\r\n\
             {head}<xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:{content}\"/>{tail}\r\n\
             --{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: {AS_IT_IS}\r\n\
             Content-ID: <{content}>\r\n\r\n"
        );
        let after = format!("\r\n--{boundary}--\r\n");
        let content_type =
            HeaderValue::try_from(content_type).unwrap_or(HeaderValue::from_static(super::RELATED));
        Self { content_type, before: before.into(), after: after.into() }
    }

    fn length(&self) -> u64 {
        u64::try_from(self.before.len().saturating_add(self.after.len())).unwrap_or(u64::MAX)
    }
}
