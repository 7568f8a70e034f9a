//! Administration: what a site's admins do to storages and keys, shared by the REST API, the panel and the command line.
//!
//! * **The proof comes first.** Every verb that administers takes a [`SiteAdmin`](portcullis_access::SiteAdmin), which only `portcullis-access` gives
//!   out, and reaches nothing but that admin's site: what belongs to another site is not found.
//! * **Text comes in, records go out.** Drafts hold what somebody typed. A draft is checked as a whole, and
//!   [`ControlError::Invalid`] names every field that is wrong, not only the first.
//! * **Recorded, committed, in force, in this order.** What changes the rights of others is written to the audit trail
//!   before it is committed, so that nothing is done that cannot be recorded; and a verb returns only after
//!   [`Access::applied`], when the change holds for requests under way too.
//! * **Authority never grows.** What a key makes or changes is never wider than the key itself.
//!
//! This crate knows nothing of HTTP: no status, no header, no JSON.

mod audit;
mod authority;
mod check;
mod connections;
mod error;
mod facts;
mod inventory;
mod keys;
mod me;
pub mod networks;
mod once;
mod password;
mod presets;
mod preview;
mod probe;
mod providers;
mod remotes;
mod sessions;
pub mod setups;
mod storages;

use std::sync::Arc;

use portcullis_access::Access;
use portcullis_metadata::Metadata;
use tokio::sync::Mutex;

pub use audit::{AuditQuery, explanation};
pub use check::NetworkDraft;
pub use connections::{
    ConnectionRow, ConnectionSort, ConnectionsPage, ConnectionsQuery, KeysToReview, MeasuredUsage, Posture,
    ReviewExample, ReviewReason, S3Connection, S3Filter, S3Status, ShareStatus,
};
pub use error::{ControlError, FieldProblem, Result};
pub use keys::{CreatedKey, KeyChange, KeyDraft, KeyQuery, KeyStatus, KeyView, Rotation, ScopeDraft};
pub use me::Me;
pub use once::new_once_token;
pub use password::{PASSWORD_MAX, PASSWORD_MIN, check_password};
pub use portcullis_metadata::{AuditEvent, KeyUse, MetadataErrorKind, Page, PageRequest};
pub use presets::{NetworksHint, Preset, presets};
pub use preview::BucketNamePreview;
pub use probe::{ProbeOptions, Step};
pub use providers::{EndpointForm, ProviderPreset, provider_preset, provider_presets};
pub use remotes::{NoRemotes, RemoteState, Remotes};
pub use sessions::SESSION_LIFETIME;
pub use storages::{
    ConnectionReading, DEFAULT_REGION, Order, RemoteDraft, RemoteView, StorageChange, StorageDraft,
    StorageQuery, StorageView,
};

/// The use cases of administration. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    access: Access,
    metadata: Metadata,
    /// Held while a record is read, changed and written back: otherwise a change of a name could bring back
    /// the networks that somebody else has just narrowed.
    changing: Arc<Mutex<()>>,
    facts: Arc<facts::Facts>,
    remotes: Arc<dyn Remotes>,
    postures: Arc<connections::Postures>,
}

impl Control {
    /// Administration above this core and this database.
    #[must_use]
    pub fn new(access: Access, metadata: Metadata) -> Self {
        Self {
            access,
            metadata,
            changing: Arc::default(),
            facts: Arc::default(),
            remotes: Arc::new(NoRemotes),
            postures: Arc::default(),
        }
    }

    /// The same with drivers for outside buckets; without them there is only the embedded store.
    #[must_use]
    pub fn with_remotes(self, remotes: Arc<dyn Remotes>) -> Self {
        Self { remotes, ..self }
    }

    /// Whether requests can be served: the database answers, and revocations are heard of.
    ///
    /// # Errors
    /// [`ControlError::Metadata`] if the database does not answer, [`ControlError::Access`] if this node has not heard of
    /// revocations for too long.
    pub async fn ready(&self) -> Result<()> {
        self.access.ready()?;
        Ok(self.metadata.ping().await?)
    }
}
