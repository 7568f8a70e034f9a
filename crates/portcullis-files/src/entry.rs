//! What is in a tree.

use portcullis_access::Etag;
use portcullis_domain::Timestamp;

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, the last part of its path; empty for the top.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// When it was last modified, as its writer said, else when it was stored; none for a folder that is only a beginning of keys.
    pub modified: Option<Timestamp>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File {
        /// Bytes.
        size: u64,
        /// Its entity tag.
        etag: Etag,
        /// What kind of content it was stored with; not told by listings.
        content_type: Option<String>,
        /// Whether its bytes lie in a provider's archive and cannot be read before they are fetched from there.
        archived: bool,
    },
    /// A folder, or a storage at the top.
    Folder,
}

impl Entry {
    /// Whether it is a folder.
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        matches!(self.kind, Kind::Folder)
    }

    /// Bytes; none of a folder.
    #[must_use]
    pub const fn size(&self) -> u64 {
        match self.kind {
            Kind::File { size, .. } => size,
            Kind::Folder => 0,
        }
    }
}

/// Some of what is in a folder.
#[derive(Clone, Debug, Default)]
pub struct EntryPage {
    /// In the order of their keys.
    pub entries: Vec<Entry>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes stored.
    pub used: u64,
    /// Bytes that still fit; none if nobody can tell.
    pub available: Option<u64>,
}
