//! What can be wrong with presented credentials before any key is looked at.

use crate::SignatureMismatch;

/// Why a request's authentication cannot be read. Each variant stands for one S3 error code; [`Self::code`] and
/// [`Self::status`] give it. Nothing in here, `Display` or `Debug`, shows a signature or a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthParseError {
    /// Signature Version 2, in a header or a query. `InvalidRequest` (400).
    #[error("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")]
    UnsupportedMechanism,
    /// Another scheme in `Authorization`, such as `Basic`. `InvalidArgument` (400).
    #[error("Unsupported Authorization Type")]
    UnsupportedAuthorizationType,
    /// Credentials in the header and in the query at once. `InvalidArgument` (400).
    #[error(
        "Only one auth mechanism allowed; use either the X-Amz- query parameters or the Authorization header"
    )]
    MultipleMechanisms,
    /// A header that decides about authentication came more than once. `InvalidRequest` (400).
    #[error("The header {0} must not be repeated")]
    DuplicateHeader(&'static str),
    /// An `X-Amz-` parameter of query authentication came more than once. `AuthorizationQueryParametersError` (400).
    #[error("The query parameter {0} must not be repeated")]
    DuplicateQuery(&'static str),
    /// The `Authorization` header is malformed. `AuthorizationHeaderMalformed` (400).
    #[error("The authorization header is malformed; {0}")]
    Header(Malformed),
    /// The query of a presigned URL is malformed. `AuthorizationQueryParametersError` (400).
    #[error("The query-string authentication is malformed; {0}")]
    Query(Malformed),
    /// The signature fields of a POST form are malformed. `InvalidArgument` (400).
    #[error("The form's authentication is malformed; {0}")]
    Form(Malformed),
    /// Neither a readable `x-amz-date` nor, without one, a readable `Date`. `AccessDenied` (403).
    #[error("AWS authentication requires a valid Date or x-amz-date header")]
    MissingDate,
    /// Header authentication without `x-amz-content-sha256`. `InvalidRequest` (400).
    #[error("Missing required header for this request: x-amz-content-sha256")]
    MissingPayloadHash,
    /// `x-amz-content-sha256` is neither a known word nor a SHA-256. `InvalidArgument` (400).
    #[error("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- form, or a valid SHA-256 value")]
    InvalidPayloadHash,
    /// A form of the protocol that is not offered. `NotImplemented` (501).
    #[error("{0}")]
    NotImplemented(NotImplemented),
    /// `host` or headers beginning `x-amz-` are present and not signed; the first 16 names, for `<HeadersNotSigned>`.
    /// `AccessDenied` (403).
    #[error("There were headers present in the request which were not signed: {}", .0.join(", "))]
    HeadersNotSigned(Vec<String>),
    /// A header that is listed as signed is not in the request. `AccessDenied` (403).
    #[error("The signed header {0} is not present in the request")]
    SignedHeaderMissing(String),
    /// The signature is not 64 hex digits, so no key can have made it. `SignatureDoesNotMatch` (403).
    #[error("{SignatureMismatch}")]
    SignatureShape,
}

impl AuthParseError {
    /// The S3 error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedMechanism | Self::DuplicateHeader(_) | Self::MissingPayloadHash => {
                "InvalidRequest"
            }
            Self::UnsupportedAuthorizationType
            | Self::MultipleMechanisms
            | Self::Form(_)
            | Self::InvalidPayloadHash => "InvalidArgument",
            Self::Header(_) => "AuthorizationHeaderMalformed",
            Self::DuplicateQuery(_) | Self::Query(_) => "AuthorizationQueryParametersError",
            Self::MissingDate | Self::HeadersNotSigned(_) | Self::SignedHeaderMissing(_) => "AccessDenied",
            Self::NotImplemented(_) => "NotImplemented",
            Self::SignatureShape => "SignatureDoesNotMatch",
        }
    }

    /// The HTTP status that goes with [`Self::code`].
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::UnsupportedMechanism
            | Self::DuplicateHeader(_)
            | Self::MissingPayloadHash
            | Self::UnsupportedAuthorizationType
            | Self::MultipleMechanisms
            | Self::Form(_)
            | Self::InvalidPayloadHash
            | Self::Header(_)
            | Self::DuplicateQuery(_)
            | Self::Query(_) => 400,
            Self::MissingDate
            | Self::HeadersNotSigned(_)
            | Self::SignedHeaderMissing(_)
            | Self::SignatureShape => 403,
            Self::NotImplemented(_) => 501,
        }
    }
}

/// A part of the protocol that exists and is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotImplemented {
    /// Signature Version 4A.
    #[error("AWS4-ECDSA-P256-SHA256 is not supported. Please use AWS4-HMAC-SHA256.")]
    Ecdsa,
    /// A `STREAMING-` payload other than the three of HMAC-SHA256.
    #[error("This form of streaming payload is not supported.")]
    StreamingPayload,
}

/// What is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not text, or not `name=value` pairs.
    #[error("it must be a list of Credential, SignedHeaders and Signature")]
    Syntax,
    /// A part with an unknown name.
    #[error("it has an unknown component")]
    UnknownComponent,
    /// A part that came twice.
    #[error("a component is repeated")]
    DuplicateComponent,
    /// An algorithm other than `AWS4-HMAC-SHA256`.
    #[error("the algorithm must be AWS4-HMAC-SHA256")]
    Algorithm,
    /// No algorithm.
    #[error("the algorithm is missing")]
    MissingAlgorithm,
    /// No credential.
    #[error("the Credential is missing")]
    MissingCredential,
    /// No list of signed headers.
    #[error("SignedHeaders is missing")]
    MissingSignedHeaders,
    /// No signature.
    #[error("the Signature is missing")]
    MissingSignature,
    /// No date.
    #[error("the date is missing")]
    MissingDate,
    /// No policy in a form that has a signature.
    #[error("the policy is missing")]
    MissingPolicy,
    /// No time to live on a presigned URL.
    #[error("X-Amz-Expires is missing")]
    MissingExpires,
    /// The credential does not have five parts, or the access key id cannot be one.
    #[error("the Credential must be <access-key-id>/YYYYMMDD/REGION/SERVICE/aws4_request")]
    Credential,
    /// The day in the credential is none.
    #[error("the date of the Credential must be a day, YYYYMMDD")]
    CredentialDate,
    /// The day in the credential is not the day of the request.
    #[error("the date of the Credential is not the date of the request")]
    DateMismatch,
    /// The region is too long or has characters that no region has.
    #[error("the region of the Credential is not a region")]
    Region,
    /// The service is another than the one that was asked.
    #[error("the service of the Credential must be s3, or sts for AssumeRole and GetSessionToken")]
    Service,
    /// The last part of the credential is not `aws4_request`.
    #[error("the Credential must end in aws4_request")]
    Terminator,
    /// The date is not `YYYYMMDDTHHMMSSZ`.
    #[error("the date must be in the form YYYYMMDDTHHMMSSZ")]
    Date,
    /// The list is not lower-case, sorted, free of repetitions, or has something that is no header name.
    #[error("SignedHeaders must be lower-case header names, sorted, each once, separated by semicolons")]
    SignedHeaders,
    /// The time to live is not a number from 1 to 604,800.
    #[error("X-Amz-Expires must be a number of seconds from 1 to 604800")]
    Expires,
}
