//! What can go wrong, in the words of the caller and not of a driver.

use std::error::Error;
use std::fmt;

use sqlx::error::{DatabaseError, ErrorKind};

/// What a verb of [`Metadata`](crate::Metadata) gives.
pub type Result<T, E = MetadataError> = std::result::Result<T, E>;

/// A verb failed. Nothing was changed, unless [`MetadataErrorKind::Unavailable`] came while a commit was under way.
///
/// `Display` says what was tried and what to do; [`Error::source`] has the engine's own message. Neither holds a
/// value of a row, an address or a password.
#[derive(Debug)]
pub struct MetadataError {
    /// What kind of failure.
    pub kind: MetadataErrorKind,
    /// What was tried, to be read after "cannot": `create a key`.
    pub operation: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of failure that callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataErrorKind {
    /// What is to be changed, or what it refers to, does not exist in that site.
    NotFound,
    /// Another record has this already; the field is `username`, `credential`, `name`, `prefix`, `id`, `sealed` and the
    /// like. `in_use` says that other records refer to what was to be deleted, `last_admin` that nobody would run the site.
    Conflict(&'static str),
    /// The record is no longer as the caller read it: somebody changed it since. Nothing was changed.
    Stale,
    /// The database was migrated by a newer Portcullis; nothing was changed.
    NewerSchema {
        /// The version of the database.
        found: i64,
        /// The newest version that this build knows.
        known: i64,
    },
    /// The database is damaged, or holds what Portcullis never wrote.
    Corrupt,
    /// No space is left where the database is, or no number is left to give.
    Full,
    /// The database does not answer at present: the same call may work later.
    Unavailable,
    /// The address of the database is not one that can be opened.
    BadUrl,
    /// The cursor is none that a list gave.
    BadCursor,
    /// The change feed no longer reaches back to this number: read everything anew, then follow from
    /// [`Metadata::latest_change`](crate::Metadata::latest_change).
    FeedGap,
    /// The engine refused: missing rights, an unsuitable server, or a defect of Portcullis.
    Refused,
}

impl MetadataError {
    /// Whether the same call may work later without anything being repaired.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.kind {
            MetadataErrorKind::Unavailable => true,
            MetadataErrorKind::NotFound
            | MetadataErrorKind::Conflict(_)
            | MetadataErrorKind::Stale
            | MetadataErrorKind::NewerSchema { .. }
            | MetadataErrorKind::Corrupt
            | MetadataErrorKind::Full
            | MetadataErrorKind::BadUrl
            | MetadataErrorKind::BadCursor
            | MetadataErrorKind::FeedGap
            | MetadataErrorKind::Refused => false,
        }
    }
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.operation, self.kind)
    }
}

impl Error for MetadataError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| -> &(dyn Error + 'static) { source })
    }
}

impl fmt::Display for MetadataErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such record"),
            Self::Conflict("last_admin") => f.write_str("nobody would be left to run the site"),
            Self::Conflict("in_use") => f.write_str("other records refer to it"),
            Self::Conflict(field) => write!(f, "another record has the same {field}"),
            Self::Stale => f.write_str("the record was changed meanwhile; read it again"),
            Self::NewerSchema { found, known } => write!(
                f,
                "the database has schema version {found} and this build knows versions up to {known}; \
                 start a newer Portcullis, or restore the backup from before the upgrade"
            ),
            Self::Corrupt => f.write_str(
                "the metadata database is damaged; stop Portcullis, keep a copy of the files and restore a backup",
            ),
            Self::Full => f.write_str("no space is left for the metadata database; free some and try again"),
            Self::Unavailable => f.write_str("the metadata database does not answer; try again"),
            Self::BadUrl => f.write_str(
                "the database address cannot be used; write sqlite:///directory/portcullis.db \
                 or postgres://user:password@host/database",
            ),
            Self::BadCursor => f.write_str("the cursor is none that a list gave"),
            Self::FeedGap => f.write_str("the change feed does not reach back that far; read everything anew"),
            Self::Refused => f.write_str("the database refused"),
        }
    }
}

/// A failure before it is known during which verb.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: MetadataErrorKind,
    cause: Option<String>,
}

impl Fault {
    pub(crate) fn new(kind: MetadataErrorKind, cause: impl Into<String>) -> Self {
        Self { kind, cause: Some(cause.into()) }
    }

    pub(crate) fn corrupt(cause: impl Into<String>) -> Self {
        Self::new(MetadataErrorKind::Corrupt, cause)
    }
}

impl From<MetadataErrorKind> for Fault {
    fn from(kind: MetadataErrorKind) -> Self {
        Self { kind, cause: None }
    }
}

/// Only the engine's code and message are kept: the `Debug` of a driver's error may print whole rows, and a failed
/// address its password.
impl From<sqlx::Error> for Fault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the driver may add kinds; what is not known is refused"
    )]
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Database(error) => Self::from_engine(error.as_ref()),
            E::Configuration(_) | E::Tls(_) => Self::new(MetadataErrorKind::BadUrl, error.to_string()),
            E::RowNotFound => MetadataErrorKind::NotFound.into(),
            E::ColumnDecode { .. }
            | E::Decode(_)
            | E::ColumnNotFound(_)
            | E::ColumnIndexOutOfBounds { .. }
            | E::TypeNotFound { .. } => Self::corrupt(error.to_string()),
            E::Io(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
                Self::new(MetadataErrorKind::Unavailable, error.to_string())
            }
            other => Self::new(MetadataErrorKind::Refused, other.to_string()),
        }
    }
}

impl Fault {
    fn from_engine(error: &dyn DatabaseError) -> Self {
        let code = error.code().unwrap_or_default();
        let kind = if matches!(error.kind(), ErrorKind::UniqueViolation) {
            MetadataErrorKind::Conflict(field(error))
        } else if matches!(error.kind(), ErrorKind::ForeignKeyViolation) {
            MetadataErrorKind::NotFound
        } else if code.len() == 5 {
            postgres_kind(&code)
        } else {
            sqlite_kind(&code)
        };
        Self::new(kind, format!("{} (code {code})", error.message()))
    }
}

/// Which field must be unique and is not. SQLite names `table.column` in the message, PostgreSQL the index.
fn field(error: &dyn DatabaseError) -> &'static str {
    const FIELDS: [(&str, &str, &str); 17] = [
        ("users_username", "users.username", "username"),
        ("users_number", "users.number", "number"),
        ("sessions_token_hash", "sessions.token_hash", "token"),
        ("storages_bucket", "storages.bucket", "bucket"),
        ("storages_number", "storages.number", "number"),
        ("keys_credential", "keys.credential", "credential"),
        ("keys_login", "keys.login", "login"),
        ("passkeys_credential", "passkeys.credential_id", "credential"),
        ("sites_siblings", "sites.folded", "name"),
        ("user_groups_name", "user_groups.folded", "name"),
        ("users_external", "users.external_id", "external"),
        ("storage_grants_place", "storage_grants.prefix", "prefix"),
        ("share_links_token", "share_links.token_hash", "token"),
        ("invitations_token", "invitations.token_hash", "token"),
        ("imported_accounts_pkey", "imported_accounts.account", "account"),
        ("sync_runs_live", "sync_runs.pair_id", "pair"),
        ("sync_runs_plan", "sync_runs.plan_id", "plan"),
    ];
    let index = error.constraint().unwrap_or_default();
    FIELDS
        .iter()
        .find(|(name, column, _)| index == *name || error.message().contains(column))
        .map_or("id", |(_, _, field)| field)
}

/// PostgreSQL's SQLSTATE (manual, appendix A).
fn postgres_kind(code: &str) -> MetadataErrorKind {
    match code {
        "53100" => MetadataErrorKind::Full,
        "25006" | "55P03" | "57014" => MetadataErrorKind::Unavailable,
        _ => match code.get(..2).unwrap_or_default() {
            "08" | "40" | "53" | "57" | "58" => MetadataErrorKind::Unavailable,
            "XX" if code != "XX000" => MetadataErrorKind::Corrupt,
            _ => MetadataErrorKind::Refused,
        },
    }
}

/// SQLite's result codes; the primary code is the low byte of the extended one.
fn sqlite_kind(code: &str) -> MetadataErrorKind {
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6 | 10 | 14 | 15) => MetadataErrorKind::Unavailable,
        Ok(11 | 26) => MetadataErrorKind::Corrupt,
        Ok(13) => MetadataErrorKind::Full,
        _ => MetadataErrorKind::Refused,
    }
}

/// Says during which verb a failure came.
pub(crate) trait During<T> {
    fn during(self, operation: &'static str) -> Result<T>;
}

impl<T, E: Into<Fault>> During<T> for Result<T, E> {
    fn during(self, operation: &'static str) -> Result<T> {
        self.map_err(|error| {
            let Fault { kind, cause } = error.into();
            MetadataError { kind, operation, source: cause.map(Into::into) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_engines() {
        use MetadataErrorKind as K;
        // SQLITE_FULL, SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_FSYNC, SQLITE_CORRUPT_INDEX, SQLITE_NOTADB, SQLITE_READONLY.
        let lite = [("13", K::Full), ("517", K::Unavailable), ("1034", K::Unavailable), ("779", K::Corrupt)];
        for (code, kind) in lite.into_iter().chain([("26", K::Corrupt), ("8", K::Refused), ("x", K::Refused)])
        {
            assert_eq!(sqlite_kind(code), kind, "{code}");
        }
        // disk_full, deadlock_detected, admin_shutdown, data_corrupted, insufficient_privilege, lock_not_available.
        let pg =
            [("53100", K::Full), ("40P01", K::Unavailable), ("57P01", K::Unavailable), ("XX001", K::Corrupt)];
        for (code, kind) in pg.into_iter().chain([("42501", K::Refused), ("55P03", K::Unavailable)]) {
            assert_eq!(postgres_kind(code), kind, "{code}");
        }
    }
}
