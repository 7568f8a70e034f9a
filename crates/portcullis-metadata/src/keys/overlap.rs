//! Overlaps: credentials that work for a while beside those that replaced them.

use portcullis_domain::{CredentialId, KeyId, Timestamp};
use sqlx::QueryBuilder;

use crate::changes::ChangeKind;
use crate::db::{Metadata, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{number, read, row};

/// Credentials that work beside those that replaced them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The key.
    pub key: KeyId,
    /// Which of its credentials the old ones are, counted from 0.
    pub generation: u32,
    /// The public half of the old ones; the present one if only the secret was changed.
    pub credential: CredentialId,
    /// When they were replaced.
    pub since: Timestamp,
    /// The first moment at which they no longer work.
    pub until: Timestamp,
}

macro_rules! columns {
    () => {
        "key_id, generation, credential, retired_us, until_us"
    };
}

row! {
    OverlapRow { key_id: String, generation: i64, credential: String, retired_us: i64, until_us: i64 }
}

impl OverlapRow {
    fn read(self) -> Result<Overlap, Fault> {
        Ok(Overlap {
            key: read("key_id", &self.key_id)?,
            generation: number("generation", self.generation)?,
            credential: read("credential", &self.credential)?,
            since: Timestamp::from_micros(self.retired_us),
            until: Timestamp::from_micros(self.until_us),
        })
    }
}

fn read_all(rows: Result<Vec<OverlapRow>, sqlx::Error>) -> Result<Vec<Overlap>, Fault> {
    rows.map_err(Fault::from).and_then(|rows| rows.into_iter().map(OverlapRow::read).collect())
}

impl Metadata {
    /// The overlaps of these keys (at most 1,000 of them) that run at that moment; a key has one at most.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn overlaps(&self, keys: &[KeyId], now: Timestamp) -> Result<Vec<Overlap>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let rows = reading!(self, pool => {
            let mut query = QueryBuilder::new(concat!(
                "SELECT ", columns!(), " FROM retired_secrets WHERE ended = 0 AND until_us > "
            ));
            query.push_bind(now.micros()).push(" AND key_id IN (");
            let mut ids = query.separated(", ");
            for key in keys {
                ids.push_bind(key.to_string());
            }
            query.push(")").build_query_as::<OverlapRow>().persistent(false).fetch_all(pool).await
        });
        read_all(rows).during("read which credentials overlap")
    }

    /// Sets the moment at which an overlap ends: `now` ends it at once, and for good. The rest of the record stays.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if it has ended; [`Stale`](MetadataErrorKind::Stale) if its end was moved since
    /// it was read; what any verb may give.
    pub async fn set_overlap(&self, seen: &Overlap, until: Timestamp, now: Timestamp) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "SELECT until_us FROM retired_secrets \
                       WHERE key_id = $1 AND generation = $2 AND ended = 0 AND until_us > $3";
            let (id, generation) = (seen.key.to_string(), i64::from(seen.generation));
            let found: Option<i64> = within!(write.tx, c => {
                let query = sqlx::query_scalar(sql).bind(&id).bind(generation).bind(now.micros());
                query.fetch_optional(c).await
            })?;
            match found {
                None => return Err(MetadataErrorKind::NotFound.into()),
                Some(end) if end != seen.until.micros() => return Err(MetadataErrorKind::Stale.into()),
                Some(_) => {}
            }
            let sql =
                "UPDATE retired_secrets SET until_us = $3, ended = $4 WHERE key_id = $1 AND generation = $2";
            let (end, ended) = (until.max(now).micros(), i64::from(until <= now));
            within!(write.tx, c => {
                let query = sqlx::query(sql).bind(&id).bind(generation).bind(end).bind(ended);
                query.execute(c).await.map(drop)
            })?;
            write.note(ChangeKind::Key, &seen.key);
            self.commit(write).await
        };
        work.await.during("change how long earlier credentials work")
    }

    /// Up to `limit` (1 to 1,000) overlaps whose time is over and of which that was not noted yet, the earliest end first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn overlaps_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Overlap>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM retired_secrets WHERE ended = 0 AND until_us <= $1 ORDER BY until_us, key_id LIMIT $2"
        );
        let limit = i64::from(limit.clamp(1, 1_000));
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, OverlapRow>(sql).bind(now.micros()).bind(limit).fetch_all(pool).await
        });
        read_all(rows).during("read which overlaps are over")
    }

    /// Notes that an overlap whose time is over has ended: from then on a clock that is set back does not revive it. False, and
    /// nothing was done, if that was noted before or it goes on.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn settle_overlap(&self, overlap: &Overlap, now: Timestamp) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE retired_secrets SET ended = 1 \
                       WHERE key_id = $1 AND generation = $2 AND ended = 0 AND until_us <= $3";
            let rows = within!(write.tx, c => {
                let query = sqlx::query(sql).bind(overlap.key.to_string());
                let query = query.bind(i64::from(overlap.generation)).bind(now.micros());
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Ok(false);
            }
            write.note(ChangeKind::Key, &overlap.key);
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("note that an overlap has ended")
    }
}
