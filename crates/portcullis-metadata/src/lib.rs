//! The one place with SQL: SQLite and PostgreSQL under the same verbs.
//!
//! Sites, users, what is shared with them, sessions, storages, keys, links and the audit trail live in one database: a SQLite file in the data
//! directory, or a PostgreSQL that several nodes share. [`Metadata`] has one verb for each thing that is done with
//! them, and nothing outside this crate sees a row, a statement or a driver.
//!
//! * **One text for both engines.** Every statement is written once, with `$1` parameters and with the types both
//!   have: text, 64-bit integers, bytes. The same test suite runs on both.
//! * **One writer at a time.** A verb that changes what people may do takes the one-row change clock first, so such
//!   changes are committed one after another, on SQLite as on PostgreSQL, and [`Change::seq`] is the order of the
//!   commits: who has read the feed up to a number has missed nothing below it.
//! * **The feed is the truth, the hint is a hint.** [`Metadata::watch`] wakes a follower early; what changed is what
//!   [`Metadata::changes_after`] says.
//! * **No secret in the clear.** Secrets arrive sealed or hashed, errors carry no values, and `Debug` prints no bytes.

mod activity;
mod audit;
mod changes;
mod db;
mod deliveries;
mod error;
mod factors;
mod facts;
mod grants;
mod groups;
mod holdings;
mod idempotency;
mod imports;
mod invitations;
mod keys;
mod links;
mod listen;
mod measurements;
mod migrate;
mod nodes;
mod once;
mod open;
mod page;
mod passkeys;
mod recording;
mod resumable;
mod row;
mod sessions;
mod settings;
mod sinks;
mod sites;
mod storages;
mod sync;
mod trail;
mod users;
mod uses;

pub use activity::{
    ActivityCount, ActivityKind, ActivityOf, ActivityRow, AdviceTaken, Breadth, DeedSeen, FolderOf,
    FolderRow, FolderSeen, Noted, RefusalDay, RefusalFilter, RefusalOf, RefusalRow, Rollup, UsageBy,
    UsageFilter, UsagePoint, UsageStep, UsageSum, UsageTop, UseSeen,
};
pub use audit::AuditFilter;
pub use changes::{Change, ChangeKind};
pub use db::Metadata;
pub use deliveries::{
    Deliveries, DeliveryClaim, DeliveryFile, Fenced as DeliveryFenced, NewDelivery, Reserved,
};
pub use error::{MetadataError, MetadataErrorKind, Result};
pub use facts::{StorageFacts, StoragePlace};
pub use grants::{GrantFilter, GrantRow, ShareCount};
pub use groups::GroupRow;
pub use holdings::SiteHoldings;
pub use idempotency::Claim;
pub use imports::{ImportedAccount, ImportedKey, NewAccount};
pub use invitations::Invitation;
pub use keys::{KeyFilter, Mover, NewSecret, Overlap, RetiredSecret, StoredSecret};
pub use links::LinkFilter;
pub use measurements::{Measurement, StorageUse};
pub use nodes::{CutElsewhere, NodeCut, NodeSeen, ShownTransfers};
pub use page::{Page, PageRequest};
pub use passkeys::{NewPasskey, Passkey};
pub use resumable::{ResumableState, ResumableUpload};
pub use sessions::SessionRecord;
pub use settings::{SealedOwner, TRAIL_SETTING};
pub use sinks::{SinkBacklog, SinkBatch, SinkRow};
pub use storages::{
    DetachedStorage, EndedStorage, KeyReview, KeysToReview, ListOrder, ListQuery, NewStorage, OpenStorages,
    OpenedByAdmins, OpenerGroup, Openness, ReviewExample, ReviewReason, StorageFilter, StoredTotals,
};
pub use sync::{
    Fenced, JobState, KeptFilter, KeptRow, KeptSpace, NewKept, NewSyncPair, NewSyncPlan, NewSyncRun, PagesOf,
    PlanFinish, PlanState, RunStart, RunState, RunWish, SyncJobRow, SyncPageRow, SyncPairRow, SyncPlanEnd,
    SyncPlanFilter, SyncPlanRow, SyncRunEnd, SyncRunFilter, SyncRunRow, SyncStepRow, UnknownWord,
};
pub use users::{Login, NewUser, UserQuery, UserRow};
pub use uses::KeyUse;

pub use portcullis_domain::AuditEvent;
