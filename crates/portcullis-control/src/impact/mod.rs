//! What hangs on a storage: who would notice if it were not there any more, by what was really done there.

mod affected;

use std::time::Duration;

use portcullis_access::SiteAdmin;
use portcullis_domain::{Storage, StorageId, SyncJobId, Timestamp};
use portcullis_metadata::{
    ActivityKind, ActivityRow, GrantFilter, GrantRow, LinkFilter, PageRequest, SyncRunFilter,
};

use crate::{Control, LinkStatus, Result};

pub use affected::{AffectedClient, AffectedKey, Knock};
use affected::{Gathered, gather, knocks};

/// How far back it is looked.
pub const IMPACT_DAYS: u32 = 30;
/// The longest that it is told who knocked during a pause that is over.
const KNOCKS_SHOWN: Duration = Duration::from_secs(7 * 86_400);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);
/// Rows of use that are looked at: more of them, and the list says that it is not whole.
const ROWS: u32 = 20_000;
/// Links and grants that are looked at.
const SHARES: u32 = PageRequest::MAX;

/// What hangs on a storage.
#[derive(Clone, Debug)]
pub struct Impact {
    /// The storage.
    pub storage: Storage,
    /// From when on use was looked at.
    pub since: Timestamp,
    /// The keys that opened it since then, the latest first: its own, and those of people and of the site.
    pub keys: Vec<AffectedKey>,
    /// Its own keys that did not.
    pub unused: Vec<AffectedKey>,
    /// Whether there is more than was looked at.
    pub has_more: bool,
    /// Files that are on their way up or down at this moment, on every node that tells.
    pub transfers: usize,
    /// Links into it that lead anywhere today, the oldest first.
    pub links: Vec<AffectedLink>,
    /// With whom it is shared, the oldest first.
    pub grants: Vec<GrantRow>,
    /// With how many people that is.
    pub people: u32,
    /// Who knocked while it was paused, the latest first; none if it was not.
    pub knocks: Vec<Knock>,
    /// The jobs that copy, mirror or keep it in step with another storage: they are switched off with it.
    pub sync_jobs: Vec<AffectedJob>,
    /// How many such runs are under way: they are cancelled with it.
    pub sync_runs: usize,
}

/// A job, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedJob {
    /// Its id.
    pub id: SyncJobId,
    /// What a person called it.
    pub name: String,
}

/// A link, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedLink {
    /// What a person called it.
    pub name: String,
    /// The file or the folder it leads to.
    pub target: String,
}

impl Impact {
    /// The keys that are deleted with the storage.
    pub fn ending(&self) -> impl Iterator<Item = &AffectedKey> {
        self.keys.iter().chain(&self.unused).filter(|key| key.own)
    }

    /// How many programs at how many addresses lose access, counted apart.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.keys.iter().map(|key| key.clients.len() + key.more_clients).sum()
    }
}

impl Control {
    /// What hangs on a storage of the admin's site. Nothing is asked of its provider.
    ///
    /// # Errors
    /// [`ControlError::NotFound`](crate::ControlError::NotFound), [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn storage_impact(&self, admin: &SiteAdmin, id: StorageId) -> Result<Impact> {
        let storage = self.find_storage(admin, id).await?;
        self.access.written(admin).await;
        let under_way = self.transfers(admin).await?;
        let now = self.access.now();
        let since = now.before(Duration::from_secs(u64::from(IMPACT_DAYS) * 86_400));
        let used = self.metadata.activity_of_storage(id, Some(ActivityKind::Used), since, ROWS).await?;
        let more_rows = used.len() >= usize::try_from(ROWS).unwrap_or(usize::MAX);
        let Gathered { keys, unused, has_more } = gather(self, admin, id, used).await?;
        let filter = LinkFilter { storage: Some(id), only_active: true, ..LinkFilter::of(admin.site()) };
        let links = self.metadata.links_page(&filter, &PageRequest::first(SHARES)).await?;
        let filter = GrantFilter { storage: Some(id), ..GrantFilter::of(admin.site()) };
        let grants = self.metadata.grants_page(&filter, &PageRequest::first(SHARES)).await?;
        let more_shares = links.next.is_some() || grants.next.is_some();
        let jobs = self.metadata.sync_jobs(admin.site(), Some(id), &PageRequest::first(SHARES)).await?;
        let filter = SyncRunFilter { storage: Some(id), live: Some(true), ..SyncRunFilter::of(admin.site()) };
        let runs = self.metadata.sync_runs(&filter, &PageRequest::first(SHARES)).await?;
        let live = links.items.iter().filter(|link| LinkStatus::of(link, now) == LinkStatus::Active);
        let named = |link: &portcullis_domain::Link| AffectedLink {
            name: link.name.to_string(),
            target: link.target.as_str().to_owned(),
        };
        let people = match self.shares(&[id]).await?.of(id) {
            crate::ShareStatus::Private => 0,
            crate::ShareStatus::Shared { people, .. } => people,
        };
        Ok(Impact {
            since,
            keys,
            unused,
            has_more: has_more || more_rows || more_shares || jobs.next.is_some(),
            sync_jobs: jobs.items.into_iter().map(|job| AffectedJob { id: job.id, name: job.name }).collect(),
            sync_runs: runs.items.len(),
            transfers: under_way.iter().filter(|transfer| transfer.storage_id() == Some(id)).count(),
            links: live.map(named).collect(),
            grants: grants.items,
            people,
            knocks: self.knocks_at(&storage, now).await?,
            storage,
        })
    }

    /// Who was refused because the storage was paused: during the pause that runs, or that was the last.
    async fn knocks_at(&self, storage: &Storage, now: Timestamp) -> Result<Vec<Knock>> {
        let Some(end) = storage.paused_until.filter(|end| end.after(KNOCKS_SHOWN) > now) else {
            return Ok(Vec::new());
        };
        let since = end.before(LONGEST_PAUSE);
        let refused =
            self.metadata.activity_of_storage(storage.id, Some(ActivityKind::Refused), since, ROWS).await?;
        let paused = |row: &ActivityRow| row.what == portcullis_domain::DenyReason::StoragePaused.as_str();
        knocks(self, refused.into_iter().filter(paused).collect()).await
    }
}
