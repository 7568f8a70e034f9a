//! Accounts of another system that became sites.

use std::collections::HashSet;

use portcullis_domain::{
    Channel, DisplayName, Key, KeyId, LoginName, Networks, Site, SiteId, Storage, StorageId, Timestamp,
};
use sqlx::QueryBuilder;

use crate::db::{BATCH, Metadata, Write, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::keys::{StoredSecret, insert_keys};
use crate::row::{networks_from_text, networks_to_text, read, row};
use crate::sites::insert_sites;
use crate::storages::NewStorage;

/// An account of another system that became a site: what was imported, whatever has been changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedAccount {
    /// The site below which it was imported.
    pub into: SiteId,
    /// Its id in the other system; there is one of an id below a site.
    pub account: String,
    /// The id, there, of the account that it belongs to.
    pub parent: Option<String>,
    /// The site that it became.
    pub site: SiteId,
    /// The storage for its files.
    pub storage: StorageId,
    /// What it was called.
    pub name: DisplayName,
    /// What its storage was called.
    pub storage_name: DisplayName,
    /// When it was made in the other system.
    pub created: Timestamp,
    /// From where its keys were to be used.
    pub networks: Networks,
    /// When its keys were to end.
    pub expires: Option<Timestamp>,
    /// The keys that it was given.
    pub keys: Vec<ImportedKey>,
    /// Names the import that made it; without spaces.
    pub import: String,
    /// When it was imported.
    pub imported: Timestamp,
}

/// A key that an imported account was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedKey {
    /// The key.
    pub id: KeyId,
    /// Its channel.
    pub channel: Channel,
    /// The user name that was brought along.
    pub login: Option<LoginName>,
    /// Whether its secret was brought along; generated otherwise.
    pub chosen: bool,
}

/// An account that is to become a site.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// What is noted of it.
    pub account: ImportedAccount,
    /// The site.
    pub site: Site,
    /// The storage for its files.
    pub storage: NewStorage,
    /// Its keys, each with what is kept of its secret.
    pub keys: Vec<(Key, StoredSecret)>,
}

macro_rules! columns {
    () => {
        "into_id, account, site_id, storage_id, import, imported_us, parent, name, storage_name, created_us, networks, \
         expires_us, keys"
    };
}

row! {
    AccountRow {
        into_id: String,
        account: String,
        site_id: String,
        storage_id: String,
        import: String,
        imported_us: i64,
        parent: Option<String>,
        name: String,
        storage_name: String,
        created_us: i64,
        networks: String,
        expires_us: Option<i64>,
        keys: String,
    }
}
row! {
    NameRow { channel: String, login: String }
}

impl AccountRow {
    fn read(self) -> Result<ImportedAccount, Fault> {
        Ok(ImportedAccount {
            into: read("into_id", &self.into_id)?,
            account: self.account,
            parent: self.parent,
            site: read("site_id", &self.site_id)?,
            storage: read("storage_id", &self.storage_id)?,
            name: read("name", &self.name)?,
            storage_name: read("storage_name", &self.storage_name)?,
            created: Timestamp::from_micros(self.created_us),
            networks: networks_from_text(&self.networks)?,
            expires: self.expires_us.map(Timestamp::from_micros),
            keys: self.keys.lines().map(key_of).collect::<Result<_, Fault>>()?,
            import: self.import,
            imported: Timestamp::from_micros(self.imported_us),
        })
    }
}

fn line_of(key: &ImportedKey) -> String {
    let secret = if key.chosen { "chosen" } else { "generated" };
    let login = key.login.as_ref().map(LoginName::as_str).unwrap_or_default();
    format!("{} {} {secret} {login}", key.id, key.channel)
}

fn key_of(line: &str) -> Result<ImportedKey, Fault> {
    let words: Vec<_> = line.split(' ').collect();
    let &[id, channel, secret, login] = words.as_slice() else {
        return Err(Fault::corrupt("column keys: not four words"));
    };
    Ok(ImportedKey {
        id: read("keys", id)?,
        channel: read("keys", channel)?,
        login: if login.is_empty() { None } else { Some(read("keys", login)?) },
        chosen: secret == "chosen",
    })
}

impl Metadata {
    /// What was imported below a site, by the ids of the accounts.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn imported_accounts(&self, into: SiteId) -> Result<Vec<ImportedAccount>> {
        let sql =
            concat!("SELECT ", columns!(), " FROM imported_accounts WHERE into_id = $1 ORDER BY account");
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, AccountRow>(sql).bind(into.to_string()).fetch_all(pool).await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(AccountRow::read).collect())
            .during("list what was imported")
    }

    /// Which of these user names keys of any channel have, or had with credentials that still work at that moment.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn taken_logins(
        &self,
        logins: &[LoginName],
        now: Timestamp,
    ) -> Result<HashSet<(Channel, LoginName)>> {
        let work = async {
            let mut taken = HashSet::new();
            for batch in logins.chunks(BATCH) {
                let rows: Vec<NameRow> = reading!(self, pool => {
                    let mut query =
                        QueryBuilder::new("SELECT channel, login FROM keys WHERE state <> 'deleted' AND login IN (");
                    let mut list = query.separated(", ");
                    for login in batch {
                        list.push_bind(login.as_str());
                    }
                    list.push_unseparated(
                        ") UNION SELECT k.channel, r.login FROM retired_secrets r JOIN keys k ON k.id = r.key_id \
                         WHERE r.ended = 0 AND r.until_us > ",
                    );
                    query.push_bind(now.micros()).push(" AND r.login IN (");
                    let mut list = query.separated(", ");
                    for login in batch {
                        list.push_bind(login.as_str());
                    }
                    list.push_unseparated(")");
                    query.build_query_as::<NameRow>().persistent(false).fetch_all(pool).await
                })?;
                for row in rows {
                    taken.insert((read("channel", &row.channel)?, read("login", &row.login)?));
                }
            }
            Ok::<_, Fault>(taken)
        };
        work.await.during("look for user names")
    }

    /// Makes the sites of accounts, each with its storage and its keys, and notes where they came from; all of them or none. A site below
    /// another of them comes after it. The storages have one owner, of the site below which they are imported or of one above that.
    ///
    /// # Errors
    /// [`Conflict("account")`](MetadataErrorKind::Conflict) if one of them was imported already, `Conflict("name")` if a site of that name
    /// is there, `Conflict("login")` if a key of the same channel has that user name; [`NotFound`](MetadataErrorKind::NotFound) if the
    /// owner or the site above is gone; what any verb may give.
    pub async fn import_accounts(&self, accounts: Vec<NewAccount>) -> Result<Vec<Storage>> {
        let work = async {
            let mut write = self.write().await?;
            let storages = insert(&mut write, accounts).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(storages)
        };
        work.await.during("import accounts")
    }
}

async fn insert(write: &mut Write, accounts: Vec<NewAccount>) -> Result<Vec<Storage>, Fault> {
    let Some(first) = accounts.first() else { return Ok(Vec::new()) };
    let (owner, into) = (first.storage.owner, first.account.into);
    let alike = |new: &NewAccount| {
        new.storage.owner == owner
            && new.account.into == into
            && new.account.site == new.site.id
            && new.storage.site == new.site.id
            && new.account.storage == new.storage.id
    };
    if !accounts.iter().all(alike) {
        return Err(MetadataErrorKind::NotFound.into());
    }
    let owner_number = write.owner_number(owner, into).await?;
    insert_sites(write, &accounts.iter().map(|new| &new.site).collect::<Vec<_>>()).await?;
    let (mut storages, mut noted, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for new in accounts {
        storages.push(new.storage);
        noted.push(new.account);
        keys.extend(new.keys);
    }
    let storages = write.insert_storages(owner_number, storages).await?;
    insert_keys(write, &keys.iter().map(|(key, secret)| (key, secret)).collect::<Vec<_>>()).await?;
    for batch in noted.chunks(BATCH) {
        note(write, batch).await?;
    }
    Ok(storages)
}

async fn note(write: &mut Write, batch: &[ImportedAccount]) -> Result<(), Fault> {
    let networks: Vec<_> =
        batch.iter().map(|account| networks_to_text(&account.networks)).collect::<Result<_, Fault>>()?;
    within!(write.tx, c => {
        let mut query = QueryBuilder::new(concat!("INSERT INTO imported_accounts (", columns!(), ") "));
        query.push_values(batch.iter().zip(networks), |mut row, (account, networks)| {
            row.push_bind(account.into.to_string())
                .push_bind(&account.account)
                .push_bind(account.site.to_string())
                .push_bind(account.storage.to_string())
                .push_bind(&account.import)
                .push_bind(account.imported.micros())
                .push_bind(&account.parent)
                .push_bind(account.name.as_str())
                .push_bind(account.storage_name.as_str())
                .push_bind(account.created.micros())
                .push_bind(networks)
                .push_bind(account.expires.map(Timestamp::micros))
                .push_bind(account.keys.iter().map(line_of).collect::<Vec<_>>().join("\n"));
        });
        query.build().persistent(false).execute(c).await.map(drop)
    })?;
    Ok(())
}
