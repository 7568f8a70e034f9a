//! The chains of the audit trail: what a copy of one is made of, what was signed about it, and how its beginning is removed.

use portcullis_domain::trail::{ChainedEvent, Checkpoint, CheckpointKind, Head};
use portcullis_domain::{AuditEvent, SiteId, Timestamp};

use crate::audit::{EventRow, as_stored, columns};
use crate::db::{Metadata, reading, within, writing};
use crate::error::{During, Fault, Result};
use crate::row::{Both, hash, number, row};

row! {
    LinkRow { seq: i64, hash: Vec<u8> }
}
row! {
    ChainRow { chain: String }
}
row! {
    NumberRow { id: i64 }
}
row! {
    CheckpointRow { chain: String, kind: String, at_us: i64, signature: Vec<u8> }
}

impl Both<ChainRow, LinkRow> {
    fn head(self) -> Result<Head, Fault> {
        let Self(ChainRow { chain }, link) = self;
        Ok(Head { chain, seq: number("seq", link.seq)?, hash: hash("hash", &link.hash)? })
    }
}

impl Both<CheckpointRow, LinkRow> {
    fn read(self) -> Result<Checkpoint, Fault> {
        let Self(row, link) = self;
        let kind =
            CheckpointKind::parse(&row.kind).ok_or_else(|| Fault::corrupt("column kind: no such word"))?;
        let signature = row.signature.as_slice().try_into();
        Ok(Checkpoint {
            kind,
            head: Both(ChainRow { chain: row.chain }, link).head()?,
            at: Timestamp::from_micros(row.at_us),
            digest: None,
            signature: signature.map_err(|_| Fault::corrupt("column signature: not 64 bytes"))?,
        })
    }
}

impl Metadata {
    /// The last entry of a chain; none if nothing was ever added.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn audit_head(&self, chain: &str) -> Result<Option<Head>> {
        let work = async {
            let sql = "SELECT chain, seq, hash FROM audit_heads WHERE chain = $1";
            let row = reading!(self, pool => {
                sqlx::query_as::<_, Both<ChainRow, LinkRow>>(sql).bind(chain).fetch_optional(pool).await
            })?;
            row.map(Both::head).transpose()
        };
        work.await.during("read the end of the audit trail")
    }

    /// Up to `limit` entries of a chain after the one with this number, in their order.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn audit_chain(&self, chain: &str, after: u64, limit: u32) -> Result<Vec<ChainedEvent>> {
        let work = async {
            let sql = concat!(
                "SELECT seq, hash, ",
                columns!(),
                " FROM audit WHERE chain = $1 AND seq > 0 AND seq > $2 ORDER BY seq LIMIT $3"
            );
            let after = as_stored(after)?;
            let rows = reading!(self, pool => {
                let query = sqlx::query_as::<_, Both<LinkRow, EventRow>>(sql).bind(chain).bind(after);
                query.bind(i64::from(limit)).fetch_all(pool).await
            })?;
            let read = |Both(link, event): Both<LinkRow, EventRow>| {
                let (seq, hash) = (number("seq", link.seq)?, hash("hash", &link.hash)?);
                Ok(ChainedEvent { event: event.read()?, seq, hash })
            };
            rows.into_iter().map(read).collect::<Result<_, Fault>>()
        };
        work.await.during("read the audit trail")
    }

    /// Up to `limit` entries of a site, or of none, from before there was a chain, in their order, each with a number from
    /// which to go on; begin with 0.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn audit_before_chain(
        &self,
        site: Option<SiteId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, AuditEvent)>> {
        let work = async {
            let of_site = concat!(
                "SELECT id, ",
                columns!(),
                " FROM audit WHERE site_id = $1 AND seq = 0 AND id > $2 ORDER BY id LIMIT $3"
            );
            let of_none = concat!(
                "SELECT id, ",
                columns!(),
                " FROM audit WHERE site_id IS NULL AND $1 = '' AND seq = 0 AND id > $2 ORDER BY id LIMIT $3"
            );
            let sql = if site.is_some() { of_site } else { of_none };
            let site = site.map(|id| id.to_string()).unwrap_or_default();
            let rows = reading!(self, pool => {
                let query = sqlx::query_as::<_, Both<NumberRow, EventRow>>(sql).bind(site).bind(after);
                query.bind(i64::from(limit)).fetch_all(pool).await
            })?;
            rows.into_iter()
                .map(|Both(number, event)| Ok((number.id, event.read()?)))
                .collect::<Result<_, Fault>>()
        };
        work.await.during("read the audit trail")
    }

    /// Keeps what was signed about a chain. Said twice it is kept once.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn add_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        let work = async {
            let sql = "INSERT INTO audit_checkpoints (chain, seq, kind, hash, at_us, signature) \
                       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chain, kind, seq) DO NOTHING";
            let Checkpoint { kind, head, at, signature, .. } = checkpoint;
            let seq = as_stored(head.seq)?;
            writing!(self, pool => {
                let query = sqlx::query(sql).bind(&head.chain).bind(seq).bind(kind.as_str());
                let query = query.bind(head.hash.as_slice()).bind(at.micros()).bind(signature.as_slice());
                query.execute(pool).await.map(drop)
            })?;
            Ok::<_, Fault>(())
        };
        work.await.during("keep a checkpoint of the audit trail")
    }

    /// Up to `limit` checkpoints of this kind, of the entries of a chain from this number on, in their order.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn checkpoints(
        &self,
        chain: &str,
        kind: CheckpointKind,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Checkpoint>> {
        let work = async {
            let sql = "SELECT chain, kind, at_us, signature, seq, hash FROM audit_checkpoints \
                       WHERE chain = $1 AND kind = $2 AND seq >= $3 ORDER BY seq LIMIT $4";
            let from = as_stored(from)?;
            let rows = reading!(self, pool => {
                let query = sqlx::query_as::<_, Both<CheckpointRow, LinkRow>>(sql).bind(chain);
                query.bind(kind.as_str()).bind(from).bind(i64::from(limit)).fetch_all(pool).await
            })?;
            rows.into_iter().map(Both::<CheckpointRow, LinkRow>::read).collect::<Result<_, Fault>>()
        };
        work.await.during("read the checkpoints of the audit trail")
    }

    /// The last checkpoint of this kind about a chain, if there is one.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn last_checkpoint(&self, chain: &str, kind: CheckpointKind) -> Result<Option<Checkpoint>> {
        let work = async {
            let sql = "SELECT chain, kind, at_us, signature, seq, hash FROM audit_checkpoints \
                       WHERE chain = $1 AND kind = $2 ORDER BY seq DESC LIMIT 1";
            let row = reading!(self, pool => {
                let query = sqlx::query_as::<_, Both<CheckpointRow, LinkRow>>(sql).bind(chain);
                query.bind(kind.as_str()).fetch_optional(pool).await
            })?;
            row.map(Both::<CheckpointRow, LinkRow>::read).transpose()
        };
        work.await.during("read the checkpoints of the audit trail")
    }

    /// Up to `limit` chains to which something was added since their last checkpoint, if that is from this moment or before.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn heads_to_sign(&self, until: Timestamp, limit: u32) -> Result<Vec<Head>> {
        let work = async {
            let sql = "SELECT chain, seq, hash FROM audit_heads h WHERE seq > 0 AND NOT EXISTS \
                       (SELECT 1 FROM audit_checkpoints c WHERE c.chain = h.chain AND c.kind = 'reached' \
                       AND (c.seq >= h.seq OR c.at_us > $1)) ORDER BY chain LIMIT $2";
            let rows = reading!(self, pool => {
                let query = sqlx::query_as::<_, Both<ChainRow, LinkRow>>(sql).bind(until.micros());
                query.bind(i64::from(limit)).fetch_all(pool).await
            })?;
            rows.into_iter().map(Both::<ChainRow, LinkRow>::head).collect::<Result<_, Fault>>()
        };
        work.await.during("look for chains of the audit trail")
    }

    /// Up to `limit` chains after this one whose first entry is from before this moment, each with the last entry before the
    /// first that is not: up to there it may be removed.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn audit_expired(
        &self,
        before: Timestamp,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Head>> {
        let work = async {
            // The heads come first, and each finds its entry by number: the trail is not gone through.
            let sql = "SELECT a.chain, a.seq, a.hash FROM audit_heads h CROSS JOIN audit a \
                       WHERE ($2 = 0 OR h.chain > $3) AND a.chain = h.chain AND a.seq > 0 AND a.seq = COALESCE( \
                       (SELECT k.seq FROM audit k WHERE k.chain = h.chain AND k.seq > 0 AND k.at_us >= $1 \
                       ORDER BY k.seq LIMIT 1) - 1, h.seq) ORDER BY a.chain LIMIT $4";
            let rows = reading!(self, pool => {
                let query = sqlx::query_as::<_, Both<ChainRow, LinkRow>>(sql).bind(before.micros());
                let query = query.bind(i64::from(after.is_some())).bind(after.unwrap_or_default());
                query.bind(i64::from(limit)).fetch_all(pool).await
            })?;
            rows.into_iter().map(Both::<ChainRow, LinkRow>::head).collect::<Result<_, Fault>>()
        };
        work.await.during("look for old entries of the audit trail")
    }

    /// Removes up to `limit` of the oldest entries of a chain up to the one that this checkpoint says all were removed up to,
    /// and says how many; call again until it says fewer than `limit`. The checkpoint is kept first, in place of an older
    /// one of its kind, so that what is left verifies at any moment.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn remove_audited(&self, removed: &Checkpoint, limit: u32) -> Result<u64> {
        let work = async {
            let Checkpoint { head, at, signature, .. } = removed;
            let seq = as_stored(head.seq)?;
            let mut tx = self.begin().await?;
            let keep = "INSERT INTO audit_checkpoints (chain, seq, kind, hash, at_us, signature) \
                        VALUES ($1, $2, 'removed', $3, $4, $5) ON CONFLICT (chain, kind, seq) DO NOTHING";
            within!(tx, c => {
                let query = sqlx::query(keep).bind(&head.chain).bind(seq).bind(head.hash.as_slice());
                query.bind(at.micros()).bind(signature.as_slice()).execute(c).await.map(drop)
            })?;
            let forget = "DELETE FROM audit_checkpoints WHERE chain = $1 \
                          AND (seq < $2 OR (kind = 'reached' AND seq = $2))";
            within!(tx, c => sqlx::query(forget).bind(&head.chain).bind(seq).execute(c).await.map(drop))?;
            let remove = "DELETE FROM audit WHERE id IN (SELECT id FROM audit \
                          WHERE chain = $1 AND seq > 0 AND seq <= $2 ORDER BY seq LIMIT $3)";
            let rows = within!(tx, c => {
                let query = sqlx::query(remove).bind(&head.chain).bind(seq).bind(i64::from(limit));
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
            tx.commit().await?;
            Ok::<_, Fault>(rows)
        };
        work.await.during("remove old entries of the audit trail")
    }
}
