//! The query of a presigned URL.

use std::borrow::Cow;

use super::header::AuthHeaders;
use super::{Location, Presented, coverage, credential};
use crate::encode::{decode_component, query_pairs};
use crate::error::{AuthParseError, Malformed, NotImplemented};
use crate::payload::UNSIGNED;
use crate::time::MAX_EXPIRES_SECONDS;
use crate::{ALGORITHM, AmzDate, Payload, RawRequest, Service, Signature};

/// The parameters that decide about authentication, raw, found in one pass.
#[derive(Default)]
pub(super) struct AuthQuery<'a> {
    algorithm: Option<&'a str>,
    credential: Option<&'a str>,
    date: Option<&'a str>,
    expires: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
    security_token: Option<&'a str>,
    content_sha256: Option<&'a str>,
    version_2: bool,
}

impl<'a> AuthQuery<'a> {
    pub(super) fn collect(request: &RawRequest<'a>) -> Result<Self, AuthParseError> {
        let mut found = Self::default();
        for (name, value) in query_pairs(request.query.unwrap_or_default()) {
            let (slot, name) = match &*decode_component(name) {
                b"X-Amz-Algorithm" => (&mut found.algorithm, "X-Amz-Algorithm"),
                b"X-Amz-Credential" => (&mut found.credential, "X-Amz-Credential"),
                b"X-Amz-Date" => (&mut found.date, "X-Amz-Date"),
                b"X-Amz-Expires" => (&mut found.expires, "X-Amz-Expires"),
                b"X-Amz-SignedHeaders" => (&mut found.signed_headers, "X-Amz-SignedHeaders"),
                b"X-Amz-Signature" => (&mut found.signature, "X-Amz-Signature"),
                b"X-Amz-Security-Token" => (&mut found.security_token, "X-Amz-Security-Token"),
                b"X-Amz-Content-Sha256" => (&mut found.content_sha256, "X-Amz-Content-Sha256"),
                b"AWSAccessKeyId" => {
                    found.version_2 = true;
                    continue;
                }
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(AuthParseError::DuplicateQuery(name));
            }
        }
        Ok(found)
    }

    /// Whether the query claims to be signed.
    pub(super) const fn is_present(&self) -> bool {
        self.algorithm.is_some() || self.credential.is_some() || self.signature.is_some()
    }

    /// Whether the query is signed with the mechanism before SigV4.
    pub(super) const fn has_version_2(&self) -> bool {
        self.version_2
    }
}

/// Reads the `X-Amz-` parameters and what belongs to them.
pub(super) fn parse<'a>(
    request: &RawRequest<'a>,
    headers: &AuthHeaders<'a>,
    query: &AuthQuery<'a>,
) -> Result<Presented<'a>, AuthParseError> {
    check_algorithm(&required(query.algorithm, Malformed::MissingAlgorithm)?)?;
    let malformed = AuthParseError::Query;
    let credential_text = required(query.credential, Malformed::MissingCredential)?;
    let date_text = required(query.date, Malformed::MissingDate)?;
    let expires_text = required(query.expires, Malformed::MissingExpires)?;
    let signed_headers = required(query.signed_headers, Malformed::MissingSignedHeaders)?;
    let signature = required(query.signature, Malformed::MissingSignature)?;
    let (access_key_id, scope) = credential(credential_text, Service::S3).map_err(malformed)?;
    let date = AmzDate::parse(date_text.as_bytes()).ok_or(malformed(Malformed::Date))?;
    if !scope.covers(&date) {
        return Err(malformed(Malformed::DateMismatch));
    }
    let expires = parse_expires(&expires_text).ok_or(malformed(Malformed::Expires))?;
    coverage::check_list(&signed_headers).map_err(malformed)?;
    let (payload, payload_line) = payload(query.content_sha256, headers.content_sha256, &signed_headers)?;
    coverage::check_request(&signed_headers, request)?;
    let token = query.security_token.map(decode_component).or(headers.security_token.map(Cow::Borrowed));
    Ok(Presented {
        request: *request,
        location: Location::Query { expires },
        access_key_id,
        scope,
        date,
        signed_headers,
        signature: Signature::from_hex(signature.as_bytes()).ok_or(AuthParseError::SignatureShape)?,
        payload,
        payload_line,
        security_token: token,
    })
}

fn required<'a>(value: Option<&'a str>, missing: Malformed) -> Result<Cow<'a, str>, AuthParseError> {
    let syntax = AuthParseError::Query(Malformed::Syntax);
    match decode_component(value.ok_or(AuthParseError::Query(missing))?) {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| syntax),
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| syntax),
    }
}

fn check_algorithm(algorithm: &str) -> Result<(), AuthParseError> {
    match algorithm {
        ALGORITHM => Ok(()),
        "AWS4-ECDSA-P256-SHA256" => Err(AuthParseError::NotImplemented(NotImplemented::Ecdsa)),
        _ => Err(AuthParseError::Query(Malformed::Algorithm)),
    }
}

fn parse_expires(text: &str) -> Option<u32> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|seconds| (1..=MAX_EXPIRES_SECONDS).contains(seconds))
}

/// What is said about the body, and the last line of the canonical request.
///
/// A parameter or a signed header decides both. A header that is not signed may only demand more than the signature
/// does: a hash is compared with the body, a streaming form is refused, since anyone could have added it.
fn payload<'a>(
    parameter: Option<&'a str>,
    header: Option<&'a [u8]>,
    signed_headers: &str,
) -> Result<(Payload, Cow<'a, [u8]>), AuthParseError> {
    let unsigned_line = Cow::Borrowed(UNSIGNED.as_bytes());
    let from_parameter = match parameter.map(decode_component) {
        Some(line) => Some((Payload::parse(&line)?, line)),
        None => None,
    };
    let Some(value) = header else {
        return Ok(from_parameter.unwrap_or((Payload::Unsigned, unsigned_line)));
    };
    let said = Payload::parse(value)?;
    if let Some((payload, line)) = from_parameter {
        // Two statements about one body must be one.
        return if said == payload { Ok((payload, line)) } else { Err(AuthParseError::InvalidPayloadHash) };
    }
    if coverage::lists(signed_headers, "x-amz-content-sha256") {
        return Ok((said, Cow::Borrowed(value)));
    }
    match said {
        Payload::Signed(_) | Payload::Unsigned => Ok((said, unsigned_line)),
        Payload::StreamingSigned | Payload::StreamingSignedTrailer | Payload::StreamingUnsignedTrailer => {
            Err(AuthParseError::HeadersNotSigned(vec!["x-amz-content-sha256".to_owned()]))
        }
    }
}
