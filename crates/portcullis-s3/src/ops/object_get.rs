//! `GetObject` and `HeadObject`.

use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use http::{HeaderName, HeaderValue, StatusCode};
use portcullis_access::{
    Body, ByteRange, Get, GetOptions, GetOutcome, IfRange, Object, ObjectMeta, RangeRequest,
};

use crate::call::Call;
use crate::error::{Code, S3Error};
use crate::headers::{
    Overrides, object_headers, one, parse_range, read_conditions, set_checksum, set_version,
};
use crate::reply::{Reply, ReplyBody, empty};

const MAX_PART: u16 = 10_000;

/// An object, or a range or part of it.
pub(super) async fn get_object(call: &Call<'_>) -> Result<Reply, S3Error> {
    let overrides = Overrides::parse(call.query)?;
    let options = get_options(call)?;
    let grant = call.grant::<Get>().await?;
    match grant.get(options).await.map_err(|error| call.error(error))? {
        GetOutcome::NotModified(meta) => Ok(not_modified(call, &meta)),
        GetOutcome::Found(Object { meta, range, body }) => {
            let mut reply = found(call, &meta, range, overrides)?;
            *reply.body_mut() = ReplyBody::object(body, length(&meta, range));
            Ok(reply)
        }
    }
}

/// What `GetObject` would say, without the bytes.
pub(super) async fn head_object(call: &Call<'_>) -> Result<Reply, S3Error> {
    let overrides = Overrides::parse(call.query)?;
    let options = get_options(call)?;
    let grant = call.grant::<Get>().await?;
    match grant.head(&options).await.map_err(|error| call.error(error))? {
        GetOutcome::NotModified(meta) => Ok(not_modified(call, &meta)),
        GetOutcome::Found(meta) => {
            let range = range_of(&options, &meta)?;
            let mut reply = found(call, &meta, range, overrides)?;
            reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length(&meta, range)));
            *reply.body_mut() = ReplyBody::object(Body::Full(bytes::Bytes::new()), 0);
            Ok(reply)
        }
    }
}

fn get_options(call: &Call<'_>) -> Result<GetOptions, S3Error> {
    let range = one(call.headers, "range")?.and_then(parse_range);
    let part = call.query.get("partNumber").map(part_number).transpose()?;
    if part.is_some() && call.headers.contains_key("range") {
        let message = "Cannot specify both Range header and partNumber query parameter";
        return Err(S3Error::with(Code::InvalidRequest, message));
    }
    Ok(GetOptions { version: call.version()?, range, part, conditions: read_conditions(call.headers)? })
}

/// A part number from a query.
///
/// # Errors
/// `InvalidArgument` for anything but 1 to 10,000.
pub(super) fn part_number(text: &str) -> Result<u16, S3Error> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && (1..=MAX_PART).contains(number));
    number.ok_or_else(|| {
        S3Error::argument("partNumber", "Part number must be an integer between 1 and 10000, inclusive")
            .element("ArgumentValue", text)
    })
}

/// What a range or part of a request names, as reading it would resolve it.
fn range_of(options: &GetOptions, meta: &ObjectMeta) -> Result<Option<ByteRange>, S3Error> {
    if let Some(part) = options.part {
        return Ok(part_of(meta, part));
    }
    let holds = match &options.conditions.if_range {
        None => true,
        Some(IfRange::Etag(tag)) => meta.etag.to_string() == *tag,
        Some(IfRange::Date(date)) => meta.modified.seconds() == date.seconds(),
    };
    let Some(range) = options.range.filter(|_| holds) else { return Ok(None) };
    let end = meta.size.checked_sub(1);
    let (first, last) = match range {
        RangeRequest::FromTo(first, last) => (Some(first), end.map(|end| last.min(end))),
        RangeRequest::From(first) => (Some(first), end),
        RangeRequest::Suffix(0) => (None, end),
        RangeRequest::Suffix(length) => (Some(meta.size.saturating_sub(length)), end),
    };
    match (first, last) {
        (Some(first), Some(last)) if first <= last => Ok(Some(ByteRange { first, last })),
        (Some(_) | None, Some(_) | None) => Err(S3Error::new(Code::InvalidRange)
            .element("ActualObjectSize", meta.size.to_string())
            .of_size(meta.size)),
    }
}

fn part_of(meta: &ObjectMeta, number: u16) -> Option<ByteRange> {
    let before = meta.parts.iter().take_while(|part| part.number != number);
    let first = before.fold(0, |sum: u64, part| sum.saturating_add(part.size));
    let part = meta.parts.iter().find(|part| part.number == number)?;
    let last = first.checked_add(part.size.checked_sub(1)?)?;
    Some(ByteRange { first, last })
}

const fn length(meta: &ObjectMeta, range: Option<ByteRange>) -> u64 {
    match range {
        None => meta.size,
        Some(range) => range.length(),
    }
}

fn found(
    call: &Call<'_>,
    meta: &ObjectMeta,
    range: Option<ByteRange>,
    overrides: Overrides,
) -> Result<Reply, S3Error> {
    let mut reply = empty(StatusCode::OK);
    object_headers(&mut reply, meta, overrides);
    if let Some(ByteRange { first, last }) = range {
        *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {first}-{last}/{}", meta.size);
        let value = HeaderValue::try_from(text)
            .map_err(|error| S3Error::new(Code::InternalError).caused_by(error))?;
        reply.headers_mut().insert(CONTENT_RANGE, value);
    }
    if call.query.has("versionId") {
        set_version(&mut reply, &meta.version);
    }
    if call.query.has("partNumber") && !meta.parts.is_empty() {
        let name = HeaderName::from_static("x-amz-mp-parts-count");
        reply.headers_mut().insert(name, HeaderValue::from(meta.parts.len()));
    }
    // The checksum of the whole would not be that of the bytes that come.
    let wanted = call
        .headers
        .get("x-amz-checksum-mode")
        .is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"enabled"));
    if let Some(checksum) = meta.checksum.as_ref().filter(|_| wanted && range.is_none()) {
        set_checksum(&mut reply, checksum);
    }
    Ok(reply)
}

/// RFC 9110 section 15.4.5: what a cache needs to go on with what it has.
fn not_modified(call: &Call<'_>, meta: &ObjectMeta) -> Reply {
    let mut reply = empty(StatusCode::NOT_MODIFIED);
    object_headers(&mut reply, meta, Overrides::default());
    for name in [http::header::CONTENT_TYPE, http::header::CONTENT_ENCODING, http::header::CONTENT_LANGUAGE] {
        reply.headers_mut().remove(name);
    }
    if call.query.has("versionId") {
        set_version(&mut reply, &meta.version);
    }
    reply
}
