//! What is deleted when its time is over, and what stays.

use portcullis_domain::Timestamp;
use portcullis_metadata::{MetadataErrorKind, NewSyncPlan, PlanState};

use crate::sync::{Two, new_plan, page, ready, ready_plan, started, two};
use crate::sync_runs::{end, ended, take, taken};
use crate::sync_steps::{kept, step};
use crate::world::{World, at};

const DAY: i64 = 86_400;

pub(crate) async fn steps_go_when_a_run_cannot_be_taken_back(world: &World) {
    let Two { metadata, site, storage, pair, .. } = two(world).await;
    let plan = new_plan(&pair);
    metadata.create_sync_plan(&plan).await.unwrap();
    let made = metadata.take_sync_plan("p", at(15), at(30)).await.unwrap().unwrap();
    metadata.add_plan_pages(plan.id, 1, &[page(0, 0, "a")]).await.unwrap().held().unwrap();
    metadata.finish_sync_plan(plan.id, 1, &ready()).await.unwrap();
    let run = started(&metadata, &made).await;
    let run = take(&metadata, 50).await.filter(|found| found.id == run.id).unwrap();
    let steps: Vec<_> = (0..25).map(|seq| step(seq, "done")).collect();
    let one = [kept(0, &storage, "a")];
    metadata.write_sync_steps(run.id, 1, &steps, &one).await.unwrap().held().unwrap();
    let over = 60 + 30 * DAY;
    let drop_steps = async |second: i64| metadata.drop_sync_steps(at(second), 10).await.unwrap();
    assert_eq!(drop_steps(over).await, 0, "it has not ended");
    metadata
        .end_sync_run(
            run.id,
            1,
            &portcullis_metadata::SyncRunEnd { now: at(60), ..end(portcullis_metadata::RunState::Done, 0) },
        )
        .await
        .unwrap()
        .held()
        .unwrap();
    assert_eq!(drop_steps(over - 1).await, 0);
    // As long as somebody takes it back it stays whole.
    let back = NewSyncPlan { restores: Some(run.id), ..new_plan(&pair) };
    let back = metadata.create_sync_plan(&back).await.unwrap();
    assert_eq!(back.restores, Some(run.id));
    assert_eq!(drop_steps(over).await, 0);
    assert!(metadata.discard_sync_plan(site.id, back.id).await.unwrap());
    let rounds =
        [drop_steps(over).await, drop_steps(over).await, drop_steps(over).await, drop_steps(over).await];
    assert_eq!(rounds, [10, 10, 5 + 1, 0]);
    assert!(metadata.sync_steps(run.id, 0..=100).await.unwrap().is_empty());
    while metadata.drop_sync_pages(10).await.unwrap() > 0 {}
    assert_eq!(metadata.sync_page_count(&made.pages()).await.unwrap(), 0);
    assert!(metadata.sync_run(site.id, run.id).await.unwrap().is_some(), "that it was stays known");
}

pub(crate) async fn history_goes_last(world: &World) {
    let Two { metadata, site, storage, pair, .. } = two(world).await;
    let one = kept(0, &storage, "a");
    let first = ended(&metadata, &pair, &[step(0, "done")], std::slice::from_ref(&one), at(60)).await;
    let second = ended(&metadata, &pair, &[step(0, "done")], &[], at(70)).await;
    let live = taken(&metadata, &pair).await;
    let unwanted = ready_plan(&metadata, &pair).await;
    assert!(metadata.discard_sync_plan(site.id, unwanted.id).await.unwrap());
    let untouched = ready_plan(&metadata, &pair).await;
    let late = at(10_000 * DAY);
    let purge = async |before: Timestamp| metadata.purge_sync_history(before, 100).await.unwrap();
    assert_eq!(purge(at(1)).await, 0);
    assert_eq!(purge(late).await, 1, "of those with steps nothing goes, only the plan that nobody wanted");
    while metadata.drop_sync_steps(late, 100).await.unwrap() > 0 {}
    assert_eq!(purge(at(70)).await, 0, "what is still kept holds the first run, its time the second");
    assert_eq!(purge(late).await, 2, "the second and its plan");
    assert_eq!(metadata.forget_kept(&[one.id]).await.unwrap(), 1);
    assert_eq!(purge(late).await, 2);
    assert_eq!(metadata.sync_run(site.id, first.id).await.unwrap(), None);
    assert_eq!(metadata.sync_run(site.id, second.id).await.unwrap(), None);
    assert!(metadata.sync_run(site.id, live.id).await.unwrap().is_some());
    assert!(metadata.sync_plan(site.id, untouched.id).await.unwrap().is_some());
    assert_eq!(purge(late).await, 0);
    // What refers to a site keeps it.
    let error = metadata.delete_site(site.id).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("in_use"));
}

pub(crate) async fn plans_that_nobody_runs_are_discarded(world: &World) {
    let Two { metadata, site, pair, .. } = two(world).await;
    let mut plans = Vec::new();
    for _ in 0..3 {
        plans.push(ready_plan(&metadata, &pair).await);
    }
    let run = started(&metadata, &plans[0]).await;
    let wanted = metadata.create_sync_plan(&new_plan(&pair)).await.unwrap();
    let retire = async |second: i64, limit: u32| {
        metadata.retire_sync_plans(at(second), "too old", limit).await.unwrap()
    };
    assert_eq!(retire(20, 10).await, 0, "they were made at that moment");
    assert_eq!((retire(21, 1).await, retire(21, 10).await, retire(21, 10).await), (1, 1, 0));
    for plan in &plans[1..] {
        let found = metadata.sync_plan(site.id, plan.id).await.unwrap().unwrap();
        assert_eq!((found.state, found.told.as_str()), (PlanState::Discarded, "too old"));
    }
    assert_eq!(metadata.sync_plan(site.id, run.plan).await.unwrap().unwrap().state, PlanState::Running);
    assert_eq!(metadata.sync_plan(site.id, wanted.id).await.unwrap().unwrap().state, PlanState::Planning);
    assert_eq!(metadata.drop_sync_pages(10).await.unwrap(), 2);
}
