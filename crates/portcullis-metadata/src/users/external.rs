//! Users whom an identity provider knows.

use portcullis_domain::{User, UserId};

use super::NewUser;
use crate::db::{Metadata, reading, within};
use crate::error::{During, Fault, Result};

impl Metadata {
    /// Makes a user as [`Metadata::create_user`] does, tied from the start to the text by which an identity provider knows them.
    ///
    /// # Errors
    /// [`Conflict("username")`](crate::MetadataErrorKind::Conflict), or `Conflict("external")` if it is another user's;
    /// [`NotFound`](crate::MetadataErrorKind::NotFound) if the site does not exist; what any verb may give.
    pub async fn create_external_user(&self, new: NewUser, external: &str) -> Result<User> {
        let work = async {
            let mut write = self.write().await?;
            let user = write.insert_user(new).await?;
            let sql = "UPDATE users SET external_id = $2 WHERE id = $1";
            within!(write.tx, c => {
                sqlx::query(sql).bind(user.id.to_string()).bind(external).execute(c).await.map(drop)
            })?;
            self.commit(write).await?;
            Ok::<_, Fault>(user)
        };
        work.await.during("create a user whom an identity provider knows")
    }

    /// The text by which an identity provider knows a user; none if none does.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn external_of(&self, user: UserId) -> Result<Option<String>> {
        let sql = "SELECT external_id FROM users WHERE id = $1";
        let found: Result<Option<Option<String>>, sqlx::Error> =
            reading!(self, pool => sqlx::query_scalar(sql).bind(user.to_string()).fetch_optional(pool).await);
        found.map(Option::flatten).during("read how an identity provider knows a user")
    }
}
