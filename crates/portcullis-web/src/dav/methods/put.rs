//! `PUT`: a file is there when all of it has come, and until then what was there is there.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_access::{ContentHeaders, Etag, EtagCondition};
use portcullis_domain::Timestamp;
use portcullis_files::{Entry, FileError, Kind, OpenOptions, WriteOptions};

use crate::dav::call::Call;
use crate::dav::locks::Change;
use crate::dav::props::{METADATA, http_date};
use crate::dav::reply::{Refusal, Result};
use crate::headers;

/// When the writer of a file last modified it, in seconds since 1970: sent by clients that want it kept.
const MODIFIED: &str = "x-oc-mtime";

pub(super) async fn put(call: &Call, body: Body) -> Result<Response> {
    if call.path.is_top() || call.says_folder {
        return Err(FileError::IsFolder.into());
    }
    if call.headers.contains_key(CONTENT_RANGE) {
        return Err(Refusal::bad("A part of a file cannot be written; send all of it."));
    }
    let blind = call.only_writes().await?;
    let (length, modified) = (length(&call.headers)?, modified(call)?);
    let mut content = headers::content(&call.headers);
    let old = if blind { None } else { before(call, &mut content).await? };
    let only_if = conditions(&call.headers, old.as_ref())?;
    if blind && (only_if.is_some() || call.has_condition()) {
        return Err(FileError::Denied.into());
    }
    call.holds().await?;
    let change = if old.is_some() { Change::Write } else { Change::Create };
    if !blind {
        call.free(&call.path, change).await?;
    }
    let options =
        WriteOptions { length, parent_needed: true, only_if, content, modified, ..WriteOptions::default() };
    let mut upload = call.tree.write(&call.path, options).await?;
    let mut stream = body.into_data_stream();
    loop {
        // A client that sends nothing is told all the same that its right is gone.
        let piece = tokio::select! {
            piece = stream.next() => piece,
            error = upload.ended() => return Err(error.into()),
        };
        let Some(piece) = piece else { break };
        // To let go of the upload leaves what was there.
        upload.write(piece.map_err(|_| FileError::Broken)?).await?;
    }
    if !blind {
        // It may have been locked meanwhile.
        call.free(&call.path, change).await?;
    }
    let stored = upload.finish().await?;
    let status = if old.is_some() { StatusCode::NO_CONTENT } else { StatusCode::CREATED };
    Ok((status, told(&stored, modified.is_some())).into_response())
}

/// What is there; what its writer left with it stays.
async fn before(call: &Call, content: &mut ContentHeaders) -> Result<Option<Entry>> {
    let reader = match call.tree.open(&call.path, OpenOptions::default()).await {
        Ok(reader) => reader,
        Err(FileError::NotFound) => return Ok(None),
        // Who may look but not read is told by the listing.
        Err(FileError::Denied) => return call.there(&call.path).await,
        Err(error) => return Err(error.into()),
    };
    let kept = reader.meta().content.user.iter().filter(|(name, _)| name == METADATA).cloned();
    content.user.extend(kept);
    Ok(Some(reader.entry().clone()))
}

/// How many bytes will come, if that is said. Finder says it besides, since it sends without a length.
fn length(headers: &HeaderMap) -> Result<Option<u64>> {
    let number = |name: &str| {
        let value = headers.get(name)?;
        let digits =
            value.to_str().ok().map(str::trim).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        Some(
            digits
                .and_then(|digits| digits.parse::<u64>().ok())
                .ok_or(Refusal::bad("A length of bytes is a number.")),
        )
    };
    let told =
        number(CONTENT_LENGTH.as_str()).transpose()?.filter(|_| !headers.contains_key(TRANSFER_ENCODING));
    let expected = number("x-expected-entity-length").transpose()?;
    match (told, expected) {
        (Some(told), Some(expected)) if told != expected => {
            Err(Refusal::bad("Two lengths are said, and they differ."))
        }
        (told, expected) => Ok(told.or(expected)),
    }
}

fn modified(call: &Call) -> Result<Option<Timestamp>> {
    let Some(text) = call.header(MODIFIED) else { return Ok(None) };
    let seconds = text.split('.').next().and_then(|seconds| seconds.parse::<i64>().ok());
    let seconds = seconds.filter(|seconds| (0..253_402_300_800).contains(seconds));
    let wrong = || Refusal::bad("The header X-OC-Mtime is a number of seconds since 1970.");
    seconds.map(Timestamp::from_seconds).map(Some).ok_or_else(wrong)
}

/// What has to be there, or not, in the moment in which the file is stored.
fn conditions(given: &HeaderMap, old: Option<&Entry>) -> Result<Option<Option<Vec<Etag>>>> {
    let there = old.and_then(|old| match &old.kind {
        Kind::File { etag, .. } => Some(etag),
        Kind::Folder => None,
    });
    let matches = |tags: &EtagCondition| there.is_some_and(|etag| tags.matches(etag));
    let read = headers::read_conditions(given);
    if given.contains_key(IF_MATCH) && !read.if_match.as_ref().is_some_and(matches) {
        return Err(Refusal::precondition());
    }
    if given.contains_key(IF_NONE_MATCH) && read.if_none_match.as_ref().is_none_or(matches) {
        return Err(Refusal::precondition());
    }
    if let (Some(until), Some(modified)) = (read.if_unmodified_since, old.and_then(|old| old.modified))
        && modified.seconds() > until.seconds()
    {
        return Err(Refusal::precondition());
    }
    Ok(match (read.if_match, read.if_none_match) {
        (Some(_), _) => there.map(|etag| Some(vec![etag.clone()])),
        (None, Some(EtagCondition::Any)) => Some(None),
        (None, Some(EtagCondition::OneOf(_)) | None) => None,
    })
}

fn told(stored: &Entry, dated: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put =
        |name, value: String| headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
    if let Kind::File { etag, .. } = &stored.kind {
        put(ETAG, format!("\"{etag}\""));
    }
    if let Some(date) = stored.modified.and_then(http_date) {
        put(LAST_MODIFIED, date);
    }
    if dated {
        headers.insert(MODIFIED, HeaderValue::from_static("accepted"));
    }
    headers
}
