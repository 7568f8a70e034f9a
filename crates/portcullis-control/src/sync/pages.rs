//! Pages of plans and agreements in the database, as the crate that plans reads and writes them.

use async_trait::async_trait;
use portcullis_domain::{SyncPlanId, SyncRunId};
use portcullis_metadata::{Fenced, Metadata, MetadataError, PagesOf, SyncPageRow};
use portcullis_sync::{ActionPages, BasePages, NewPage, PageSink, StoreError, StoreFault};

use super::journal::fault;

/// Pages that are there.
pub(super) struct Pages {
    pub(super) metadata: Metadata,
    pub(super) of: PagesOf,
}

impl Pages {
    async fn data(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.metadata.sync_page(&self.of, no).await.map_err(fault("read a page"))?;
        Ok(row.map(|row| row.data))
    }
}

#[async_trait]
impl ActionPages for Pages {
    async fn page(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.data(no).await
    }
}

#[async_trait]
impl BasePages for Pages {
    async fn page(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.data(no).await
    }
}

fn row_of(page: NewPage) -> SyncPageRow {
    SyncPageRow {
        no: page.no,
        first_seq: page.first_seq,
        first_key: page.first_key.as_str().to_owned(),
        entries: u32::try_from(page.entries).unwrap_or(u32::MAX),
        data: page.data,
    }
}

fn written(outcome: Result<Fenced<()>, MetadataError>, operation: &'static str) -> Result<(), StoreError> {
    match outcome.map_err(fault(operation))? {
        Fenced::Held(()) => Ok(()),
        Fenced::Lost => Err(StoreError::new(StoreFault::Stopped, operation)),
    }
}

/// Where the pages of a plan go that is being made.
pub(super) struct PlanSink {
    pub(super) metadata: Metadata,
    pub(super) plan: SyncPlanId,
    pub(super) fence: u64,
}

#[async_trait]
impl PageSink for PlanSink {
    async fn page(&self, page: NewPage) -> Result<(), StoreError> {
        let rows = [row_of(page)];
        written(self.metadata.add_plan_pages(self.plan, self.fence, &rows).await, "write a page of a plan")
    }
}

/// Where the pages go of what both sides agree on after a run.
pub(super) struct BaseSink {
    pub(super) metadata: Metadata,
    pub(super) run: SyncRunId,
    pub(super) fence: u64,
    pub(super) generation: u64,
}

#[async_trait]
impl PageSink for BaseSink {
    async fn page(&self, page: NewPage) -> Result<(), StoreError> {
        let rows = [row_of(page)];
        let outcome = self.metadata.add_base_pages(self.run, self.fence, self.generation, &rows).await;
        written(outcome, "write a page of what is agreed on")
    }
}
