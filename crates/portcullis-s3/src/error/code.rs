//! The error codes of the S3 reference ("Error responses") that this door gives, each with its status and message.

use http::StatusCode;

macro_rules! codes {
    ($($name:ident $status:ident $message:literal),* $(,)?) => {
        /// An S3 error code. The variant's name is the code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Code { $($name),* }

        impl Code {
            /// The code's text.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The status that goes with it.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),* }
            }

            /// What it says unless there is something more exact to say.
            pub(crate) const fn message(self) -> &'static str {
                match self { $(Self::$name => $message),* }
            }
        }
    };
}

codes! {
    AccessControlListNotSupported BAD_REQUEST "The bucket does not allow ACLs. Leave the x-amz-acl header out.",
    AccessDenied FORBIDDEN "Access Denied",
    AuthorizationHeaderMalformed BAD_REQUEST "The authorization header is malformed.",
    AuthorizationQueryParametersError BAD_REQUEST "The query-string authentication is malformed.",
    BadDigest BAD_REQUEST "The Content-MD5 or checksum value that you specified did not match what the server received.",
    EntityTooLarge BAD_REQUEST "Your proposed upload exceeds the maximum allowed object size.",
    EntityTooSmall BAD_REQUEST "Your proposed upload is smaller than the minimum allowed size: every part but the last has at least 5 MiB.",
    ExpiredToken BAD_REQUEST "The provided token has expired.",
    IncompleteBody BAD_REQUEST "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    InsufficientStorage INSUFFICIENT_STORAGE "There is no space left for this object.",
    InternalError INTERNAL_SERVER_ERROR "We encountered an internal error. Please try again.",
    InvalidAccessKeyId FORBIDDEN "The AWS Access Key Id you provided does not exist in our records.",
    InvalidAction BAD_REQUEST "There is no such action here: only AssumeRole and GetSessionToken.",
    InvalidArgument BAD_REQUEST "Invalid Argument",
    InvalidBucketName BAD_REQUEST "The specified bucket is not valid.",
    InvalidChunkSizeError BAD_REQUEST "Only the last chunk is allowed to have a size less than 8192 bytes, and none may exceed the largest size.",
    InvalidDigest BAD_REQUEST "The Content-MD5 or checksum value that you specified is not valid.",
    InvalidObjectState FORBIDDEN "The object lies in the provider's archive; have it restored there first.",
    InvalidPart BAD_REQUEST "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    InvalidPartNumber RANGE_NOT_SATISFIABLE "The requested partnumber is not satisfiable",
    InvalidPartOrder BAD_REQUEST "The list of parts was not in ascending order. Parts must be ordered by part number.",
    InvalidPolicyDocument BAD_REQUEST "The content of the form does not meet the conditions specified in the policy document.",
    InvalidRange RANGE_NOT_SATISFIABLE "The requested range is not satisfiable",
    InvalidRequest BAD_REQUEST "The request is not valid.",
    InvalidStorageClass BAD_REQUEST "The storage class you specified is not valid. Use STANDARD or leave the header out.",
    InvalidTag BAD_REQUEST "The tag provided was not a valid tag: at most 10 tags, keys of 1 to 128 and values of 0 to 256 characters, no key twice.",
    InvalidToken BAD_REQUEST "The provided token is malformed or otherwise invalid.",
    InvalidURI BAD_REQUEST "Couldn't parse the specified URI: a key is percent-encoded UTF-8.",
    KeyTooLongError BAD_REQUEST "Your key is too long: at most 1024 bytes of UTF-8.",
    MalformedPOSTRequest BAD_REQUEST "The body of your POST request is not well-formed multipart/form-data.",
    MalformedTrailerError BAD_REQUEST "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    MalformedXML BAD_REQUEST "The XML you provided was not well-formed or did not validate against our published schema",
    MaxMessageLengthExceeded BAD_REQUEST "Your request was too big.",
    MetadataTooLarge BAD_REQUEST "Your metadata headers exceed the maximum allowed metadata size of 2048 bytes.",
    MethodNotAllowed METHOD_NOT_ALLOWED "The specified method is not allowed against this resource.",
    MissingAction BAD_REQUEST "The request must contain the parameter Action: AssumeRole or GetSessionToken.",
    MissingContentLength LENGTH_REQUIRED "You must provide the Content-Length HTTP header.",
    NoSuchBucketPolicy NOT_FOUND "The bucket policy does not exist",
    NoSuchCORSConfiguration NOT_FOUND "The CORS configuration does not exist",
    NoSuchKey NOT_FOUND "The specified key does not exist.",
    NoSuchLifecycleConfiguration NOT_FOUND "The lifecycle configuration does not exist",
    NoSuchPublicAccessBlockConfiguration NOT_FOUND "The public access block configuration was not found",
    NoSuchTagSet NOT_FOUND "The TagSet does not exist",
    NoSuchUpload NOT_FOUND "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    NoSuchVersion NOT_FOUND "The specified version does not exist.",
    NoSuchWebsiteConfiguration NOT_FOUND "The specified bucket does not have a website configuration",
    NotImplemented NOT_IMPLEMENTED "A header or query you provided requests functionality that is not implemented.",
    ObjectLockConfigurationNotFoundError NOT_FOUND "Object Lock configuration does not exist for this bucket",
    OwnershipControlsNotFoundError NOT_FOUND "The bucket ownership controls were not found",
    PreconditionFailed PRECONDITION_FAILED "At least one of the pre-conditions you specified did not hold",
    QuotaExceeded FORBIDDEN "The storage's quota does not leave room for this object.",
    RequestTimeTooSkewed FORBIDDEN "The difference between the request time and the server's time is too large. Set your computer's clock.",
    RequestTimeout BAD_REQUEST "Your socket connection to the server was not read from or written to within the timeout period.",
    ServerSideEncryptionConfigurationNotFoundError NOT_FOUND "The server side encryption configuration was not found",
    ServiceUnavailable SERVICE_UNAVAILABLE "The service cannot answer at the moment. Please try again.",
    SignatureDoesNotMatch FORBIDDEN "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    SlowDown SERVICE_UNAVAILABLE "Please reduce your request rate.",
    UserKeyMustBeSpecified BAD_REQUEST "The bucket POST must contain the specified field name. If it is specified, please check the order of the fields.",
    ValidationError BAD_REQUEST "A parameter is not valid.",
    XAmzContentSHA256Mismatch BAD_REQUEST "The provided 'x-amz-content-sha256' header does not match what was computed.",
}
