//! What goes into a multipart upload and what comes out.

use portcullis_domain::{KeyId, KeyPrefix, ObjectKey, Overwrite, Timestamp};

use crate::listed::ListPosition;
use crate::types::{ContentHeaders, Etag, Tags, UploadId};
use crate::{Digest, DigestAlgorithm, DigestPlan, WriteConditions};

/// How to begin a multipart upload.
#[derive(Clone, Debug, Default)]
pub struct UploadOptions {
    /// What to keep with the object.
    pub content: ContentHeaders,
    /// Tags.
    pub tags: Tags,
    /// Checksum to keep: the algorithm, and whether it is over the whole object.
    pub checksum: Option<(DigestAlgorithm, bool)>,
    /// The key under which it was begun; a write-only key sees no other uploads.
    pub owner: Option<KeyId>,
}

/// What is known of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadMeta {
    /// The key under which it was begun.
    pub owner: Option<KeyId>,
    /// When it was begun.
    pub created: Timestamp,
    /// Checksum to keep: the algorithm, and whether it is over the whole object.
    pub checksum: Option<(DigestAlgorithm, bool)>,
}

/// How to store a part.
#[derive(Debug, Default)]
pub struct PartOptions {
    /// Bytes that the body has; checked.
    pub length: Option<u64>,
    /// Which digests the bytes must have.
    pub digests: DigestPlan,
    /// The storage's quota in bytes.
    pub quota: Option<u64>,
}

/// A stored part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: u16,
    /// Bytes.
    pub size: u64,
    /// MD5 of its bytes.
    pub etag: Etag,
    /// When it was stored.
    pub modified: Timestamp,
    /// Its checksum, if one was given or asked for.
    pub checksum: Option<Digest>,
}

/// A page of parts.
#[derive(Clone, Debug, Default)]
pub struct PartsPage {
    /// Parts by number.
    pub parts: Vec<Part>,
    /// Whether there are more after the last.
    pub more: bool,
}

/// A part as the client names it when it completes an upload.
#[derive(Clone, Debug)]
pub struct CompletedPart {
    /// Its number.
    pub number: u16,
    /// The entity tag the client was given.
    pub etag: String,
    /// The checksum the client was given, if it sends it.
    pub checksum: Option<Digest>,
}

/// How to complete an upload.
#[derive(Debug, Default)]
pub struct CompleteOptions {
    /// Only if; decided atomically with the commit.
    pub conditions: WriteConditions,
    /// What happens to an object that is there; `None` means [`Overwrite::Replace`].
    pub overwrite: Option<Overwrite>,
    /// The whole object's checksum as the client knows it.
    pub checksum: Option<Digest>,
    /// The whole object's size as the client knows it.
    pub size: Option<u64>,
}

/// Which uploads to list.
#[derive(Clone, Debug, Default)]
pub struct UploadsRequest {
    /// Only keys under it.
    pub prefix: KeyPrefix,
    /// As in [`crate::ListRequest`].
    pub delimiter: Option<String>,
    /// After this key, or after this upload of this key, or after this common prefix.
    pub after: Option<(ListPosition, Option<UploadId>)>,
    /// The most entries.
    pub limit: usize,
    /// Only uploads begun under this key.
    pub owner: Option<KeyId>,
}

/// A page of uploads.
#[derive(Clone, Debug, Default)]
pub struct UploadsPage {
    /// Uploads by key and then by age.
    pub uploads: Vec<ListedUpload>,
    /// Common prefixes, in order.
    pub prefixes: Vec<String>,
    /// Where the next page begins.
    pub next: Option<(ListPosition, Option<UploadId>)>,
}

/// An upload in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUpload {
    /// The object's key.
    pub key: ObjectKey,
    /// Names the upload.
    pub upload: UploadId,
    /// What is known of it.
    pub meta: UploadMeta,
}
