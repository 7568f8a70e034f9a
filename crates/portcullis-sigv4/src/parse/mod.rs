//! What a client presents, read and checked for shape; no key is looked at here.

mod coverage;
mod header;
mod query;

use std::borrow::Cow;
use std::fmt;

use crate::error::{AuthParseError, Malformed};
use crate::{AmzDate, Payload, RawRequest, Scope, Service, Signature};

/// Where the credentials stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the `Authorization` header.
    Header,
    /// In the query of a presigned URL that lives for that many seconds (1 to 604,800).
    Query {
        /// The value of `X-Amz-Expires`.
        expires: u32,
    },
}

/// Well-formed credentials of one request, with the request that they are for. Says nothing about whether they are
/// right: that is [`Presented::verify`], together with [`Presented::check_time`].
pub struct Presented<'a> {
    pub(crate) request: RawRequest<'a>,
    pub(crate) location: Location,
    pub(crate) access_key_id: Cow<'a, str>,
    pub(crate) scope: Scope,
    pub(crate) date: AmzDate,
    pub(crate) signed_headers: Cow<'a, str>,
    pub(crate) signature: Signature,
    pub(crate) payload: Payload,
    /// The last line of the canonical request, verbatim: clients may write the hash in capitals.
    pub(crate) payload_line: Cow<'a, [u8]>,
    pub(crate) security_token: Option<Cow<'a, [u8]>>,
}

impl Presented<'_> {
    /// Header or presigned URL.
    #[must_use]
    pub const fn location(&self) -> Location {
        self.location
    }

    /// Whose key; printable ASCII, at most [`crate::MAX_ACCESS_KEY_ID`] bytes.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope to derive the signing key for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When the client says that it signed.
    #[must_use]
    pub const fn date(&self) -> &AmzDate {
        &self.date
    }

    /// What the client says about the body.
    #[must_use]
    pub const fn payload(&self) -> Payload {
        self.payload
    }

    /// Whether that header, named in lower case, is under the signature.
    #[must_use]
    pub fn is_signed(&self, header: &str) -> bool {
        coverage::lists(&self.signed_headers, header)
    }

    /// The session token, if one came along. It is under the signature, in its header or in the query.
    #[must_use]
    pub fn security_token(&self) -> Option<&[u8]> {
        self.security_token.as_deref()
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("location", &self.location)
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("date", &self.date)
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
}

/// Reads the credentials of a request, from its `Authorization` header or its query. `None` if it has none of either:
/// an anonymous request, or a POST form (see [`crate::PresentedPolicy`]).
///
/// # Errors
/// [`AuthParseError`] says what is wrong and which S3 error it is. Beyond syntax: `host` and every `x-amz-*` header
/// must be signed (`x-amz-content-sha256` may be left out, the canonical request ends with it), every signed header
/// must be present, and the day of the scope must be the day of the date.
pub fn parse<'a>(request: &RawRequest<'a>) -> Result<Option<Presented<'a>>, AuthParseError> {
    let headers = header::AuthHeaders::collect(request)?;
    let query = query::AuthQuery::collect(request)?;
    match (headers.authorization, query.is_present()) {
        (Some(_), true) => Err(AuthParseError::MultipleMechanisms),
        (Some(authorization), false) => {
            header::parse(request, &headers, authorization, Service::S3, None).map(Some)
        }
        (None, true) => query::parse(request, &headers, &query).map(Some),
        (None, false) if query.has_version_2() => Err(AuthParseError::UnsupportedMechanism),
        (None, false) => Ok(None),
    }
}

/// Reads the credentials of a request to the token service (STS), of whose body this is the SHA-256: those requests say
/// nothing of it in a header, and the signature covers it all the same. `None` without an `Authorization` header.
///
/// # Errors
/// As [`parse`].
pub fn parse_sts<'a>(
    request: &RawRequest<'a>,
    body: [u8; 32],
) -> Result<Option<Presented<'a>>, AuthParseError> {
    let headers = header::AuthHeaders::collect(request)?;
    let Some(authorization) = headers.authorization else { return Ok(None) };
    header::parse(request, &headers, authorization, Service::Sts, Some(Payload::Signed(body))).map(Some)
}

/// The parts of a credential list, each at most once.
#[derive(Default)]
pub(crate) struct Part<T>(Option<T>);

impl<T> Part<T> {
    pub(crate) fn set(&mut self, value: T) -> Result<(), Malformed> {
        match self.0.replace(value) {
            None => Ok(()),
            Some(_) => Err(Malformed::DuplicateComponent),
        }
    }

    pub(crate) fn required(self, missing: Malformed) -> Result<T, Malformed> {
        self.0.ok_or(missing)
    }

    pub(crate) fn optional(self) -> Option<T> {
        self.0
    }
}

/// Splits a credential, keeping the borrow where there is one.
fn credential(text: Cow<'_, str>, service: Service) -> Result<(Cow<'_, str>, Scope), Malformed> {
    match text {
        Cow::Borrowed(text) => {
            Scope::parse_credential(text, service).map(|(id, scope)| (Cow::Borrowed(id), scope))
        }
        Cow::Owned(text) => {
            Scope::parse_credential(&text, service).map(|(id, scope)| (Cow::Owned(id.to_owned()), scope))
        }
    }
}
