//! What becomes of pairs, plans, runs and jobs when a storage of theirs ends.

use portcullis_domain::StorageId;

use super::retention::drop_pages;
use crate::db::{Write, within};
use crate::error::Fault;
use crate::row::row;

row! {
    DiscardedRow { id: String, fence: i64 }
}

/// The pairs that have the storage on either side.
macro_rules! pairs {
    () => {
        "(SELECT p.id FROM sync_pairs p WHERE p.storage_id = $1 \
          UNION ALL SELECT p.id FROM sync_pairs p WHERE p.bucket_id = $1)"
    };
}

impl Write {
    /// Cancels runs, discards plans and switches jobs off that have this storage on either side, and says why. What both sides agreed on
    /// goes if the storage is gone for good; one that is set aside may come back and go on from there.
    pub(crate) async fn end_sync_of_storage(
        &mut self,
        storage: StorageId,
        why: &str,
        for_good: bool,
    ) -> Result<(), Fault> {
        // In the order in which every verb takes rows: runs, plans, pairs, jobs.
        let runs = concat!(
            "UPDATE sync_runs SET wish = 'cancel', told = $2 WHERE ended_us IS NULL AND pair_id IN ",
            pairs!()
        );
        let plans = concat!(
            "UPDATE sync_plans SET state = 'discarded', told = $2, held_by = '', held_until_us = 0 \
             WHERE state IN ('planning', 'ready') AND pair_id IN ",
            pairs!(),
            " RETURNING id, fence"
        );
        let jobs = concat!(
            "UPDATE sync_jobs SET enabled = 0, state = 'off', told = $2, next_us = NULL, version = version + 1 \
             WHERE pair_id IN ",
            pairs!()
        );
        let storage = storage.to_string();
        within!(self.tx, c => sqlx::query(runs).bind(&storage).bind(why).execute(c).await.map(drop))?;
        let discarded: Vec<DiscardedRow> =
            within!(self.tx, c => sqlx::query_as(plans).bind(&storage).bind(why).fetch_all(c).await)?;
        for DiscardedRow { id, fence } in discarded {
            drop_pages(&mut self.tx, &id, fence).await?;
        }
        if for_good {
            self.forget_agreements_of(&storage).await?;
        }
        within!(self.tx, c => sqlx::query(jobs).bind(&storage).bind(why).execute(c).await.map(drop))?;
        Ok(())
    }

    async fn forget_agreements_of(&mut self, storage: &str) -> Result<(), Fault> {
        let statements = [
            concat!(
                "INSERT INTO sync_dropped (owner, generation) SELECT a.id, a.base_generation FROM sync_pairs a \
                 WHERE a.base_generation > 0 AND a.id IN ",
                pairs!(),
                " ON CONFLICT (owner, generation) DO NOTHING"
            ),
            concat!("UPDATE sync_pairs SET base_generation = 0, base_keys = 0 WHERE id IN ", pairs!()),
        ];
        for sql in statements {
            within!(self.tx, c => sqlx::query(sql).bind(storage).execute(c).await.map(drop))?;
        }
        Ok(())
    }
}
