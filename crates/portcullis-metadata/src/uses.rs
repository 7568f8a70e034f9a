//! When, from where and with what a key was last used.

use std::collections::BTreeMap;
use std::net::IpAddr;

use portcullis_domain::{KeyId, Timestamp};
use sqlx::QueryBuilder;

use crate::db::{Metadata, Tx, reading, within};
use crate::error::{During, Fault, Result};
use crate::row::{clip, read, row};

/// One use of a key; the last one is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: KeyId,
    /// When.
    pub at: Timestamp,
    /// From which address.
    pub peer: IpAddr,
    /// With which program; at most 200 bytes are kept.
    pub tool: String,
}

/// How many rows one statement takes: within the parameters that both engines allow.
const BATCH: usize = 500;

row! {
    UseRow { key_id: String, at_us: i64, peer: String, tool: String }
}

impl UseRow {
    fn read(self) -> Result<KeyUse, Fault> {
        Ok(KeyUse {
            key: read("key_id", &self.key_id)?,
            at: Timestamp::from_micros(self.at_us),
            peer: read("peer", &self.peer)?,
            tool: self.tool,
        })
    }
}

/// Has the moment in the keys themselves too, for lists of thousands. Who holds a key's row here holds its use as well, so that
/// two nodes do not wait for each other.
async fn copy_to_keys(tx: &mut Tx, batch: &[&KeyUse]) -> Result<(), Fault> {
    within!(*tx, c => {
        let mut query = QueryBuilder::new(
            "UPDATE keys SET last_used_us = u.at_us FROM key_uses u WHERE u.key_id = keys.id \
             AND keys.last_used_us < u.at_us AND keys.id IN (",
        );
        let mut list = query.separated(", ");
        for used in batch {
            list.push_bind(used.key.to_string());
        }
        query.push(")");
        query.build().persistent(false).execute(c).await.map(drop)
    })?;
    Ok(())
}

impl Metadata {
    /// Keeps the last use of each of these keys, in one transaction. An older use than the one that is kept changes
    /// nothing, so batches may come late and from many nodes.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn record_use(&self, uses: &[KeyUse]) -> Result<()> {
        // One use a key, and always in the same order, so that two nodes cannot wait for each other.
        let mut last: BTreeMap<KeyId, &KeyUse> = BTreeMap::new();
        for used in uses {
            let kept = last.entry(used.key).or_insert(used);
            if used.at >= kept.at {
                *kept = used;
            }
        }
        if last.is_empty() {
            return Ok(());
        }
        let last: Vec<&KeyUse> = last.into_values().collect();
        let work = async {
            let mut tx = self.begin().await?;
            for batch in last.chunks(BATCH) {
                within!(tx, c => {
                    let mut query = QueryBuilder::new("INSERT INTO key_uses (key_id, at_us, peer, tool) ");
                    query.push_values(batch, |mut row, used| {
                        row.push_bind(used.key.to_string())
                            .push_bind(used.at.micros())
                            .push_bind(used.peer.to_string())
                            .push_bind(clip(&used.tool, 200));
                    });
                    query.push(
                        " ON CONFLICT (key_id) DO UPDATE SET at_us = excluded.at_us, peer = excluded.peer, \
                         tool = excluded.tool WHERE excluded.at_us >= key_uses.at_us",
                    );
                    query.build().persistent(false).execute(c).await.map(drop)
                })?;
                copy_to_keys(&mut tx, batch).await?;
            }
            tx.commit().await
        };
        work.await.during("record the use of keys")
    }

    /// The last use of each of these keys, in no order; keys that were never used are not in it.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn last_use(&self, keys: &[KeyId]) -> Result<Vec<KeyUse>> {
        let work = async {
            let mut uses = Vec::new();
            for batch in keys.chunks(BATCH) {
                let rows = reading!(self, pool => {
                    let mut query =
                        QueryBuilder::new("SELECT key_id, at_us, peer, tool FROM key_uses WHERE key_id IN (");
                    let mut list = query.separated(", ");
                    for key in batch {
                        list.push_bind(key.to_string());
                    }
                    query.push(")");
                    query.build_query_as::<UseRow>().persistent(false).fetch_all(pool).await
                })?;
                for row in rows {
                    uses.push(row.read()?);
                }
            }
            Ok::<_, Fault>(uses)
        };
        work.await.during("read the last use of keys")
    }
}
