//! Which keys of a site deserve a look.

use portcullis_domain::{DisplayName, KeyId, SiteId, StorageId, Timestamp};

use super::pieces::{Pieces, assembled};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{number, read, read_optional, row};

/// Why a key deserves a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewReason {
    /// Its secret was found by somebody and reported, and is still the present one.
    SecretFound,
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
    /// Of which the secret was found; of these alone also those that were switched off.
    pub secret_found: u64,
    /// With any of these; each key once.
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
    AgedRow { unused: i64, expiring: i64, either: i64 }
}
row! {
    /// Those that write from anywhere, and how many of them are neither unused nor expiring.
    WritingRow { writing: i64, neither: i64 }
}
row! {
    /// Those of which the secret was found, and how many of them are not among the others.
    FoundRow { found: i64, alone: i64 }
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

    /// Whether they work or not: what was switched off because of it is what somebody has to look at.
    fn found(&self, query: &mut Pieces) {
        query.sql("k.site_id = ").text(&self.site).sql(" AND k.state = 'active' AND ");
        self.condition(query, ReviewReason::SecretFound);
    }

    fn aged(&self, query: &mut Pieces) {
        query.sql("(");
        self.condition(query, ReviewReason::Unused);
        query.sql(" OR ");
        self.condition(query, ReviewReason::Expiring);
        query.sql(")");
    }

    fn condition(&self, query: &mut Pieces, reason: ReviewReason) {
        match reason {
            ReviewReason::Unused => {
                let since = self.unused_since.micros();
                query.sql("(k.created_us < ").number(since);
                query.sql(" AND k.last_used_us < ").number(since).sql(")");
            }
            ReviewReason::Expiring => {
                query.sql("(k.expires_us IS NOT NULL AND k.expires_us < ");
                query.number(self.ends_before.micros()).sql(")");
            }
            ReviewReason::SecretFound => {
                query.sql("k.leaked_us IS NOT NULL");
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
            // Apart, so that each is answered from an index of its own: how old they are, and what they open.
            let aged = self.count_aged(review).await?;
            let writing = self.count_writing(review).await?;
            let found = self.count_found(review).await?;
            let first = [
                (found.found, ReviewReason::SecretFound),
                (writing.writing, ReviewReason::WritesFromAnywhere),
                (aged.unused, ReviewReason::Unused),
                (aged.expiring, ReviewReason::Expiring),
            ];
            let example = match first.into_iter().find(|(count, _)| *count > 0) {
                Some((_, reason)) => self.first_to_review(review, reason).await?,
                None => None,
            };
            Ok::<_, Fault>(KeysToReview {
                unused: number("unused", aged.unused)?,
                expiring: number("expiring", aged.expiring)?,
                writing_from_anywhere: number("writing", writing.writing)?,
                secret_found: number("secret_found", found.found)?,
                any: number("any", aged.either + writing.neither + found.alone)?,
                example,
            })
        };
        work.await.during("look for keys to review")
    }

    async fn count_aged(&self, review: &KeyReview) -> Result<AgedRow, Fault> {
        let mut query = Pieces::default();
        query.sql("SELECT COUNT(CASE WHEN ");
        review.condition(&mut query, ReviewReason::Unused);
        query.sql(" THEN 1 END) AS unused, COUNT(CASE WHEN ");
        review.condition(&mut query, ReviewReason::Expiring);
        query.sql(" THEN 1 END) AS expiring, COUNT(CASE WHEN ");
        review.aged(&mut query);
        query.sql(" THEN 1 END) AS either FROM keys k WHERE ");
        review.working(&mut query);
        Ok(reading!(self, pool => assembled!(query).build_query_as::<AgedRow>().fetch_one(pool).await)?)
    }

    async fn count_writing(&self, review: &KeyReview) -> Result<WritingRow, Fault> {
        let mut query = Pieces::default();
        query.sql("SELECT COUNT(*) AS writing, COUNT(CASE WHEN NOT ");
        review.aged(&mut query);
        query.sql(" THEN 1 END) AS neither FROM keys k WHERE ");
        review.working(&mut query);
        query.sql(" AND ");
        review.condition(&mut query, ReviewReason::WritesFromAnywhere);
        Ok(reading!(self, pool => assembled!(query).build_query_as::<WritingRow>().fetch_one(pool).await)?)
    }

    async fn count_found(&self, review: &KeyReview) -> Result<FoundRow, Fault> {
        let mut query = Pieces::default();
        query.sql("SELECT COUNT(*) AS found, COUNT(CASE WHEN NOT (");
        review.working(&mut query);
        query.sql(" AND (");
        review.aged(&mut query);
        query.sql(" OR ");
        review.condition(&mut query, ReviewReason::WritesFromAnywhere);
        query.sql(")) THEN 1 END) AS alone FROM keys k WHERE ");
        review.found(&mut query);
        Ok(reading!(self, pool => assembled!(query).build_query_as::<FoundRow>().fetch_one(pool).await)?)
    }

    async fn first_to_review(
        &self,
        review: &KeyReview,
        reason: ReviewReason,
    ) -> Result<Option<ReviewExample>, Fault> {
        let mut query = Pieces::default();
        query.sql("SELECT k.id, k.name, s.id AS storage_id, s.name AS storage_name ");
        query.sql("FROM keys k LEFT JOIN storages s ON s.id = k.storage_id WHERE ");
        if reason == ReviewReason::SecretFound {
            review.found(&mut query);
        } else {
            review.working(&mut query);
            query.sql(" AND ");
            review.condition(&mut query, reason);
        }
        query.sql(" ORDER BY k.id LIMIT 1");
        let row = reading!(self, pool => {
            assembled!(query).build_query_as::<ExampleRow>().fetch_optional(pool).await
        })?;
        row.map(|row| row.read(reason)).transpose()
    }
}
