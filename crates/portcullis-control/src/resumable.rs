//! Uploads over HTTP that can be gone on with: what is kept of them besides the parts in the storage, and for how long.
//!
//! Nothing here reaches bytes in a storage, and nothing here says who may: whoever goes on asks for a grant each time, and an upload is its
//! key's alone.

use std::time::Duration;

use portcullis_access::{AccessError, Principal};
use portcullis_domain::{KeyId, ObjectKey, StorageId};
pub use portcullis_metadata::{ResumableState, ResumableUpload};

use crate::{Control, Result};

/// For how long an upload can be gone on with after it was begun.
pub const RESUMABLE_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// For how long it is said of an upload that it is done.
const DONE_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// For how much longer an upload is known whose time is over, so that its key gives up its parts.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The most uploads of a key that are under way.
const MOST: u32 = 1_000;
/// The most bytes of tails that are kept for one key.
const MOST_TAILS: u64 = 256 * 1024 * 1024;
/// How many expired uploads are looked at when a new one begins.
const EXPIRED_AT_A_TIME: u32 = 8;

/// An upload that is to begin.
#[derive(Clone, Debug)]
pub struct NewResumable {
    /// Whose it is.
    pub key: KeyId,
    /// Where it goes.
    pub storage: StorageId,
    /// What it becomes.
    pub object: ObjectKey,
    /// The multipart upload for its parts; empty if it has one part.
    pub upload: String,
    /// Its bytes.
    pub length: u64,
    /// The bytes of each part.
    pub part_size: u64,
    /// What the client tells of it.
    pub told: String,
}

impl Control {
    /// Notes an upload that begins; none if its key has too many under way.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata); [`AccessError::Unavailable`] if the system gives no random numbers.
    pub async fn begin_resumable(&self, new: NewResumable) -> Result<Option<ResumableUpload>> {
        let mut entropy = [0u8; 16];
        getrandom::fill(&mut entropy).map_err(|_| AccessError::Unavailable)?;
        let NewResumable { key, storage, object, upload, length, part_size, told } = new;
        let begun = ResumableUpload {
            id: hex::encode(entropy),
            key,
            storage,
            object,
            upload,
            length,
            part_size,
            told,
            tail_at: 0,
            tail_length: 0,
            held_at: None,
            state: ResumableState::Open,
            expires: self.access.now().after(RESUMABLE_FOR),
        };
        let noted = self.metadata.create_resumable(&begun, MOST).await?;
        Ok(noted.then_some(begun))
    }

    /// The upload with this id, if this principal began it and its time is not over.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn resumable(&self, who: &Principal, id: &str) -> Result<Option<ResumableUpload>> {
        let found = self.metadata.resumable(id).await?;
        let now = self.access.now();
        Ok(found.filter(|upload| Some(upload.key) == who.key_id() && upload.expires > now))
    }

    /// Some uploads of this principal's key whose time is over: for it to give up their parts, and then
    /// [to forget them](Control::drop_resumable).
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn expired_resumables(&self, who: &Principal) -> Result<Vec<ResumableUpload>> {
        let Some(key) = who.key_id() else { return Ok(Vec::new()) };
        Ok(self.metadata.expired_resumables(key, self.access.now(), EXPIRED_AT_A_TIME).await?)
    }

    /// The kept bytes after the last whole part.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn resumable_tail(&self, upload: &ResumableUpload) -> Result<Vec<u8>> {
        Ok(self.metadata.resumable_tail(&upload.id).await?)
    }

    /// Keeps bytes after the last whole part, which begin at `at`; durable when it returns true. False if there is no room for
    /// more, or more of them is kept already.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn keep_resumable_tail(&self, upload: &ResumableUpload, at: u64, tail: &[u8]) -> Result<bool> {
        Ok(self.metadata.keep_resumable_tail(&upload.id, at, tail, MOST_TAILS).await?)
    }

    /// Lets only the bytes before `at` count from now on, until it is said of more.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn hold_resumable(&self, upload: &ResumableUpload, at: u64) -> Result<()> {
        Ok(self.metadata.hold_resumable(&upload.id, at).await?)
    }

    /// Notes how far an upload is.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn settle_resumable(&self, upload: &ResumableUpload, state: ResumableState) -> Result<()> {
        let expires = match state {
            ResumableState::Done => self.access.now().after(DONE_FOR),
            ResumableState::Open | ResumableState::Completing => upload.expires,
        };
        Ok(self.metadata.settle_resumable(&upload.id, state, expires).await?)
    }

    /// Forgets an upload.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn drop_resumable(&self, upload: &ResumableUpload) -> Result<()> {
        Ok(self.metadata.drop_resumable(&upload.id).await?)
    }

    /// Forgets the uploads whose time has been over for long.
    pub(crate) async fn tidy_resumables(&self) -> Result<()> {
        self.metadata.purge_resumables(self.access.now().before(KNOWN_FOR)).await?;
        Ok(())
    }
}
