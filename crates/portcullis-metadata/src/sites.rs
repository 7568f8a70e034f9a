//! Sites.

use portcullis_domain::{Site, SiteId, Timestamp, User};

use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within};
use crate::error::{During, Fault, Result};
use crate::row::{read, read_optional, row};
use crate::users::NewUser;

row! {
    SiteRow { id: String, parent_id: Option<String>, name: String, created_us: i64 }
}

impl SiteRow {
    fn read(self) -> Result<Site, Fault> {
        Ok(Site {
            id: read("id", &self.id)?,
            parent: read_optional("parent_id", self.parent_id.as_deref())?,
            name: read("name", &self.name)?,
            created: Timestamp::from_micros(self.created_us),
        })
    }
}

impl Metadata {
    /// Makes the first site and its first user in one step; none if a site exists already. Of two processes that
    /// start at the same time on one database, one makes them and the other is told that they exist.
    ///
    /// # Errors
    /// [`NotFound`](crate::MetadataErrorKind::NotFound) if the user is not of that site; what any verb may give.
    pub async fn create_site_with_admin(&self, site: &Site, admin: NewUser) -> Result<Option<User>> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "SELECT COUNT(*) FROM sites";
            if within!(write.tx, c => sqlx::query_scalar::<_, i64>(sql).fetch_one(c).await)? > 0 {
                return Ok(None);
            }
            insert_site(&mut write, site).await?;
            let user = write.insert_user(admin).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(Some(user))
        };
        work.await.during("create the first site and its admin")
    }

    /// Makes a further site.
    ///
    /// # Errors
    /// [`Conflict`](crate::MetadataErrorKind::Conflict) if the id is taken;
    /// [`NotFound`](crate::MetadataErrorKind::NotFound) if the parent does not exist; what any verb may give.
    pub async fn create_site(&self, site: &Site) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            insert_site(&mut write, site).await?;
            self.commit(write).await
        };
        work.await.during("create a site")
    }

    /// The site with this id.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn site(&self, id: SiteId) -> Result<Option<Site>> {
        let sql = "SELECT id, parent_id, name, created_us FROM sites WHERE id = $1";
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
        let sql = "SELECT id, parent_id, name, created_us FROM sites ORDER BY id";
        let rows = reading!(self, pool => sqlx::query_as::<_, SiteRow>(sql).fetch_all(pool).await);
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(SiteRow::read).collect())
            .during("list the sites")
    }
}

async fn insert_site(write: &mut Write, site: &Site) -> Result<(), Fault> {
    let sql = "INSERT INTO sites (id, parent_id, name, created_us) VALUES ($1, $2, $3, $4)";
    within!(write.tx, c => {
        sqlx::query(sql)
            .bind(site.id.to_string())
            .bind(site.parent.map(|parent| parent.to_string()))
            .bind(site.name.as_str())
            .bind(site.created.micros())
            .execute(c)
            .await
            .map(drop)
    })?;
    write.note(ChangeKind::Site, &site.id);
    Ok(())
}
