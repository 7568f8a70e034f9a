//! Keys and what is kept of their secrets.

mod adoption;
mod change;
mod insert;
mod mail;
mod overlap;
mod retired;
mod rotate;
mod tombstones;
mod written;

use std::fmt;

use futures_util::TryStreamExt;
use portcullis_domain::{Channel, Key, KeyId, Scope, SiteId, StorageId, Timestamp, UserId};
use sqlx::QueryBuilder;

use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::page::{Page, PageRequest, pattern};
use crate::row::{Both, hash, networks_from_text, number, read, read_optional, row, trial_from};

/// What is kept of a key's secret.
#[derive(Clone, PartialEq, Eq)]
pub enum StoredSecret {
    /// Nothing: the key was deleted.
    None,
    /// The secret, sealed under the master key; for protocols that need the secret itself to verify.
    Sealed(Vec<u8>),
    /// SHA-256 of the secret; for protocols in which the client sends it.
    Hash([u8; 32]),
    /// The secret, which a person chose, stretched: a PHC string. For protocols in which the client sends it.
    Stretched(String),
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Sealed(_) => "Sealed(…)",
            Self::Hash(_) => "Hash(…)",
            Self::Stretched(_) => "Stretched(…)",
        })
    }
}

pub use adoption::Mover;
pub(crate) use change::change_if_same;
pub(crate) use change::end_key;
pub(crate) use insert::insert_keys;
pub use overlap::Overlap;
pub use retired::RetiredSecret;
pub use rotate::NewSecret;

/// Which keys a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFilter {
    /// Those of this site.
    pub site: SiteId,
    /// Those for this storage.
    pub storage: Option<StorageId>,
    /// Those for this user.
    pub user: Option<UserId>,
    /// Those of this channel.
    pub channel: Option<Channel>,
    /// Those with this text in the name, the access key id or the user name; letter case does not matter.
    pub search: Option<String>,
    /// Those that are not for a storage.
    pub without_storage: bool,
}

impl KeyFilter {
    /// All keys of a site.
    #[must_use]
    pub const fn of(site: SiteId) -> Self {
        Self { site, storage: None, user: None, channel: None, search: None, without_storage: false }
    }
}

/// The columns of a key, without its secret.
macro_rules! columns {
    () => {
        "id, site_id, credential, name, channel, storage_id, user_id, permission, overwrite, networks, prefix, \
         expires_us, state, created_us, generation, on_leak, leaked_us, trial_networks, trial_us, \
         login, public_keys, mail"
    };
}
use columns;

row! {
    KeyRow {
        id: String,
        site_id: String,
        credential: String,
        name: String,
        channel: String,
        storage_id: Option<String>,
        user_id: Option<String>,
        permission: String,
        overwrite: String,
        networks: String,
        prefix: String,
        expires_us: Option<i64>,
        state: String,
        created_us: i64,
        generation: i64,
        on_leak: String,
        leaked_us: Option<i64>,
        trial_networks: Option<String>,
        trial_us: Option<i64>,
        login: Option<String>,
        public_keys: String,
        mail: Option<String>,
    }
}
row! {
    SecretRow { secret_sealed: Option<Vec<u8>>, secret_hash: Option<Vec<u8>>, secret_phc: Option<String> }
}

/// The columns of [`SecretRow`].
macro_rules! secret {
    () => {
        "secret_sealed, secret_hash, secret_phc"
    };
}
use secret;

impl KeyRow {
    fn read(self) -> Result<Key, Fault> {
        let storage = read_optional("storage_id", self.storage_id.as_deref())?;
        let user = read_optional("user_id", self.user_id.as_deref())?;
        Ok(Key {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            credential: read("credential", &self.credential)?,
            name: read("name", &self.name)?,
            channel: read("channel", &self.channel)?,
            scope: match (storage, user) {
                (Some(storage), None) => Scope::Storage(storage),
                (None, Some(user)) => Scope::User(user),
                (None, None) => Scope::Site,
                (Some(_), Some(_)) => return Err(Fault::corrupt("a key with two scopes")),
            },
            permission: read("permission", &self.permission)?,
            overwrite: read("overwrite", &self.overwrite)?,
            networks: networks_from_text(&self.networks)?,
            prefix: read("prefix", &self.prefix)?,
            expires: self.expires_us.map(Timestamp::from_micros),
            state: read("state", &self.state)?,
            created: Timestamp::from_micros(self.created_us),
            generation: number("generation", self.generation)?,
            on_leak: read("on_leak", &self.on_leak)?,
            leaked: self.leaked_us.map(Timestamp::from_micros),
            trial: trial_from(self.trial_networks.as_deref(), self.trial_us)?,
            login: read_optional("login", self.login.as_deref())?,
            public_keys: self
                .public_keys
                .lines()
                .map(|line| read("public_keys", line))
                .collect::<Result<_, Fault>>()?,
            mail: mail::rules_from_text(self.mail.as_deref())?,
        })
    }
}

impl SecretRow {
    fn read(self) -> Result<StoredSecret, Fault> {
        match (self.secret_sealed, self.secret_hash, self.secret_phc) {
            (None, None, None) => Ok(StoredSecret::None),
            (Some(sealed), None, None) => Ok(StoredSecret::Sealed(sealed)),
            (None, Some(bytes), None) => hash("secret_hash", &bytes).map(StoredSecret::Hash),
            (None, None, Some(phc)) => Ok(StoredSecret::Stretched(phc)),
            _ => Err(Fault::corrupt("a key with two secrets")),
        }
    }
}

fn read_both(Both(key, secret): Both<KeyRow, SecretRow>) -> Result<(Key, StoredSecret), Fault> {
    Ok((key.read()?, secret.read()?))
}

impl Metadata {
    /// The key with this id, deleted or not.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn key(&self, id: KeyId) -> Result<Option<Key>> {
        let sql = concat!("SELECT ", columns!(), " FROM keys WHERE id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, KeyRow>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(KeyRow::read).transpose()).during("read a key")
    }

    /// The key with this id, deleted or not, and what is kept of its secret.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn key_with_secret(&self, id: KeyId) -> Result<Option<(Key, StoredSecret)>> {
        let sql = concat!("SELECT ", columns!(), ", ", secret!(), " FROM keys WHERE id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, Both<KeyRow, SecretRow>>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(read_both).transpose()).during("read a key")
    }

    /// Every key of every site with what is kept of its secret, deleted ones included, oldest first; in one pass, so
    /// that a node can hold them all in memory.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn all_keys(&self) -> Result<Vec<(Key, StoredSecret)>> {
        let sql = concat!("SELECT ", columns!(), ", ", secret!(), " FROM keys ORDER BY id");
        let work = async {
            let mut keys = Vec::new();
            reading!(self, pool => {
                let mut rows = sqlx::query_as::<_, Both<KeyRow, SecretRow>>(sql).fetch(pool);
                while let Some(row) = rows.try_next().await? {
                    keys.push(read_both(row)?);
                }
            });
            Ok::<_, Fault>(keys)
        };
        work.await.during("read all keys")
    }

    /// The keys of a site that are not switched off, were made before this moment and not used since, the oldest first; at most
    /// `limit` (1 to 1,000).
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn idle_keys(&self, site: SiteId, before: Timestamp, limit: u32) -> Result<Vec<Key>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM keys WHERE site_id = $1 AND state = 'active' AND permission <> 'none' \
             AND created_us < $2 AND last_used_us < $2 ORDER BY id LIMIT $3"
        );
        let limit = i64::from(limit.clamp(1, PageRequest::MAX));
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, KeyRow>(sql)
                .bind(site.to_string())
                .bind(before.micros())
                .bind(limit)
                .fetch_all(pool)
                .await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(KeyRow::read).collect())
            .during("look for idle keys")
    }

    /// A page of the keys of a site that are not deleted, oldest first.
    ///
    /// # Errors
    /// [`BadCursor`](crate::MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn keys(&self, filter: &KeyFilter, page: &PageRequest) -> Result<Page<Key>> {
        let work = async {
            let after = page.after_id()?;
            let rows = reading!(self, pool => {
                let mut query = QueryBuilder::new(concat!("SELECT ", columns!(), " FROM keys WHERE site_id = "));
                query.push_bind(filter.site.to_string()).push(" AND state <> 'deleted' AND id > ").push_bind(after);
                if let Some(storage) = filter.storage {
                    query.push(" AND storage_id = ").push_bind(storage.to_string());
                }
                if filter.without_storage {
                    query.push(" AND storage_id IS NULL");
                }
                if let Some(user) = filter.user {
                    query.push(" AND user_id = ").push_bind(user.to_string());
                }
                if let Some(channel) = filter.channel {
                    query.push(" AND channel = ").push_bind(channel.as_str());
                }
                if let Some(pattern) = pattern(filter.search.as_deref()) {
                    query.push(" AND folded LIKE ").push_bind(pattern).push(" ESCAPE '!'");
                }
                query.push(" ORDER BY id LIMIT ").push_bind(page.rows());
                query.build_query_as::<KeyRow>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |row| row.id.clone(), KeyRow::read)
        };
        work.await.during("list keys")
    }
}
