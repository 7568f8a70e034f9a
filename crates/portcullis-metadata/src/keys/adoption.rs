//! Who has moved from a key's earlier credentials to those after them.

use portcullis_domain::{KeyId, Timestamp};

use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{number, row};

/// A client that came with a key's earlier credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mover {
    /// The client's program, without its version.
    pub tool: String,
    /// From where: an address, or a network of several that were too many to tell apart.
    pub network: String,
    /// When it last came with the earlier credentials.
    pub last_old: Timestamp,
    /// How many requests it made with them.
    pub old_requests: u64,
    /// When it first came with later ones, if it did.
    pub first_new: Option<Timestamp>,
    /// When it last came with later ones, if it did.
    pub last_new: Option<Timestamp>,
    /// How many requests it made with them.
    pub new_requests: u64,
}

row! {
    MoverRow {
        tool: String,
        network: String,
        last_old: i64,
        old_requests: i64,
        first_new: Option<i64>,
        last_new: Option<i64>,
        new_requests: i64,
    }
}

impl MoverRow {
    fn read(self) -> Result<Mover, Fault> {
        Ok(Mover {
            tool: self.tool,
            network: self.network,
            last_old: Timestamp::from_micros(self.last_old),
            old_requests: number("old_requests", self.old_requests)?,
            first_new: self.first_new.map(Timestamp::from_micros),
            last_new: self.last_new.map(Timestamp::from_micros),
            new_requests: number("new_requests", self.new_requests)?,
        })
    }
}

impl Metadata {
    /// Who came with these of a key's credentials in or after the hour of `since`, the latest first, at most `limit` (1 to 1,000)
    /// programs at places of theirs, each with whether it came with later credentials too.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn movers(
        &self,
        key: KeyId,
        generation: u32,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Mover>> {
        // To enter a storage comes with every request in it: it says that a client was there, and is no request of its own.
        let sql = "SELECT tool, network, \
                   MAX(CASE WHEN generation = $2 THEN last_us END) AS last_old, \
                   CAST(SUM(CASE WHEN generation = $2 AND what <> 'enter' THEN requests ELSE 0 END) AS BIGINT) AS old_requests, \
                   MIN(CASE WHEN generation > $2 THEN first_us END) AS first_new, \
                   MAX(CASE WHEN generation > $2 THEN last_us END) AS last_new, \
                   CAST(SUM(CASE WHEN generation > $2 AND what <> 'enter' THEN requests ELSE 0 END) AS BIGINT) AS new_requests \
                   FROM key_activity WHERE key_id = $1 AND hour >= $3 AND kind = 'used' AND generation >= $2 \
                   GROUP BY tool, network HAVING MIN(generation) = $2 \
                   ORDER BY 3 DESC, tool, network LIMIT $4";
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, MoverRow>(sql)
                .bind(key.to_string())
                .bind(i64::from(generation))
                .bind(since.seconds().div_euclid(3600))
                .bind(i64::from(limit.clamp(1, 1_000)))
                .fetch_all(pool)
                .await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(MoverRow::read).collect())
            .during("read who moved to other credentials")
    }
}
