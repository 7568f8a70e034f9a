//! Sites and what they allow of themselves.

use portcullis_domain::{Site, SiteId, SiteRules, Timestamp, User};
use sqlx::QueryBuilder;

use crate::changes::ChangeKind;
use crate::db::{BATCH, Metadata, Write, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::fold;
use crate::row::{number, read, read_optional, row};
use crate::users::NewUser;

macro_rules! columns {
    () => {
        "id, parent_id, name, created_us, members_make_keys, longest_key_days, keys_need_networks, idle_key_days, \
         second_factor, data_events"
    };
}

row! {
    SiteRow {
        id: String,
        parent_id: Option<String>,
        name: String,
        created_us: i64,
        members_make_keys: i64,
        longest_key_days: Option<i64>,
        keys_need_networks: i64,
        idle_key_days: Option<i64>,
        second_factor: String,
        data_events: String,
    }
}

impl SiteRow {
    fn read(self) -> Result<Site, Fault> {
        let days = |column, days: Option<i64>| days.map(|days| number(column, days)).transpose();
        Ok(Site {
            id: read("id", &self.id)?,
            parent: read_optional("parent_id", self.parent_id.as_deref())?,
            name: read("name", &self.name)?,
            rules: SiteRules {
                members_make_keys: self.members_make_keys != 0,
                longest_key_days: days("longest_key_days", self.longest_key_days)?,
                keys_need_networks: self.keys_need_networks != 0,
                idle_key_days: days("idle_key_days", self.idle_key_days)?,
                second_factor: read("second_factor", &self.second_factor)?,
                data_events: read("data_events", &self.data_events)?,
            },
            created: Timestamp::from_micros(self.created_us),
        })
    }
}

impl Metadata {
    /// Makes the first site and its first user in one step; none if a site exists already. Of two processes that
    /// start at the same time on one database, one makes them and the other is told that they exist.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if the user is not of that site; what any verb may give.
    pub async fn create_site_with_admin(&self, site: &Site, admin: NewUser) -> Result<Option<User>> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "SELECT COUNT(*) FROM sites";
            if within!(write.tx, c => sqlx::query_scalar::<_, i64>(sql).fetch_one(c).await)? > 0 {
                return Ok(None);
            }
            insert_sites(&mut write, &[site]).await?;
            let user = write.insert_user(admin).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(Some(user))
        };
        work.await.during("create the first site and its admin")
    }

    /// Makes a further site.
    ///
    /// # Errors
    /// [`Conflict("name")`](MetadataErrorKind::Conflict) if the parent has a child of that name, letter case aside, or
    /// `Conflict("id")`; [`NotFound`](MetadataErrorKind::NotFound) if the parent does not exist; what any verb may give.
    pub async fn create_site(&self, site: &Site) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            insert_sites(&mut write, &[site]).await?;
            self.commit(write).await
        };
        work.await.during("create a site")
    }

    /// Keeps what may change of a site: its name and its rules. The rest of the record is not looked at.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the site is no longer as `before`;
    /// [`Conflict("name")`](MetadataErrorKind::Conflict); [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn update_site(&self, before: &Site, after: &Site) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let select = concat!("SELECT ", columns!(), " FROM sites WHERE id = $1");
            let row = within!(write.tx, c => {
                sqlx::query_as::<_, SiteRow>(select).bind(before.id.to_string()).fetch_optional(c).await
            })?;
            if row.ok_or(MetadataErrorKind::NotFound)?.read()? != *before {
                return Err(MetadataErrorKind::Stale.into());
            }
            let sql = "UPDATE sites SET name = $2, folded = $3, members_make_keys = $4, longest_key_days = $5, \
                       keys_need_networks = $6, idle_key_days = $7, second_factor = $8, data_events = $9 \
                       WHERE id = $1";
            let rules = after.rules;
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(before.id.to_string())
                    .bind(after.name.as_str())
                    .bind(fold(after.name.as_str()))
                    .bind(i64::from(rules.members_make_keys))
                    .bind(rules.longest_key_days.map(i64::from))
                    .bind(i64::from(rules.keys_need_networks))
                    .bind(rules.idle_key_days.map(i64::from))
                    .bind(rules.second_factor.as_str())
                    .bind(rules.data_events.as_str())
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            write.note(ChangeKind::Site, &before.id);
            self.commit(write).await
        };
        work.await.during("change a site")
    }

    /// Deletes a site to which nothing belongs. The sessions of those above who act in it at the moment end.
    ///
    /// # Errors
    /// [`Conflict("in_use")`](MetadataErrorKind::Conflict) if it has a child, a user, a storage (detached ones count), a key
    /// (deleted ones count) or a group; [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn delete_site(&self, id: SiteId) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let visitors = "DELETE FROM sessions WHERE site_id = $1 RETURNING id";
            let visitors: Vec<String> = within!(write.tx, c => {
                sqlx::query_scalar(visitors).bind(id.to_string()).fetch_all(c).await
            })?;
            let sql = "DELETE FROM sites WHERE id = $1";
            let deleted = within!(write.tx, c => {
                sqlx::query(sql).bind(id.to_string()).execute(c).await.map(|done| done.rows_affected())
            });
            let rows = deleted.map_err(Fault::from).map_err(|fault| {
                // What refers to it keeps it.
                let referred_to = fault.kind == MetadataErrorKind::NotFound;
                if referred_to { MetadataErrorKind::Conflict("in_use").into() } else { fault }
            })?;
            if rows == 0 {
                return Err(MetadataErrorKind::NotFound.into());
            }
            for session in &visitors {
                write.note(ChangeKind::Session, session);
            }
            write.note(ChangeKind::Site, &id);
            self.commit(write).await
        };
        work.await.during("delete a site")
    }

    /// The site with this id.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn site(&self, id: SiteId) -> Result<Option<Site>> {
        let sql = concat!("SELECT ", columns!(), " FROM sites WHERE id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, SiteRow>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(SiteRow::read).transpose()).during("read a site")
    }

    /// All sites, oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sites(&self) -> Result<Vec<Site>> {
        let sql = concat!("SELECT ", columns!(), " FROM sites ORDER BY id");
        let rows = reading!(self, pool => sqlx::query_as::<_, SiteRow>(sql).fetch_all(pool).await);
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(SiteRow::read).collect())
            .during("list the sites")
    }
}

/// Adds sites, each after the one above it.
pub(crate) async fn insert_sites(write: &mut Write, sites: &[&Site]) -> Result<(), Fault> {
    for batch in sites.chunks(BATCH) {
        within!(write.tx, c => {
            let mut query = QueryBuilder::new(concat!("INSERT INTO sites (", columns!(), ", folded) "));
            query.push_values(batch, |mut row, site| {
                let rules = site.rules;
                row.push_bind(site.id.to_string())
                    .push_bind(site.parent.map(|parent| parent.to_string()))
                    .push_bind(site.name.as_str())
                    .push_bind(site.created.micros())
                    .push_bind(i64::from(rules.members_make_keys))
                    .push_bind(rules.longest_key_days.map(i64::from))
                    .push_bind(i64::from(rules.keys_need_networks))
                    .push_bind(rules.idle_key_days.map(i64::from))
                    .push_bind(rules.second_factor.as_str())
                    .push_bind(rules.data_events.as_str())
                    .push_bind(fold(site.name.as_str()));
            });
            query.build().persistent(batch.len() == 1).execute(c).await.map(drop)
        })?;
        for site in batch {
            write.note(ChangeKind::Site, &site.id);
        }
    }
    Ok(())
}
