//! Sums of what keys did, over time and by key, storage, network and program.

use portcullis_domain::{KeyId, SiteId, StorageId, Timestamp};

use super::read::hour_of;
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::page::pattern;
use crate::row::{number, row};
use crate::storages::pieces::{Pieces, assembled};

/// The most points of a chart, and the most rows of a list of the largest.
const MOST: u32 = 3_000;

/// Whose use is summed, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageFilter {
    /// That of keys of this site.
    pub site: SiteId,
    /// From the hour of this moment.
    pub from: Timestamp,
    /// Before the hour of this moment; a moment within an hour takes that hour whole.
    pub until: Timestamp,
    /// That of this key.
    pub key: Option<KeyId>,
    /// That at this storage.
    pub storage: Option<StorageId>,
    /// That from this address, or network as it was put together.
    pub network: Option<String>,
    /// That with this text in the key's name or access key id; letter case does not matter.
    pub search: Option<String>,
}

impl UsageFilter {
    /// All use in a site.
    #[must_use]
    pub const fn of(site: SiteId, from: Timestamp, until: Timestamp) -> Self {
        Self { site, from, until, key: None, storage: None, network: None, search: None }
    }
}

/// How long the time is that one point of a chart stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageStep {
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}

impl UsageStep {
    /// In hours.
    #[must_use]
    pub const fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
        }
    }
}

/// What use is put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// The key's id.
    Key,
    /// The storage's id; empty if none is known.
    Storage,
    /// The address or network.
    Network,
    /// The program.
    Tool,
}

/// How much was done and refused. What only asked whether a storage is there is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageSum {
    /// Requests that were admitted.
    pub requests: u64,
    /// Bytes of files, up and down.
    pub bytes: u64,
    /// Requests that were refused.
    pub refused: u64,
}

/// A point of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsagePoint {
    /// When it begins.
    pub start: Timestamp,
    /// How much there was.
    pub sum: UsageSum,
}

/// One of the largest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageTop {
    /// Which: as [`UsageBy`] says.
    pub of: String,
    /// How much there was.
    pub sum: UsageSum,
    /// When the last.
    pub last: Timestamp,
}

row! {
    PointRow { step: i64, requests: i64, bytes: i64, refused: i64 }
}
row! {
    TopRow { of_what: String, requests: i64, bytes: i64, refused: i64, last_us: i64 }
}

const SUMS: &str = "CAST(SUM(CASE WHEN a.kind = 'used' AND a.what <> 'enter' THEN a.requests ELSE 0 END) AS BIGINT) \
     AS requests, CAST(SUM(CASE WHEN a.kind = 'used' THEN a.bytes ELSE 0 END) AS BIGINT) AS bytes, \
     CAST(SUM(CASE WHEN a.kind = 'refused' THEN a.requests ELSE 0 END) AS BIGINT) AS refused";

fn sum(requests: i64, bytes: i64, refused: i64) -> Result<UsageSum, Fault> {
    Ok(UsageSum {
        requests: number("requests", requests)?,
        bytes: number("bytes", bytes)?,
        refused: number("refused", refused)?,
    })
}

fn narrow(query: &mut Pieces, filter: &UsageFilter) {
    // The hour that the end lies in counts whole, unless it is the end's very beginning.
    let until = Timestamp::from_micros(filter.until.micros().saturating_sub(1));
    query.sql(" FROM key_activity a JOIN keys k ON k.id = a.key_id WHERE a.kind <> 'tried' AND a.hour >= ");
    query.number(hour_of(filter.from)).sql(" AND a.hour <= ").number(hour_of(until));
    query.sql(" AND k.site_id = ").text(&filter.site);
    if let Some(key) = filter.key {
        query.sql(" AND a.key_id = ").text(&key);
    }
    if let Some(storage) = filter.storage {
        query.sql(" AND a.storage_id = ").text(&storage);
    }
    if let Some(network) = &filter.network {
        query.sql(" AND a.network = ").text(network);
    }
    if let Some(pattern) = pattern(filter.search.as_deref()) {
        query.sql(" AND k.folded LIKE ").text(&pattern).sql(" ESCAPE '!'");
    }
}

impl Metadata {
    /// Use over time, the oldest first: a point for each hour or day (in UTC) in which there was something, at most 3,000 of them,
    /// the latest.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn usage_over_time(&self, filter: &UsageFilter, step: UsageStep) -> Result<Vec<UsagePoint>> {
        let work = async {
            let mut query = Pieces::default();
            query.sql("SELECT a.hour / ").number(step.hours()).sql(" AS step, ").sql(SUMS);
            narrow(&mut query, filter);
            query.sql(" GROUP BY step ORDER BY step DESC LIMIT ").number(i64::from(MOST));
            let rows = reading!(self, pool => {
                assembled!(query).build_query_as::<PointRow>().fetch_all(pool).await
            })?;
            let point = |row: PointRow| {
                let start = Timestamp::from_seconds(row.step.saturating_mul(step.hours() * 3600));
                Ok(UsagePoint { start, sum: sum(row.requests, row.bytes, row.refused)? })
            };
            rows.into_iter().rev().map(point).collect::<Result<_, Fault>>()
        };
        work.await.during("read use over time")
    }

    /// The keys, storages, networks or programs with the most requests, refused ones counted too, the largest first; at most
    /// `limit` (1 to 3,000).
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn usage_top(&self, filter: &UsageFilter, by: UsageBy, limit: u32) -> Result<Vec<UsageTop>> {
        let work = async {
            let mut query = Pieces::default();
            let column = match by {
                UsageBy::Key => "a.key_id",
                UsageBy::Storage => "a.storage_id",
                UsageBy::Network => "a.network",
                UsageBy::Tool => "a.tool",
            };
            query.sql("SELECT of_what, requests, bytes, refused, last_us FROM (SELECT ").sql(column);
            query.sql(" AS of_what, ").sql(SUMS).sql(", MAX(a.last_us) AS last_us");
            narrow(&mut query, filter);
            query.sql(" GROUP BY ").sql(column);
            query.sql(") g ORDER BY requests + refused DESC, bytes DESC, of_what LIMIT ");
            query.number(i64::from(limit.clamp(1, MOST)));
            let rows = reading!(self, pool => {
                assembled!(query).build_query_as::<TopRow>().fetch_all(pool).await
            })?;
            let top = |row: TopRow| {
                let last = Timestamp::from_micros(row.last_us);
                Ok(UsageTop { of: row.of_what, sum: sum(row.requests, row.bytes, row.refused)?, last })
            };
            rows.into_iter().map(top).collect::<Result<_, Fault>>()
        };
        work.await.during("read who used the most")
    }
}
