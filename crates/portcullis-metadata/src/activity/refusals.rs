//! Who was refused: by key, reason, address and program.

use portcullis_domain::{KeyId, SiteId, StorageId, Timestamp};

use super::ActivityCount;
use super::read::{hour_of, storage_of};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::{Page, PageRequest, name_cursor, pattern};
use crate::row::{number, read, row};
use crate::storages::pieces::{Pieces, assembled};

/// The most rows of days at once.
const MOST_DAYS: u32 = 20_000;

/// Which refusals a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalFilter {
    /// Those of keys of this site.
    pub site: SiteId,
    /// Those since this moment; the hour it lies in counts whole.
    pub since: Timestamp,
    /// Those of this key.
    pub key: Option<KeyId>,
    /// Those at this storage.
    pub storage: Option<StorageId>,
    /// Those for one of these reasons; empty for all.
    pub what: Vec<String>,
    /// Those with this text in the key's name, its access key id, the address or the program; letter case does not matter.
    pub search: Option<String>,
}

impl RefusalFilter {
    /// All refusals of a site since this moment.
    #[must_use]
    pub const fn of(site: SiteId, since: Timestamp) -> Self {
        Self { site, since, key: None, storage: None, what: Vec::new(), search: None }
    }
}

/// What makes refusals alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefusalOf {
    /// The key, living or deleted.
    pub key: KeyId,
    /// Why.
    pub what: String,
    /// An address, or a network of several that were too many to tell apart.
    pub network: String,
    /// The client's program, without its version.
    pub tool: String,
}

/// Refusals that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalRow {
    /// What they have in common.
    pub of: RefusalOf,
    /// The storage of one of them, if one is known.
    pub storage: Option<StorageId>,
    /// How many, when first and last.
    pub count: ActivityCount,
}

/// Refusals that are alike, on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalDay {
    /// What they have in common.
    pub of: RefusalOf,
    /// Days since the beginning of 1970, in UTC.
    pub day: i64,
    /// How many.
    pub requests: u64,
}

row! {
    AlikeRow {
        key_id: String,
        what: String,
        network: String,
        tool: String,
        storage_id: String,
        requests: i64,
        bytes: i64,
        first_us: i64,
        last_us: i64,
    }
}
row! {
    DayRow { key_id: String, what: String, network: String, tool: String, day: i64, requests: i64 }
}

impl AlikeRow {
    fn cursor(&self) -> String {
        let Self { last_us, key_id, what, network, tool, .. } = self;
        name_cursor(&format!("{last_us}\n{key_id}\n{what}\n{network}\n{tool}"))
    }

    fn read(self) -> Result<RefusalRow, Fault> {
        let count = ActivityCount {
            requests: number("requests", self.requests)?,
            bytes: number("bytes", self.bytes)?,
            first: Timestamp::from_micros(self.first_us),
            last: Timestamp::from_micros(self.last_us),
        };
        let key = read("key_id", &self.key_id)?;
        let of = RefusalOf { key, what: self.what, network: self.network, tool: self.tool };
        Ok(RefusalRow { of, storage: storage_of(&self.storage_id)?, count })
    }
}

impl DayRow {
    fn read(self) -> Result<RefusalDay, Fault> {
        let key = read("key_id", &self.key_id)?;
        let of = RefusalOf { key, what: self.what, network: self.network, tool: self.tool };
        Ok(RefusalDay { of, day: self.day, requests: number("requests", self.requests)? })
    }
}

fn narrow(query: &mut Pieces, filter: &RefusalFilter) {
    query.sql(" FROM key_activity a JOIN keys k ON k.id = a.key_id WHERE a.kind = 'refused' AND a.hour >= ");
    query.number(hour_of(filter.since)).sql(" AND k.site_id = ").text(&filter.site);
    if let Some(key) = filter.key {
        query.sql(" AND a.key_id = ").text(&key);
    }
    if let Some(storage) = filter.storage {
        query.sql(" AND a.storage_id = ").text(&storage);
    }
    for (at, what) in filter.what.iter().enumerate() {
        query.sql(if at == 0 { " AND a.what IN (" } else { ", " }).text(what);
    }
    if !filter.what.is_empty() {
        query.sql(")");
    }
    if let Some(pattern) = pattern(filter.search.as_deref()) {
        query.sql(" AND (k.folded LIKE ").text(&pattern).sql(" ESCAPE '!' OR a.network LIKE ").text(&pattern);
        query.sql(" ESCAPE '!' OR LOWER(a.tool) LIKE ").text(&pattern).sql(" ESCAPE '!')");
    }
}

/// Where a page begins: the last row of the page before.
fn after(page: &PageRequest) -> Result<Option<(i64, [String; 4])>, Fault> {
    let text = page.after_name()?;
    if text.is_empty() {
        return Ok(None);
    }
    let mut parts = text.splitn(5, '\n').map(str::to_owned);
    let mut next = || parts.next().ok_or(MetadataErrorKind::BadCursor);
    let last = next()?.parse().map_err(|_| MetadataErrorKind::BadCursor)?;
    Ok(Some((last, [next()?, next()?, next()?, next()?])))
}

impl Metadata {
    /// A page of refusals that are put together, those with the latest first. What is refused meanwhile comes to the front, and is
    /// not on later pages.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn refusals(&self, filter: &RefusalFilter, page: &PageRequest) -> Result<Page<RefusalRow>> {
        let work = async {
            let mut query = Pieces::default();
            query.sql(
                "SELECT key_id, what, network, tool, storage_id, requests, bytes, first_us, last_us FROM \
                 (SELECT a.key_id, a.what, a.network, a.tool, MAX(a.storage_id) AS storage_id, \
                 CAST(SUM(a.requests) AS BIGINT) AS requests, CAST(SUM(a.bytes) AS BIGINT) AS bytes, \
                 MIN(a.first_us) AS first_us, MAX(a.last_us) AS last_us",
            );
            narrow(&mut query, filter);
            query.sql(" GROUP BY a.key_id, a.what, a.network, a.tool) g");
            if let Some((last, [key, what, network, tool])) = after(page)? {
                query.sql(" WHERE (last_us, key_id, what, network, tool) < (").number(last);
                for text in [key, what, network, tool] {
                    query.sql(", ").text(&text);
                }
                query.sql(")");
            }
            query.sql(" ORDER BY last_us DESC, key_id DESC, what DESC, network DESC, tool DESC LIMIT ");
            query.number(page.rows());
            let rows = reading!(self, pool => {
                assembled!(query).build_query_as::<AlikeRow>().fetch_all(pool).await
            })?;
            Page::of(rows, page, AlikeRow::cursor, AlikeRow::read)
        };
        work.await.during("read who was refused")
    }

    /// The same refusals by the day, of these keys (at most 500, the rest is not looked at); at most 20,000 rows, the latest days
    /// first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn refusal_days(&self, filter: &RefusalFilter, keys: &[KeyId]) -> Result<Vec<RefusalDay>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let work = async {
            let mut query = Pieces::default();
            query.sql(
                "SELECT a.key_id, a.what, a.network, a.tool, a.hour / 24 AS day, \
                 CAST(SUM(a.requests) AS BIGINT) AS requests",
            );
            narrow(&mut query, filter);
            for (at, key) in keys.iter().take(500).enumerate() {
                query.sql(if at == 0 { " AND a.key_id IN (" } else { ", " }).text(key);
            }
            query.sql(
                ") GROUP BY a.key_id, a.what, a.network, a.tool, a.hour / 24 \
                 ORDER BY a.hour / 24 DESC, a.key_id, a.what, a.network, a.tool LIMIT ",
            );
            query.number(i64::from(MOST_DAYS));
            let rows = reading!(self, pool => {
                assembled!(query).build_query_as::<DayRow>().persistent(false).fetch_all(pool).await
            })?;
            rows.into_iter().map(DayRow::read).collect::<Result<_, Fault>>()
        };
        work.await.during("read who was refused by the day")
    }
}
