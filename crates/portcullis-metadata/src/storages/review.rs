//! Which keys of a site deserve a look.

use portcullis_domain::{DisplayName, KeyId, SiteId, StorageId, Timestamp};

use super::pieces::{Pieces, assembled};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{number, read, read_optional, row};

/// Why a key deserves a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewReason {
    /// It changes files and may be used from any address.
    WritesFromAnywhere,
    /// It was not used for long, or never.
    Unused,
    /// It ends soon.
    Expiring,
}

/// The keys of a site that work and deserve a look. One key may count under several reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysToReview {
    /// Not used since a moment, and made before it.
    pub unused: u64,
    /// With an end before a moment.
    pub expiring: u64,
    /// That change files and may be used from any address.
    pub writing_from_anywhere: u64,
    /// With any of the three; each key once.
    pub any: u64,
    /// One of them.
    pub example: Option<ReviewExample>,
}

/// A key that deserves a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewExample {
    /// The key.
    pub key: KeyId,
    /// What a person called it.
    pub name: DisplayName,
    /// The storage it is for, if it is for one.
    pub storage: Option<(StorageId, DisplayName)>,
    /// Why.
    pub reason: ReviewReason,
}

row! {
    ReviewRow { unused: i64, expiring: i64, writing: i64, total: i64 }
}
row! {
    ExampleRow { id: String, name: String, storage_id: Option<String>, storage_name: Option<String> }
}

impl ExampleRow {
    fn read(self, reason: ReviewReason) -> Result<ReviewExample, Fault> {
        let storage: Option<StorageId> = read_optional("storage_id", self.storage_id.as_deref())?;
        let name: Option<DisplayName> = read_optional("name", self.storage_name.as_deref())?;
        Ok(ReviewExample {
            key: read("id", &self.id)?,
            name: read("name", &self.name)?,
            storage: storage.zip(name),
            reason,
        })
    }
}

/// Which keys to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyReview {
    /// Those of this site.
    pub site: SiteId,
    /// Those that work at this moment.
    pub now: Timestamp,
    /// Unused is what was made before this moment and not used since.
    pub unused_since: Timestamp,
    /// Expiring is what ends before this moment.
    pub ends_before: Timestamp,
}

impl KeyReview {
    fn working(&self, query: &mut Pieces) {
        query.sql("k.site_id = ").text(&self.site).sql(" AND k.state = 'active' AND k.permission <> 'none' ");
        query.sql("AND (k.expires_us IS NULL OR k.expires_us > ").number(self.now.micros()).sql(")");
    }

    fn condition(&self, query: &mut Pieces, reason: ReviewReason) {
        match reason {
            ReviewReason::Unused => {
                let since = self.unused_since.micros();
                query.sql("(k.created_us < ").number(since).sql(" AND NOT EXISTS (SELECT 1 FROM key_uses u ");
                query.sql("WHERE u.key_id = k.id AND u.at_us >= ").number(since).sql("))");
            }
            ReviewReason::Expiring => {
                query.sql("(k.expires_us IS NOT NULL AND k.expires_us < ");
                query.number(self.ends_before.micros()).sql(")");
            }
            ReviewReason::WritesFromAnywhere => {
                query.sql(
                    "(k.networks = '[]' AND k.permission IN ('write', 'read_write', 'full') AND \
                     CASE WHEN k.storage_id IS NOT NULL THEN EXISTS (SELECT 1 FROM storages w \
                     WHERE w.id = k.storage_id AND w.state = 'active' AND w.networks = '[]' \
                     AND w.permission IN ('write', 'read_write') AND (w.s3_access = 1 OR k.channel <> 's3')) \
                     WHEN k.user_id IS NOT NULL THEN EXISTS (SELECT 1 FROM users u WHERE u.id = k.user_id \
                     AND u.role = 'admin' AND u.state = 'active') ELSE 1 = 1 END)",
                );
            }
        }
    }
}

impl Metadata {
    /// The keys of a site that work at `now` and were not used since `used_before`, or end before `ends_before`, or write
    /// from any address.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn keys_to_review(&self, review: &KeyReview) -> Result<KeysToReview> {
        let work = async {
            let mut query = Pieces::default();
            query.sql("SELECT CAST(COALESCE(SUM(q.unused), 0) AS BIGINT) AS unused, ");
            query.sql("CAST(COALESCE(SUM(q.expiring), 0) AS BIGINT) AS expiring, ");
            query.sql("CAST(COALESCE(SUM(q.writing), 0) AS BIGINT) AS writing, COALESCE(SUM(CASE WHEN ");
            query.sql("q.unused + q.expiring + q.writing > 0 THEN 1 ELSE 0 END), 0) AS total FROM (SELECT ");
            for (reason, name) in [
                (ReviewReason::Unused, " AS unused, "),
                (ReviewReason::Expiring, " AS expiring, "),
                (ReviewReason::WritesFromAnywhere, " AS writing"),
            ] {
                query.sql("CASE WHEN ");
                review.condition(&mut query, reason);
                query.sql(" THEN 1 ELSE 0 END").sql(name);
            }
            query.sql(" FROM keys k WHERE ");
            review.working(&mut query);
            query.sql(") q");
            let row = reading!(self, pool => {
                assembled!(query).build_query_as::<ReviewRow>().fetch_one(pool).await
            })?;
            let first = [
                (row.writing, ReviewReason::WritesFromAnywhere),
                (row.unused, ReviewReason::Unused),
                (row.expiring, ReviewReason::Expiring),
            ];
            let example = match first.into_iter().find(|(count, _)| *count > 0) {
                Some((_, reason)) => self.first_to_review(review, reason).await?,
                None => None,
            };
            Ok::<_, Fault>(KeysToReview {
                unused: number("unused", row.unused)?,
                expiring: number("expiring", row.expiring)?,
                writing_from_anywhere: number("writing", row.writing)?,
                any: number("total", row.total)?,
                example,
            })
        };
        work.await.during("look for keys to review")
    }

    async fn first_to_review(
        &self,
        review: &KeyReview,
        reason: ReviewReason,
    ) -> Result<Option<ReviewExample>, Fault> {
        let mut query = Pieces::default();
        query.sql("SELECT k.id, k.name, s.id AS storage_id, s.name AS storage_name ");
        query.sql("FROM keys k LEFT JOIN storages s ON s.id = k.storage_id WHERE ");
        review.working(&mut query);
        query.sql(" AND ");
        review.condition(&mut query, reason);
        query.sql(" ORDER BY k.id LIMIT 1");
        let row = reading!(self, pool => {
            assembled!(query).build_query_as::<ExampleRow>().fetch_optional(pool).await
        })?;
        row.map(|row| row.read(reason)).transpose()
    }
}
