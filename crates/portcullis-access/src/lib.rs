//! The trusted core: authenticate, decide, grant. The only road to bytes.
//!
//! # Why this is the only road
//!
//! Bytes are reached through a `Backend`, and backends are opened in one place, the registry of this crate, which hands
//! them to [`StorageAccess`] and nobody else. A [`StorageAccess`] comes from [`Access::storage`], which asks the policy, and
//! gives out [`Grant`]s, for which the policy is asked again: one action on one key. The grant *is* the means: it has the
//! methods of its action, uses the key that was checked, asks once more in the moment it is used, and is consumed. Crates
//! that speak a protocol do not depend on the drivers at all. So a handler that forgets a check has nothing to call.
//!
//! Neither does a right outlive its revocation. A [`Principal`] says who somebody is; what they may do is read from the
//! directory in memory at each step. A body under way is on the watch list before it is decided, and [`Access::applied`]
//! changes the directory before it goes through that list: whichever comes first, a transfer under a right that is gone
//! is refused or cut off. A node that has not heard of changes for a few seconds decides nothing.
//!
//! Secrets go in and do not come out: sealed under a master key that is not in the database, or hashed.
//!
//! # What does not compile
//!
//! A grant to read cannot write:
//! ```compile_fail,E0599
//! # use portcullis_access::{Body, Get, Grant, Put, PutOptions};
//! async fn misuse(grant: Grant<Get>, body: Body) { drop(grant.put(body, PutOptions::default()).await); }
//! ```
//! The same function with the right grant compiles:
//! ```
//! # use portcullis_access::{Body, Get, Grant, Put, PutOptions};
//! async fn right(grant: Grant<Put>, body: Body) { drop(grant.put(body, PutOptions::default()).await); }
//! ```
//! A grant cannot be made by hand:
//! ```compile_fail,E0451
//! # use portcullis_access::{Get, Grant, StorageAccess};
//! # use portcullis_domain::ObjectKey;
//! fn forge(key: ObjectKey) -> Grant<Get> { Grant { seat: unreachable!(), target: key } }
//! ```
//! It can be asked for:
//! ```
//! # use portcullis_access::{AccessError, Get, Grant, StorageAccess};
//! # use portcullis_domain::ObjectKey;
//! fn ask(at: &StorageAccess, key: ObjectKey) -> Result<Grant<Get>, AccessError> { at.grant(key) }
//! ```
//! A grant is used once:
//! ```compile_fail,E0382
//! # use portcullis_access::{Delete, DeleteOptions, Grant};
//! async fn twice(grant: Grant<Delete>) {
//!     drop(grant.delete(DeleteOptions::default()).await);
//!     drop(grant.delete(DeleteOptions::default()).await);
//! }
//! ```
//! Twice takes two:
//! ```
//! # use portcullis_access::{Delete, DeleteOptions, Grant};
//! async fn once_each(first: Grant<Delete>, second: Grant<Delete>) {
//!     drop(first.delete(DeleteOptions::default()).await);
//!     drop(second.delete(DeleteOptions::default()).await);
//! }
//! ```
//! Nor is it copied:
//! ```compile_fail,E0277
//! # use portcullis_access::{Delete, Grant};
//! fn copied<T: Clone>() {}
//! copied::<Grant<Delete>>();
//! ```
//! What may be copied is the principal, who is only a name:
//! ```
//! # use portcullis_access::Principal;
//! fn copied<T: Clone>() {}
//! copied::<Principal>();
//! ```
//! A right to get a key is not a right to another:
//! ```compile_fail,E0616
//! # use portcullis_access::{Get, Grant};
//! # use portcullis_domain::ObjectKey;
//! fn redirect(mut grant: Grant<Get>, other: ObjectKey) -> Grant<Get> { grant.target = other; grant }
//! ```
//! What it is for can be read:
//! ```
//! # use portcullis_access::{Get, Grant};
//! # use portcullis_domain::ObjectKey;
//! fn look(grant: &Grant<Get>) -> &ObjectKey { grant.target() }
//! ```
//! That somebody stored something is not said by hand either:
//! ```compile_fail,E0451
//! # use portcullis_access::{Etag, Grant, Put, VersionId, Written};
//! # use portcullis_domain::ObjectKey;
//! fn claim(target: ObjectKey, version: VersionId, etag: Etag) -> Written {
//!     Written { seat: unreachable!(), target, version, etag }
//! }
//! ```
//! It comes of having stored it:
//! ```
//! # use portcullis_access::{AccessError, Body, Grant, Put, PutOptions, Written};
//! async fn store(grant: Grant<Put>, body: Body) -> Result<Written, AccessError> {
//!     Ok(grant.put_written(body, PutOptions::default()).await?.1)
//! }
//! ```
//! It is no right to read what was stored:
//! ```compile_fail,E0599
//! # use portcullis_access::{GetOptions, Written};
//! async fn read(written: Written) { drop(written.get(GetOptions::default()).await); }
//! ```
//! Nor does it lead anywhere without a right to write there:
//! ```compile_fail,E0308
//! # use portcullis_access::{Delete, Grant, Written};
//! async fn away(written: Written, to: Grant<Delete>) { drop(written.move_to(to).await); }
//! ```
//! With one it does:
//! ```
//! # use portcullis_access::{Grant, Put, Written};
//! async fn rename(written: Written, to: Grant<Put>) { drop(written.move_to(to).await); }
//! ```
//! There are no other actions than those of this crate:
//! ```compile_fail,E0277
//! # use portcullis_access::Permitted;
//! # use portcullis_domain::{Action, ObjectKey};
//! #[derive(Debug)]
//! enum Own {}
//! impl Permitted for Own {
//!     const ACTION: Action = Action::Get;
//!     type Target = ObjectKey;
//! }
//! ```
//! Those can be named:
//! ```
//! # use portcullis_access::{Grant, Permitted};
//! fn any<A: Permitted>(grant: &Grant<A>) -> &A::Target { grant.target() }
//! ```
//! Proof of administration is not made by hand:
//! ```compile_fail,E0451
//! # use portcullis_access::{Principal, SiteAdmin};
//! fn promote(who: Principal) -> SiteAdmin { SiteAdmin { who, actor: String::new() } }
//! ```
//! It is asked for:
//! ```
//! # use portcullis_access::{Access, AccessError, Principal, SiteAdmin};
//! fn promote(access: &Access, who: &Principal) -> Result<SiteAdmin, AccessError> { access.admin(who) }
//! ```
//! Nor is the capability of the process itself:
//! ```compile_fail,E0451
//! # use portcullis_access::System;
//! fn system() -> System { System { _private: () } }
//! ```
//! Whoever opened the core has it:
//! ```
//! # use portcullis_access::{Access, AccessError, System};
//! # use portcullis_domain::Secret;
//! async fn first_start(access: &Access, system: &System, password: &Secret) -> Result<bool, AccessError> {
//!     access.bootstrap(system, password).await
//! }
//! ```
//! And nothing prints the master key or a new secret:
//! ```compile_fail,E0277
//! # use portcullis_access::Minted;
//! fn print(minted: &Minted) -> String { format!("{:?}", minted.secret) }
//! ```
//! But what identifies it:
//! ```
//! # use portcullis_access::Minted;
//! fn print(minted: &Minted) -> String { format!("{:?}", minted.credential) }
//! ```

mod abandoned;
mod access;
mod account;
mod admin;
mod audit;
mod authenticate;
mod authorize;
mod batch;
mod bearer;
mod checkpoint;
mod cut;
mod digest;
mod directory;
mod error;
mod feed;
mod grant;
mod home;
mod leak;
mod link;
mod lock;
mod password;
mod principal;
mod proofs;
mod prove;
mod registry;
mod run;
mod session;
mod sign_in;
mod temporary;
mod upload;
mod usage;
mod vault;
mod watch;
mod written;

pub use access::{Access, AccessConfig, System};
pub use account::{Oneself, Proof};
pub use admin::{Minted, SiteAdmin, TransferInfo};
pub use audit::AuditEntry;
pub use authenticate::SignedPrincipal;
pub use authorize::{Delete, Get, List, Permitted, Put, StorageAccess};
pub use batch::Batch;
pub use cut::CutReport;
pub use digest::UsernameDigest;
pub use error::{AccessError, Denial, OpenError};
pub use feed::Change;
pub use grant::{Grant, PartCopy, UploadsAfter, VersionsAfter};
pub use home::Home;
pub use leak::{FoundSecret, SecretOwner, SecretSearch};
pub use link::LinkVisit;
pub use portcullis_signin::throttle::ThrottleConfig;
pub use principal::{Origin, Principal};
pub use prove::ProofSignature;
pub use session::SignedIn;
pub use sign_in::Proved;
pub use temporary::Temporary;
pub use usage::Touched;
pub use vault::rotate_master_key;
pub use watch::TransferId;
pub use written::Written;

// What goes through a grant. Protocols take these from here: they do not depend on the drivers.
pub use portcullis_backend::{
    BackendError, BackendErrorKind, Body, BodyFault, BodyStream, ByteRange, Capabilities, Checksum,
    ChecksumKind, CompleteOptions, CompletedPart, ContentHeaders, CopyOptions, DeleteOptions, DeleteOutcome,
    Digest, DigestAlgorithm, DigestPlan, Digester, Etag, EtagCondition, GetOptions, GetOutcome, IfRange,
    LateDigests, ListPage, ListPosition, ListRequest, ListedObject, ListedUpload, ListedVersion,
    MetadataDirective, Object, ObjectMeta, Part, PartOptions, PartsPage, ProviderCredentials, PutOptions,
    PutOutcome, RangeRequest, ReadConditions, RemoteCapabilities, Tags, UploadId, UploadMeta, UploadOptions,
    UploadsPage, VersionId, VersionsPage, WriteConditions,
};
pub use portcullis_metadata::{
    Deliveries, DeliveryClaim, DeliveryFenced, DeliveryFile, NewDelivery, Reserved,
};
pub use portcullis_metadata::{MetadataError, SessionRecord, StoredSecret};
pub use portcullis_signin::{VerifiedIdentity, VerifiedPasskey};
pub use portcullis_sigv4::{ChunkVerifier, Presented, PresentedPolicy, RawRequest};
pub use portcullis_vault::{InvalidMasterKey, MasterKey, is_signed_by};
