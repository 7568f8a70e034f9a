//! Keys by their ids, those that were deleted too: for lists of what became of them.

use portcullis_domain::{Key, KeyId, Timestamp};
use sqlx::QueryBuilder;

use super::{KeyRow, columns};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{Both, row};

/// How many ids one statement takes.
const BATCH: usize = 500;

row! {
    EndRow { deleted_us: Option<i64> }
}

impl Metadata {
    /// These keys, living or deleted, each with when it was deleted; in no order, and without those that there never were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn keys_with_end(&self, ids: &[KeyId]) -> Result<Vec<(Key, Option<Timestamp>)>> {
        let work = async {
            let mut keys = Vec::new();
            for batch in ids.chunks(BATCH) {
                let rows = reading!(self, pool => {
                    let mut query =
                        QueryBuilder::new(concat!("SELECT ", columns!(), ", deleted_us FROM keys WHERE id IN ("));
                    let mut list = query.separated(", ");
                    for id in batch {
                        list.push_bind(id.to_string());
                    }
                    query.push(")");
                    query.build_query_as::<Both<KeyRow, EndRow>>().persistent(false).fetch_all(pool).await
                })?;
                for Both(key, end) in rows {
                    keys.push((key.read()?, end.deleted_us.map(Timestamp::from_micros)));
                }
            }
            Ok::<_, Fault>(keys)
        };
        work.await.during("read keys and when they were deleted")
    }
}
