//! What a provider says when it says no, and what that means here.

use std::fmt;

use http::{HeaderMap, StatusCode};
use portcullis_domain::Timestamp;

use super::gate::Sign;
use super::xml;
use crate::{BackendError, BackendErrorKind};

/// An answer that is no success. Only its code, a short message and what helps the operator are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    /// S3's error code; empty if there was none.
    pub(super) code: String,
    message: String,
    /// The region that the bucket is in, if the provider tells.
    pub(super) region: Option<String>,
    /// The provider's time.
    pub(super) date: Option<Timestamp>,
    /// The object's size, of an answer to a range that cannot be had.
    size: Option<u64>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider answered {}", self.status.as_u16())?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match &self.region {
            Some(region) => write!(f, " (the bucket is in the region {region})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// Text of somebody else, made fit for a log: one line, not long.
fn tame(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(tame(value, 64)).filter(|value| !value.is_empty())
}

impl Fault {
    /// Reads an answer's head and its document, which may be anything.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, document: &[u8]) -> Self {
        let node = xml::parse(document, "Error").ok();
        let text = |name: &str, most: usize| {
            node.as_ref()
                .and_then(|node| node.first(name))
                .map(|text| tame(text.trim(), most))
                .unwrap_or_default()
        };
        let region = header(headers, "x-amz-bucket-region").or_else(|| Some(text("Region", 64)));
        let total = headers
            .get("content-range")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit_once('/'))
            .and_then(|(_, total)| total.parse().ok());
        let size = total.or_else(|| text("ActualObjectSize", 20).parse().ok());
        Self {
            status,
            code: text("Code", 64),
            message: text("Message", 200),
            region: region.filter(|region| !region.is_empty()),
            date: super::headers::date_of(headers),
            size,
        }
    }

    /// The fault that a document of a 200 carries.
    pub(super) fn inside(document: &[u8]) -> Option<Self> {
        xml::parse(document, "Error").ok()?;
        Some(Self::read(StatusCode::INTERNAL_SERVER_ERROR, &HeaderMap::new(), document))
    }

    /// What it shows of the provider.
    pub(super) fn sign(&self) -> Sign {
        match self.code.as_str() {
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "ExpiredToken"
            | "AccountProblem"
            | "InvalidSecurity" => return Sign::Rejected,
            "NoSuchBucket" => return Sign::Gone,
            _ => {}
        }
        let failing = self.status.is_server_error() && self.status != StatusCode::NOT_IMPLEMENTED
            || self.status == StatusCode::TOO_MANY_REQUESTS
            || self.status.is_redirection() && self.status != StatusCode::NOT_MODIFIED
            || self.code == "SlowDown";
        if failing { Sign::Failing } else { Sign::Well }
    }

    /// Whether the same request may succeed a moment later.
    pub(super) fn passes(&self) -> bool {
        matches!(self.status.as_u16(), 429 | 500 | 502 | 503 | 504)
            || matches!(
                self.code.as_str(),
                "SlowDown" | "InternalError" | "OperationAborted" | "RequestTimeout"
            )
    }

    /// What a caller can act on.
    pub(super) fn kind(&self) -> BackendErrorKind {
        use BackendErrorKind as Kind;
        match self.code.as_str() {
            "NoSuchKey" | "NoSuchVersion" => Kind::NotFound,
            "NoSuchUpload" => Kind::NoSuchUpload,
            "NoSuchBucket" => Kind::Unavailable,
            "PreconditionFailed" | "ConditionalRequestConflict" => Kind::PreconditionFailed,
            "InvalidPart" => Kind::InvalidPart,
            "InvalidPartOrder" => Kind::InvalidPartOrder,
            "EntityTooSmall" => Kind::PartTooSmall,
            "EntityTooLarge" | "KeyTooLongError" | "MetadataTooLarge" => Kind::TooLarge,
            "QuotaExceeded" | "InsufficientStorage" | "XMinioStorageFull" | "StorageLimitExceeded" => {
                Kind::Full
            }
            "InvalidObjectState" => Kind::Archived,
            "NotImplemented" | "MethodNotAllowed" => Kind::Unsupported,
            _ => match self.status.as_u16() {
                404 => Kind::NotFound,
                412 => Kind::PreconditionFailed,
                416 => match self.size {
                    Some(size) => Kind::InvalidRange { size },
                    None => Kind::Unavailable,
                },
                501 => Kind::Unsupported,
                507 => Kind::Full,
                _ => Kind::Unavailable,
            },
        }
    }

    /// The error of this crate, with this as its source.
    pub(super) fn error(self, operation: &'static str) -> BackendError {
        BackendError::with(self.kind(), operation, self)
    }
}

/// An answer that cannot be true: it is not passed on.
pub(super) fn untrue(operation: &'static str, what: &str) -> BackendError {
    BackendError::with(
        BackendErrorKind::Unavailable,
        operation,
        format!("the provider's answer cannot be right: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, document: &[u8]) -> Fault {
        Fault::read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), document)
    }

    #[test]
    fn codes_count_more_than_states() {
        for (status, code, kind, sign) in [
            (404, "NoSuchKey", BackendErrorKind::NotFound, Sign::Well),
            (404, "NoSuchUpload", BackendErrorKind::NoSuchUpload, Sign::Well),
            (404, "NoSuchBucket", BackendErrorKind::Unavailable, Sign::Gone),
            (403, "SignatureDoesNotMatch", BackendErrorKind::Unavailable, Sign::Rejected),
            (403, "AccessDenied", BackendErrorKind::Unavailable, Sign::Well),
            (409, "ConditionalRequestConflict", BackendErrorKind::PreconditionFailed, Sign::Well),
            (503, "SlowDown", BackendErrorKind::Unavailable, Sign::Failing),
            (501, "NotImplemented", BackendErrorKind::Unsupported, Sign::Well),
            (403, "InvalidObjectState", BackendErrorKind::Archived, Sign::Well),
        ] {
            let fault = fault(status, format!("<Error><Code>{code}</Code></Error>").as_bytes());
            assert_eq!((fault.kind(), fault.sign()), (kind, sign), "{code}");
        }
    }

    #[test]
    fn documents_that_are_none() {
        for document in [&b""[..], b"<html><body>Bad Gateway</body></html>", b"{\"error\":1}", b"<Error>"] {
            let fault = fault(502, document);
            assert_eq!(fault.kind(), BackendErrorKind::Unavailable);
            assert_eq!(fault.to_string(), "the provider answered 502");
        }
    }

    #[test]
    fn only_what_helps_is_kept_and_on_one_line() {
        let text = b"<Error><Code>A\nB</Code><Message>m</Message><Region>eu-1</Region>\
                     <StringToSign>secret</StringToSign></Error>";
        let told = fault(400, text).to_string();
        assert_eq!(told, "the provider answered 400 A B: m (the bucket is in the region eu-1)");
    }
}
