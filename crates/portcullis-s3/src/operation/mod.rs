//! The operations of S3 that are offered. What is not in the table is refused before anything else happens.

use http::{HeaderMap, Method};
use portcullis_domain::Action;
use portcullis_sigv4::AuthParseError;

use crate::error::{Code, S3Error, parse_error};
use crate::query::Query;

/// What a request is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The service: `/`.
    Service,
    /// A bucket: `/bucket`.
    Bucket,
    /// An object: `/bucket/key`.
    Object,
}

/// How an operation looks on the wire, and what it needs.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Its method.
    pub method: Method,
    /// What it is addressed to.
    pub level: Level,
    /// Whether it carries `x-amz-copy-source`.
    pub copies: bool,
    /// The query parameters that make it this operation.
    pub selectors: &'static [&'static str],
    /// The query parameters that it takes besides.
    pub parameters: &'static [&'static str],
    /// What the key must be allowed to do; with several, on the source first.
    pub needs: &'static [Action],
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident $method:ident $level:ident $([$copies:ident])?
        ($($selector:literal)*) ($($parameter:literal)*) $($needs:ident)*;)*) => {
        /// An operation of S3, by its name in the S3 reference.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation { $($(#[$doc])* $name),* }

        impl Operation {
            /// Every operation that is offered. The refusal matrix of the tests is made from it.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name in the S3 reference.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// How it looks on the wire, and what it needs.
            #[must_use]
            pub const fn shape(self) -> Shape {
                match self {
                    $(Self::$name => Shape {
                        method: Method::$method,
                        level: Level::$level,
                        copies: false $(|| stringify!($copies).len() > 0)?,
                        selectors: &[$($selector),*],
                        parameters: &[$($parameter),*],
                        needs: &[$(Action::$needs),*],
                    },)*
                }
            }
        }

        static TABLE: &[(Operation, Shape)] = &[$((Operation::$name, Operation::$name.shape())),*];
    };
}

operations! {
    /// The storages that the key opens.
    ListBuckets GET Service () ("prefix" "max-buckets" "continuation-token" "bucket-region") Enter;
    /// Whether a bucket is there.
    HeadBucket HEAD Bucket () () Enter;
    /// Succeeds for a bucket that the key already opens, since tools try it; never makes one.
    CreateBucket PUT Bucket () () Enter;
    /// Always refused: storages are managed in the panel.
    DeleteBucket DELETE Bucket () () Administer;
    /// The region.
    GetBucketLocation GET Bucket ("location") () Enter;
    /// Always off.
    GetBucketVersioning GET Bucket ("versioning") () Enter;
    /// Always the owner's.
    GetBucketAcl GET Bucket ("acl") () Enter;
    /// There is none.
    GetBucketPolicy GET Bucket ("policy") () Enter;
    /// There is none.
    GetBucketCors GET Bucket ("cors") () Enter;
    /// There is none.
    GetBucketTagging GET Bucket ("tagging") () Enter;
    /// There is none.
    GetBucketLifecycleConfiguration GET Bucket ("lifecycle") () Enter;
    /// There is none.
    GetBucketWebsite GET Bucket ("website") () Enter;
    /// There is none.
    GetBucketEncryption GET Bucket ("encryption") () Enter;
    /// There is none.
    GetObjectLockConfiguration GET Bucket ("object-lock") () Enter;
    /// There is none.
    GetPublicAccessBlock GET Bucket ("publicAccessBlock") () Enter;
    /// There are none.
    GetBucketOwnershipControls GET Bucket ("ownershipControls") () Enter;
    /// Always the owner.
    GetBucketRequestPayment GET Bucket ("requestPayment") () Enter;
    /// Always off.
    GetBucketLogging GET Bucket ("logging") () Enter;
    /// There are none.
    GetBucketNotificationConfiguration GET Bucket ("notification") () Enter;
    /// Always off.
    GetBucketAccelerateConfiguration GET Bucket ("accelerate") () Enter;
    /// A page of keys, version 1.
    ListObjects GET Bucket () ("prefix" "delimiter" "marker" "max-keys" "encoding-type") List;
    /// A page of keys, version 2.
    ListObjectsV2 GET Bucket ("list-type")
        ("prefix" "delimiter" "max-keys" "encoding-type" "continuation-token" "start-after" "fetch-owner") List;
    /// A page of objects with their previous versions.
    ListObjectVersions GET Bucket ("versions")
        ("prefix" "delimiter" "key-marker" "version-id-marker" "max-keys" "encoding-type") List;
    /// A page of multipart uploads: for who may list all of them, for who may write their own.
    ListMultipartUploads GET Bucket ("uploads")
        ("prefix" "delimiter" "key-marker" "upload-id-marker" "max-uploads" "encoding-type") Enter;
    /// Removes up to 1,000 objects.
    DeleteObjects POST Bucket ("delete") () Delete;
    /// Uploads from an HTML form.
    PostObject POST Bucket () () Put;
    /// What is known of an object.
    HeadObject HEAD Object ()
        ("versionId" "partNumber" "response-cache-control" "response-content-disposition" "response-content-encoding"
         "response-content-language" "response-content-type" "response-expires") Get;
    /// An object.
    GetObject GET Object ()
        ("versionId" "partNumber" "response-cache-control" "response-content-disposition" "response-content-encoding"
         "response-content-language" "response-content-type" "response-expires") Get;
    /// Checksums, size and parts of an object.
    GetObjectAttributes GET Object ("attributes") ("versionId") Get;
    /// Always the owner's.
    GetObjectAcl GET Object ("acl") ("versionId") Get;
    /// The tags of an object.
    GetObjectTagging GET Object ("tagging") ("versionId") Get;
    /// Replaces the tags of an object.
    PutObjectTagging PUT Object ("tagging") ("versionId") Get Put;
    /// Removes the tags of an object.
    DeleteObjectTagging DELETE Object ("tagging") ("versionId") Get Put;
    /// Stores an object.
    PutObject PUT Object () () Put;
    /// Copies an object.
    CopyObject PUT Object [copies] () () Get Put;
    /// Removes an object.
    DeleteObject DELETE Object () ("versionId") Delete;
    /// Begins a multipart upload.
    CreateMultipartUpload POST Object ("uploads") () Put;
    /// Stores a part.
    UploadPart PUT Object ("partNumber" "uploadId") () Put;
    /// Stores a part that is a piece of another object.
    UploadPartCopy PUT Object [copies] ("partNumber" "uploadId") () Get Put;
    /// Makes an object of the parts.
    CompleteMultipartUpload POST Object ("uploadId") () Put;
    /// Gives an upload up.
    AbortMultipartUpload DELETE Object ("uploadId") () Put;
    /// A page of an upload's parts.
    ListParts GET Object ("uploadId") ("max-parts" "part-number-marker" "encoding-type") Put;
}

/// Parameters that say nothing about the operation: those of authentication, and the name that some SDKs add for their
/// own logs.
const SILENT: &[&str] = &[
    "x-id",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Content-Sha256",
    "X-Amz-Security-Token",
];

impl Operation {
    /// The operation that a request asks for: the one with the most selectors among those that fit, and then every
    /// parameter and every `x-amz-` header must be one that it knows.
    ///
    /// # Errors
    /// `NotImplemented` for what is not known, `MethodNotAllowed` if nothing fits, `InvalidRequest` for a URL that was
    /// presigned with version 2 of the signature.
    pub(crate) fn parse(
        method: &Method,
        level: Level,
        query: &Query<'_>,
        headers: &HeaderMap,
    ) -> Result<Self, S3Error> {
        if query.has("AWSAccessKeyId") && query.has("Signature") {
            // Version 2 puts headers into the query under names that mean something else here.
            return Err(parse_error(&AuthParseError::UnsupportedMechanism));
        }
        let copies = headers.contains_key("x-amz-copy-source");
        let fits = |(_, shape): &&(Self, Shape)| {
            shape.method == *method
                && shape.level == level
                && (shape.copies || !copies || *method != Method::PUT || level != Level::Object)
                && (copies || !shape.copies)
                && shape.selectors.iter().all(|selector| query.has(selector))
        };
        let found = TABLE.iter().filter(fits).max_by_key(|(_, shape)| shape.selectors.len());
        let Some((operation, shape)) = found else {
            let asked = query.iter().any(|(name, _)| !is_silent(name, query));
            return Err(if asked { Code::NotImplemented } else { Code::MethodNotAllowed }.into());
        };
        for (name, _) in query.iter() {
            if !shape.selectors.contains(&name)
                && !shape.parameters.contains(&name)
                && !is_silent(name, query)
            {
                return Err(S3Error::with(
                    Code::NotImplemented,
                    "A query parameter you provided requests functionality that is not implemented.",
                )
                .element("Parameter", name));
            }
        }
        check_headers(headers)?;
        Ok(*operation)
    }
}

/// Headers that SDKs put into a presigned query are read as headers, and judged as such.
fn is_silent(name: &str, query: &Query<'_>) -> bool {
    SILENT.contains(&name) || (query.is_presigned() && hoisted(name).is_some())
}

/// The header that a presigned query parameter stands for: any `x-amz-` name that is not part of the authentication.
pub(crate) fn hoisted(name: &str) -> Option<String> {
    let begins = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
    let authenticates = SILENT.iter().any(|silent| silent.eq_ignore_ascii_case(name));
    (begins && !authenticates).then(|| name.to_ascii_lowercase())
}

/// The `x-amz-` headers that are understood. Those that end in `-` are beginnings.
const HEADERS: &[&str] = &[
    "x-amz-acl",
    "x-amz-checksum-",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-copy-source-if-",
    "x-amz-copy-source-range",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-max-parts",
    "x-amz-meta-",
    "x-amz-metadata-directive",
    "x-amz-mp-object-size",
    "x-amz-object-attributes",
    "x-amz-optional-object-attributes",
    "x-amz-part-number-marker",
    "x-amz-request-payer",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-tagging-directive",
    "x-amz-te",
    "x-amz-trailer",
    "x-amz-user-agent",
];

/// Refuses `x-amz-` headers that are not understood.
///
/// # Errors
/// `NotImplemented`, naming the header.
pub(crate) fn check_headers(headers: &HeaderMap) -> Result<(), S3Error> {
    for name in headers.keys().map(http::HeaderName::as_str) {
        let known = |entry: &&str| name == *entry || (entry.ends_with('-') && name.starts_with(entry));
        if name.starts_with("x-amz-") && !HEADERS.iter().any(known) {
            return Err(S3Error::with(
                Code::NotImplemented,
                "A header you provided implies functionality that is not implemented.",
            )
            .element("Header", name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
