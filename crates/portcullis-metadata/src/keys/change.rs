//! Making, changing and deleting keys.

use portcullis_domain::{CredentialId, Key, KeyId, LoginName, Timestamp};

use super::insert::insert_keys;
use super::mail::rules_to_text;
use super::retired::retire;
use super::{KeyRow, StoredSecret, columns};
use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::fold;
use crate::row::{networks_to_text, trial_to_text};

/// What the search looks through.
pub(super) fn folded(key: &Key) -> String {
    let login = key.login.as_ref().map(LoginName::as_str).unwrap_or_default();
    fold(&format!("{}\n{}\n{login}", key.name, key.credential))
}

pub(super) fn lines(key: &Key) -> String {
    key.public_keys.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A credential that some other key had once is given to none again.
pub(super) async fn refuse_taken(
    write: &mut Write,
    key: KeyId,
    credential: CredentialId,
) -> Result<(), Fault> {
    let sql = "SELECT COUNT(*) FROM retired_secrets WHERE credential = $1 AND key_id <> $2";
    let taken: i64 = within!(write.tx, c => {
        sqlx::query_scalar(sql).bind(credential.as_str()).bind(key.to_string()).fetch_one(c).await
    })?;
    if taken > 0 { Err(MetadataErrorKind::Conflict("credential").into()) } else { Ok(()) }
}

/// A user name that earlier credentials of another key still have beside its present ones is taken, as one of present ones is.
pub(super) async fn refuse_overlapping(write: &mut Write, key: &Key, now: Timestamp) -> Result<(), Fault> {
    let Some(login) = &key.login else { return Ok(()) };
    let sql = "SELECT COUNT(*) FROM retired_secrets r JOIN keys k ON k.id = r.key_id \
               WHERE r.login = $1 AND r.ended = 0 AND r.until_us > $2 AND r.key_id <> $3 AND k.channel = $4";
    let taken: i64 = within!(write.tx, c => {
        sqlx::query_scalar(sql)
            .bind(login.as_str())
            .bind(now.micros())
            .bind(key.id.to_string())
            .bind(key.channel.as_str())
            .fetch_one(c)
            .await
    })?;
    if taken > 0 { Err(MetadataErrorKind::Conflict("login").into()) } else { Ok(()) }
}

/// A secret as the three columns hold it.
pub(super) fn halves(secret: &StoredSecret) -> (Option<Vec<u8>>, Option<Vec<u8>>, Option<String>) {
    match secret {
        StoredSecret::None => (None, None, None),
        StoredSecret::Sealed(bytes) => (Some(bytes.clone()), None, None),
        StoredSecret::Hash(hash) => (None, Some(hash.to_vec()), None),
        StoredSecret::Stretched(phc) => (None, None, Some(phc.clone())),
    }
}

/// Deletes a key; false if there is none such, or it was deleted before.
pub(crate) async fn end_key(write: &mut Write, id: KeyId, now: Timestamp) -> Result<bool, Fault> {
    retire(write, id, now, now).await?;
    let sql = "UPDATE keys SET state = 'deleted', deleted_us = $2, secret_sealed = NULL, secret_hash = NULL, secret_phc = NULL \
               WHERE id = $1 AND state <> 'deleted'";
    let rows = within!(write.tx, c => {
        sqlx::query(sql).bind(id.to_string()).bind(now.micros()).execute(c).await.map(|done| done.rows_affected())
    })?;
    if rows > 0 {
        write.note(ChangeKind::Key, &id);
    }
    Ok(rows > 0)
}

/// Keeps what may change of a key, if it still is as the caller read it.
pub(crate) async fn change_if_same(write: &mut Write, before: &Key, after: &Key) -> Result<(), Fault> {
    let sql = concat!("SELECT ", columns!(), " FROM keys WHERE id = $1 AND state <> 'deleted'");
    let row = within!(write.tx, c => {
        sqlx::query_as::<_, KeyRow>(sql).bind(before.id.to_string()).fetch_optional(c).await
    })?;
    if row.ok_or(MetadataErrorKind::NotFound)?.read()? != *before {
        return Err(MetadataErrorKind::Stale.into());
    }
    write.update_key(&Key { id: before.id, ..after.clone() }).await
}

impl Metadata {
    /// Keeps a new key and what is kept of its secret. Names may repeat.
    ///
    /// # Errors
    /// [`Conflict("credential")`](MetadataErrorKind::Conflict), `Conflict("login")` if a key of this channel has this user name, or
    /// `Conflict("id")`;
    /// [`NotFound`](MetadataErrorKind::NotFound) if the site, or the storage or user in it, does not exist; what any
    /// verb may give.
    pub async fn create_key(&self, key: &Key, secret: &StoredSecret) -> Result<()> {
        self.insert_key(key, secret).await.during("create a key")
    }

    async fn insert_key(&self, key: &Key, secret: &StoredSecret) -> Result<(), Fault> {
        let mut write = self.write().await?;
        insert_keys(&mut write, &[(key, secret)]).await?;
        self.commit(write).await
    }

    /// Keeps what may change of a key, if it still is as the caller read it: name, permission, rule for overwriting, networks,
    /// prefix, expiry, what a leak does, whether there was one, the networks that are tried out, public keys and what it makes of messages. The rest of the record is not looked at.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the key is no longer as `before`;
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such key, or it is deleted; what any verb may give.
    pub async fn update_key_if_same(&self, before: &Key, after: &Key) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            change_if_same(&mut write, before, after).await?;
            self.commit(write).await
        };
        work.await.during("change a key")
    }

    /// Deletes a key for good: its record stays so that its id is never given again, and its secret is among the retired ones for
    /// a while ([`Metadata::forget_secrets`]). False if there is no such key, or it was deleted before.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn delete_key(&self, id: KeyId, now: Timestamp) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            if !end_key(&mut write, id, now).await? {
                return Ok(false);
            }
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("delete a key")
    }
}

impl Write {
    async fn update_key(&mut self, key: &Key) -> Result<(), Fault> {
        let sql = "UPDATE keys SET name = $2, folded = $3, permission = $4, overwrite = $5, networks = $6, \
                   prefix = $7, expires_us = $8, on_leak = $9, leaked_us = $10, trial_networks = $11, trial_us = $12, \
                   public_keys = $13, mail = $14 \
                   WHERE id = $1 AND state <> 'deleted'";
        let networks = networks_to_text(&key.networks)?;
        let trial = trial_to_text(key.trial.as_ref())?;
        let mail = rules_to_text(&key.mail)?;
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
                .bind(key.on_leak.as_str())
                .bind(key.leaked.map(Timestamp::micros))
                .bind(trial)
                .bind(key.trial.as_ref().map(|trial| trial.since.micros()))
                .bind(lines(key))
                .bind(mail)
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
