//! What the API speaks: one type for each document, in and out, apart from the types it is made of.
//! `architecture.md` calls these a contract: fields are added, never renamed.

mod audit;
mod file;
mod key;
mod me;
mod network;
mod page;
mod session;
mod storage;

pub(crate) use audit::AuditEventOut;
pub(crate) use file::{FileOut, FilesOut, StoredOut};
pub(crate) use key::{CreatedKeyOut, KeyIn, KeyOut, KeyPatch, RotationIn};
pub(crate) use me::{MeOut, NewPasswordIn};
pub(crate) use page::{Items, page_of, request_of};
pub(crate) use session::{SessionOut, SignInIn, SignedInOut};
pub(crate) use storage::{ConnectionIn, StepOut, StorageIn, StorageOut, StoragePatch, TestIn, TestOut};

use serde::{Deserialize, Deserializer};

/// Tells a field that is null from one that is left out: for `#[serde(default, deserialize_with = "present")]`.
fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
