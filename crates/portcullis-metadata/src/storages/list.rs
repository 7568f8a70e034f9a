//! Lists of a site's active storages with what was last measured of them: filtered, sorted, a page at a time.

use portcullis_domain::{Health, Provider, SiteId, Storage, Timestamp};

use super::openers::S3_KEY;
use super::pieces::{Pieces, assembled};
use super::{StorageRow, columns};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::facts::{FactsRow, StorageFacts};
use crate::page::{PageRequest, pattern};
use crate::row::{Both, number};

/// By what storages are sorted. What is equal is sorted by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListOrder {
    /// By name, upper and lower case alike.
    #[default]
    Name,
    /// By the bytes of current objects.
    Bytes,
    /// By the number of current objects.
    Files,
    /// By when they were made.
    Created,
    /// By when a key last did something there; what was never used comes before the oldest use.
    LastUsed,
}

/// Whether S3 tools can come in. Each active storage is in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Openness {
    /// It answers, its S3 door is open, and there is a key that works.
    Open,
    /// It answers, but the door is closed or no key works.
    Closed,
    /// Its provider does not answer.
    Unreachable,
}

/// What the S3 keys of a site's admins, which open every storage, allow together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenedByAdmins {
    /// One of them reads.
    pub read: bool,
    /// One of them writes.
    pub write: bool,
}

/// Which storages a list holds, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Active ones of this site.
    pub site: SiteId,
    /// The moment at which keys have to work.
    pub now: Timestamp,
    /// Those with this text in the name, the label or the bucket name, letter case alike; a text of six or more letters
    /// and digits is looked for in the access key ids of their keys as well.
    pub search: Option<String>,
    /// Those of this provider.
    pub provider: Option<Provider>,
    /// Those whose connection was found so.
    pub health: Option<Health>,
    /// Those to which S3 tools can come so.
    pub openness: Option<Openness>,
    /// What the keys of admins open.
    pub admins: OpenedByAdmins,
    /// The order.
    pub order: ListOrder,
    /// The order backwards.
    pub descending: bool,
}

impl ListQuery {
    /// All active storages of a site, by name.
    #[must_use]
    pub const fn of(site: SiteId, now: Timestamp) -> Self {
        Self {
            site,
            now,
            search: None,
            provider: None,
            health: None,
            openness: None,
            admins: OpenedByAdmins { read: false, write: false },
            order: ListOrder::Name,
            descending: false,
        }
    }

    /// Whether every active storage of the site is in the list.
    fn is_all(&self) -> bool {
        let searched = pattern(self.search.as_deref()).is_some();
        !searched && self.provider.is_none() && self.health.is_none() && self.openness.is_none()
    }

    /// The tables and conditions for the ids in order.
    fn ids(&self) -> Pieces {
        let mut query = Pieces::default();
        if !self.by_facts() {
            query.sql("s.id FROM storages s WHERE ");
            self.conditions(&mut query);
        } else if self.is_all() {
            // Only active storages have facts.
            query.sql("f.storage_id AS id FROM storage_facts f WHERE f.site_id = ").text(&self.site);
        } else {
            // Few storages may be left by the conditions: SQLite is told to look at them first.
            query.sql("s.id FROM storages s CROSS JOIN storage_facts f WHERE f.storage_id = s.id AND ");
            self.conditions(&mut query);
        }
        query
    }

    fn conditions(&self, query: &mut Pieces) {
        query.sql("s.state = 'active' AND s.site_id = ").text(&self.site);
        if let Some(pattern) = pattern(self.search.as_deref()) {
            query.sql(" AND (s.folded LIKE ").text(&pattern).sql(" ESCAPE '!'");
            if let Some(part) = self.search.as_deref().and_then(part_of_credential) {
                query.sql(" OR s.id IN (SELECT k.storage_id FROM keys k WHERE k.site_id = ").text(&self.site);
                query.sql(" AND k.state = 'active' AND k.storage_id IS NOT NULL AND k.credential ");
                query.sql(if part.starts_with('%') { "LIKE " } else { "= " }).text(&part).sql(")");
            }
            query.sql(")");
        }
        if let Some(provider) = self.provider {
            query.sql(" AND s.provider = ").text(&provider);
        }
        if let Some(health) = self.health {
            query.sql(" AND s.id IN ");
            self.found(query, health);
        }
        if let Some(openness) = self.openness {
            let unreachable = openness == Openness::Unreachable;
            query.sql(if unreachable { " AND s.id IN " } else { " AND s.id NOT IN " });
            self.found(query, Health::Unreachable);
            if !unreachable {
                query.sql(if openness == Openness::Open { " AND " } else { " AND NOT " });
                opened(query, self.admins, self.now);
            }
        }
    }

    /// The ids of storages whose connection was found so.
    fn found(&self, query: &mut Pieces, health: Health) {
        query.sql("(SELECT x.storage_id FROM storage_facts x WHERE x.site_id = ").text(&self.site);
        query.sql(" AND x.health = ").text(&health).sql(")");
    }

    const fn sorted(&self) -> &'static str {
        match (self.order, self.descending) {
            (ListOrder::Name, false) => " ORDER BY s.folded, s.id",
            (ListOrder::Name, true) => " ORDER BY s.folded DESC, s.id DESC",
            (ListOrder::Created, false) => " ORDER BY s.created_us, s.id",
            (ListOrder::Created, true) => " ORDER BY s.created_us DESC, s.id DESC",
            (ListOrder::Bytes, false) => " ORDER BY f.bytes, f.storage_id",
            (ListOrder::Bytes, true) => " ORDER BY f.bytes DESC, f.storage_id DESC",
            (ListOrder::Files, false) => " ORDER BY f.files, f.storage_id",
            (ListOrder::Files, true) => " ORDER BY f.files DESC, f.storage_id DESC",
            (ListOrder::LastUsed, false) => " ORDER BY f.last_used_us, f.storage_id",
            (ListOrder::LastUsed, true) => " ORDER BY f.last_used_us DESC, f.storage_id DESC",
        }
    }

    const fn by_facts(&self) -> bool {
        match self.order {
            ListOrder::Name | ListOrder::Created => false,
            ListOrder::Bytes | ListOrder::Files | ListOrder::LastUsed => true,
        }
    }
}

/// The pattern for a part of an access key id. Shorter texts would be found in ids by chance.
fn part_of_credential(search: &str) -> Option<String> {
    let text = search.trim();
    let may_be = (6..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    may_be.then(|| match text.len() {
        20 => text.to_ascii_uppercase(),
        _ => format!("%{}%", text.to_ascii_uppercase()),
    })
}

/// The condition that S3 tools can come in: the door is open, and there is a key that works and allows something that the
/// storage allows too.
pub(super) fn opened(query: &mut Pieces, admins: OpenedByAdmins, now: Timestamp) {
    query.sql("(s.s3_access = 1 AND s.permission <> 'none' AND ");
    opened_by(query, admins, now, "");
    query.sql(")");
}

/// The condition that a working key opens the storage, `and` more being true of it.
pub(super) fn opened_by(query: &mut Pieces, admins: OpenedByAdmins, now: Timestamp, and: &'static str) {
    query.sql(match (admins.read, admins.write) {
        (true, true) => "(s.permission <> 'none' OR ",
        (true, false) => "(s.permission IN ('read', 'read_write') OR ",
        (false, true) => "(s.permission IN ('write', 'read_write') OR ",
        (false, false) => "(",
    });
    query.sql("EXISTS (SELECT 1 FROM keys k WHERE k.storage_id = s.id AND ").sql(S3_KEY).sql(and);
    query.sql(
        " AND (k.permission = s.permission OR k.permission = 'read_write' OR s.permission = 'read_write')",
    );
    query.sql(" AND (k.expires_us IS NULL OR k.expires_us > ").number(now.micros()).sql(")))");
}

impl Metadata {
    /// How many storages the list holds.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn count_listed(&self, list: &ListQuery) -> Result<u64> {
        let work = async {
            let mut query = Pieces::default();
            query.sql("SELECT COUNT(*) FROM storages s WHERE ");
            list.conditions(&mut query);
            let count: i64 = reading!(self, pool => {
                assembled!(query).build_query_scalar().fetch_one(pool).await
            })?;
            number("count", count)
        };
        work.await.during("count storages")
    }

    /// A part of the list: `limit` (1 to 1,000) storages after the first `skip`.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn listed(
        &self,
        list: &ListQuery,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<(Storage, StorageFacts)>> {
        let work = async {
            let limit = i64::from(limit.clamp(1, PageRequest::MAX));
            let mut query = Pieces::default();
            // The ids first, which the indexes have in order: whole rows are read for one page only.
            query.sql(concat!(
                "SELECT ",
                columns!("s."),
                ", f.bytes, f.version_bytes, f.upload_bytes, f.files, f.folders, f.free_bytes, f.measured_us, \
                 f.health, f.health_since_us, f.last_used_us FROM (SELECT "
            ));
            query.0.extend(list.ids().0);
            query.sql(list.sorted()).sql(" LIMIT ").number(limit);
            query.sql(" OFFSET ").number(i64::try_from(skip).unwrap_or(i64::MAX));
            query.sql(
                ") p JOIN storages s ON s.id = p.id JOIN storage_facts f ON f.storage_id = p.id \
                 WHERE s.state = 'active'",
            );
            query.sql(list.sorted());
            let rows = reading!(self, pool => {
                assembled!(query).build_query_as::<Both<StorageRow, FactsRow>>().fetch_all(pool).await
            })?;
            let both =
                |Both(storage, facts): Both<StorageRow, FactsRow>| Ok((storage.read()?, facts.read()?));
            rows.into_iter().map(both).collect::<Result<_, Fault>>()
        };
        work.await.during("list storages")
    }
}
