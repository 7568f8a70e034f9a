//! The `Authorization` header.

use std::borrow::Cow;

use super::{Location, Part, Presented, coverage, credential};
use crate::error::{AuthParseError, Malformed, NotImplemented};
use crate::{ALGORITHM, AmzDate, Payload, RawRequest, Service, Signature};

/// The headers that decide about authentication, found in one pass.
#[derive(Default)]
pub(super) struct AuthHeaders<'a> {
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) content_sha256: Option<&'a [u8]>,
    pub(super) security_token: Option<&'a [u8]>,
    amz_date: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
}

impl<'a> AuthHeaders<'a> {
    pub(super) fn collect(request: &RawRequest<'a>) -> Result<Self, AuthParseError> {
        let mut found = Self::default();
        for (name, value) in request.headers {
            let (slot, name) = match *name {
                "authorization" => (&mut found.authorization, "authorization"),
                "date" => (&mut found.date, "date"),
                "host" => (&mut found.host, "host"),
                "x-amz-content-sha256" => (&mut found.content_sha256, "x-amz-content-sha256"),
                "x-amz-date" => (&mut found.amz_date, "x-amz-date"),
                "x-amz-security-token" => (&mut found.security_token, "x-amz-security-token"),
                _ => continue,
            };
            if slot.replace(value.trim_ascii()).is_some() {
                return Err(AuthParseError::DuplicateHeader(name));
            }
        }
        Ok(found)
    }

    fn request_date(&self) -> Result<AmzDate, AuthParseError> {
        let date = match self.amz_date {
            Some(text) => AmzDate::parse(text),
            None => self.date.and_then(AmzDate::parse_http),
        };
        date.ok_or(AuthParseError::MissingDate)
    }
}

/// Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…` and what belongs to it. A `body` that is known
/// already is not asked of the headers.
pub(super) fn parse<'a>(
    request: &RawRequest<'a>,
    headers: &AuthHeaders<'a>,
    authorization: &'a [u8],
    service: Service,
    body: Option<Payload>,
) -> Result<Presented<'a>, AuthParseError> {
    let components = Components::parse(scheme(authorization)?)?;
    let malformed = AuthParseError::Header;
    let credential_text = components.credential.required(Malformed::MissingCredential).map_err(malformed)?;
    let signed_headers =
        components.signed_headers.required(Malformed::MissingSignedHeaders).map_err(malformed)?;
    let signature = components.signature.required(Malformed::MissingSignature).map_err(malformed)?;
    let (access_key_id, scope) = credential(Cow::Borrowed(credential_text), service).map_err(malformed)?;
    coverage::check_list(signed_headers).map_err(malformed)?;
    let date = headers.request_date()?;
    if !scope.covers(&date) {
        return Err(malformed(Malformed::DateMismatch));
    }
    let (payload, payload_line) = match body {
        Some(payload) => (payload, Cow::Owned(payload.to_header().into_bytes())),
        None => {
            let line = headers.content_sha256.ok_or(AuthParseError::MissingPayloadHash)?;
            (Payload::parse(line)?, Cow::Borrowed(line))
        }
    };
    coverage::check_request(signed_headers, request)?;
    Ok(Presented {
        request: *request,
        location: Location::Header,
        access_key_id,
        scope,
        date,
        signed_headers: Cow::Borrowed(signed_headers),
        signature: Signature::from_hex(signature.as_bytes()).ok_or(AuthParseError::SignatureShape)?,
        payload,
        payload_line,
        security_token: headers.security_token.map(Cow::Borrowed),
    })
}

/// What follows the scheme, if it is ours.
fn scheme(authorization: &[u8]) -> Result<&str, AuthParseError> {
    let text = std::str::from_utf8(authorization).map_err(|_| AuthParseError::Header(Malformed::Syntax))?;
    let (scheme, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    match scheme {
        ALGORITHM => Ok(rest),
        "AWS" => Err(AuthParseError::UnsupportedMechanism),
        "AWS4-ECDSA-P256-SHA256" => Err(AuthParseError::NotImplemented(NotImplemented::Ecdsa)),
        other if other.starts_with("AWS4-") => Err(AuthParseError::Header(Malformed::Algorithm)),
        _ => Err(AuthParseError::UnsupportedAuthorizationType),
    }
}

#[derive(Default)]
struct Components<'a> {
    credential: Part<&'a str>,
    signed_headers: Part<&'a str>,
    signature: Part<&'a str>,
}

impl<'a> Components<'a> {
    fn parse(list: &'a str) -> Result<Self, AuthParseError> {
        let mut components = Self::default();
        if list.trim_ascii().is_empty() {
            return Ok(components);
        }
        for piece in list.split(',') {
            components.add(piece.trim_ascii()).map_err(AuthParseError::Header)?;
        }
        Ok(components)
    }

    fn add(&mut self, piece: &'a str) -> Result<(), Malformed> {
        let (name, value) = piece.split_once('=').ok_or(Malformed::Syntax)?;
        match name {
            "Credential" => self.credential.set(value),
            "SignedHeaders" => self.signed_headers.set(value),
            "Signature" => self.signature.set(value),
            _ => Err(Malformed::UnknownComponent),
        }
    }
}
