//! Links: what is shared with whoever has the address.

use portcullis_domain::{Link, LinkId, LinkTarget, SiteId, StorageId, Timestamp};
use sqlx::QueryBuilder;

use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within, writing};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::{Page, PageRequest, fold, pattern};
use crate::row::{Both, networks_from_text, networks_to_text, number, read, row};

/// Which links a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFilter {
    /// Those of this site.
    pub site: SiteId,
    /// Those into this storage.
    pub storage: Option<StorageId>,
    /// Those with this text in the name or in what they lead to; letter case does not matter.
    pub search: Option<String>,
    /// Those that were not ended; they may have expired.
    pub only_active: bool,
}

impl LinkFilter {
    /// All links of a site.
    #[must_use]
    pub const fn of(site: SiteId) -> Self {
        Self { site, storage: None, search: None, only_active: false }
    }
}

macro_rules! columns {
    () => {
        "id, site_id, storage_id, name, target_kind, target, permission, networks, expires_us, \
         CASE WHEN password IS NULL THEN 0 ELSE 1 END AS with_password, max_downloads, downloads, state, created_us"
    };
}

row! {
    LinkRow {
        id: String,
        site_id: String,
        storage_id: String,
        name: String,
        target_kind: String,
        target: String,
        permission: String,
        networks: String,
        expires_us: Option<i64>,
        with_password: i32,
        max_downloads: Option<i64>,
        downloads: i64,
        state: String,
        created_us: i64,
    }
}
row! {
    PasswordRow { password: Option<String> }
}

impl LinkRow {
    fn read(self) -> Result<Link, Fault> {
        Ok(Link {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            storage: read("storage_id", &self.storage_id)?,
            name: read("name", &self.name)?,
            target: match self.target_kind.as_str() {
                "file" => LinkTarget::File(read("target", &self.target)?),
                "folder" => LinkTarget::Folder(read("target", &self.target)?),
                _ => return Err(Fault::corrupt("column target_kind: neither file nor folder")),
            },
            permission: read("permission", &self.permission)?,
            networks: networks_from_text(&self.networks)?,
            expires: self.expires_us.map(Timestamp::from_micros),
            has_password: self.with_password != 0,
            max_downloads: self.max_downloads.map(|most| number("max_downloads", most)).transpose()?,
            downloads: number("downloads", self.downloads)?,
            state: read("state", &self.state)?,
            created: Timestamp::from_micros(self.created_us),
        })
    }
}

fn read_both(Both(link, row): Both<LinkRow, PasswordRow>) -> Result<(Link, Option<String>), Fault> {
    Ok((link.read()?, row.password))
}

/// What the search looks through.
fn folded(link: &Link) -> String {
    fold(&format!("{}\n{}", link.name, link.target.as_str()))
}

impl Metadata {
    /// Keeps a new link, the SHA-256 of the secret in its address and the Argon2 hash of its password, if it has one.
    /// Whether it has one and how often it was used is not taken from the record.
    ///
    /// # Errors
    /// [`Conflict("token")`](MetadataErrorKind::Conflict) or `Conflict("id")`; [`NotFound`](MetadataErrorKind::NotFound) if the
    /// storage is not of the site; what any verb may give.
    pub async fn create_link(
        &self,
        link: &Link,
        token_hash: &[u8; 32],
        password_phc: Option<&str>,
    ) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "INSERT INTO share_links (id, site_id, storage_id, token_hash, name, folded, target_kind, target, \
                       permission, networks, expires_us, password, max_downloads, state, created_us) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
            let networks = networks_to_text(&link.networks)?;
            let kind = match link.target {
                LinkTarget::File(_) => "file",
                LinkTarget::Folder(_) => "folder",
            };
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(link.id.to_string())
                    .bind(link.site.to_string())
                    .bind(link.storage.to_string())
                    .bind(token_hash.to_vec())
                    .bind(link.name.as_str())
                    .bind(folded(link))
                    .bind(kind)
                    .bind(link.target.as_str())
                    .bind(link.permission.as_str())
                    .bind(networks)
                    .bind(link.expires.map(Timestamp::micros))
                    .bind(password_phc)
                    .bind(link.max_downloads.map(i64::from))
                    .bind(link.state.as_str())
                    .bind(link.created.micros())
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            write.note(ChangeKind::Link, &link.id);
            self.commit(write).await
        };
        work.await.during("create a link")
    }

    /// Keeps what may change of a link: name, networks, expiry and limit of downloads; and its password, if one is given:
    /// `Some(None)` takes it away. The rest of the record is not looked at.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the link is no longer as `before`, the number of downloads aside;
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such link, or it was ended; what any verb may give.
    pub async fn update_link(
        &self,
        before: &Link,
        after: &Link,
        password: Option<Option<&str>>,
    ) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let select =
                concat!("SELECT ", columns!(), " FROM share_links WHERE id = $1 AND state = 'active'");
            let row = within!(write.tx, c => {
                sqlx::query_as::<_, LinkRow>(select).bind(before.id.to_string()).fetch_optional(c).await
            })?;
            let found = row.ok_or(MetadataErrorKind::NotFound)?.read()?;
            if (Link { downloads: before.downloads, ..found }) != *before {
                return Err(MetadataErrorKind::Stale.into());
            }
            let after = Link { id: before.id, target: before.target.clone(), ..after.clone() };
            write.update_link(&after, password).await?;
            write.note(ChangeKind::Link, &before.id);
            self.commit(write).await
        };
        work.await.during("change a link")
    }

    /// Ends a link for good; false if there is none such, or it was ended before.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn end_link(&self, id: LinkId) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE share_links SET state = 'ended' WHERE id = $1 AND state = 'active'";
            let rows = within!(write.tx, c => {
                sqlx::query(sql).bind(id.to_string()).execute(c).await.map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Ok(false);
            }
            write.note(ChangeKind::Link, &id);
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("end a link")
    }

    /// The link with this id, ended or not.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn link(&self, id: LinkId) -> Result<Option<Link>> {
        let sql = concat!("SELECT ", columns!(), " FROM share_links WHERE id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, LinkRow>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(LinkRow::read).transpose()).during("read a link")
    }

    /// The link whose secret has this SHA-256, ended and expired ones included, and the hash of its password.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn link_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<(Link, Option<String>)>> {
        let sql = concat!("SELECT ", columns!(), ", password FROM share_links WHERE token_hash = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, Both<LinkRow, PasswordRow>>(sql)
                .bind(token_hash.to_vec())
                .fetch_optional(pool)
                .await
        });
        row.map_err(Fault::from).and_then(|row| row.map(read_both).transpose()).during("look a link up")
    }

    /// The links of all sites that were not ended, expired ones included, oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn all_links(&self) -> Result<Vec<Link>> {
        let sql = concat!("SELECT ", columns!(), " FROM share_links WHERE state = 'active' ORDER BY id");
        let rows = reading!(self, pool => sqlx::query_as::<_, LinkRow>(sql).fetch_all(pool).await);
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(LinkRow::read).collect())
            .during("read all links")
    }

    /// Counts a download, if the link was not ended and allows one more; of many who ask for the last one, exactly one is told true.
    /// Not in the change feed.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn count_download(&self, id: LinkId) -> Result<bool> {
        // Past what a record can hold it counts no further.
        let sql = "UPDATE share_links SET downloads = downloads + CASE WHEN downloads < 4294967295 THEN 1 ELSE 0 END \
                   WHERE id = $1 AND state = 'active' AND (max_downloads IS NULL OR downloads < max_downloads)";
        let rows = writing!(self, pool => {
            sqlx::query(sql).bind(id.to_string()).execute(pool).await.map(|done| done.rows_affected())
        });
        rows.map(|rows| rows == 1).during("count a download")
    }

    /// A page of the links of a site, oldest first.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn links_page(&self, filter: &LinkFilter, page: &PageRequest) -> Result<Page<Link>> {
        let work = async {
            let after = page.after_id()?;
            let rows = reading!(self, pool => {
                let mut query =
                    QueryBuilder::new(concat!("SELECT ", columns!(), " FROM share_links WHERE site_id = "));
                query.push_bind(filter.site.to_string()).push(" AND id > ").push_bind(after);
                if let Some(storage) = filter.storage {
                    query.push(" AND storage_id = ").push_bind(storage.to_string());
                }
                if filter.only_active {
                    query.push(" AND state = 'active'");
                }
                if let Some(pattern) = pattern(filter.search.as_deref()) {
                    query.push(" AND folded LIKE ").push_bind(pattern).push(" ESCAPE '!'");
                }
                query.push(" ORDER BY id LIMIT ").push_bind(page.rows());
                query.build_query_as::<LinkRow>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |row| row.id.clone(), LinkRow::read)
        };
        work.await.during("list links")
    }
}

impl Write {
    async fn update_link(&mut self, link: &Link, password: Option<Option<&str>>) -> Result<(), Fault> {
        let sql = "UPDATE share_links SET name = $2, folded = $3, networks = $4, expires_us = $5, max_downloads = $6, \
                   password = CASE WHEN $7 = 1 THEN $8 ELSE password END WHERE id = $1";
        let networks = networks_to_text(&link.networks)?;
        within!(self.tx, c => {
            sqlx::query(sql)
                .bind(link.id.to_string())
                .bind(link.name.as_str())
                .bind(folded(link))
                .bind(networks)
                .bind(link.expires.map(Timestamp::micros))
                .bind(link.max_downloads.map(i64::from))
                .bind(i64::from(password.is_some()))
                .bind(password.flatten())
                .execute(c)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}
