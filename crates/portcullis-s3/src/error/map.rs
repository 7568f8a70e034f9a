//! From what went wrong on the road to bytes to what S3 says of it: the one place that knows both.

use portcullis_access::{AccessError, BackendError, BackendErrorKind, BodyFault, Denial, DigestAlgorithm};
use portcullis_domain::{DenyReason, InvalidObjectKey};
use portcullis_sigv4::{AuthParseError, MAX_SKEW_SECONDS};

use super::{Code, S3Error};
use crate::time::IsoTime;

/// What the request named, where the same fault has several codes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct About {
    /// It named a version.
    pub(crate) version: bool,
    /// It named a part of an object.
    pub(crate) part: bool,
    /// Its signature holds the SHA-256 of its body.
    pub(crate) payload_hash: bool,
}

/// The answer to an error of `portcullis-access`. Who has not shown to hold the secret learns no reason.
pub(crate) fn access_error(error: AccessError, about: About) -> S3Error {
    match error {
        AccessError::Denied(denial) => denied(denial),
        // A bucket that is not there and one that is not theirs look the same.
        AccessError::NotFound => S3Error::denied(),
        AccessError::Throttled { retry_after } => S3Error::with(
            Code::SlowDown,
            "Too many failed attempts from this address. Please wait and try again.",
        )
        .retry_after(retry_after.as_secs().max(1)),
        AccessError::Backend(error) => backend_error(error, about),
        AccessError::Metadata(error) => S3Error::new(Code::ServiceUnavailable).caused_by(error),
        AccessError::Unavailable => Code::ServiceUnavailable.into(),
    }
}

fn denied(denial: Denial) -> S3Error {
    match denial {
        Denial::Policy(reason) => match reason {
            DenyReason::KeyDeleted | DenyReason::CredentialsReplaced => Code::InvalidAccessKeyId.into(),
            DenyReason::KeyExpired => {
                S3Error::with(Code::ExpiredToken, "This access key has expired. Ask for a new one.")
            }
            DenyReason::CredentialsExpired => Code::ExpiredToken.into(),
            DenyReason::KeyDisabled
            | DenyReason::WrongChannel
            | DenyReason::KeyNetwork
            | DenyReason::OtherSite
            | DenyReason::OutOfScope
            | DenyReason::OutsidePrefix
            | DenyReason::KeyPermission
            | DenyReason::UserDisabled
            | DenyReason::SessionExpired
            | DenyReason::NotGranted
            | DenyReason::GrantPermission
            | DenyReason::SecondFactorNeeded
            | DenyReason::LinkEnded
            | DenyReason::LinkExpired
            | DenyReason::LinkNetwork
            | DenyReason::LinkPermission
            | DenyReason::StorageDetached
            | DenyReason::StoragePaused
            | DenyReason::StorageS3Off
            | DenyReason::StorageNetwork
            | DenyReason::StoragePermission => S3Error::denied(),
        },
        // Never told as such.
        Denial::UnknownKey | Denial::OldSecret => Code::InvalidAccessKeyId.into(),
        Denial::BadSessionToken => Code::InvalidToken.into(),
        Denial::BadSignature | Denial::BadSecret => Code::SignatureDoesNotMatch.into(),
        Denial::TimeSkew { server } => {
            let mut time = IsoTime::new();
            let server = String::from_utf8_lossy(time.text(server)).into_owned();
            S3Error::new(Code::RequestTimeTooSkewed)
                .element("ServerTime", server)
                .element("MaxAllowedSkewMilliseconds", (MAX_SKEW_SECONDS * 1000).to_string())
        }
        Denial::RequestExpired { at } => {
            let mut time = IsoTime::new();
            let at = String::from_utf8_lossy(time.text(at)).into_owned();
            S3Error::with(Code::AccessDenied, "Request has expired").element("Expires", at)
        }
        Denial::NotYetValid => S3Error::with(Code::AccessDenied, "Request is not valid yet"),
        Denial::HeadersNotSigned => S3Error::with(
            Code::AccessDenied,
            "There were headers present in the request which were not signed",
        ),
        Denial::NoCredentials
        | Denial::UnknownUser
        | Denial::Malformed
        | Denial::WrongCredentialKind
        | Denial::Replayed
        | Denial::ConditionalWrite
        | Denial::SecondFactorMissing
        | Denial::BadCode
        | Denial::LinkLocked
        | Denial::GrantMismatch
        | Denial::CutOff => S3Error::denied(),
    }
}

fn backend_error(error: BackendError, about: About) -> S3Error {
    match error.kind {
        BackendErrorKind::NotFound if about.version => Code::NoSuchVersion.into(),
        BackendErrorKind::NotFound => Code::NoSuchKey.into(),
        BackendErrorKind::NoSuchUpload => Code::NoSuchUpload.into(),
        BackendErrorKind::PreconditionFailed => Code::PreconditionFailed.into(),
        BackendErrorKind::InvalidRange { .. } if about.part => Code::InvalidPartNumber.into(),
        BackendErrorKind::InvalidRange { size } => {
            S3Error::new(Code::InvalidRange).element("ActualObjectSize", size.to_string()).of_size(size)
        }
        BackendErrorKind::InvalidPart => Code::InvalidPart.into(),
        BackendErrorKind::InvalidPartOrder => Code::InvalidPartOrder.into(),
        BackendErrorKind::PartTooSmall => Code::EntityTooSmall.into(),
        BackendErrorKind::TooLarge => Code::EntityTooLarge.into(),
        BackendErrorKind::QuotaExceeded => Code::QuotaExceeded.into(),
        BackendErrorKind::Body(fault) => body_fault(fault, about),
        BackendErrorKind::Full => S3Error::new(Code::InsufficientStorage).caused_by(error),
        BackendErrorKind::Corrupt => S3Error::new(Code::InternalError).caused_by(error),
        BackendErrorKind::Reserved => S3Error::denied(),
        BackendErrorKind::Archived => Code::InvalidObjectState.into(),
        BackendErrorKind::Unsupported => {
            S3Error::with(Code::NotImplemented, "The provider of this storage cannot do this.")
                .caused_by(error)
        }
        BackendErrorKind::Unavailable => {
            S3Error::with(Code::SlowDown, "The storage does not answer at the moment. Please try again.")
                .caused_by(error)
        }
    }
}

/// The answer to a body that is not what it said it would be.
pub(crate) fn body_fault(fault: BodyFault, about: About) -> S3Error {
    match fault {
        BodyFault::Incomplete | BodyFault::TooLong => Code::IncompleteBody.into(),
        BodyFault::Digest(DigestAlgorithm::Sha256) if about.payload_hash => {
            Code::XAmzContentSHA256Mismatch.into()
        }
        BodyFault::Digest(
            DigestAlgorithm::Md5
            | DigestAlgorithm::Sha1
            | DigestAlgorithm::Sha256
            | DigestAlgorithm::Crc32
            | DigestAlgorithm::Crc32c
            | DigestAlgorithm::Crc64Nvme,
        ) => Code::BadDigest.into(),
        BodyFault::Signature => Code::SignatureDoesNotMatch.into(),
        BodyFault::Chunk => {
            S3Error::with(Code::IncompleteBody, "The chunks of the body are not well-formed aws-chunked.")
        }
        BodyFault::ChunkSize => Code::InvalidChunkSizeError.into(),
        BodyFault::Trailer => Code::MalformedTrailerError.into(),
        BodyFault::Cut => S3Error::denied(),
        BodyFault::Disconnected => Code::RequestTimeout.into(),
    }
}

/// The answer to a text that cannot be a key.
pub(crate) fn key_error(error: InvalidObjectKey) -> S3Error {
    match error {
        InvalidObjectKey::TooLong => Code::KeyTooLongError.into(),
        InvalidObjectKey::NotUtf8 => Code::InvalidURI.into(),
        InvalidObjectKey::Empty => S3Error::argument("key", "A key has at least one character."),
        InvalidObjectKey::Nul => S3Error::argument("key", "A key never contains the character U+0000."),
    }
}

/// The answer to credentials that cannot be read.
pub(crate) fn parse_error(error: &AuthParseError) -> S3Error {
    let code = match error {
        AuthParseError::UnsupportedMechanism
        | AuthParseError::DuplicateHeader(_)
        | AuthParseError::MissingPayloadHash => Code::InvalidRequest,
        AuthParseError::UnsupportedAuthorizationType
        | AuthParseError::MultipleMechanisms
        | AuthParseError::Form(_)
        | AuthParseError::InvalidPayloadHash => Code::InvalidArgument,
        AuthParseError::Header(_) => Code::AuthorizationHeaderMalformed,
        AuthParseError::DuplicateQuery(_) | AuthParseError::Query(_) => {
            Code::AuthorizationQueryParametersError
        }
        AuthParseError::MissingDate | AuthParseError::SignedHeaderMissing(_) => Code::AccessDenied,
        AuthParseError::HeadersNotSigned(names) => {
            return denied(Denial::HeadersNotSigned).element("HeadersNotSigned", names.join(", "));
        }
        AuthParseError::NotImplemented(_) => Code::NotImplemented,
        AuthParseError::SignatureShape => return Code::SignatureDoesNotMatch.into(),
    };
    S3Error::with(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_domain::Timestamp;

    use super::*;

    fn backend(kind: BackendErrorKind) -> AccessError {
        AccessError::Backend(BackendError::new(kind, "test"))
    }

    #[test]
    fn a_bucket_that_is_not_theirs_looks_like_a_refusal() {
        let missing = access_error(AccessError::NotFound, About::default());
        let refused =
            access_error(AccessError::Denied(Denial::Policy(DenyReason::KeyPermission)), About::default());
        assert_eq!(missing.code, refused.code);
        assert_eq!(missing.message(), refused.message());
    }

    #[test]
    fn the_same_fault_by_what_was_named() {
        let code = |kind, about| access_error(backend(kind), about).code;
        let plain = About::default();
        assert_eq!(code(BackendErrorKind::NotFound, plain), Code::NoSuchKey);
        assert_eq!(code(BackendErrorKind::NotFound, About { version: true, ..plain }), Code::NoSuchVersion);
        let range = BackendErrorKind::InvalidRange { size: 3 };
        assert_eq!(code(range, plain), Code::InvalidRange);
        assert_eq!(code(range, About { part: true, ..plain }), Code::InvalidPartNumber);
        let sha = BackendErrorKind::Body(BodyFault::Digest(DigestAlgorithm::Sha256));
        assert_eq!(code(sha, plain), Code::BadDigest);
        assert_eq!(code(sha, About { payload_hash: true, ..plain }), Code::XAmzContentSHA256Mismatch);
    }

    #[test]
    fn extras() {
        let request = crate::request_id::RequestId::generate();
        let text = |error: AccessError| {
            let document = access_error(error, About::default()).document(request, "/b/<k>");
            String::from_utf8(document.to_vec()).unwrap()
        };
        let skew = text(AccessError::Denied(Denial::TimeSkew { server: Timestamp::from_seconds(0) }));
        assert!(skew.contains("<ServerTime>1970-01-01T00:00:00.000Z</ServerTime>"), "{skew}");
        assert!(skew.contains("<MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>"), "{skew}");
        assert!(skew.contains("<Resource>/b/&lt;k&gt;</Resource>"), "{skew}");
        assert!(skew.contains(&format!("<RequestId>{request}</RequestId>")), "{skew}");
        let slow =
            access_error(AccessError::Throttled { retry_after: Duration::from_millis(10) }, About::default());
        let reply = slow.render(request, &http::Method::GET, "/", false);
        assert_eq!(reply.headers()["retry-after"], "1");
    }

    #[test]
    fn heads_have_no_body() {
        use http_body::Body as _;
        let error = access_error(backend(BackendErrorKind::InvalidRange { size: 7 }), About::default());
        let reply =
            error.render(crate::request_id::RequestId::generate(), &http::Method::HEAD, "/b/k", false);
        assert!(reply.body().is_end_stream());
        assert_eq!(reply.headers()["content-range"], "bytes */7");
    }
}
