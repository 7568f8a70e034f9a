//! Giving a key another credential.

use portcullis_domain::{CredentialId, Key, KeyId, KeyState, Timestamp};

use super::change::{folded, halves, insert};
use super::{KeyRow, StoredSecret, columns};
use crate::changes::ChangeKind;
use crate::db::{Metadata, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};

impl Metadata {
    /// Gives a key a new credential and secret in place of those it has; everything else of the record stays, and its id.
    /// The secret that it had is erased. The credential that it had stays behind as a deleted key with the id `tombstone`, so
    /// that it is never given again and whoever still uses it can be told whose it was.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such key, or it is deleted;
    /// [`Conflict("credential")`](MetadataErrorKind::Conflict) if the new credential was given before; what any verb may give.
    pub async fn rotate_key(
        &self,
        id: KeyId,
        credential: CredentialId,
        secret: &StoredSecret,
        tombstone: KeyId,
        now: Timestamp,
    ) -> Result<()> {
        let work = async {
            // The clock's lock: nobody changes the record between the two statements.
            let mut write = self.write().await?;
            let sql = concat!("SELECT ", columns!(), " FROM keys WHERE id = $1 AND state <> 'deleted'");
            let row = within!(write.tx, c => {
                sqlx::query_as::<_, KeyRow>(sql).bind(id.to_string()).fetch_optional(c).await
            })?;
            let before = row.ok_or(MetadataErrorKind::NotFound)?.read()?;
            let after = Key { credential, ..before.clone() };
            let (sealed, hash) = halves(secret);
            let sql = "UPDATE keys SET credential = $2, folded = $3, secret_sealed = $4, secret_hash = $5 WHERE id = $1";
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(id.to_string())
                    .bind(credential.as_str())
                    .bind(folded(&after))
                    .bind(sealed)
                    .bind(hash)
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            // In this order: a follower takes the old credential from the key before it gives it to the tombstone.
            write.note(ChangeKind::Key, &id);
            let grave = Key { id: tombstone, state: KeyState::Deleted, ..before };
            insert(&mut write, &grave, &StoredSecret::None, Some(now)).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(())
        };
        work.await.during("rotate a key")
    }
}
