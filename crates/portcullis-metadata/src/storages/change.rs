//! Making and changing storages.

use portcullis_domain::{Storage, StorageId, StorageState, Timestamp};

use super::{NewStorage, StorageRow, columns};
use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::fold;
use crate::row::{networks_to_text, trial_to_text};

pub(super) fn folded(storage: &Storage) -> String {
    fold(&format!("{}\n{}\n{}", storage.name, storage.label, storage.bucket))
}

pub(super) fn quota(bytes: Option<u64>) -> Option<i64> {
    bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

impl Metadata {
    /// Makes a storage, active, with the next item number (the first is 1) and the bucket name that follows from it.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if the owner is no user of the site or of one above it; what any verb may give.
    pub async fn create_storage(&self, new: NewStorage) -> Result<Storage> {
        let work = async {
            let mut write = self.write().await?;
            let owner = write.owner_number(new.owner, new.site).await?;
            let mut made = write.insert_storages(owner, vec![new]).await?;
            self.commit(write).await?;
            made.pop().ok_or_else(|| Fault::from(MetadataErrorKind::NotFound))
        };
        work.await.during("create a storage")
    }

    /// Replaces the sealed credentials of a storage's provider.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no active storage with this id; what any verb may give.
    pub async fn set_provider_credentials(&self, id: StorageId, sealed: &[u8]) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE storages SET provider_sealed = $2 WHERE id = $1 AND state = 'active'";
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(id.to_string())
                    .bind(sealed.to_vec())
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Err(MetadataErrorKind::NotFound.into());
            }
            write.note(ChangeKind::Storage, &id);
            self.commit(write).await
        };
        work.await.during("replace the credentials of a provider")
    }

    /// Keeps what may change of a storage, if it still is as the caller read it: name, permission, networks, S3 access, quota,
    /// state, pause and the networks that are tried out. The rest of the record is not looked at. Any state but active erases the
    /// provider's credentials.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the storage is no longer as `before`;
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn update_storage_if_same(&self, before: &Storage, after: &Storage) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = concat!("SELECT ", columns!(), " FROM storages WHERE id = $1");
            let row = within!(write.tx, c => {
                sqlx::query_as::<_, StorageRow>(sql).bind(before.id.to_string()).fetch_optional(c).await
            })?;
            if row.ok_or(MetadataErrorKind::NotFound)?.read()? != *before {
                return Err(MetadataErrorKind::Stale.into());
            }
            write.update_storage(&Storage { id: before.id, ..after.clone() }).await?;
            self.commit(write).await
        };
        work.await.during("change a storage")
    }
}

impl Write {
    async fn update_storage(&mut self, storage: &Storage) -> Result<(), Fault> {
        let sql = "UPDATE storages SET name = $2, folded = $3 || $4 || label || $4 || bucket, permission = $5, \
                   networks = $6, s3_access = $7, quota_bytes = $8, state = $9, paused_until_us = $10, \
                   trial_networks = $11, trial_us = $12, \
                   provider_sealed = CASE WHEN $9 = 'active' THEN provider_sealed END \
                   WHERE id = $1";
        let networks = networks_to_text(&storage.networks)?;
        let trial = trial_to_text(storage.trial.as_ref())?;
        let rows = within!(self.tx, c => {
            sqlx::query(sql)
                .bind(storage.id.to_string())
                .bind(storage.name.as_str())
                .bind(fold(storage.name.as_str()))
                .bind("\n")
                .bind(storage.permission.as_str())
                .bind(networks)
                .bind(i64::from(storage.s3_access))
                .bind(quota(storage.quota_bytes))
                .bind(storage.state.as_str())
                .bind(storage.paused_until.map(Timestamp::micros))
                .bind(trial)
                .bind(storage.trial.as_ref().map(|trial| trial.since.micros()))
                .execute(c)
                .await
                .map(|done| done.rows_affected())
        })?;
        if rows == 0 {
            return Err(MetadataErrorKind::NotFound.into());
        }
        if storage.state != StorageState::Active {
            let sql = "DELETE FROM storage_facts WHERE storage_id = $1";
            let id = storage.id.to_string();
            within!(self.tx, c => sqlx::query(sql).bind(id).execute(c).await.map(drop))?;
        }
        self.note(ChangeKind::Storage, &storage.id);
        Ok(())
    }
}
