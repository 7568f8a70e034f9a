//! What the API speaks: one type for each document, in and out, apart from the types it is made of.
//! `architecture.md` calls these a contract: fields are added, never renamed.

mod advice;
mod attempts;
mod audit;
mod credentials;
mod ending;
mod file;
mod grant;
mod group;
mod import;
mod key;
mod link;
mod mail;
mod me;
mod network;
mod overlap;
mod page;
mod passkey;
mod prove;
mod receipt;
mod refusal;
mod second_factor;
mod session;
mod sink;
mod site;
mod storage;
mod sync;
mod temporary;
mod transfer;
mod trial;
mod usage;
mod user;

pub(crate) use advice::{KeyAdviceOut, TakenAdviceOut};
pub(crate) use attempts::AttemptsOut;
pub(crate) use audit::{AuditEventOut, AuditKeyOut};
pub(crate) use credentials::named as named_credentials;
pub(crate) use ending::{DeletionIn, EndedStorageOut, ImpactOut, PauseIn, PauseOut};
pub(crate) use file::{FileOut, FilesOut, StoredOut};
pub(crate) use grant::{ChangedGrantOut, CutOut, GrantIn, GrantOut, GrantPatch, OwnStorageOut};
pub(crate) use group::{GroupIn, GroupOut, GroupPatch};
pub(crate) use import::{ImportIn, ImportOut};
pub(crate) use key::{CreatedKeyOut, KeyIn, KeyOut, KeyPatch, S3KeyOut};
pub(crate) use link::{CreatedLinkOut, LinkIn, LinkOut, LinkPatch};
pub(crate) use mail::MailOut;
pub(crate) use me::{MeOut, NewPasswordIn, SiteNameOut};
pub(crate) use overlap::{OverlapPatch, OverlapStatusOut, RotationIn};
pub(crate) use page::{Items, page_of, request_of};
pub(crate) use passkey::{AddedPasskeyOut, NewPasskeyIn, PasskeyAnswerIn, PasskeyOptionsOut, PasskeyOut};
pub(crate) use prove::{ProofIn, ProofOut};
pub(crate) use receipt::{DeletedOut, ReceiptDto};
pub(crate) use refusal::{FixIn, RefusalOut};
pub(crate) use second_factor::{FirstCodeIn, RecoveryCodesOut, SecondFactorsOut, TotpSetUpOut};
pub(crate) use session::{ConfirmationIn, SessionOut, SignInIn, SignedInOut};
pub(crate) use sink::SinksOut;
pub(crate) use site::{ActingIn, SiteIn, SiteOut, SitePatch};
pub(crate) use storage::{ConnectionIn, StepOut, StorageIn, StorageOut, StoragePatch, TestIn, TestOut};
pub(crate) use sync::{
    ActionOut, ChoicesIn, JobIn, JobOut, JobPatch, KeptListOut, KeptOut, KeptSpaceOut, PlanIn, PlanOut,
    RestoreIn, RunIn, RunOut, SyncStepOut, step_state,
};
pub(crate) use temporary::{TemporaryIn, TemporaryOut};
pub(crate) use transfer::TransferOut;
pub(crate) use trial::{EnforceIn, NetworksIn, PreviewOut, TrialOut};
pub(crate) use usage::UsageOut;
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
