//! Passkeys of people.

use portcullis_domain::{DisplayName, PasskeyId, Timestamp, UserId};

use crate::db::{Metadata, reading, within, writing};
use crate::error::{During, Fault, Result};
use crate::row::{number, read, row};

/// A passkey to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    /// Identifies the record.
    pub id: PasskeyId,
    /// Whose it is.
    pub user: UserId,
    /// What the authenticator calls it.
    pub credential_id: Vec<u8>,
    /// Its public key, in whatever form the caller writes it.
    pub public_key: Vec<u8>,
    /// What the person calls it.
    pub name: DisplayName,
    /// When it was added.
    pub created: Timestamp,
}

/// A passkey of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Identifies the record.
    pub id: PasskeyId,
    /// Whose it is.
    pub user: UserId,
    /// What the authenticator calls it.
    pub credential_id: Vec<u8>,
    /// Its public key, as it was handed in.
    pub public_key: Vec<u8>,
    /// What the authenticator last counted; 0 for one that does not count.
    pub sign_count: u32,
    /// What the person calls it.
    pub name: DisplayName,
    /// When it was added.
    pub created: Timestamp,
    /// When it was last used to sign in; none if never.
    pub last_used: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "id, user_id, credential_id, public_key, sign_count, name, created_us, last_used_us"
    };
}

row! {
    PasskeyRow {
        id: String,
        user_id: String,
        credential_id: Vec<u8>,
        public_key: Vec<u8>,
        sign_count: i64,
        name: String,
        created_us: i64,
        last_used_us: i64,
    }
}

impl PasskeyRow {
    fn read(self) -> Result<Passkey, Fault> {
        Ok(Passkey {
            id: read("id", &self.id)?,
            user: read("user_id", &self.user_id)?,
            credential_id: self.credential_id,
            public_key: self.public_key,
            sign_count: number("sign_count", self.sign_count)?,
            name: read("name", &self.name)?,
            created: Timestamp::from_micros(self.created_us),
            last_used: (self.last_used_us > 0).then(|| Timestamp::from_micros(self.last_used_us)),
        })
    }
}

impl Metadata {
    /// Keeps a new passkey. Not in the change feed, as all of these.
    ///
    /// # Errors
    /// [`Conflict("credential")`](crate::MetadataErrorKind::Conflict) if it was added before, by whomever, or `Conflict("id")`;
    /// [`NotFound`](crate::MetadataErrorKind::NotFound) if there is no such user; what any verb may give.
    pub async fn add_passkey(&self, new: &NewPasskey) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "INSERT INTO passkeys (id, user_id, credential_id, public_key, sign_count, name, created_us) \
                       VALUES ($1, $2, $3, $4, 0, $5, $6)";
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(new.id.to_string())
                    .bind(new.user.to_string())
                    .bind(new.credential_id.clone())
                    .bind(new.public_key.clone())
                    .bind(new.name.as_str())
                    .bind(new.created.micros())
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            self.commit(write).await
        };
        work.await.during("keep a passkey")
    }

    /// The passkeys of a user, oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn passkeys_of(&self, user: UserId) -> Result<Vec<Passkey>> {
        let sql = concat!("SELECT ", columns!(), " FROM passkeys WHERE user_id = $1 ORDER BY id");
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, PasskeyRow>(sql).bind(user.to_string()).fetch_all(pool).await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(PasskeyRow::read).collect())
            .during("list passkeys")
    }

    /// The passkey that its authenticator calls so.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn passkey_by_credential(&self, credential_id: &[u8]) -> Result<Option<Passkey>> {
        let sql = concat!("SELECT ", columns!(), " FROM passkeys WHERE credential_id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, PasskeyRow>(sql).bind(credential_id).fetch_optional(pool).await
        });
        row.map_err(Fault::from)
            .and_then(|row| row.map(PasskeyRow::read).transpose())
            .during("look a passkey up")
    }

    /// Notes a use of a passkey. Neither its count nor its time goes back, so that notes may come late. Of an unknown one nothing is
    /// noted.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn note_passkey_use(&self, id: PasskeyId, sign_count: u32, now: Timestamp) -> Result<()> {
        let sql = "UPDATE passkeys SET \
                   sign_count = CASE WHEN sign_count > $2 THEN sign_count ELSE $2 END, \
                   last_used_us = CASE WHEN last_used_us > $3 THEN last_used_us ELSE $3 END WHERE id = $1";
        let done = writing!(self, pool => {
            sqlx::query(sql)
                .bind(id.to_string())
                .bind(i64::from(sign_count))
                .bind(now.micros())
                .execute(pool)
                .await
                .map(drop)
        });
        done.during("note the use of a passkey")
    }

    /// Forgets a passkey of this user; false if they have none such.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn delete_passkey(&self, user: UserId, id: PasskeyId) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "DELETE FROM passkeys WHERE id = $1 AND user_id = $2";
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(id.to_string())
                    .bind(user.to_string())
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            if rows > 0 {
                self.commit(write).await?;
            }
            Ok::<_, Fault>(rows > 0)
        };
        work.await.during("forget a passkey")
    }
}
