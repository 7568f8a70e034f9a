//! What administration asks of providers, besides what goes through grants: whether a connection that is not a storage yet
//! would work, what the provider can do, how it is, and what a bucket holds.

use std::fmt::Debug;

use async_trait::async_trait;
use portcullis_access::{BackendError, BackendErrorKind, ProviderCredentials, RemoteCapabilities};
use portcullis_domain::{Connection, Health, StorageId, Timestamp, Usage};

use crate::{FieldProblem, Step};

/// How an open connection is, as the driver saw it last. Asking costs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteState {
    /// In the word that lists show.
    pub health: Health,
    /// More exactly: `reachable`, `degraded`, `unreachable`, `credentials rejected`, `bucket gone`.
    pub state: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// What the last failure was, in words without secrets.
    pub last_error: Option<String>,
}

/// The drivers of remote buckets, as administration sees them. None of it reaches an object by a name that a client gave.
#[async_trait]
pub trait Remotes: Debug + Send + Sync + 'static {
    /// The connection in its canonical form, if the driver can make something of it; nothing is asked of the provider.
    ///
    /// # Errors
    /// The field that is wrong, with what would be right.
    fn read(
        &self,
        connection: Connection,
        credentials: &ProviderCredentials,
    ) -> Result<Connection, FieldProblem>;

    /// Tries a connection step by step; steps that an earlier failure makes pointless are left out. With `write`, a small object of an
    /// own name is written, read and removed again.
    async fn check(
        &self,
        connection: &Connection,
        credentials: &ProviderCredentials,
        write: bool,
    ) -> Vec<Step>;

    /// Finds out what the provider can do, with objects of own names that are removed again.
    ///
    /// # Errors
    /// Those of the driver.
    async fn detect(
        &self,
        connection: &Connection,
        credentials: &ProviderCredentials,
    ) -> Result<RemoteCapabilities, BackendError>;

    /// How the connection of an open storage is; none if it is not open.
    fn state(&self, storage: StorageId) -> Option<RemoteState>;

    /// When the bucket of an open storage was counted; none if it was not, or is not open.
    fn counted_at(&self, storage: StorageId) -> Option<Timestamp>;

    /// Tells an open storage what an earlier process had counted, unless it has counted itself.
    fn restore(&self, storage: StorageId, usage: Usage, counted_at: Timestamp);

    /// Counts the bucket of an open storage, with pauses between the pages of its listing.
    ///
    /// # Errors
    /// Those of the driver; `NotFound` if the storage is not open.
    async fn count(&self, storage: StorageId) -> Result<Usage, BackendError>;
}

/// Where there are no remote buckets.
#[derive(Clone, Copy, Debug)]
pub struct NoRemotes;

#[async_trait]
impl Remotes for NoRemotes {
    fn read(&self, _: Connection, _: &ProviderCredentials) -> Result<Connection, FieldProblem> {
        Err(FieldProblem::new("provider", "this server has no drivers for outside buckets; use builtin"))
    }

    async fn check(&self, _: &Connection, _: &ProviderCredentials, _: bool) -> Vec<Step> {
        Vec::new()
    }

    async fn detect(
        &self,
        _: &Connection,
        _: &ProviderCredentials,
    ) -> Result<RemoteCapabilities, BackendError> {
        Err(BackendError::new(BackendErrorKind::Unsupported, "detect"))
    }

    fn state(&self, _: StorageId) -> Option<RemoteState> {
        None
    }

    fn counted_at(&self, _: StorageId) -> Option<Timestamp> {
        None
    }

    fn restore(&self, _: StorageId, _: Usage, _: Timestamp) {}

    async fn count(&self, _: StorageId) -> Result<Usage, BackendError> {
        Err(BackendError::new(BackendErrorKind::Unsupported, "count"))
    }
}
