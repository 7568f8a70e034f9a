//! The list of connections: a page of a site's storages with what was last measured of them, and how the site is.
//!
//! Nothing is opened for it: what storages hold is read from the facts that the background work keeps (`facts`).

mod posture;
mod query;
mod s3;

use portcullis_access::SiteAdmin;
use portcullis_domain::{Storage, Timestamp};
use portcullis_metadata::{ListQuery, StorageFacts};

use crate::grants::ShareStatus;
use crate::storages::available;
use crate::{Control, Result};

pub use portcullis_metadata::{KeysToReview, ReviewExample, ReviewReason};
pub use posture::Posture;
pub(crate) use posture::Postures;
pub use query::{ConnectionRow, ConnectionSort, ConnectionsPage, ConnectionsQuery, MeasuredUsage, S3Filter};
pub(crate) use s3::Openers;
pub use s3::{S3Connection, S3Status};

impl Control {
    /// One page of the connections of the admin's site, with numbers that are a second or two old; settings and keys are
    /// as they are now.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn connections(&self, admin: &SiteAdmin, query: &ConnectionsQuery) -> Result<ConnectionsPage> {
        let (site, now) = (admin.site(), self.access.now());
        let openers = self.admin_openers(site, now).await?;
        let list = ListQuery {
            search: query.search.clone(),
            provider: query.provider,
            health: query.health,
            openness: query.s3.map(S3Filter::openness),
            admins: openers.by_admins(),
            order: query.sort.order(),
            descending: query.descending,
            ..ListQuery::of(site, now)
        };
        let (posture, matching) = tokio::try_join!(self.posture(site, &openers, now), async {
            Ok(self.metadata.count_listed(&list).await?)
        })?;
        let size = query.size.clamp(1, ConnectionsQuery::MAX_SIZE);
        let pages = u32::try_from(matching.div_ceil(u64::from(size)).max(1)).unwrap_or(u32::MAX);
        let page = query.page.clamp(1, pages);
        let skip = u64::from(page - 1) * u64::from(size);
        let found = self.metadata.listed(&list, skip, size).await?;
        let ids: Vec<_> = found.iter().map(|(storage, _)| storage.id).collect();
        let (openers, shares) = tokio::try_join!(self.with_own(openers, &ids, now), self.shares(&ids))?;
        let row = |(storage, facts): (Storage, StorageFacts)| {
            let share = shares.of(storage.id);
            row(storage, facts, share, &openers, now)
        };
        let rows = found.into_iter().map(row).collect();
        let total = posture.storages.max(matching);
        Ok(ConnectionsPage { rows, page, pages, matching, total, posture, as_of: now })
    }
}

fn row(
    storage: Storage,
    facts: StorageFacts,
    share: ShareStatus,
    openers: &Openers,
    now: Timestamp,
) -> ConnectionRow {
    let StorageFacts { usage, free, health, last_used } = facts;
    let s3 = S3Connection::of(&storage, openers, health.map(|(health, _)| health), now);
    ConnectionRow {
        usage: usage.map(|(usage, at)| MeasuredUsage { usage, at }),
        available: available(usage.map(|(usage, _)| usage), storage.quota_bytes, free),
        health: health.map(|(health, _)| health),
        health_since: health.map(|(_, since)| since),
        share,
        s3,
        last_used,
        storage,
    }
}
