//! Settings, and the exchange of the master key.

use portcullis_domain::{KeyId, StorageId, UserId};

use crate::db::{Metadata, Tx, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{Both, number, read, row};

/// Whose secret a sealed one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SealedOwner {
    /// The secret of a key.
    Key(KeyId),
    /// An earlier secret of a key, by its generation.
    Retired(KeyId, u32),
    /// The provider's credentials of a storage.
    Storage(StorageId),
    /// The seed of a person's one-time codes.
    User(UserId),
    /// The seed of the key that signs the audit trail's checkpoints.
    Trail,
}

/// The setting that holds the sealed seed of [`SealedOwner::Trail`].
pub const TRAIL_SETTING: &str = "audit_signing_key";

row! {
    SealedRow { id: String, sealed: Vec<u8> }
}
row! {
    GenerationRow { generation: i64 }
}

const SEALED_KEYS: &str =
    "SELECT id, secret_sealed AS sealed FROM keys WHERE secret_sealed IS NOT NULL ORDER BY id";
const SEALED_RETIRED: &str = "SELECT key_id AS id, generation, secret_sealed AS sealed FROM retired_secrets \
     WHERE secret_sealed IS NOT NULL ORDER BY key_id, generation";
const SEALED_STORAGES: &str =
    "SELECT id, provider_sealed AS sealed FROM storages WHERE provider_sealed IS NOT NULL ORDER BY id";

const SEALED_USERS: &str =
    "SELECT id, totp_sealed AS sealed FROM users WHERE totp_sealed IS NOT NULL ORDER BY id";

impl Metadata {
    /// The setting with this name.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.setting_row(name).await.during("read a setting")
    }

    async fn setting_row(&self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        let sql = "SELECT value FROM settings WHERE name = $1";
        Ok(reading!(self, pool => sqlx::query_scalar(sql).bind(name).fetch_optional(pool).await)?)
    }

    /// Keeps a setting, unless there is one of that name, and gives what is kept now.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn set_setting_if_absent(&self, name: &str, value: &[u8]) -> Result<Vec<u8>> {
        let work = async {
            let mut tx = self.begin().await?;
            let insert = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
            within!(tx, c => sqlx::query(insert).bind(name).bind(value).execute(c).await.map(drop))?;
            let select = "SELECT value FROM settings WHERE name = $1";
            let kept = within!(tx, c => sqlx::query_scalar(select).bind(name).fetch_one(c).await)?;
            tx.commit().await?;
            Ok::<_, Fault>(kept)
        };
        work.await.during("keep a setting")
    }

    /// Every secret that is sealed under the master key: those of keys, of storages' providers and of people's one-time codes, and the
    /// one that signs the audit trail.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sealed(&self) -> Result<Vec<(SealedOwner, Vec<u8>)>> {
        let work = async {
            let mut all = Vec::new();
            for row in
                reading!(self, pool => sqlx::query_as::<_, SealedRow>(SEALED_KEYS).fetch_all(pool).await)?
            {
                all.push((SealedOwner::Key(read("id", &row.id)?), row.sealed));
            }
            for Both(row, of) in reading!(self, pool => {
                sqlx::query_as::<_, Both<SealedRow, GenerationRow>>(SEALED_RETIRED).fetch_all(pool).await
            })? {
                let generation = number("generation", of.generation)?;
                all.push((SealedOwner::Retired(read("id", &row.id)?, generation), row.sealed));
            }
            for row in
                reading!(self, pool => sqlx::query_as::<_, SealedRow>(SEALED_STORAGES).fetch_all(pool).await)?
            {
                all.push((SealedOwner::Storage(read("id", &row.id)?), row.sealed));
            }
            for row in
                reading!(self, pool => sqlx::query_as::<_, SealedRow>(SEALED_USERS).fetch_all(pool).await)?
            {
                all.push((SealedOwner::User(read("id", &row.id)?), row.sealed));
            }
            all.extend(self.setting_row(TRAIL_SETTING).await?.map(|sealed| (SealedOwner::Trail, sealed)));
            Ok::<_, Fault>(all)
        };
        work.await.during("read the sealed secrets")
    }

    /// Replaces every sealed secret and the setting that tells which master key they are sealed under, all in one
    /// transaction. An owner whose secret was erased meanwhile is passed over. It is not in the change feed: other
    /// nodes must not run meanwhile, for they hold the old master key.
    ///
    /// # Errors
    /// [`Conflict("sealed")`](MetadataErrorKind::Conflict) if a sealed secret is not among them (it came after
    /// [`Metadata::sealed`]): nothing was changed, begin anew; what any verb may give.
    pub async fn replace_sealed(
        &self,
        sealed: &[(SealedOwner, Vec<u8>)],
        check_name: &str,
        check: &[u8],
    ) -> Result<()> {
        let work = async {
            // The clock's lock keeps new keys out until this is through.
            let mut write = self.write().await?;
            let mut replaced = 0;
            for (owner, bytes) in sealed {
                replaced += reseal(&mut write.tx, *owner, bytes).await?;
            }
            let count = "SELECT (SELECT COUNT(*) FROM keys WHERE secret_sealed IS NOT NULL) \
                         + (SELECT COUNT(*) FROM retired_secrets WHERE secret_sealed IS NOT NULL) \
                         + (SELECT COUNT(*) FROM storages WHERE provider_sealed IS NOT NULL) \
                         + (SELECT COUNT(*) FROM users WHERE totp_sealed IS NOT NULL) \
                         + (SELECT COUNT(*) FROM settings WHERE name = $1)";
            let present: i64 =
                within!(write.tx, c => sqlx::query_scalar(count).bind(TRAIL_SETTING).fetch_one(c).await)?;
            if u64::try_from(present) != Ok(replaced) {
                return Err(MetadataErrorKind::Conflict("sealed").into());
            }
            let upsert = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                          ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            within!(write.tx, c => sqlx::query(upsert).bind(check_name).bind(check).execute(c).await.map(drop))?;
            self.commit(write).await
        };
        work.await.during("replace the sealed secrets")
    }
}

async fn reseal(tx: &mut Tx, owner: SealedOwner, bytes: &[u8]) -> Result<u64, Fault> {
    let (sql, id) = match owner {
        SealedOwner::Key(id) => {
            ("UPDATE keys SET secret_sealed = $2 WHERE id = $1 AND secret_sealed IS NOT NULL", id.to_string())
        }
        SealedOwner::Retired(id, generation) => {
            let sql = "UPDATE retired_secrets SET secret_sealed = $2 \
                       WHERE key_id = $1 AND generation = $3 AND secret_sealed IS NOT NULL";
            let rows = within!(*tx, c => {
                let query = sqlx::query(sql).bind(id.to_string()).bind(bytes).bind(i64::from(generation));
                query.execute(c).await.map(|done| done.rows_affected())
            });
            return Ok(rows?);
        }
        SealedOwner::Storage(id) => (
            "UPDATE storages SET provider_sealed = $2 WHERE id = $1 AND provider_sealed IS NOT NULL",
            id.to_string(),
        ),
        SealedOwner::Trail => ("UPDATE settings SET value = $2 WHERE name = $1", TRAIL_SETTING.to_owned()),
        SealedOwner::User(id) => {
            ("UPDATE users SET totp_sealed = $2 WHERE id = $1 AND totp_sealed IS NOT NULL", id.to_string())
        }
    };
    let rows = within!(*tx, c => {
        sqlx::query(sql).bind(id).bind(bytes).execute(c).await.map(|done| done.rows_affected())
    });
    Ok(rows?)
}
