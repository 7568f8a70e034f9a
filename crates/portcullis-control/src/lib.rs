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
mod calls;
mod check;
mod confirmed;
mod connections;
mod error;
mod facts;
mod grants;
mod groups;
mod identity;
mod inventory;
mod keys;
mod links;
mod me;
pub mod networks;
mod once;
mod paging;
mod passkeys;
mod password;
mod presets;
mod preview;
mod probe;
mod providers;
mod remotes;
mod second_factor;
mod sessions;
pub mod setups;
mod sites;
mod storages;
mod trail;
mod users;

use std::sync::Arc;

use portcullis_access::Access;
use portcullis_metadata::Metadata;
use tokio::sync::Mutex;

pub use audit::{AuditQuery, explanation};
pub use calls::{NamedCall, Precedent};
pub use check::NetworkDraft;
pub use connections::{
    ConnectionRow, ConnectionSort, ConnectionsPage, ConnectionsQuery, KeysToReview, MeasuredUsage, Posture,
    ReviewExample, ReviewReason, S3Connection, S3Filter, S3Status,
};
pub use error::{ControlError, FieldProblem, Result};
pub use grants::{ChangedGrant, GrantChange, GrantDraft, GrantQuery, GranteeDraft, OwnStorage, ShareStatus};
pub use groups::{GroupChange, GroupDraft};
pub use identity::{Arrived, IDENTITY_LIFETIME, IdentityError, IdentityRules, Pending, Purpose};
pub use keys::{
    CreatedKey, CreatedKeys, KeyChange, KeyDraft, KeyQuery, KeyRules, KeyStatus, KeyView, LONGEST_TEMPORARY,
    Rotation, SHORTEST_TEMPORARY, ScopeDraft, TemporaryCredentials, TemporaryDraft,
};
pub use links::{
    CreatedLink, LINK_PASSWORD_MAX, LINK_PASSWORD_MIN, LinkChange, LinkDraft, LinkQuery, LinkStatus,
    LinkTargetDraft, LinkView,
};
pub use me::{Me, OwnSignIn};
pub use once::new_once_token;
pub use passkeys::{AddedPasskey, NewPasskeyAnswer, PasskeyAnswer, PasskeyQuestion};
pub use password::{PASSWORD_MAX, PASSWORD_MIN, check_password};
pub use portcullis_metadata::{
    AuditEvent, GrantRow, GroupRow, KeyUse, MetadataErrorKind, Page, PageRequest, Passkey, SiteHoldings,
    UserRow,
};
pub use presets::{NetworksHint, Preset, presets};
pub use preview::BucketNamePreview;
pub use probe::{ProbeOptions, Step};
pub use providers::{EndpointForm, ProviderPreset, provider_preset, provider_presets};
pub use remotes::{NoRemotes, RemoteState, Remotes};
pub use second_factor::{SecondFactors, TotpSetUp};
pub use sessions::{SESSION_LIFETIME, SignInStep, Ticket};
pub use sites::{RulesDraft, SiteChange, SiteDraft, SiteView};
pub use storages::{
    ConnectionReading, DEFAULT_REGION, Order, RemoteDraft, RemoteView, StorageChange, StorageDraft,
    StorageQuery, StorageView,
};
pub use trail::{TrailCopy, TrailPart};
pub use users::{
    ChangedUser, CreatedUser, Ended, INVITATION_LIFETIME, InvitationView, NewInvitation, ResetUser,
    UserChange, UserDraft, UserQuery,
};

/// How often a change is tried while others change the same record.
pub(crate) const ATTEMPTS: usize = 3;

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
    identities: Option<Arc<identity::Identities>>,
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
            identities: None,
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
