//! Administration: what a site's admins do to storages and keys, shared by the REST API, the panel and the command line.
//!
//! * **The proof comes first.** Every verb that administers takes a [`SiteAdmin`](portcullis_access::SiteAdmin), which only `portcullis-access` gives
//!   out, and reaches nothing but that admin's site: what belongs to another site is not found.
//! * **Text comes in, records go out.** Drafts hold what somebody typed. A draft is checked as a whole, and
//!   [`ControlError::Invalid`] names every field that is wrong, not only the first.
//! * **Recorded and committed at once, then in force.** What is changed is written to the audit trail by the transaction
//!   that changes it, so that nothing is done that cannot be recorded; and a verb returns only after
//!   [`Access::applied`], when the change holds for requests under way too.
//! * **Authority never grows.** What a key makes or changes is never wider than the key itself.
//!
//! This crate knows nothing of HTTP: no status, no header, no JSON.

mod abandoned;
mod activity;
mod advice;
mod audit;
mod authority;
mod calls;
mod check;
mod confirmed;
mod connections;
mod ending;
mod error;
mod explain;
mod facts;
mod grants;
mod groups;
mod identity;
mod impact;
mod imports;
mod inventory;
mod keys;
mod knocks;
mod leak;
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
mod prove;
mod providers;
mod receipt;
mod remotes;
mod resumable;
mod second_factor;
mod sessions;
pub mod setups;
mod sinks;
mod sites;
mod storages;
mod sync;
mod trail;
mod transfers;
mod users;

use std::sync::Arc;

use portcullis_access::Access;
use portcullis_metadata::Metadata;
use tokio::sync::Mutex;

pub use activity::{UsageOverTime, UsageQuery, UsageShare};
pub use advice::{
    Advice, AdviceWhat, AdviceWindow, Advised, Confidence, KeyAdvice, Observed, Refusable, TakenAdvice,
    Withheld, WithheldBecause, WouldRefuse, advise,
};
pub use audit::{AuditQuery, explanation};
pub use calls::{NamedCall, Precedent};
pub use check::NetworkDraft;
pub use connections::{
    ConnectionRow, ConnectionSort, ConnectionsPage, ConnectionsQuery, KeysToReview, MeasuredUsage, Posture,
    ReviewExample, ReviewReason, S3Connection, S3Filter, S3Status,
};
pub use ending::{LONGEST_PAUSE_MINUTES, SHORTEST_PAUSE_MINUTES};
pub use error::{ControlError, FieldProblem, Result};
pub use explain::{Explanation, Fix, FixDraft, FixOn, NamedKey, Now, Seen, SeenKey, SeenStorage, TrailNames};
pub use grants::{ChangedGrant, GrantChange, GrantDraft, GrantQuery, GranteeDraft, OwnStorage, ShareStatus};
pub use groups::{GroupChange, GroupDraft};
pub use identity::{Arrived, IDENTITY_LIFETIME, IdentityError, IdentityRules, Pending, Purpose};
pub use impact::{AffectedClient, AffectedJob, AffectedKey, AffectedLink, IMPACT_DAYS, Impact, Knock};
pub use imports::{
    AccountDraft, AccountState, AccountsDraft, CredentialsDraft, FOUR_CHANNELS_UNTIL, IMPORTED_CHANNELS,
    Imported, ImportedKeyView, ImportedView, MOST_ACCOUNTS, MOST_CHOSEN,
};
pub use keys::{
    CreatedKey, CreatedKeys, KeyChange, KeyDraft, KeyQuery, KeyRules, KeyStatus, KeyView, LONGEST_OVERLAP,
    LONGEST_TEMPORARY, MailDraft, Moved, OverlapChange, OverlapView, ROTATION_REASONS, Rotation,
    SHORTEST_TEMPORARY, ScopeDraft, TemporaryCredentials, TemporaryDraft, check_chosen_secret,
};
pub use knocks::{ATTEMPT_DAYS, AttemptKey, AttemptProof, AttemptQuery, AttemptReason, Attempts};
pub use leak::{Finding, LEAK_REPORT_BYTES, LEAK_REPORT_SECRETS, LeakReport, NotTaken, Scanner};
pub use links::{
    CreatedLink, LINK_PASSWORD_MAX, LINK_PASSWORD_MIN, LinkChange, LinkDraft, LinkQuery, LinkStatus,
    LinkTargetDraft, LinkView,
};
pub use me::{Me, OwnSignIn};
pub use once::new_once_token;
pub use passkeys::{AddedPasskey, NewPasskeyAnswer, PasskeyAnswer, PasskeyQuestion};
pub use password::{PASSWORD_MAX, PASSWORD_MIN, check_password};
pub use portcullis_metadata::{
    AdviceTaken, AuditEvent, Breadth, DetachedStorage, EndedStorage, GrantRow, GroupRow, KeyUse,
    MetadataErrorKind, Mover, Overlap, Page, PageRequest, Passkey, SiteHoldings, UsageBy, UsagePoint,
    UsageStep, UsageSum, UserRow,
};
pub use portcullis_sync::{Choice, Evidence, Mode, Policy, Reason, Side, Sides, StepState};
pub use presets::{NetworksHint, Preset, presets};
pub use preview::BucketNamePreview;
pub use probe::{ProbeOptions, Step};
pub use prove::{
    Act, Answer, Ask, KeyProof, LEFT_BEHIND, NoS3Door, Promise, Proof, ProofDoor, ProofDraft, ProofPlan,
    ProofStep, S3Door, S3Reply, S3Request, Seen as SeenOfProof, SignedS3, answer_of_s3, prove,
};
pub use providers::{EndpointForm, ProviderPreset, provider_preset, provider_presets};
pub use receipt::{Done, NodeReceipt, Receipt};
pub use remotes::{NoRemotes, RemoteState, Remotes};
pub use resumable::{NewResumable, RESUMABLE_FOR, ResumableState, ResumableUpload};
pub use second_factor::{SecondFactors, TotpSetUp};
pub use sessions::{SESSION_LIFETIME, SignInStep, Ticket};
pub use sinks::{AuditSink, SinkSetting, SinkState, SinkStatus};
pub use sites::{RulesDraft, SiteChange, SiteDraft, SiteView};
pub use storages::{
    ConnectionReading, DEFAULT_REGION, Order, RemoteDraft, RemoteView, StorageChange, StorageDraft,
    StorageQuery, StorageView,
};
pub use sync::{
    ActionQuery, ActionView, Amount, CheckCode, CheckView, ChoiceDraft, ChoiceView, GuardView, JobChange,
    JobDraft, JobQuery, JobSettings, JobState, JobView, KeptQuery, KeptSpace, KeptView, OpWord, PlanCost,
    PlanDraft, PlanKind, PlanQuery, PlanState, PlanTotals, PlanView, RunDraft, RunQuery, RunState, RunView,
    RunWish, ScheduleDraft, ScheduleView, SeenView, SideDraft, SideView, StepView,
};
pub use trail::{TrailCopy, TrailPart};
pub use transfers::TransferView;
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
    abandoned: Arc<abandoned::Abandoned>,
    rates: Arc<transfers::Rates>,
    sinks: sinks::Sinks,
    leaks: Arc<leak::Reports>,
    s3_door: Arc<dyn S3Door>,
    sync: Arc<sync::SyncState>,
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
            sinks: sinks::Sinks::default(),
            abandoned: Arc::default(),
            rates: Arc::default(),
            leaks: Arc::default(),
            s3_door: Arc::new(NoS3Door),
            sync: Arc::default(),
        }
    }

    /// The same with drivers for outside buckets; without them there is only the embedded store.
    #[must_use]
    pub fn with_remotes(self, remotes: Arc<dyn Remotes>) -> Self {
        Self { remotes, ..self }
    }

    /// The same with the S3 door, through which keys can be proved.
    #[must_use]
    pub fn with_s3_door(self, s3_door: Arc<dyn S3Door>) -> Self {
        Self { s3_door, ..self }
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
