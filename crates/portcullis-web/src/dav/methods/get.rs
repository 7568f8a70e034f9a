//! `GET` and `HEAD`: a file, or one range of it. What people stored is never shown as a page of this server.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures_util::TryStreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_access::{ByteRange, Etag, IfRange, RangeRequest, ReadConditions};
use portcullis_domain::{ObjectKey, Timestamp};
use portcullis_files::{FileError, FileReader, OpenOptions};

use crate::dav::call::Call;
use crate::dav::props::http_date;
use crate::dav::reply::{Refusal, Result};
use crate::headers::{self, download};

pub(super) async fn get(call: &Call, with_bytes: bool) -> Result<Response> {
    let reader = match call.tree.open(&call.path, OpenOptions::default()).await {
        Ok(reader) => reader,
        Err(FileError::IsFolder) => return Ok(folder()),
        Err(error) => return Err(error.into()),
    };
    call.holds().await?;
    let (size, modified) = (reader.entry().size(), reader.entry().modified);
    let etag = &reader.meta().etag;
    let asked = headers::read_conditions(&call.headers);
    let mut told = told(call, &reader, modified);
    match verdict(&asked, etag, modified) {
        Verdict::Send => {}
        Verdict::NotModified => {
            told.retain_for_not_modified();
            return Ok((StatusCode::NOT_MODIFIED, told.0).into_response());
        }
        Verdict::Failed => return Err(Refusal::precondition()),
    }
    let range =
        headers::range(&call.headers).filter(|_| range_holds(asked.if_range.as_ref(), etag, modified));
    let range = match range.filter(|_| with_bytes).map(|range| resolve(range, size)) {
        None => None,
        Some(Some(range)) => Some(range),
        Some(None) => return Ok(unsatisfied(size)),
    };
    let (status, offset, length) = match range {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range.first, range.length()),
        None => (StatusCode::OK, 0, size),
    };
    told.0.extend(range.map(|range| download::content_range(range, size)).into_iter().flatten());
    told.0.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if !with_bytes || length == 0 {
        return Ok((status, told.0, Body::empty()).into_response());
    }
    let stream = reader.stream(offset, Some(length)).await?;
    // The length was told: a client sees that a body which ends here was cut off.
    let body = Body::from_stream(stream.map_err(std::io::Error::other));
    Ok((status, told.0, body).into_response())
}

/// A folder has no bytes. Somebody with a browser is told where to go, and a client that only asks whether it is there, that it is.
fn folder() -> Response {
    let text = "This is a folder for WebDAV. Open this address with a file manager or another client of WebDAV; with a browser, use /files/.\n";
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    (StatusCode::OK, kind, text).into_response()
}

struct Told(HeaderMap);

impl Told {
    fn retain_for_not_modified(&mut self) {
        let kept = [ETAG, LAST_MODIFIED, http::header::CACHE_CONTROL];
        let mut headers = HeaderMap::new();
        for name in kept {
            headers.extend(self.0.remove(&name).map(|value| (name, value)));
        }
        self.0 = headers;
    }
}

/// What is said of the file besides its length.
fn told(call: &Call, reader: &FileReader, modified: Option<Timestamp>) -> Told {
    let name = call.path.name().and_then(|name| ObjectKey::parse(name).ok());
    let meta = reader.meta();
    let mut headers = name.map_or_else(|| download::validators(meta), |name| download::of_file(&name, meta));
    // The time that listings tell: the one that its writer noted.
    if let Some(date) = modified.and_then(http_date).and_then(|date| HeaderValue::try_from(date).ok()) {
        headers.insert(LAST_MODIFIED, date);
    }
    Told(headers)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Send,
    NotModified,
    Failed,
}

/// What the conditions say (RFC 9110 section 13.2.2).
fn verdict(asked: &ReadConditions, etag: &Etag, modified: Option<Timestamp>) -> Verdict {
    let seconds = modified.map(Timestamp::seconds);
    let matched = asked.if_match.as_ref().map(|tags| tags.matches(etag));
    let since =
        |time: Option<Timestamp>| time.zip(seconds).map(|(time, modified)| modified <= time.seconds());
    if matched.or_else(|| since(asked.if_unmodified_since)) == Some(false) {
        return Verdict::Failed;
    }
    let known = asked.if_none_match.as_ref().map(|tags| tags.matches(etag));
    if known.or_else(|| since(asked.if_modified_since)) == Some(true) {
        return Verdict::NotModified;
    }
    Verdict::Send
}

/// Whether a range still is one of the file that the client has a part of; if not, all of it is sent.
fn range_holds(asked: Option<&IfRange>, etag: &Etag, modified: Option<Timestamp>) -> bool {
    match asked {
        None => true,
        Some(IfRange::Etag(tag)) => etag.to_string() == *tag,
        Some(IfRange::Date(date)) => modified.is_some_and(|modified| modified.seconds() == date.seconds()),
    }
}

/// The bytes that a range names in a file of this size; none if it names no byte.
fn resolve(asked: RangeRequest, size: u64) -> Option<ByteRange> {
    let end = size.checked_sub(1)?;
    let (first, last) = match asked {
        RangeRequest::FromTo(first, last) => (first, last.min(end)),
        RangeRequest::From(first) => (first, end),
        RangeRequest::Suffix(length) => (size.saturating_sub(length), end),
    };
    (first <= last).then_some(ByteRange { first, last })
}

fn unsatisfied(size: u64) -> Response {
    let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "The file has no byte in that range.");
    let mut response = refusal.into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    response
}
