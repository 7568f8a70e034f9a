//! Who sent a request: Signature Version 4 in its headers or its query.

use std::borrow::Cow;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_access::{Denial, Origin, Principal, SignedPrincipal};
use portcullis_sigv4::{AuthParseError, ChunkVerifier, Payload, Presented, RawRequest, parse};

use crate::call::Door;
use crate::error::{About, Code, S3Error, access_error, parse_error};
use crate::operation::hoisted;
use crate::query::Query;

/// As many headers as are looked at without asking for memory.
const FEW: usize = 32;

/// A sender, and what the signature says of the body.
pub(crate) struct Sender {
    pub(crate) who: Principal,
    pub(crate) payload: Payload,
    pub(crate) chunks: ChunkVerifier,
}

/// Authenticates a request exactly as it came.
///
/// # Errors
/// `AccessDenied` without credentials, else as S3 has it for the fault.
pub(crate) fn authenticate(door: &Door, origin: Origin<'_>, head: &Parts) -> Result<Sender, S3Error> {
    let mut headers = Headers::default();
    let presented = readable(door, origin, parse(&raw(head, &mut headers)))?;
    let payload = presented.payload();
    let signed = verify(door, origin, &presented)?;
    Ok(Sender { who: signed.principal, payload, chunks: signed.chunks })
}

/// What was read of the credentials, if there are any and they can be read.
///
/// # Errors
/// As [`authenticate`].
pub(crate) fn readable<'a>(
    door: &Door,
    origin: Origin<'_>,
    read: Result<Option<Presented<'a>>, AuthParseError>,
) -> Result<Presented<'a>, S3Error> {
    let refuse = |denial| access_error(door.access.refuse(origin, None, denial), About::default());
    let presented = read.map_err(|error| {
        drop(refuse(if matches!(error, AuthParseError::HeadersNotSigned(_)) {
            Denial::HeadersNotSigned
        } else {
            Denial::Malformed
        }));
        parse_error(&error)
    })?;
    presented.ok_or_else(|| refuse(Denial::NoCredentials))
}

/// Whose credentials these are, with the session token that came along.
///
/// # Errors
/// As S3 has it for the fault.
pub(crate) fn verify(
    door: &Door,
    origin: Origin<'_>,
    presented: &Presented<'_>,
) -> Result<SignedPrincipal, S3Error> {
    let token = presented.security_token().map(str::from_utf8).transpose();
    let token = token.map_err(|_| {
        drop(door.access.refuse(origin, None, Denial::Malformed));
        Code::InvalidToken
    })?;
    let signed = door.access.authenticate_sigv4(origin, presented, token);
    signed.map_err(|error| access_error(error, About::default()))
}

/// Place for the headers of a request; few of them ask for no memory.
pub(crate) struct Headers<'a> {
    few: [(&'a str, &'a [u8]); FEW],
    many: Vec<(&'a str, &'a [u8])>,
}

impl Default for Headers<'_> {
    fn default() -> Self {
        Self { few: [("", b""); FEW], many: Vec::new() }
    }
}

/// A request as it is signed.
pub(crate) fn raw<'a>(head: &'a Parts, headers: &'a mut Headers<'a>) -> RawRequest<'a> {
    let headers = list(&head.headers, &mut headers.few, &mut headers.many);
    RawRequest { method: head.method.as_str(), path: head.uri.path(), query: head.uri.query(), headers }
}

fn list<'a, 'b>(
    headers: &'a HeaderMap,
    few: &'b mut [(&'a str, &'a [u8]); FEW],
    many: &'b mut Vec<(&'a str, &'a [u8])>,
) -> &'b [(&'a str, &'a [u8])] {
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    if headers.len() > FEW {
        many.extend(pairs);
        return many;
    }
    for (place, pair) in few.iter_mut().zip(pairs) {
        *place = pair;
    }
    few.get(..headers.len()).unwrap_or_default()
}

/// The headers with those that an SDK put into a presigned query. The signature covers the query, so they are as good as
/// signed headers.
///
/// # Errors
/// `InvalidArgument` for one that came both ways, or that cannot be a header.
pub(crate) fn with_hoisted<'a>(
    headers: &'a HeaderMap,
    query: &Query<'_>,
) -> Result<Cow<'a, HeaderMap>, S3Error> {
    let mut all = Cow::Borrowed(headers);
    if !query.is_presigned() {
        return Ok(all);
    }
    let wrong = || S3Error::with(Code::InvalidArgument, "A query parameter cannot stand for a header.");
    for (name, value) in query.iter() {
        // The word for an algorithm, without a value, is left over from signing a request without its body.
        let Some(name) = hoisted(name).filter(|name| name != "x-amz-sdk-checksum-algorithm") else {
            continue;
        };
        let name = HeaderName::try_from(name).map_err(|_| wrong())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong())?;
        if all.to_mut().insert(name, value).is_some() {
            return Err(wrong());
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_in_a_presigned_query() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("h"));
        let signed = "X-Amz-Signature=s&X-Amz-Meta-A=b&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32";
        let query = Query::parse(Some(signed)).unwrap();
        let all = with_hoisted(&headers, &query).unwrap();
        assert_eq!(all["x-amz-meta-a"], "b");
        assert_eq!(all["x-amz-checksum-crc32"], "AAAAAA==");
        assert!(!all.contains_key("x-amz-signature") && !all.contains_key("x-amz-sdk-checksum-algorithm"));
        headers.insert("x-amz-meta-a", HeaderValue::from_static("c"));
        assert!(with_hoisted(&headers, &query).is_err());
        let plain = Query::parse(Some("x-amz-meta-b=c")).unwrap();
        assert!(!with_hoisted(&headers, &plain).unwrap().contains_key("x-amz-meta-b"));
    }

    #[test]
    fn every_header_is_looked_at() {
        for count in [0, 1, FEW, FEW + 1, 90] {
            let headers: HeaderMap = (0..count)
                .map(|at| (HeaderName::try_from(format!("x-{at}")).unwrap(), HeaderValue::from_static("v")))
                .collect();
            let (mut few, mut many) = ([("", &b""[..]); FEW], Vec::new());
            assert_eq!(list(&headers, &mut few, &mut many).len(), count);
        }
    }
}
