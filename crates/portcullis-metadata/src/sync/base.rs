//! What both sides agree on after a run, and the moment from which that is so.

use portcullis_domain::SyncRunId;

use super::running::hold_run;
use super::{Fenced, retention, stored};
use crate::db::{Metadata, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{number, row};

row! {
    BaseRow { base_generation: i64, epoch: i64 }
}

impl Metadata {
    /// Begins to write what both sides agree on after a run, from the first page: gives the generation of its pages. What an earlier process
    /// wrote of it is dropped. What the pair has now stays until [`Metadata::switch_sync_base`].
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if it is in force already: see [`SyncRunRow::settled`](super::SyncRunRow::settled); what any verb may give.
    pub async fn begin_sync_base(&self, run: SyncRunId, fence: u64) -> Result<Fenced<u64>> {
        let work = async {
            let mut tx = self.begin().await?;
            let Some(held) = hold_run(&mut tx, run, stored(fence)?).await? else { return Ok(Fenced::Lost) };
            if held.settled != 0 {
                return Err(MetadataErrorKind::Stale.into());
            }
            if held.generation > 0 {
                retention::drop_pages(&mut tx, &held.pair_id, held.generation).await?;
            }
            let sql = "UPDATE sync_pairs SET last_generation = last_generation + 1 WHERE id = $1 RETURNING last_generation";
            let generation: i64 =
                within!(tx, c => sqlx::query_scalar(sql).bind(&held.pair_id).fetch_one(c).await)?;
            let sql = "UPDATE sync_runs SET generation = $2 WHERE id = $1";
            within!(tx, c => {
                sqlx::query(sql).bind(run.to_string()).bind(generation).execute(c).await.map(drop)
            })?;
            tx.commit().await?;
            number("last_generation", generation).map(Fenced::Held)
        };
        work.await.during("begin what two storages agree on")
    }

    /// Puts what was written since [`Metadata::begin_sync_base`] in force, `keys` of them, and counts the run as settled; gives how many were.
    /// What the pair had before is dropped. Once it is done it changes nothing more.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the run writes another generation; what any verb may give.
    pub async fn switch_sync_base(
        &self,
        run: SyncRunId,
        fence: u64,
        generation: u64,
        keys: u64,
    ) -> Result<Fenced<u64>> {
        let work = async {
            let mut tx = self.begin().await?;
            let Some(held) = hold_run(&mut tx, run, stored(fence)?).await? else { return Ok(Fenced::Lost) };
            if generation == 0 || held.generation != stored(generation)? {
                return Err(MetadataErrorKind::Stale.into());
            }
            let sql = "SELECT base_generation, epoch FROM sync_pairs WHERE id = $1";
            let before: BaseRow =
                within!(tx, c => sqlx::query_as(sql).bind(&held.pair_id).fetch_one(c).await)?;
            if held.settled != 0 {
                return number("epoch", before.epoch).map(Fenced::Held);
            }
            let sql =
                "UPDATE sync_pairs SET base_generation = $2, base_keys = $3, epoch = epoch + 1 WHERE id = $1";
            let keys = stored(keys)?;
            within!(tx, c => {
                let query = sqlx::query(sql).bind(&held.pair_id).bind(held.generation).bind(keys);
                query.execute(c).await.map(drop)
            })?;
            if before.base_generation > 0 {
                retention::drop_pages(&mut tx, &held.pair_id, before.base_generation).await?;
            }
            let sql = "UPDATE sync_runs SET settled = 1 WHERE id = $1";
            within!(tx, c => sqlx::query(sql).bind(run.to_string()).execute(c).await.map(drop))?;
            tx.commit().await?;
            Ok::<_, Fault>(Fenced::Held(number::<u64>("epoch", before.epoch)?.saturating_add(1)))
        };
        work.await.during("settle a run")
    }
}
