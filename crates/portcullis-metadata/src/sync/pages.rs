//! Pages of entries in the order of their keys. What an entry is, is not looked into.

use portcullis_domain::{SyncPairId, SyncPlanId, SyncRunId};
use sqlx::QueryBuilder;

use super::planning::holds_plan;
use super::running::{HeldRun, hold_run};
use super::{Fenced, stored};
use crate::db::{Metadata, Tx, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{number, row};

/// The most bytes of a page.
const PAGE_MAX: usize = 1 << 20;
/// The most pages that are written at once, so that nobody waits long for their turn to write.
const AT_ONCE: usize = 8;

/// Whose pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PagesOf {
    /// The actions of a plan.
    Plan {
        /// The plan.
        plan: SyncPlanId,
        /// The fence of the process that made it.
        fence: u64,
    },
    /// What both sides of a pair agreed on.
    Base {
        /// The pair.
        pair: SyncPairId,
        /// Which time.
        generation: u64,
    },
}

impl PagesOf {
    fn columns(&self) -> Result<(String, i64), Fault> {
        Ok(match self {
            Self::Plan { plan, fence } => (plan.to_string(), stored(*fence)?),
            Self::Base { pair, generation } => (pair.to_string(), stored(*generation)?),
        })
    }
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPageRow {
    /// Its number, from 0 without a gap.
    pub no: u64,
    /// The number of its first entry.
    pub first_seq: u64,
    /// The key of its first entry.
    pub first_key: String,
    /// How many entries.
    pub entries: u32,
    /// The entries, at most 1 MiB.
    pub data: Vec<u8>,
}

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT no, first_seq, first_key, entries, data FROM sync_pages WHERE owner = $1 AND generation = $2 AND ",
            $where
        )
    };
}

row! {
    PageRow { no: i64, first_seq: i64, first_key: String, entries: i64, data: Vec<u8> }
}

impl PageRow {
    fn read(self) -> Result<SyncPageRow, Fault> {
        Ok(SyncPageRow {
            no: number("no", self.no)?,
            first_seq: number("first_seq", self.first_seq)?,
            first_key: self.first_key,
            entries: number("entries", self.entries)?,
            data: self.data,
        })
    }
}

impl Metadata {
    /// Adds pages to a plan that is being made.
    ///
    /// # Errors
    /// [`Conflict("id")`](MetadataErrorKind::Conflict) if a page of this number is there; [`Refused`](MetadataErrorKind::Refused) for one of
    /// more than 1 MiB; what any verb may give. Earlier pages of `pages` may then be there.
    pub async fn add_plan_pages(
        &self,
        plan: SyncPlanId,
        fence: u64,
        pages: &[SyncPageRow],
    ) -> Result<Fenced<()>> {
        let work = async {
            for batch in batches(pages)? {
                let mut tx = self.begin().await?;
                if !holds_plan(&mut tx, plan, stored(fence)?).await? {
                    return Ok(Fenced::Lost);
                }
                insert(&mut tx, &plan.to_string(), stored(fence)?, batch).await?;
                tx.commit().await?;
            }
            Ok::<_, Fault>(Fenced::Held(()))
        };
        work.await.during("write a page of a plan")
    }

    /// Adds pages to what both sides agree on after a run: of the generation that [`Metadata::begin_sync_base`] gave.
    ///
    /// # Errors
    /// As [`Metadata::add_plan_pages`]; [`Stale`](MetadataErrorKind::Stale) if the run writes another generation.
    pub async fn add_base_pages(
        &self,
        run: SyncRunId,
        fence: u64,
        generation: u64,
        pages: &[SyncPageRow],
    ) -> Result<Fenced<()>> {
        let work = async {
            for batch in batches(pages)? {
                let mut tx = self.begin().await?;
                let Some(HeldRun { pair_id, generation: begun, settled, .. }) =
                    hold_run(&mut tx, run, stored(fence)?).await?
                else {
                    return Ok(Fenced::Lost);
                };
                if begun != stored(generation)? || settled != 0 {
                    return Err(MetadataErrorKind::Stale.into());
                }
                insert(&mut tx, &pair_id, begun, batch).await?;
                tx.commit().await?;
            }
            Ok::<_, Fault>(Fenced::Held(()))
        };
        work.await.during("write a page of what two storages agree on")
    }

    /// The page of this number, from 0.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_page(&self, of: &PagesOf, no: u64) -> Result<Option<SyncPageRow>> {
        self.page_where(of, select!("no = $3"), stored(no)).await.during("read a page")
    }

    /// The page with the entry of this number, or the last one if there are not so many.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_page_with_seq(&self, of: &PagesOf, seq: u64) -> Result<Option<SyncPageRow>> {
        let sql = select!("first_seq <= $3 ORDER BY first_seq DESC LIMIT 1");
        self.page_where(of, sql, stored(seq)).await.during("look a page up")
    }

    /// The page on which this key is, if it is on any; or the first one, for a key that comes before all.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_page_with_key(&self, of: &PagesOf, key: &str) -> Result<Option<SyncPageRow>> {
        let work = async {
            let sql = select!("first_key <= $3 ORDER BY first_key DESC LIMIT 1");
            let (owner, generation) = of.columns()?;
            let row: Option<PageRow> = reading!(self, pool => {
                sqlx::query_as(sql).bind(owner).bind(generation).bind(key).fetch_optional(pool).await
            })?;
            match row {
                Some(row) => row.read().map(Some),
                None => self.page_where(of, select!("no = $3"), Ok(0)).await,
            }
        };
        work.await.during("look a page up")
    }

    /// How many pages there are.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_page_count(&self, of: &PagesOf) -> Result<u64> {
        let work = async {
            let sql = "SELECT COALESCE(MAX(no) + 1, 0) FROM sync_pages WHERE owner = $1 AND generation = $2";
            let (owner, generation) = of.columns()?;
            let count: i64 = reading!(self, pool => {
                sqlx::query_scalar(sql).bind(owner).bind(generation).fetch_one(pool).await
            })?;
            number("no", count)
        };
        work.await.during("count pages")
    }

    async fn page_where(
        &self,
        of: &PagesOf,
        sql: &'static str,
        value: Result<i64, Fault>,
    ) -> Result<Option<SyncPageRow>, Fault> {
        let ((owner, generation), value) = (of.columns()?, value?);
        let row: Option<PageRow> = reading!(self, pool => {
            sqlx::query_as(sql).bind(owner).bind(generation).bind(value).fetch_optional(pool).await
        })?;
        row.map(PageRow::read).transpose()
    }
}

fn batches(pages: &[SyncPageRow]) -> Result<impl Iterator<Item = &[SyncPageRow]>, Fault> {
    if pages.iter().any(|page| page.data.len() > PAGE_MAX) {
        return Err(Fault::new(MetadataErrorKind::Refused, "a page is larger than 1 MiB"));
    }
    Ok(pages.chunks(AT_ONCE))
}

async fn insert(tx: &mut Tx, owner: &str, generation: i64, pages: &[SyncPageRow]) -> Result<(), Fault> {
    let numbers = pages.iter().map(|page| Ok((stored(page.no)?, stored(page.first_seq)?)));
    let numbers: Vec<(i64, i64)> = numbers.collect::<Result<_, Fault>>()?;
    within!(*tx, c => {
        let mut query = QueryBuilder::new(
            "INSERT INTO sync_pages (owner, generation, no, first_seq, first_key, entries, data) ",
        );
        query.push_values(pages.iter().zip(numbers), |mut row, (page, (no, first_seq))| {
            row.push_bind(owner)
                .push_bind(generation)
                .push_bind(no)
                .push_bind(first_seq)
                .push_bind(page.first_key.as_str())
                .push_bind(i64::from(page.entries))
                .push_bind(page.data.as_slice());
        });
        query.build().persistent(false).execute(c).await.map(drop)
    })?;
    Ok(())
}
