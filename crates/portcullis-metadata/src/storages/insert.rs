//! Putting storages into their table.

use portcullis_domain::{BucketName, Connection, ConnectionId, SiteId, Storage, StorageState, UserId};
use sqlx::QueryBuilder;

use super::change::{folded, quota};
use super::{NewStorage, columns};
use crate::changes::ChangeKind;
use crate::db::{BATCH, Write, within};
use crate::error::{Fault, MetadataErrorKind};
use crate::row::{networks_to_text, number};

impl Write {
    /// Adds storages of one owner, whose number this is, with numbers that follow one another, as many as there are with few statements.
    pub(crate) async fn insert_storages(
        &mut self,
        owner_number: u32,
        new: Vec<NewStorage>,
    ) -> Result<Vec<Storage>, Fault> {
        let count = u32::try_from(new.len()).map_err(|_| MetadataErrorKind::Full)?;
        let numbers = self.next_numbers("storage", count).await?;
        let rows: Vec<_> = new
            .into_iter()
            .zip(numbers)
            .map(|(mut new, number)| {
                let sealed = new.provider_credentials.take();
                (storage_of(new, owner_number, number), sealed)
            })
            .collect();
        for batch in rows.chunks(BATCH) {
            self.insert_storage_rows(batch).await?;
            for (storage, _) in batch {
                self.note(ChangeKind::Storage, &storage.id);
            }
        }
        Ok(rows.into_iter().map(|(storage, _)| storage).collect())
    }

    /// The number of a user of this site, or of one above it.
    pub(crate) async fn owner_number(&mut self, owner: UserId, site: SiteId) -> Result<u32, Fault> {
        // UNION, not UNION ALL: it ends even if the sites went round in a circle.
        let sql = "WITH RECURSIVE above (id, parent_id) AS (\
                   SELECT id, parent_id FROM sites WHERE id = $2 \
                   UNION SELECT s.id, s.parent_id FROM sites s JOIN above a ON s.id = a.parent_id) \
                   SELECT number FROM users WHERE id = $1 AND site_id IN (SELECT id FROM above)";
        let found: Option<i64> = within!(self.tx, c => {
            sqlx::query_scalar(sql).bind(owner.to_string()).bind(site.to_string()).fetch_optional(c).await
        })?;
        number("number", found.ok_or(MetadataErrorKind::NotFound)?)
    }

    async fn insert_storage_rows(&mut self, batch: &[(Storage, Option<Vec<u8>>)]) -> Result<(), Fault> {
        let networks: Vec<_> = batch
            .iter()
            .map(|(storage, _)| networks_to_text(&storage.networks))
            .collect::<Result<_, Fault>>()?;
        within!(self.tx, c => {
            let sql = concat!("INSERT INTO storages (", columns!(), ", folded, provider_sealed) ");
            let mut query = QueryBuilder::new(sql);
            query.push_values(batch.iter().zip(networks), |mut row, ((storage, sealed), networks)| {
                row.push_bind(storage.id.to_string())
                    .push_bind(storage.site.to_string())
                    .push_bind(storage.owner.to_string())
                    .push_bind(i64::from(storage.number))
                    .push_bind(storage.name.as_str())
                    .push_bind(storage.label.as_str())
                    .push_bind(storage.bucket.as_str())
                    .push_bind(storage.connection.id.to_string())
                    .push_bind(storage.connection.provider.as_str())
                    .push_bind(&storage.connection.region)
                    .push_bind(&storage.connection.endpoint)
                    .push_bind(&storage.connection.bucket)
                    .push_bind(i64::from(storage.connection.path_style))
                    .push_bind(storage.permission.as_str())
                    .push_bind(networks)
                    .push_bind(i64::from(storage.s3_access))
                    .push_bind(quota(storage.quota_bytes))
                    .push_bind(storage.state.as_str())
                    .push_bind(storage.created.micros())
                    .push_bind(None::<i64>)
                    .push_bind(None::<String>)
                    .push_bind(None::<i64>)
                    .push_bind(folded(storage))
                    .push_bind(sealed);
            });
            query.build().persistent(batch.len() == 1).execute(c).await.map(drop)
        })?;
        within!(self.tx, c => {
            let mut query = QueryBuilder::new("INSERT INTO storage_facts (storage_id, site_id) ");
            query.push_values(batch, |mut row, (storage, _)| {
                row.push_bind(storage.id.to_string()).push_bind(storage.site.to_string());
            });
            query.build().persistent(batch.len() == 1).execute(c).await.map(drop)
        })?;
        Ok(())
    }
}

/// The record of a new storage: active, neither paused nor tried.
fn storage_of(new: NewStorage, owner_number: u32, item_number: u32) -> Storage {
    Storage {
        id: new.id,
        site: new.site,
        owner: new.owner,
        number: item_number,
        bucket: BucketName::new(owner_number, item_number, &new.label),
        name: new.name,
        label: new.label,
        connection: Connection {
            id: ConnectionId::generate(),
            provider: new.provider,
            region: new.region,
            endpoint: new.endpoint,
            bucket: new.bucket,
            path_style: new.path_style,
        },
        permission: new.permission,
        networks: new.networks,
        s3_access: new.s3_access,
        quota_bytes: new.quota_bytes.map(|bytes| bytes.min(i64::MAX.unsigned_abs())),
        state: StorageState::Active,
        created: new.created,
        paused_until: None,
        trial: None,
    }
}
