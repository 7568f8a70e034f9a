//! What a run writes down before it acts and after.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use portcullis_domain::SyncRunId;
use sqlx::QueryBuilder;

use super::kept::keep;
use super::running::hold_run;
use super::{BATCH, Fenced, NewKept, stored};
use crate::db::{Metadata, Tx, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::{Page, PageRequest};
use crate::row::{number, row};

/// The most steps that are read at once.
const AT_ONCE: u64 = 10_000;

/// What has become of one action of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncStepRow {
    /// The action's number.
    pub seq: u64,
    /// How far it is.
    pub state: String,
    /// The key.
    pub key: String,
    /// What went wrong, in words; empty if nothing did.
    pub told: String,
    /// All of it.
    pub data: Vec<u8>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT seq, state, key, told, data FROM sync_steps WHERE run_id = $1 ", $rest)
    };
}

row! {
    StepRow { seq: i64, state: String, key: String, told: String, data: Vec<u8> }
}
row! {
    CountRow { state: String, steps: i64 }
}

impl StepRow {
    fn read(self) -> Result<SyncStepRow, Fault> {
        Ok(SyncStepRow {
            seq: number("seq", self.seq)?,
            state: self.state,
            key: self.key,
            told: self.told,
            data: self.data,
        })
    }
}

impl Metadata {
    /// Writes steps and what was kept for them, in one transaction. A step that was written before is replaced; of two with the same number the
    /// last one counts. What is kept already keeps its id.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if something was kept in a storage of another site; what any verb may give.
    pub async fn write_sync_steps(
        &self,
        run: SyncRunId,
        fence: u64,
        steps: &[SyncStepRow],
        kept: &[NewKept],
    ) -> Result<Fenced<()>> {
        let work = async {
            // Twice the same row in one statement is refused by PostgreSQL.
            let last: HashMap<u64, usize> =
                steps.iter().enumerate().map(|(at, step)| (step.seq, at)).collect();
            let steps: Vec<&SyncStepRow> = steps
                .iter()
                .enumerate()
                .filter(|(at, step)| last.get(&step.seq) == Some(at))
                .map(|(_, step)| step)
                .collect();
            let mut tx = self.begin().await?;
            let Some(held) = hold_run(&mut tx, run, stored(fence)?).await? else { return Ok(Fenced::Lost) };
            for batch in steps.chunks(BATCH) {
                upsert(&mut tx, run, batch).await?;
            }
            keep(&mut tx, run, &held, kept).await?;
            tx.commit().await?;
            Ok::<_, Fault>(Fenced::Held(()))
        };
        work.await.during("write the steps of a run")
    }

    /// The steps of these numbers that were written, in their order.
    ///
    /// # Errors
    /// [`Refused`](MetadataErrorKind::Refused) for more than 10,000 numbers; what any verb may give.
    pub async fn sync_steps(&self, run: SyncRunId, of: RangeInclusive<u64>) -> Result<Vec<SyncStepRow>> {
        let work = async {
            let (first, last) = of.into_inner();
            if last.saturating_sub(first) >= AT_ONCE {
                return Err(Fault::new(MetadataErrorKind::Refused, "more than 10,000 steps at once"));
            }
            let (first, last) = (stored(first)?, stored(last)?);
            let sql = select!("AND seq BETWEEN $2 AND $3 ORDER BY seq");
            let rows: Vec<StepRow> = reading!(self, pool => {
                sqlx::query_as(sql).bind(run.to_string()).bind(first).bind(last).fetch_all(pool).await
            })?;
            rows.into_iter().map(StepRow::read).collect::<Result<Vec<_>, Fault>>()
        };
        work.await.during("read the steps of a run")
    }

    /// The first steps after this number, or from the first one, in their order: at most `limit`, and 10,000.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_steps_after(
        &self,
        run: SyncRunId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<SyncStepRow>> {
        let work = async {
            let after = after.map_or(Ok(-1), stored)?;
            let limit = stored(u64::from(limit).min(AT_ONCE))?;
            let sql = select!("AND seq > $2 ORDER BY seq LIMIT $3");
            let rows: Vec<StepRow> = reading!(self, pool => {
                sqlx::query_as(sql).bind(run.to_string()).bind(after).bind(limit).fetch_all(pool).await
            })?;
            rows.into_iter().map(StepRow::read).collect::<Result<Vec<_>, Fault>>()
        };
        work.await.during("read the steps of a run")
    }

    /// A page of the steps of a run, or of those in one state, in their order.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn sync_steps_page(
        &self,
        run: SyncRunId,
        state: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<SyncStepRow>> {
        let work = async {
            let after = page.after_number()?;
            let rows: Vec<StepRow> = match state {
                Some(state) => {
                    let sql = select!("AND seq > $2 AND state = $3 ORDER BY seq LIMIT $4");
                    reading!(self, pool => {
                        let query = sqlx::query_as(sql).bind(run.to_string()).bind(after).bind(state);
                        query.bind(page.rows()).fetch_all(pool).await
                    })?
                }
                None => {
                    let sql = select!("AND seq > $2 ORDER BY seq LIMIT $3");
                    reading!(self, pool => {
                        let query = sqlx::query_as(sql).bind(run.to_string()).bind(after);
                        query.bind(page.rows()).fetch_all(pool).await
                    })?
                }
            };
            Page::of(rows, page, |row| row.seq.to_string(), StepRow::read)
        };
        work.await.during("list the steps of a run")
    }

    /// How many steps of a run are in each state.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn count_sync_steps(&self, run: SyncRunId) -> Result<BTreeMap<String, u64>> {
        let work = async {
            let sql = "SELECT state, COUNT(*) AS steps FROM sync_steps WHERE run_id = $1 GROUP BY state";
            let rows: Vec<CountRow> =
                reading!(self, pool => sqlx::query_as(sql).bind(run.to_string()).fetch_all(pool).await)?;
            rows.into_iter()
                .map(|row| Ok((row.state, number("steps", row.steps)?)))
                .collect::<Result<_, Fault>>()
        };
        work.await.during("count the steps of a run")
    }
}

async fn upsert(tx: &mut Tx, run: SyncRunId, steps: &[&SyncStepRow]) -> Result<(), Fault> {
    let run = run.to_string();
    let numbers: Vec<i64> = steps.iter().map(|step| stored(step.seq)).collect::<Result<_, Fault>>()?;
    within!(*tx, c => {
        let mut query = QueryBuilder::new("INSERT INTO sync_steps (run_id, seq, state, key, told, data) ");
        query.push_values(steps.iter().zip(numbers), |mut row, (step, seq)| {
            row.push_bind(run.as_str())
                .push_bind(seq)
                .push_bind(step.state.as_str())
                .push_bind(step.key.as_str())
                .push_bind(step.told.as_str())
                .push_bind(step.data.as_slice());
        });
        query.push(
            " ON CONFLICT (run_id, seq) DO UPDATE SET state = excluded.state, key = excluded.key, \
             told = excluded.told, data = excluded.data",
        );
        query.build().persistent(false).execute(c).await.map(drop)
    })?;
    Ok(())
}
