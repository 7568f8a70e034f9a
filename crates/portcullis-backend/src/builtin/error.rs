//! What can be wrong with a store on disk, in words for the person who runs it, and how faults of the disk and of SQLite
//! become [`BackendError`]s.

use std::io;
use std::path::{Path, PathBuf};

use crate::{BackendError, BackendErrorKind};

/// Why a store, or one storage in it, cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error("the store in {} is in use by another process; stop that one first", path.display())]
    InUse {
        /// The store's directory.
        path: PathBuf,
    },
    /// The index was written by a later version.
    #[error(
        "the index {} was written by a newer version (format {found}, this program knows {known}); \
         start that version, or restore a backup made before the upgrade; nothing was changed", path.display()
    )]
    Newer {
        /// The index file.
        path: PathBuf,
        /// The format that it says it has.
        found: i64,
        /// The latest format that this program knows.
        known: i64,
    },
    /// The index cannot be used.
    #[error(
        "the index {} is damaged ({detail}); stop the server, keep a copy of its directory, and put index.db back from a \
         backup; nothing was changed", path.display()
    )]
    Damaged {
        /// The index file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The SQLite that was linked is older than the fix of its WAL-reset bug.
    #[error("this program was built with SQLite {found}; it needs 3.51.3 or later")]
    OldSqlite {
        /// The version that was linked.
        found: &'static str,
    },
    /// The disk refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("cannot open the index {}: {source}", path.display())]
    Sqlite {
        /// The index file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl StoreError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(super) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        move |source| {
            if is_damage(&source) {
                Self::Damaged { path: path.to_owned(), detail: source.to_string() }
            } else {
                Self::Sqlite { path: path.to_owned(), source }
            }
        }
    }

    const fn kind(&self) -> BackendErrorKind {
        match self {
            Self::Newer { .. } | Self::Damaged { .. } => BackendErrorKind::Corrupt,
            Self::InUse { .. } | Self::OldSqlite { .. } | Self::Io { .. } | Self::Sqlite { .. } => {
                BackendErrorKind::Unavailable
            }
        }
    }
}

impl From<StoreError> for BackendError {
    fn from(error: StoreError) -> Self {
        Self::with(error.kind(), "open", error)
    }
}

fn code(error: &rusqlite::Error) -> Option<rusqlite::ffi::ErrorCode> {
    error.sqlite_error_code()
}

/// Whether SQLite says that the file is not, or no longer, a database.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(code(error), Some(DatabaseCorrupt | NotADatabase))
}

/// Whether SQLite says that reading or writing the file failed; no further write may be tried then.
pub(super) fn is_io_fault(error: &rusqlite::Error) -> bool {
    matches!(code(error), Some(rusqlite::ffi::ErrorCode::SystemIoFailure))
}

/// A fault of the index during an operation.
pub(super) fn index_error(operation: &'static str) -> impl FnOnce(rusqlite::Error) -> BackendError {
    move |error| {
        use rusqlite::ffi::ErrorCode::DiskFull;
        let kind = if is_damage(&error) || matches!(error, rusqlite::Error::FromSqlConversionFailure(..)) {
            BackendErrorKind::Corrupt
        } else if matches!(code(&error), Some(DiskFull)) {
            BackendErrorKind::Full
        } else {
            BackendErrorKind::Unavailable
        };
        BackendError::with(kind, operation, error)
    }
}

/// Whether the system says that there is no room: the disk, the user's quota or the largest file size is used up.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// A fault of the disk during an operation.
pub(super) fn disk_error(operation: &'static str) -> impl FnOnce(io::Error) -> BackendError {
    move |error| {
        let kind = if is_full(&error) { BackendErrorKind::Full } else { BackendErrorKind::Unavailable };
        BackendError::with(kind, operation, error)
    }
}

/// Work on the blocking pool ended without a result: it panicked, or the runtime is shutting down.
pub(super) fn task_error(operation: &'static str) -> impl FnOnce(tokio::task::JoinError) -> BackendError {
    move |error| BackendError::with(BackendErrorKind::Unavailable, operation, error)
}
