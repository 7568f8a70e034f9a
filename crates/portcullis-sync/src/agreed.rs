//! What is seen of an object, and what both sides last agreed on.

use portcullis_backend::{Etag, ListedObject};
use portcullis_domain::{ObjectKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Sides;

/// What tells one state of an object from every other at the same key of the same side. It says nothing across sides.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The entity tag.
    pub etag: Etag,
    /// Bytes.
    pub size: u64,
}

/// What a listing says of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its state.
    pub mark: Mark,
    /// When it was committed, by the clock of its side.
    #[serde(with = "crate::codec::time")]
    pub modified: Timestamp,
    /// Whether its bytes lie in an archive and cannot be read before they are fetched from there.
    pub archived: bool,
}

impl From<&ListedObject> for Seen {
    fn from(listed: &ListedObject) -> Self {
        Self {
            mark: Mark { etag: listed.etag.clone(), size: listed.size },
            modified: listed.modified,
            archived: listed.archived,
        }
    }
}

/// What both sides had at a key when they were last known to hold the same bytes there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// The key, under both sides' prefixes.
    #[serde(with = "crate::codec::key")]
    pub key: ObjectKey,
    /// The states of both sides.
    pub marks: Sides<Mark>,
}
