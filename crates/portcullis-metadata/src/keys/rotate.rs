//! Giving a key other credentials.

use portcullis_domain::{CredentialId, Key, KeyId, LoginName, Timestamp};

use super::change::{folded, halves, refuse_overlapping, refuse_taken};
use super::retired::{end_overlap, overlaps, retire};
use super::{KeyRow, StoredSecret, columns};
use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};

/// Credentials for a key in place of those it has.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The public half: a fresh one, or the one that the key has already.
    pub credential: CredentialId,
    /// The user name that somebody chose; the one that the key has already, if it stays.
    pub login: Option<LoginName>,
    /// What is kept of the secret half.
    pub stored: StoredSecret,
}

impl Metadata {
    /// Gives a key new credentials; everything else of the record stays, and its id. Those that it had work on until `until`
    /// and not at all if that is `now`; then credentials from before them end too. The record of a leak is gone.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the credentials were changed since `generation` was read;
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such key, or it is deleted;
    /// [`Conflict("overlap")`](MetadataErrorKind::Conflict) if `until` is after `now` and credentials from before those that it
    /// has still work; [`Conflict("credential")`](MetadataErrorKind::Conflict) if the new one was another key's once, `Conflict("login")` if another key
    /// of this channel has this user name; what any verb may give.
    pub async fn rotate_key(
        &self,
        id: KeyId,
        generation: u32,
        new: &NewSecret,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let before = living(&mut write, id).await?;
            if before.generation != generation {
                return Err(MetadataErrorKind::Stale.into());
            }
            refuse_taken(&mut write, id, new.credential).await?;
            let after = Key { credential: new.credential, login: new.login.clone(), ..before };
            refuse_overlapping(&mut write, &after, now).await?;
            if until > now && overlaps(&mut write, id, now).await? > 0 {
                return Err(MetadataErrorKind::Conflict("overlap").into());
            }
            end_overlap(&mut write, id, now).await?;
            retire(&mut write, id, until.max(now), now).await?;
            replace(&mut write, &after, &new.stored).await?;
            self.commit(write).await
        };
        work.await.during("rotate a key")
    }
}

async fn living(write: &mut Write, id: KeyId) -> Result<Key, Fault> {
    let sql = concat!("SELECT ", columns!(), " FROM keys WHERE id = $1 AND state <> 'deleted'");
    let row = within!(write.tx, c => {
        sqlx::query_as::<_, KeyRow>(sql).bind(id.to_string()).fetch_optional(c).await
    })?;
    row.ok_or(MetadataErrorKind::NotFound)?.read()
}

async fn replace(write: &mut Write, after: &Key, stored: &StoredSecret) -> Result<(), Fault> {
    let (sealed, hash, phc) = halves(stored);
    let sql = "UPDATE keys SET credential = $2, folded = $3, secret_sealed = $4, secret_hash = $5, secret_phc = $6, \
               login = $7, generation = generation + 1, leaked_us = NULL WHERE id = $1";
    within!(write.tx, c => {
        sqlx::query(sql)
            .bind(after.id.to_string())
            .bind(after.credential.as_str())
            .bind(folded(after))
            .bind(sealed)
            .bind(hash)
            .bind(phc)
            .bind(after.login.as_ref().map(LoginName::as_str))
            .execute(c)
            .await
            .map(drop)
    })?;
    write.note(ChangeKind::Key, &after.id);
    Ok(())
}
