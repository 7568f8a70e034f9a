//! Files and lists of them.

use portcullis_access::{ListedObject, PutOutcome};
use serde::Serialize;
use utoipa::ToSchema;

/// A file in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = File)]
pub(crate) struct FileOut {
    /// Its name, byte for byte.
    #[schema(example = "reports/2027/january.pdf")]
    key: String,
    /// Bytes.
    size: u64,
    /// When it was stored.
    #[schema(format = DateTime)]
    modified_at: String,
    /// Its entity tag, without quotes.
    etag: String,
}

impl From<ListedObject> for FileOut {
    fn from(object: ListedObject) -> Self {
        Self {
            key: object.key.to_string(),
            size: object.size,
            modified_at: object.modified.to_string(),
            etag: object.etag.to_string(),
        }
    }
}

/// One page of a storage's files.
#[derive(Serialize, ToSchema)]
#[schema(as = Files)]
pub(crate) struct FilesOut {
    /// Files, in the order of the bytes of their names.
    pub(crate) items: Vec<FileOut>,
    /// With a delimiter: what the other files of the page have in common up to it, such as folders.
    pub(crate) prefixes: Vec<String>,
    /// What to send as `cursor` for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
}

/// A file that was just stored. The same answer whether or not there was one before.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredFile)]
pub(crate) struct StoredOut {
    /// Its name.
    key: String,
    /// Bytes.
    size: u64,
    /// Its entity tag, without quotes.
    etag: String,
    /// When it was stored.
    #[schema(format = DateTime)]
    modified_at: String,
}

impl StoredOut {
    pub(crate) fn new(key: String, outcome: &PutOutcome) -> Self {
        Self {
            key,
            size: outcome.size,
            etag: outcome.etag.to_string(),
            modified_at: outcome.modified.to_string(),
        }
    }
}
