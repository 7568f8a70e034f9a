//! Two storages, brought together, and what the tests of that share.

mod choices;
mod guards;
mod jobs;
mod life;
mod refused;
mod restores;
mod worker;

use portcullis_access::{
    Body, BodyStream, Delete, DeleteOptions, Get, GetOptions, GetOutcome, List, Put, PutOptions,
    StorageAccess,
};
use portcullis_control::{
    ActionQuery, ActionView, ControlError, JobSettings, PageRequest, PlanDraft, PlanState, PlanView,
    RunDraft, RunView, SideDraft,
};
use portcullis_domain::{KeyPrefix, ObjectKey, Storage};
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// A world with two storages.
pub(crate) struct Two {
    pub(crate) world: World,
    pub(crate) left: Storage,
    pub(crate) right: Storage,
}

pub(crate) fn object(key: &str) -> ObjectKey {
    ObjectKey::parse(key).unwrap()
}

pub(crate) fn side(storage: &Storage, prefix: &str) -> SideDraft {
    SideDraft { storage: storage.id, prefix: prefix.to_owned() }
}

impl Two {
    pub(crate) async fn new() -> Self {
        Box::pin(Self::of(World::new().await)).await
    }

    pub(crate) async fn of(world: World) -> Self {
        let left = Box::pin(world.storage("left")).await;
        let right = Box::pin(world.storage("right")).await;
        Self { world, left, right }
    }

    async fn at(&self, storage: &Storage) -> StorageAccess {
        let (access, first) = (&self.world.access, self.world.admin.principal());
        match access.storage_by_id(first, storage.id).await {
            Ok(at) => at,
            // The clock was moved beyond the end of the session.
            Err(_) => {
                let again = self.world.sign_in("admin", crate::world::PASSWORD).await.unwrap();
                access.storage_by_id(&again, storage.id).await.unwrap()
            }
        }
    }

    pub(crate) async fn put(&self, storage: &Storage, key: &str, bytes: &str) {
        let body = Body::Full(bytes.to_owned().into());
        let grant = self.at(storage).await.grant::<Put>(object(key)).unwrap();
        grant.put(body, PutOptions::default()).await.unwrap();
    }

    pub(crate) async fn delete(&self, storage: &Storage, key: &str) {
        let grant = self.at(storage).await.grant::<Delete>(object(key)).unwrap();
        grant.delete(DeleteOptions::default()).await.unwrap();
    }

    pub(crate) async fn get(&self, storage: &Storage, key: &str) -> Option<String> {
        let grant = self.at(storage).await.grant::<Get>(object(key)).unwrap();
        match grant.get(GetOptions::default()).await.ok()? {
            GetOutcome::Found(found) => Some(text(found.body).await),
            GetOutcome::NotModified(_) => None,
        }
    }

    /// Everything that a storage holds.
    pub(crate) async fn all(&self, storage: &Storage) -> Vec<(String, String)> {
        let grant = self.at(storage).await.grant::<List>(KeyPrefix::default()).unwrap();
        let page = grant.page(None, None, 1000).await.unwrap();
        let mut all = Vec::new();
        for listed in page.objects {
            let bytes = self.get(storage, listed.key.as_str()).await.unwrap();
            all.push((listed.key.as_str().to_owned(), bytes));
        }
        all
    }

    pub(crate) fn draft(&self, mode: &str) -> PlanDraft {
        PlanDraft {
            storage: side(&self.left, ""),
            bucket: side(&self.right, ""),
            mode: mode.to_owned(),
            conflicts: None,
            settings: JobSettings::default(),
        }
    }

    pub(crate) async fn round(&self) {
        let world = &self.world;
        world.access.refresh(&world.system).await.unwrap();
        let stop = CancellationToken::new();
        Box::pin(world.control.sync_round(&world.system, &stop)).await.unwrap();
    }

    /// A plan that is made.
    pub(crate) async fn planned(&self, draft: &PlanDraft) -> PlanView {
        let making = self.world.control.make_sync_plan(&self.world.admin, draft);
        let plan = Box::pin(making).await.unwrap();
        assert_eq!(plan.state, PlanState::Planning);
        self.round().await;
        let plan = self.world.control.sync_plan(&self.world.admin, plan.id).await.unwrap();
        assert_eq!((plan.state, plan.told.as_str()), (PlanState::Ready, ""));
        plan
    }

    pub(crate) async fn actions(&self, plan: &PlanView, query: &ActionQuery) -> Vec<ActionView> {
        let (control, admin) = (&self.world.control, &self.world.admin);
        let (mut page, mut all) = (PageRequest::first(2), Vec::new());
        loop {
            let found = control.sync_actions(admin, plan.id, query, &page).await.unwrap();
            all.extend(found.items);
            page.after = found.next;
            if page.after.is_none() {
                return all;
            }
        }
    }

    /// Each key with what is done there.
    pub(crate) async fn told(&self, plan: &PlanView) -> Vec<(String, &'static str)> {
        let all = self.actions(plan, &ActionQuery::default()).await;
        all.into_iter().map(|action| (action.key, action.op.as_str())).collect()
    }

    pub(crate) async fn start(&self, plan: &PlanView, approve: &[&str]) -> Result<RunView, ControlError> {
        let approve = approve.iter().map(|&code| code.to_owned()).collect();
        let draft = RunDraft { approve, ..RunDraft::default() };
        Box::pin(self.world.control.run_sync_plan(&self.world.admin, plan.id, &draft)).await
    }

    /// A plan that was run to its end.
    pub(crate) async fn ran(&self, plan: &PlanView) -> RunView {
        let run = self.start(plan, &[]).await.unwrap();
        self.round().await;
        self.run(&run).await
    }

    pub(crate) async fn run(&self, run: &RunView) -> RunView {
        self.world.control.sync_run(&self.world.admin, run.id).await.unwrap()
    }

    /// Plans and runs.
    pub(crate) async fn synced(&self, mode: &str) -> RunView {
        let plan = self.planned(&self.draft(mode)).await;
        self.ran(&plan).await
    }
}

async fn text(body: Body) -> String {
    use futures_util::StreamExt as _;
    let stream: BodyStream = match body {
        Body::Full(bytes) => return String::from_utf8(bytes.to_vec()).unwrap(),
        Body::Stream(stream) => stream,
    };
    let pieces: Vec<_> = stream.collect().await;
    let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().to_vec()).collect();
    String::from_utf8(bytes).unwrap()
}

/// The words with which something is refused at the moment.
pub(crate) fn not_now<T: std::fmt::Debug>(outcome: Result<T, ControlError>) -> String {
    let error = outcome.unwrap_err();
    let ControlError::NotNow(words) = error else { panic!("refused otherwise: {error:?}") };
    words
}
