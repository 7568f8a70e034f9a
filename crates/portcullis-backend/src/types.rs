//! What goes into a backend and what comes out.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use portcullis_domain::{Overwrite, Timestamp};
use serde::{Deserialize, Serialize};

use crate::upload::Part;
use crate::{BodyFault, Digest, DigestAlgorithm, DigestPlan, EtagCondition, ReadConditions, WriteConditions};

/// Bytes as they come. An error ends the stream; what came before it must not be committed.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyFault>> + Send>>;

/// A body: whole in memory when it is small, a stream otherwise.
pub enum Body {
    /// All of it.
    Full(Bytes),
    /// Piece by piece.
    Stream(BodyStream),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// What a driver can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
pub struct Capabilities {
    /// `If-Match` and `If-None-Match` on writes of every kind are decided atomically.
    pub conditional_writes: bool,
    /// Those of bodies that are put and of uploads that are completed are.
    pub conditional_puts: bool,
    /// Those of copies are, of the source as of the target, by whoever copies: no bytes pass through here for it.
    pub conditional_copies: bool,
    /// `If-Match` on deletions is.
    pub conditional_deletes: bool,
    /// What is overwritten can be kept as a previous version.
    pub keeps_versions: bool,
    /// Checksums are stored and returned.
    pub checksums: bool,
    /// Tags are stored and returned.
    pub tags: bool,
    /// The objects lie with a provider: every call is a request to it.
    pub remote: bool,
    /// Keys that are the same text in another Unicode normalisation name one object.
    pub folds_unicode: bool,
    /// Keys that differ in upper and lower case only name one object.
    pub folds_case: bool,
    /// There may be an object `a` where there is an object `a/b`.
    pub file_beside_folder: bool,
    /// An [`Etag::Md5`] without parts is the MD5 of the bytes, but for single objects that somebody encrypted with a key of their own: those say
    /// so when they are looked at, in a listing they do not.
    pub etag_is_md5: bool,
    /// The longest key, in bytes.
    pub longest_key: usize,
    /// The largest object, in bytes.
    pub largest_object: u64,
    /// The largest object that is copied in one step, in bytes.
    pub largest_copy: u64,
}

impl Capabilities {
    /// Those of a driver that does everything the trait names, on this machine.
    pub const WHOLE: Self = Self {
        conditional_writes: true,
        conditional_puts: true,
        conditional_copies: true,
        conditional_deletes: true,
        keeps_versions: true,
        checksums: true,
        tags: true,
        remote: false,
        folds_unicode: false,
        folds_case: false,
        file_beside_folder: true,
        etag_is_md5: true,
        longest_key: 1024,
        largest_object: 10_000 * (5 << 30),
        largest_copy: 5 << 30,
    };
}

/// An entity tag (RFC 9110 section 8.8.3), without its quotes. Two of one text are equal, whatever they are taken for.
#[derive(Clone, Serialize, Deserialize)]
pub enum Etag {
    /// MD5 of the bytes; or MD5 of the parts' MD5s and the number of parts.
    Md5 {
        /// The 16 bytes.
        digest: [u8; 16],
        /// Number of parts of a multipart object, else none.
        parts: Option<u16>,
    },
    /// Whatever a provider gave.
    Opaque(Box<str>),
}

impl PartialEq for Etag {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Md5 { digest, parts }, Self::Md5 { digest: theirs, parts: of }) => {
                digest == theirs && parts == of
            }
            (Self::Opaque(text), Self::Opaque(theirs)) => text == theirs,
            (Self::Opaque(text), md5 @ Self::Md5 { .. }) | (md5 @ Self::Md5 { .. }, Self::Opaque(text)) => {
                md5.to_string() == **text
            }
        }
    }
}

impl Eq for Etag {}

impl Hash for Etag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_string().hash(state);
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5 { digest, parts } => {
                let mut text = [0u8; 32];
                if hex::encode_to_slice(digest, &mut text).is_ok() {
                    f.write_str(str::from_utf8(&text).unwrap_or_default())?;
                }
                parts.map_or(Ok(()), |parts| write!(f, "-{parts}"))
            }
            Self::Opaque(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names one version of an object. Opaque text of at most 64 characters; `null` is never one of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionId(pub Box<str>);

/// Names a multipart upload. Opaque text of at most 1,024 characters: providers give long ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(pub Box<str>);

/// Headers that a client stores with an object and gets back as they were.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContentHeaders {
    /// `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Expires`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `x-amz-meta-*`: names in lower case without the prefix, in the order given, values as text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<(String, String)>,
}

/// Tags of an object: at most 10, in the order given.
pub type Tags = Vec<(String, String)>;

/// Whether a checksum is over an object's bytes or over its parts' checksums (S3 reference, "Checking object integrity").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumKind {
    /// Over all bytes.
    FullObject,
    /// Over the concatenated checksums of this many parts.
    Composite(u16),
}

/// A checksum that is kept with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The algorithm and its value.
    pub digest: Digest,
    /// What it is over.
    pub kind: ChecksumKind,
}

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Bytes.
    pub size: u64,
    /// When it was committed.
    pub modified: Timestamp,
    /// Its entity tag.
    pub etag: Etag,
    /// Its version.
    pub version: VersionId,
    /// What the client stored with it.
    pub content: ContentHeaders,
    /// Its checksum, if the client gave or asked for one.
    pub checksum: Option<Checksum>,
    /// Its tags.
    pub tags: Tags,
    /// Its parts, if it came in parts.
    pub parts: Vec<Part>,
}

/// An object with its bytes.
#[derive(Debug)]
pub struct Object {
    /// What is known of it.
    pub meta: ObjectMeta,
    /// The part that `body` holds; none for all of it.
    pub range: Option<ByteRange>,
    /// The bytes.
    pub body: Body,
}

/// The outcome of a conditional read.
#[derive(Debug)]
pub enum GetOutcome<T> {
    /// What was asked for.
    Found(T),
    /// The client has it already (RFC 9110, status 304).
    NotModified(Box<ObjectMeta>),
}

/// Bytes `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte, from 0.
    pub first: u64,
    /// Last byte, at least `first`.
    pub last: u64,
}

/// A range as it was asked for (RFC 9110 section 14.1.2), before the size is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeRequest {
    /// From a byte to a byte, both included.
    FromTo(u64, u64),
    /// From a byte to the end.
    From(u64),
    /// The last so many bytes.
    Suffix(u64),
}

/// How to read.
#[derive(Clone, Debug, Default)]
pub struct GetOptions {
    /// Which version; the current one if none.
    pub version: Option<VersionId>,
    /// Which bytes.
    pub range: Option<RangeRequest>,
    /// Which part of a multipart object (1 is the whole of any other); never together with `range`.
    pub part: Option<u16>,
    /// Only if.
    pub conditions: ReadConditions,
}

/// How to write.
#[derive(Debug, Default)]
pub struct PutOptions {
    /// Bytes that the body has; checked. None if it is not known before the end.
    pub length: Option<u64>,
    /// What to keep with the object.
    pub content: ContentHeaders,
    /// Tags.
    pub tags: Tags,
    /// Which digests the bytes must have, and which to keep.
    pub digests: DigestPlan,
    /// Only if; decided atomically with the commit.
    pub conditions: WriteConditions,
    /// What happens to an object that is there; `None` means [`Overwrite::Replace`].
    pub overwrite: Option<Overwrite>,
    /// The storage's quota in bytes.
    pub quota: Option<u64>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOutcome {
    /// Bytes.
    pub size: u64,
    /// Entity tag.
    pub etag: Etag,
    /// Version.
    pub version: VersionId,
    /// When it was committed.
    pub modified: Timestamp,
    /// The checksum that was kept.
    pub checksum: Option<Checksum>,
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Which version to remove for good; the current object if none.
    pub version: Option<VersionId>,
    /// Only if the current object has this tag.
    pub if_match: Option<EtagCondition>,
    /// Keep what is deleted as a previous version.
    pub keep_previous: bool,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteOutcome {
    /// Whether there was anything.
    pub existed: bool,
}

/// What a copy does with what the client stored with the source.
#[derive(Clone, Debug, Default)]
pub enum MetadataDirective {
    /// Takes it over.
    #[default]
    Copy,
    /// Replaces it.
    Replace(Box<ContentHeaders>),
}

/// How to copy.
#[derive(Debug, Default)]
pub struct CopyOptions {
    /// Which version of the source.
    pub version: Option<VersionId>,
    /// Only if the source.
    pub source: ReadConditions,
    /// Headers and user metadata.
    pub metadata: MetadataDirective,
    /// Tags to set instead of the source's.
    pub tags: Option<Tags>,
    /// Only if the target.
    pub conditions: WriteConditions,
    /// Checksum to compute and keep instead of the source's.
    pub checksum: Option<DigestAlgorithm>,
    /// What happens to an object that is there; `None` means [`Overwrite::Replace`].
    pub overwrite: Option<Overwrite>,
    /// The storage's quota in bytes.
    pub quota: Option<u64>,
}
