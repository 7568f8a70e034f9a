//! Making, changing and deleting keys.

use portcullis_domain::{Key, KeyId, Scope, Timestamp};

use super::{KeyRow, StoredSecret, columns};
use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::fold;
use crate::row::networks_to_text;

/// What the search looks through.
pub(super) fn folded(key: &Key) -> String {
    fold(&format!("{}\n{}", key.name, key.credential))
}

/// Adds a row; `deleted` for the tombstone of a credential that was replaced.
pub(super) async fn insert(
    write: &mut Write,
    key: &Key,
    secret: &StoredSecret,
    deleted: Option<Timestamp>,
) -> Result<(), Fault> {
    let sql = concat!(
        "INSERT INTO keys (",
        columns!(),
        ", folded, secret_sealed, secret_hash, deleted_us) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
    );
    let (storage, user) = match key.scope {
        Scope::Storage(id) => (Some(id.to_string()), None),
        Scope::User(id) => (None, Some(id.to_string())),
        Scope::Site => (None, None),
    };
    let (sealed, hash) = halves(secret);
    let networks = networks_to_text(&key.networks)?;
    within!(write.tx, c => {
        sqlx::query(sql)
            .bind(key.id.to_string())
            .bind(key.site.to_string())
            .bind(key.credential.as_str())
            .bind(key.name.as_str())
            .bind(key.channel.as_str())
            .bind(storage)
            .bind(user)
            .bind(key.permission.as_str())
            .bind(key.overwrite.as_str())
            .bind(networks)
            .bind(key.prefix.as_str())
            .bind(key.expires.map(Timestamp::micros))
            .bind(key.state.as_str())
            .bind(key.created.micros())
            .bind(folded(key))
            .bind(sealed)
            .bind(hash)
            .bind(deleted.map(Timestamp::micros))
            .execute(c)
            .await
            .map(drop)
    })?;
    write.note(ChangeKind::Key, &key.id);
    Ok(())
}

/// A secret as the two columns hold it.
pub(super) fn halves(secret: &StoredSecret) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    match secret {
        StoredSecret::None => (None, None),
        StoredSecret::Sealed(bytes) => (Some(bytes.clone()), None),
        StoredSecret::Hash(hash) => (None, Some(hash.to_vec())),
    }
}

impl Metadata {
    /// Keeps a new key and what is kept of its secret. Names may repeat.
    ///
    /// # Errors
    /// [`Conflict("credential")`](MetadataErrorKind::Conflict) or `Conflict("id")`;
    /// [`NotFound`](MetadataErrorKind::NotFound) if the site, or the storage or user in it, does not exist; what any
    /// verb may give.
    pub async fn create_key(&self, key: &Key, secret: &StoredSecret) -> Result<()> {
        self.insert_key(key, secret).await.during("create a key")
    }

    async fn insert_key(&self, key: &Key, secret: &StoredSecret) -> Result<(), Fault> {
        let mut write = self.write().await?;
        insert(&mut write, key, secret, None).await?;
        self.commit(write).await
    }

    /// Keeps what may change of a key, if it still is as the caller read it: name, permission, rule for overwriting, networks,
    /// prefix and expiry. The rest of the record is not looked at.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the key is no longer as `before`;
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such key, or it is deleted; what any verb may give.
    pub async fn update_key_if_same(&self, before: &Key, after: &Key) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = concat!("SELECT ", columns!(), " FROM keys WHERE id = $1 AND state <> 'deleted'");
            let row = within!(write.tx, c => {
                sqlx::query_as::<_, KeyRow>(sql).bind(before.id.to_string()).fetch_optional(c).await
            })?;
            if row.ok_or(MetadataErrorKind::NotFound)?.read()? != *before {
                return Err(MetadataErrorKind::Stale.into());
            }
            write.update_key(&Key { id: before.id, ..after.clone() }).await?;
            self.commit(write).await
        };
        work.await.during("change a key")
    }

    /// Deletes a key for good: its secret is erased, its record stays so that its id is never given again. False if
    /// there is no such key, or it was deleted before.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn delete_key(&self, id: KeyId, now: Timestamp) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE keys SET state = 'deleted', deleted_us = $2, secret_sealed = NULL, secret_hash = NULL \
                       WHERE id = $1 AND state <> 'deleted'";
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(id.to_string())
                    .bind(now.micros())
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Ok(false);
            }
            write.note(ChangeKind::Key, &id);
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("delete a key")
    }
}

impl Write {
    async fn update_key(&mut self, key: &Key) -> Result<(), Fault> {
        let sql = "UPDATE keys SET name = $2, folded = $3, permission = $4, overwrite = $5, networks = $6, \
                   prefix = $7, expires_us = $8 WHERE id = $1 AND state <> 'deleted'";
        let networks = networks_to_text(&key.networks)?;
        let rows = within!(self.tx, c => {
            sqlx::query(sql)
                .bind(key.id.to_string())
                .bind(key.name.as_str())
                .bind(folded(key))
                .bind(key.permission.as_str())
                .bind(key.overwrite.as_str())
                .bind(networks)
                .bind(key.prefix.as_str())
                .bind(key.expires.map(Timestamp::micros))
                .execute(c)
                .await
                .map(|done| done.rows_affected())
        })?;
        if rows == 0 {
            return Err(MetadataErrorKind::NotFound.into());
        }
        self.note(ChangeKind::Key, &key.id);
        Ok(())
    }
}
