//! The vocabulary of Portcullis and its whole policy. Pure: no I/O, no async, no clock.
//!
//! Everything that can be decided without touching a disk or a socket is decided here, so that the rules
//! can be read in one place and tested in milliseconds:
//!
//! * [`decide`] answers every question of the form "may this subject do this, here, now, from there?".
//! * [`ObjectKey`] and the names are parsed once, at the door; what parsed is what is used.
//! * A [`Secret`] can be compared and shown once, never printed, stored or serialised by accident.
//!
//! This crate must never learn about SQL, HTTP or a driver.

mod credential;
mod id;
mod key;
mod line;
mod login;
mod mail;
mod name;
mod network;
mod object_key;
mod permission;
mod policy;
mod run;
mod secret;
mod sharing;
mod site;
mod ssh_key;
mod storage;
mod time;
pub mod trail;

pub use credential::{CredentialId, InvalidCredentialId};
pub use id::{
    AdviceId, ConnectionId, GrantId, GroupId, InvalidId, KeptId, KeyId, LinkId, PasskeyId, SessionId, SiteId,
    StorageId, SyncJobId, SyncPairId, SyncPlanId, SyncRunId, UserId,
};
pub use key::{InvalidKeyShape, Key, KeyState, Narrowing, OnLeak, Overwrite, Scope, Trial};
pub use line::{Lease, Line};
pub use login::{InvalidLoginName, LoginName};
pub use mail::{MailFolder, MailRules};
pub use name::{BucketName, DisplayName, InvalidName, Label, Username};
pub use network::{InvalidNetwork, Network, NetworkEntry, Networks, canonical_address};
pub use object_key::{InvalidObjectKey, KeyPrefix, ObjectKey};
pub use permission::{Action, Channel, Permission, UnknownWord};
pub use policy::{DenyReason, Person, Request, SignIn, Subject, Target, decide, trial};
pub use run::{RunPass, RunSide};
pub use secret::{InvalidSecret, Secret};
pub use sharing::{Grantee, Group, InvalidLinkShape, Link, LinkState, LinkTarget, Reach, StorageGrant};
pub use site::{DataEvents, Role, SecondFactorRule, Site, SiteRules, User, UserState};
pub use ssh_key::{InvalidSshKey, SshPublicKey};
pub use storage::{Connection, Health, Provider, RESERVED_PREFIX, Storage, StorageState, Usage};
pub use time::{Clock, InvalidTimestamp, ManualClock, SystemClock, Timestamp};
pub use trail::AuditEvent;
