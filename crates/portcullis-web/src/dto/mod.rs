//! What the API speaks: one type for each document, in and out, apart from the types it is made of.
//! `architecture.md` calls these a contract: fields are added, never renamed.

mod audit;
mod file;
mod grant;
mod group;
mod key;
mod link;
mod me;
mod network;
mod page;
mod passkey;
mod second_factor;
mod session;
mod site;
mod storage;
mod temporary;
mod user;

pub(crate) use audit::{AuditEventOut, AuditKeyOut};
pub(crate) use file::{FileOut, FilesOut, StoredOut};
pub(crate) use grant::{ChangedGrantOut, CutOut, GrantIn, GrantOut, GrantPatch, OwnStorageOut};
pub(crate) use group::{GroupIn, GroupOut, GroupPatch};
pub(crate) use key::{CreatedKeyOut, KeyIn, KeyOut, KeyPatch, RotationIn, S3KeyOut};
pub(crate) use link::{CreatedLinkOut, LinkIn, LinkOut, LinkPatch};
pub(crate) use me::{MeOut, NewPasswordIn, SiteNameOut};
pub(crate) use page::{Items, page_of, request_of};
pub(crate) use passkey::{AddedPasskeyOut, NewPasskeyIn, PasskeyAnswerIn, PasskeyOptionsOut, PasskeyOut};
pub(crate) use second_factor::{FirstCodeIn, RecoveryCodesOut, SecondFactorsOut, TotpSetUpOut};
pub(crate) use session::{ConfirmationIn, SessionOut, SignInIn, SignedInOut};
pub(crate) use site::{ActingIn, SiteIn, SiteOut, SitePatch};
pub(crate) use storage::{ConnectionIn, StepOut, StorageIn, StorageOut, StoragePatch, TestIn, TestOut};
pub(crate) use temporary::{TemporaryIn, TemporaryOut};
pub(crate) use user::{
    AcceptIn, AcceptedOut, ChangedUserOut, CreatedUserOut, EndedOut, InvitationOut, MemberOut, ResetIn,
    ResetOut, UserIn, UserOut, UserPatch,
};

use serde::{Deserialize, Deserializer};

/// Tells a field that is null from one that is left out: for `#[serde(default, deserialize_with = "present")]`.
fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
