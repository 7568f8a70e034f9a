//! What is asked of listings, and what they tell.

use portcullis_domain::{KeyPrefix, ObjectKey, Timestamp};

use crate::{DigestAlgorithm, Etag, VersionId};

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListPosition {
    /// After this key.
    AfterKey(String),
    /// After every key that begins with this common prefix.
    AfterPrefix(String),
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// Only keys under it.
    pub prefix: KeyPrefix,
    /// Keys that contain it after the prefix are rolled up into one entry; never empty.
    pub delimiter: Option<String>,
    /// From where.
    pub after: Option<ListPosition>,
    /// The most entries, keys and common prefixes together; at most 1,000. Zero gives an empty, final page.
    pub limit: usize,
    /// Whether [`ListedObject::user_modified`] is wanted, which takes a little longer.
    pub user_times: bool,
}

/// A page of a listing.
#[derive(Clone, Debug, Default)]
pub struct ListPage {
    /// Objects, in order.
    pub objects: Vec<ListedObject>,
    /// Common prefixes, in order.
    pub prefixes: Vec<String>,
    /// Where the next page begins, if there is one.
    pub next: Option<ListPosition>,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: ObjectKey,
    /// Bytes.
    pub size: u64,
    /// When it was committed.
    pub modified: Timestamp,
    /// Its entity tag.
    pub etag: Etag,
    /// The algorithm of the checksum that is kept with it.
    pub checksum: Option<DigestAlgorithm>,
    /// Whether its bytes lie in a provider's archive and cannot be read before they are fetched from there.
    pub archived: bool,
    /// When its writer last modified it, by [`ContentHeaders::user_modified`](crate::ContentHeaders::user_modified): if it was asked for and this driver can tell it without a
    /// request for each object.
    pub user_modified: Option<Timestamp>,
}

/// Which versions to list.
#[derive(Clone, Debug, Default)]
pub struct VersionsRequest {
    /// Only keys under it.
    pub prefix: KeyPrefix,
    /// As in [`ListRequest`].
    pub delimiter: Option<String>,
    /// From where.
    pub after: Option<ListPosition>,
    /// With `AfterKey`: goes on inside that key after this version.
    pub after_version: Option<VersionId>,
    /// The most entries.
    pub limit: usize,
}

/// A page of versions.
#[derive(Clone, Debug, Default)]
pub struct VersionsPage {
    /// Versions, keys in order, newest first.
    pub versions: Vec<ListedVersion>,
    /// Common prefixes, in order.
    pub prefixes: Vec<String>,
    /// Where the next page begins: as `after` and `after_version`.
    pub next: Option<(ListPosition, Option<VersionId>)>,
}

/// A version in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The object.
    pub object: ListedObject,
    /// Names the version.
    pub version: VersionId,
    /// Whether it is the current one.
    pub current: bool,
}
