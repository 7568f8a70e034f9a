//! The verbs; what is not there yet is not found.

use portcullis_access::{SiteAdmin, System};
use portcullis_domain::{KeptId, SyncJobId, SyncPlanId, SyncRunId};
use portcullis_metadata::{Page, PageRequest};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Control, ControlError, Result};

#[allow(unused_variables, clippy::unused_async, missing_docs)]
impl Control {
    pub async fn make_sync_plan(&self, admin: &SiteAdmin, draft: &PlanDraft) -> Result<PlanView> {
        Err(ControlError::NotFound)
    }
    pub async fn sync_plan(&self, admin: &SiteAdmin, id: SyncPlanId) -> Result<PlanView> {
        Err(ControlError::NotFound)
    }
    pub async fn sync_plans(
        &self,
        admin: &SiteAdmin,
        query: PlanQuery,
        page: &PageRequest,
    ) -> Result<Page<PlanView>> {
        Err(ControlError::NotFound)
    }
    pub async fn sync_actions(
        &self,
        admin: &SiteAdmin,
        plan: SyncPlanId,
        query: &ActionQuery,
        page: &PageRequest,
    ) -> Result<Page<ActionView>> {
        Err(ControlError::NotFound)
    }
    /// Replaces the choices; `version` is what whoever decided has seen, none to overwrite.
    pub async fn choose(
        &self,
        admin: &SiteAdmin,
        plan: SyncPlanId,
        version: Option<u64>,
        choices: &[ChoiceDraft],
    ) -> Result<PlanView> {
        Err(ControlError::NotFound)
    }
    pub async fn discard_sync_plan(&self, admin: &SiteAdmin, id: SyncPlanId) -> Result<()> {
        Err(ControlError::NotFound)
    }
    pub async fn run_sync_plan(
        &self,
        admin: &SiteAdmin,
        plan: SyncPlanId,
        draft: &RunDraft,
    ) -> Result<RunView> {
        Err(ControlError::NotFound)
    }
    pub async fn sync_run(&self, admin: &SiteAdmin, id: SyncRunId) -> Result<RunView> {
        Err(ControlError::NotFound)
    }
    pub async fn sync_runs(
        &self,
        admin: &SiteAdmin,
        query: RunQuery,
        page: &PageRequest,
    ) -> Result<Page<RunView>> {
        Err(ControlError::NotFound)
    }
    pub async fn sync_steps(
        &self,
        admin: &SiteAdmin,
        run: SyncRunId,
        state: Option<portcullis_sync::StepState>,
        page: &PageRequest,
    ) -> Result<Page<StepView>> {
        Err(ControlError::NotFound)
    }
    pub async fn pause_sync(&self, admin: &SiteAdmin, id: SyncRunId) -> Result<RunView> {
        Err(ControlError::NotFound)
    }
    pub async fn resume_sync(&self, admin: &SiteAdmin, id: SyncRunId) -> Result<RunView> {
        Err(ControlError::NotFound)
    }
    pub async fn cancel_sync(&self, admin: &SiteAdmin, id: SyncRunId) -> Result<RunView> {
        Err(ControlError::NotFound)
    }
    /// The whole run, or these keys of it.
    pub async fn restore_sync_run(
        &self,
        admin: &SiteAdmin,
        run: SyncRunId,
        keys: Option<&[String]>,
    ) -> Result<PlanView> {
        Err(ControlError::NotFound)
    }
    pub async fn kept(
        &self,
        admin: &SiteAdmin,
        query: KeptQuery,
        page: &PageRequest,
    ) -> Result<Page<KeptView>> {
        Err(ControlError::NotFound)
    }
    pub async fn kept_space(&self, admin: &SiteAdmin) -> Result<Vec<KeptSpace>> {
        Err(ControlError::NotFound)
    }
    pub async fn restore_kept(&self, admin: &SiteAdmin, id: KeptId) -> Result<PlanView> {
        Err(ControlError::NotFound)
    }
    pub async fn create_sync_job(&self, admin: &SiteAdmin, draft: &JobDraft) -> Result<JobView> {
        Err(ControlError::NotFound)
    }
    pub async fn sync_job(&self, admin: &SiteAdmin, id: SyncJobId) -> Result<JobView> {
        Err(ControlError::NotFound)
    }
    pub async fn sync_jobs(
        &self,
        admin: &SiteAdmin,
        query: JobQuery,
        page: &PageRequest,
    ) -> Result<Page<JobView>> {
        Err(ControlError::NotFound)
    }
    /// `version` is what whoever decided has seen, none to overwrite.
    pub async fn change_sync_job(
        &self,
        admin: &SiteAdmin,
        id: SyncJobId,
        version: Option<u64>,
        change: &JobChange,
    ) -> Result<JobView> {
        Err(ControlError::NotFound)
    }
    pub async fn delete_sync_job(
        &self,
        admin: &SiteAdmin,
        id: SyncJobId,
        version: Option<u64>,
    ) -> Result<()> {
        Err(ControlError::NotFound)
    }
    /// Makes the job's plan now, and runs it if no guard stops it.
    pub async fn run_sync_job(&self, admin: &SiteAdmin, id: SyncJobId) -> Result<PlanView> {
        Err(ControlError::NotFound)
    }
    pub async fn keep_synced(&self, system: &System, stop: CancellationToken) {}
}
