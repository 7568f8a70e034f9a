//! Switching a storage off for a while: whoever was forgotten reports in time, and it comes back by itself.

use std::time::Duration;

use portcullis_access::{Change, SiteAdmin};
use portcullis_domain::{Storage, StorageId, Timestamp};

use crate::audit::Deed;
use crate::{ATTEMPTS, Control, ControlError, Done, Result, StorageView};

/// The shortest pause.
pub const SHORTEST_PAUSE_MINUTES: u32 = 1;
/// The longest pause: a day.
pub const LONGEST_PAUSE_MINUTES: u32 = 24 * 60;

impl Control {
    /// Switches a storage off for so many minutes from now, for everybody but the people who run the site. When this returns,
    /// transfers under way have ended; when the time is over it works as before, without anybody doing anything. A pause that runs
    /// already is replaced.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a time outside of [`SHORTEST_PAUSE_MINUTES`] to [`LONGEST_PAUSE_MINUTES`];
    /// [`ControlError::NotFound`]; [`ControlError::Metadata`]; [`ControlError::Access`] if it is off but that could not be put in
    /// force here.
    pub async fn pause_storage(
        &self,
        admin: &SiteAdmin,
        id: StorageId,
        minutes: u32,
    ) -> Result<Done<StorageView>> {
        if !(SHORTEST_PAUSE_MINUTES..=LONGEST_PAUSE_MINUTES).contains(&minutes) {
            return Err(ControlError::invalid("minutes", "1 to 1440: a day at most"));
        }
        let until = |now: Timestamp| now.after(Duration::from_secs(u64::from(minutes) * 60));
        self.set_pause(admin, id, "pause_storage", until).await
    }

    /// Ends a pause before its time. A storage that is not paused stays as it is.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Metadata`]; [`ControlError::Access`].
    pub async fn resume_storage(&self, admin: &SiteAdmin, id: StorageId) -> Result<Done<StorageView>> {
        let storage = self.find_storage(admin, id).await?;
        if storage.paused_until.is_none_or(|end| end <= self.access.now()) {
            let value = self.view_storage(admin, storage).await?;
            return Ok(Done { value, receipt: crate::Receipt::default() });
        }
        // The end stays in the record: whoever asks afterwards sees who knocked meanwhile.
        self.set_pause(admin, id, "resume_storage", |now| now).await
    }

    async fn set_pause(
        &self,
        admin: &SiteAdmin,
        id: StorageId,
        action: &'static str,
        until: impl Fn(Timestamp) -> Timestamp + Send + Sync,
    ) -> Result<Done<StorageView>> {
        let alone = self.changing.lock().await;
        for _ in 0..ATTEMPTS {
            let before = self.find_storage(admin, id).await?;
            let storage = Storage { paused_until: Some(until(self.access.now())), ..before.clone() };
            let object = storage.paused_until.map(|end| end.to_string());
            let deed = Deed { action, storage: Some(id), object: object.as_deref(), ..Deed::default() };
            let cutting = self.cutting();
            let commit = self.metadata.update_storage_if_same(&before, &storage);
            match self.carry_out(admin, deed, commit).await {
                // Another node came first: what it made of the storage has to be looked at again.
                Err(ControlError::Stale) => {}
                Err(other) => return Err(other),
                Ok(()) => {
                    let receipt = self.in_force(cutting, admin, deed, &[Change::Storage(id)]).await?;
                    drop(alone);
                    let value = self.view_storage(admin, storage).await?;
                    return Ok(Done { value, receipt });
                }
            }
        }
        Err(ControlError::Stale)
    }
}
