//! Ending storages for good, setting them aside, and taking back what was set aside.

use portcullis_domain::{
    KeyId, LinkId, Provider, SiteId, Storage, StorageId, StorageState, Timestamp, UserId,
};
use sqlx::QueryBuilder;

use super::{StorageRow, columns};
use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::keys::end_key;
use crate::page::{Page, PageRequest, pattern};
use crate::row::{Both, number, read, row};

/// What ended together with a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedStorage {
    /// The storage as it is now: deleted, or detached if it was of the embedded store.
    pub storage: Storage,
    /// Its own keys, which are deleted now.
    pub keys: Vec<KeyId>,
    /// Links that led into it, which are ended now.
    pub links: Vec<LinkId>,
    /// How many grants were removed.
    pub grants: u64,
    /// Whom those grants reached, directly or through a group.
    pub people: Vec<UserId>,
}

/// A storage of the embedded store that was set aside with its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachedStorage {
    /// The record.
    pub storage: Storage,
    /// Since when; none if an older version did it.
    pub since: Option<Timestamp>,
    /// Bytes that it held then, previous versions included; none if that is not known.
    pub bytes: Option<u64>,
    /// Files that it held then.
    pub files: Option<u64>,
}

row! {
    EndRow { ended_us: Option<i64>, ended_bytes: Option<i64>, ended_files: Option<i64> }
}

fn read_detached(Both(row, end): Both<StorageRow, EndRow>) -> Result<DetachedStorage, Fault> {
    let count = |column, value: Option<i64>| value.map(|value| number(column, value)).transpose();
    Ok(DetachedStorage {
        storage: row.read()?,
        since: end.ended_us.map(Timestamp::from_micros),
        bytes: count("ended_bytes", end.ended_bytes)?,
        files: count("ended_files", end.ended_files)?,
    })
}

impl Metadata {
    /// Ends a storage in one step, if it still is as the caller read it. One of the embedded store is detached and keeps its files;
    /// any other is deleted for good. Its own keys are deleted (their secrets are among the retired ones for a while), links into
    /// it end, jobs between it and others are switched off and their runs cancelled, what was shared of it is not any more, and what was measured of it and the provider's credentials are erased. The
    /// record stays, so that its bucket name is never given again. `held` is what it holds, bytes and files.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the storage is no longer as `before`;
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no active storage of this id; what any verb may give.
    pub async fn end_storage(
        &self,
        before: &Storage,
        held: Option<(u64, u64)>,
        now: Timestamp,
    ) -> Result<EndedStorage> {
        let work = async {
            let mut write = self.write().await?;
            let id = before.id;
            let found =
                write.storage_in(id, StorageState::Active).await?.ok_or(MetadataErrorKind::NotFound)?;
            if found != *before {
                return Err(MetadataErrorKind::Stale.into());
            }
            let state = match before.connection.provider {
                Provider::Builtin => StorageState::Detached,
                Provider::Aws | Provider::CloudflareR2 | Provider::S3 => StorageState::Deleted,
            };
            let (grants, people) = write.end_grants_of(id).await?;
            let why = match state {
                StorageState::Detached => format!("The storage {} was detached.", found.name),
                StorageState::Active | StorageState::Deleted => {
                    format!("The storage {} was deleted.", found.name)
                }
            };
            write.end_sync_of_storage(id, &why, state == StorageState::Deleted).await?;
            let ended = EndedStorage {
                storage: Storage { state, paused_until: None, trial: None, ..found },
                keys: write.end_keys_of(id, now).await?,
                links: write.end_links_of(id).await?,
                grants,
                people,
            };
            write.end_record(&ended.storage, held, now).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(ended)
        };
        work.await.during("end a storage")
    }

    /// Takes a detached storage back into use as it was, with the same bucket name, and without keys, links or grants.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no detached storage of this id; what any verb may give.
    pub async fn attach_storage(&self, id: StorageId, now: Timestamp) -> Result<Storage> {
        let work = async {
            let mut write = self.write().await?;
            let found = write.storage_in(id, StorageState::Detached).await?;
            let found = found.ok_or(MetadataErrorKind::NotFound)?;
            // Made by somebody in the moment in which it was detached.
            write.end_keys_of(id, now).await?;
            write.end_links_of(id).await?;
            write.end_grants_of(id).await?;
            let sql = "UPDATE storages SET state = 'active', ended_us = NULL, ended_bytes = NULL, ended_files = NULL \
                       WHERE id = $1";
            within!(write.tx, c => sqlx::query(sql).bind(id.to_string()).execute(c).await.map(drop))?;
            let sql = "INSERT INTO storage_facts (storage_id, site_id) VALUES ($1, $2) ON CONFLICT (storage_id) DO NOTHING";
            let (key, site) = (id.to_string(), found.site.to_string());
            within!(write.tx, c => sqlx::query(sql).bind(key).bind(site).execute(c).await.map(drop))?;
            write.note(ChangeKind::Storage, &id);
            self.commit(write).await?;
            Ok::<_, Fault>(Storage { state: StorageState::Active, ..found })
        };
        work.await.during("attach a storage")
    }

    /// A page of the detached storages of a site, oldest first, with what they hold.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn detached_storages(
        &self,
        site: SiteId,
        search: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<DetachedStorage>> {
        let work = async {
            let after = page.after_id()?;
            let rows = reading!(self, pool => {
                let mut query = QueryBuilder::new(concat!(
                    "SELECT ",
                    columns!(),
                    ", ended_us, ended_bytes, ended_files FROM storages WHERE state = 'detached' AND site_id = "
                ));
                query.push_bind(site.to_string()).push(" AND id > ").push_bind(after);
                if let Some(pattern) = pattern(search) {
                    query.push(" AND folded LIKE ").push_bind(pattern).push(" ESCAPE '!'");
                }
                query.push(" ORDER BY id LIMIT ").push_bind(page.rows());
                query.build_query_as::<Both<StorageRow, EndRow>>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |Both(row, _)| row.id.clone(), read_detached)
        };
        work.await.during("list detached storages")
    }
}

impl Write {
    async fn storage_in(&mut self, id: StorageId, state: StorageState) -> Result<Option<Storage>, Fault> {
        let sql = concat!("SELECT ", columns!(), " FROM storages WHERE id = $1 AND state = $2");
        let row = within!(self.tx, c => {
            sqlx::query_as::<_, StorageRow>(sql).bind(id.to_string()).bind(state.as_str()).fetch_optional(c).await
        })?;
        row.map(StorageRow::read).transpose()
    }

    async fn end_keys_of(&mut self, id: StorageId, now: Timestamp) -> Result<Vec<KeyId>, Fault> {
        let sql = "SELECT id FROM keys WHERE storage_id = $1 AND state <> 'deleted' ORDER BY id";
        let found: Vec<String> = within!(self.tx, c => {
            sqlx::query_scalar(sql).bind(id.to_string()).fetch_all(c).await
        })?;
        let keys: Vec<KeyId> = found.iter().map(|key| read("id", key)).collect::<Result<_, Fault>>()?;
        for key in &keys {
            end_key(self, *key, now).await?;
        }
        Ok(keys)
    }

    async fn end_links_of(&mut self, id: StorageId) -> Result<Vec<LinkId>, Fault> {
        let sql =
            "UPDATE share_links SET state = 'ended' WHERE storage_id = $1 AND state = 'active' RETURNING id";
        let ended: Vec<String> = within!(self.tx, c => {
            sqlx::query_scalar(sql).bind(id.to_string()).fetch_all(c).await
        })?;
        for link in &ended {
            self.note(ChangeKind::Link, link);
        }
        ended.iter().map(|link| read("id", link)).collect()
    }

    async fn end_grants_of(&mut self, id: StorageId) -> Result<(u64, Vec<UserId>), Fault> {
        let sql = "SELECT user_id FROM storage_grants WHERE storage_id = $1 AND user_id IS NOT NULL \
                   UNION SELECT m.user_id FROM storage_grants g JOIN group_members m ON m.group_id = g.group_id \
                   WHERE g.storage_id = $1";
        let reached: Vec<String> = within!(self.tx, c => {
            sqlx::query_scalar(sql).bind(id.to_string()).fetch_all(c).await
        })?;
        let sql = "DELETE FROM storage_grants WHERE storage_id = $1";
        let grants = within!(self.tx, c => {
            sqlx::query(sql).bind(id.to_string()).execute(c).await.map(|done| done.rows_affected())
        })?;
        for user in &reached {
            self.note(ChangeKind::User, user);
        }
        let people = reached.iter().map(|user| read("user_id", user)).collect::<Result<_, Fault>>()?;
        Ok((grants, people))
    }

    async fn end_record(
        &mut self,
        storage: &Storage,
        held: Option<(u64, u64)>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let sql = "UPDATE storages SET state = $2, provider_sealed = NULL, paused_until_us = NULL, \
                   trial_networks = NULL, trial_us = NULL, ended_us = $3, ended_bytes = $4, ended_files = $5 \
                   WHERE id = $1";
        let kept = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        within!(self.tx, c => {
            sqlx::query(sql)
                .bind(storage.id.to_string())
                .bind(storage.state.as_str())
                .bind(now.micros())
                .bind(held.map(|(bytes, _)| kept(bytes)))
                .bind(held.map(|(_, files)| kept(files)))
                .execute(c)
                .await
                .map(drop)
        })?;
        let sql = "DELETE FROM storage_facts WHERE storage_id = $1";
        let id = storage.id.to_string();
        within!(self.tx, c => sqlx::query(sql).bind(id).execute(c).await.map(drop))?;
        self.note(ChangeKind::Storage, &storage.id);
        Ok(())
    }
}
