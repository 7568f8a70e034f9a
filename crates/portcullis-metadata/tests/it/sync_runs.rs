//! Runs: one at a time where they would meet, one process for each.

use futures_util::future::join_all;
use portcullis_domain::{SyncRunId, Timestamp};
use portcullis_metadata::{
    Fenced, JobState, Metadata, MetadataErrorKind, NewSyncPlan, NewSyncRun, PagesOf, PlanFinish, PlanState,
    RunStart, RunState, RunWish, SyncPageRow, SyncPairRow, SyncPlanEnd, SyncRunEnd, SyncRunFilter,
    SyncRunRow, SyncStepRow,
};

use crate::sync::{
    Two, all_pages, job, make_ready, new_plan, new_run, page, pair_of, ready, ready_plan, started, two,
};
use crate::sync_steps::{kept, step};
use crate::world::{World, at, new_storage, site};

const DAY: i64 = 86_400;

pub(crate) fn end(state: RunState, second: i64) -> SyncRunEnd {
    SyncRunEnd { state, told: String::new(), progress: "{\"files\":3}".to_owned(), now: at(second) }
}

pub(crate) async fn take(metadata: &Metadata, second: i64) -> Option<SyncRunRow> {
    metadata.take_sync_run("one", at(second), at(second + 10)).await.unwrap()
}

/// A run that a process holds.
pub(crate) async fn taken(metadata: &Metadata, pair: &SyncPairRow) -> SyncRunRow {
    let plan = ready_plan(metadata, pair).await;
    let run = started(metadata, &plan).await;
    let taken = take(metadata, 50).await.unwrap();
    assert_eq!(taken.id, run.id);
    taken
}

/// Writes what both sides agree on after a run.
pub(crate) async fn settle(metadata: &Metadata, run: &SyncRunRow, pages: &[SyncPageRow]) -> u64 {
    let generation = metadata.begin_sync_base(run.id, run.fence).await.unwrap().held().unwrap();
    let added = metadata.add_base_pages(run.id, run.fence, generation, pages).await.unwrap();
    assert_eq!(added, Fenced::Held(()));
    metadata.switch_sync_base(run.id, run.fence, generation, 512).await.unwrap().held().unwrap();
    generation
}

pub(crate) async fn a_run_from_its_beginning_to_its_end(world: &World) {
    let Two { metadata, site, pair, .. } = two(world).await;
    let nightly = job(&pair, "nightly");
    metadata.create_sync_job(&nightly).await.unwrap();
    let wanted = NewSyncPlan { job: Some(nightly.id), keep_days: Some(3), ..new_plan(&pair) };
    metadata.begin_sync_job(&nightly, &wanted, None).await.unwrap().unwrap();
    let plan = make_ready(&metadata, wanted.id).await;
    let run = started(&metadata, &plan).await;
    assert_eq!(
        (run.state, run.wish, run.fence, run.job),
        (RunState::Waiting, RunWish::Go, 0, Some(nightly.id))
    );
    assert_eq!((run.approved.as_str(), run.settings.as_str()), ("[\"emptied\"]", "{\"in_flight\":4}"));
    assert_eq!(metadata.sync_run(site.id, run.id).await.unwrap(), Some(run.clone()));
    assert_eq!(metadata.sync_run_of_plan(site.id, plan.id).await.unwrap(), Some(run.clone()));
    let plan_state = async || metadata.sync_plan(site.id, plan.id).await.unwrap().unwrap().state;
    let job_now = async || metadata.sync_job(site.id, nightly.id).await.unwrap().unwrap();
    assert_eq!(plan_state().await, PlanState::Running);
    assert_eq!((job_now().await.state, job_now().await.last_run), (JobState::Running, Some(run.id)));

    let held = take(&metadata, 50).await.unwrap();
    assert_eq!((held.state, held.fence, held.started), (RunState::Running, 1, Some(at(50))));
    assert_eq!(take(&metadata, 59).await, None);
    assert_eq!(metadata.renew_sync_run(run.id, 1, at(70)).await.unwrap(), Fenced::Held(RunWish::Go));
    assert_eq!(take(&metadata, 69).await, None);
    let progress = metadata.save_sync_progress(run.id, 1, "{\"files\":1}").await.unwrap();
    assert_eq!(progress, Fenced::Held(RunWish::Go));
    assert_eq!(metadata.sync_run(site.id, run.id).await.unwrap().unwrap().progress, "{\"files\":1}");
    let settling = metadata.set_sync_run_state(run.id, 1, RunState::Settling).await.unwrap();
    assert_eq!(settling, Fenced::Held(()));
    let error = metadata.set_sync_run_state(run.id, 1, RunState::Done).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Refused, "a run ends by the verb for it");
    let error = metadata.end_sync_run(run.id, 1, &end(RunState::Paused, 80)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Refused);
    settle(&metadata, &held, &[page(0, 0, "a")]).await;
    let partial = SyncRunEnd { told: "two were changed".to_owned(), ..end(RunState::Partial, 80) };
    assert_eq!(metadata.end_sync_run(run.id, 1, &partial).await.unwrap(), Fenced::Held(()));

    let ended = metadata.sync_run(site.id, run.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.ended, ended.settled), (RunState::Partial, Some(at(80)), true));
    assert_eq!((ended.told.as_str(), ended.progress.as_str()), ("two were changed", "{\"files\":3}"));
    assert_eq!(ended.keep_until, Some(at(80 + 3 * DAY)));
    assert_eq!(plan_state().await, PlanState::Done);
    assert_eq!(
        (job_now().await.state, job_now().await.told.as_str()),
        (JobState::Waiting, "two were changed")
    );
    assert_eq!(take(&metadata, 1_000).await, None);
    assert!(metadata.end_sync_run(run.id, 1, &partial).await.unwrap().is_lost());
    let error = metadata.create_sync_run(&new_run(&plan)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale, "a plan is run once");
}

pub(crate) async fn who_lost_a_run_writes_nothing(world: &World) {
    let Two { metadata, storage, pair, .. } = two(world).await;
    let slow = taken(&metadata, &pair).await;
    let generation = metadata.begin_sync_base(slow.id, 1).await.unwrap().held().unwrap();
    let quick = metadata.take_sync_run("two", at(60), at(90)).await.unwrap().unwrap();
    assert_eq!((quick.id, quick.fence, quick.held_by.as_str()), (slow.id, 2, "two"));
    assert_eq!(quick.started, slow.started);

    async fn all_lost(
        metadata: &Metadata,
        id: SyncRunId,
        fence: u64,
        generation: u64,
        kept: &[portcullis_metadata::NewKept],
    ) {
        assert!(metadata.renew_sync_run(id, fence, at(500)).await.unwrap().is_lost());
        assert!(metadata.save_sync_progress(id, fence, "{\"late\":1}").await.unwrap().is_lost());
        assert!(metadata.set_sync_run_state(id, fence, RunState::Settling).await.unwrap().is_lost());
        assert!(metadata.leave_sync_run(id, fence, RunState::Paused, "{}").await.unwrap().is_lost());
        assert!(metadata.write_sync_steps(id, fence, &[step(0, "done")], kept).await.unwrap().is_lost());
        assert!(metadata.begin_sync_base(id, fence).await.unwrap().is_lost());
        assert!(metadata.add_base_pages(id, fence, generation, &[page(0, 0, "a")]).await.unwrap().is_lost());
        assert!(metadata.switch_sync_base(id, fence, generation, 1).await.unwrap().is_lost());
        assert!(metadata.end_sync_run(id, fence, &end(RunState::Done, 60)).await.unwrap().is_lost());
    }
    let some = [kept(0, &storage, "a")];
    let before = world.everything().await;
    all_lost(&metadata, slow.id, 1, generation, &some).await;
    all_lost(&metadata, slow.id, 3, generation, &some).await;
    all_lost(&metadata, SyncRunId::generate(), 1, generation, &some).await;
    assert_eq!(world.everything().await, before);
    // Whoever let it go has lost it as well, even before another has taken it; so has everybody once it has ended.
    let left = metadata.leave_sync_run(slow.id, 2, RunState::Waiting, "{}").await.unwrap();
    assert_eq!(left, Fenced::Held(()));
    let before = world.everything().await;
    all_lost(&metadata, slow.id, 2, generation, &some).await;
    assert_eq!(world.everything().await, before);
    let last = take(&metadata, 61).await.unwrap();
    assert_eq!(last.fence, 4);
    metadata.end_sync_run(last.id, last.fence, &end(RunState::Cancelled, 62)).await.unwrap().held().unwrap();
    let before = world.everything().await;
    all_lost(&metadata, last.id, last.fence, generation, &some).await;
    assert_eq!(world.everything().await, before);
}

pub(crate) async fn what_people_wish_of_a_run(world: &World) {
    let Two { metadata, site: main, pair, .. } = two(world).await;
    let plan = ready_plan(&metadata, &pair).await;
    let run = started(&metadata, &plan).await;
    let wish = async |wish: RunWish| metadata.wish_for_sync_run(main.id, run.id, wish).await.unwrap();
    let state = async || metadata.sync_run(main.id, run.id).await.unwrap().unwrap().state;
    assert!(!wish(RunWish::Go).await, "that is what it does");
    assert!(!metadata.wish_for_sync_run(site("none").id, run.id, RunWish::Pause).await.unwrap());
    // Before any process has it.
    assert!(wish(RunWish::Pause).await && !wish(RunWish::Pause).await);
    assert_eq!((state().await, take(&metadata, 50).await), (RunState::Paused, None));
    assert!(wish(RunWish::Go).await);
    assert_eq!(state().await, RunState::Waiting);
    let held = take(&metadata, 50).await.unwrap();
    // While a process has it: it is told, and lets go.
    assert!(wish(RunWish::Pause).await);
    assert_eq!(state().await, RunState::Running);
    assert_eq!(metadata.renew_sync_run(run.id, 1, at(60)).await.unwrap(), Fenced::Held(RunWish::Pause));
    let paused =
        metadata.leave_sync_run(run.id, held.fence, RunState::Paused, "{\"files\":2}").await.unwrap();
    assert_eq!(paused, Fenced::Held(()));
    let resting = metadata.sync_run(main.id, run.id).await.unwrap().unwrap();
    assert_eq!(
        (resting.state, resting.held_by.as_str(), resting.progress.as_str()),
        (RunState::Paused, "", "{\"files\":2}")
    );
    assert_eq!(take(&metadata, 51).await, None);
    assert!(wish(RunWish::Go).await);
    let held = take(&metadata, 51).await.unwrap();
    // It wants to rest just when somebody wants it to go on.
    assert!(wish(RunWish::Pause).await && wish(RunWish::Go).await);
    assert_eq!(
        metadata.leave_sync_run(run.id, held.fence, RunState::Paused, "{}").await.unwrap(),
        Fenced::Held(())
    );
    let held = take(&metadata, 52).await.unwrap();
    // A process that ends leaves one that is to rest resting.
    assert!(wish(RunWish::Pause).await);
    assert_eq!(
        metadata.leave_sync_run(run.id, held.fence, RunState::Waiting, "{}").await.unwrap(),
        Fenced::Held(())
    );
    assert_eq!((state().await, take(&metadata, 53).await), (RunState::Paused, None));
    // Cancelled for good: a process takes it to end it in order.
    assert!(wish(RunWish::Cancel).await);
    assert!(!wish(RunWish::Go).await && !wish(RunWish::Pause).await);
    let held = take(&metadata, 54).await.unwrap();
    assert_eq!((held.wish, held.state), (RunWish::Cancel, RunState::Running));
    metadata.end_sync_run(run.id, held.fence, &end(RunState::Cancelled, 55)).await.unwrap().held().unwrap();
    assert!(!wish(RunWish::Cancel).await && !wish(RunWish::Go).await);
    assert_eq!(state().await, RunState::Cancelled);
}

pub(crate) async fn a_dead_process_that_was_to_pause(world: &World) {
    let Two { metadata, site, pair, .. } = two(world).await;
    let run = taken(&metadata, &pair).await;
    assert!(metadata.wish_for_sync_run(site.id, run.id, RunWish::Pause).await.unwrap());
    let next = take(&metadata, 60).await.unwrap();
    assert_eq!((next.id, next.wish, next.fence), (run.id, RunWish::Pause, 2));
}

pub(crate) async fn runs_do_not_meet(world: &World) {
    let Two { metadata, site, admin, storage, bucket, pair } = two(world).await;
    let third = metadata.create_storage(new_storage(&admin, "third")).await.unwrap();
    let start = async |pair: &SyncPairRow, mode: &str| {
        let new = NewSyncPlan { mode: mode.to_owned(), ..new_plan(pair) };
        metadata.create_sync_plan(&new).await.unwrap();
        let plan = make_ready(&metadata, new.id).await;
        (metadata.create_sync_run(&new_run(&plan)).await.unwrap(), plan)
    };
    let busy = |start: RunStart, with: &SyncRunRow| match start {
        RunStart::Busy(run) => assert_eq!(run.id, with.id),
        other @ (RunStart::Started(_) | RunStart::Outdated) => panic!("{other:?}"),
    };
    let begun = |start: RunStart| match start {
        RunStart::Started(run) => *run,
        other @ (RunStart::Busy(_) | RunStart::Outdated) => panic!("{other:?}"),
    };
    let first = begun(start(&pair, "two_way").await.0);
    let (again, plan) = start(&pair, "two_way").await;
    busy(again, &first);
    assert_eq!(
        metadata.sync_plan(site.id, plan.id).await.unwrap().unwrap().state,
        PlanState::Ready,
        "it may be run later"
    );
    let swapped = pair_of(&metadata, &bucket, &storage, "", "").await;
    busy(start(&swapped, "copy").await.0, &first);
    let deeper = pair_of(&metadata, &third, &bucket, "", "a/").await;
    busy(start(&deeper, "copy").await.0, &first);
    let held = take(&metadata, 50).await.unwrap();
    metadata.end_sync_run(held.id, held.fence, &end(RunState::Done, 60)).await.unwrap().held().unwrap();

    // Two copies out of the same storage, into folders that are apart.
    let a = pair_of(&metadata, &storage, &bucket, "", "a/").await;
    let b = pair_of(&metadata, &storage, &bucket, "", "b/").await;
    let into_a = begun(start(&a, "copy").await.0);
    begun(start(&b, "mirror").await.0);
    let back = pair_of(&metadata, &bucket, &third, "a/b/", "").await;
    busy(start(&back, "copy").await.0, &into_a);
    let elsewhere = pair_of(&metadata, &bucket, &third, "c/", "").await;
    begun(start(&elsewhere, "copy").await.0);
}

pub(crate) async fn of_many_starts_one_comes_about(world: &World) {
    let Two { metadata, storage, bucket, pair, .. } = two(world).await;
    let swapped = pair_of(&metadata, &bucket, &storage, "", "").await;
    let other = world.open().await;
    let mut plans = Vec::new();
    for n in 0..6 {
        plans.push(ready_plan(&metadata, if n % 2 == 0 { &pair } else { &swapped }).await);
    }
    let starts = plans.iter().enumerate().map(|(n, plan)| {
        let metadata = if n < 3 { &metadata } else { &other };
        async move { metadata.create_sync_run(&new_run(plan)).await.unwrap() }
    });
    let starts = join_all(starts).await;
    let live: Vec<_> = starts.iter().filter(|start| matches!(start, RunStart::Started(_))).collect();
    assert_eq!(live.len(), 1, "{starts:?}");
    // The same plan twice at once is one run.
    let run = take(&metadata, 50).await.unwrap();
    metadata.end_sync_run(run.id, run.fence, &end(RunState::Done, 60)).await.unwrap().held().unwrap();
    let plan = plans.iter().find(|plan| plan.id != run.plan).unwrap();
    let (one, two) = (new_run(plan), new_run(plan));
    let twice = [metadata.create_sync_run(&one), other.create_sync_run(&two)];
    let kinds: Vec<_> =
        join_all(twice).await.into_iter().map(|start| start.map_err(|error| error.kind)).collect();
    assert_eq!(
        kinds.iter().filter(|start| matches!(start, Ok(RunStart::Started(_)))).count(),
        1,
        "{kinds:?}"
    );
    assert!(kinds.contains(&Err(MetadataErrorKind::Stale)), "{kinds:?}");
}

pub(crate) async fn many_take_one_run_each(world: &World) {
    let Two { metadata, storage, bucket, .. } = two(world).await;
    let other = world.open().await;
    let mut wanted = Vec::new();
    for n in 0..5 {
        let folder = format!("{n}/");
        let pair = pair_of(&metadata, &storage, &bucket, &folder, &folder).await;
        let plan = ready_plan(&metadata, &pair).await;
        wanted.push(started(&metadata, &plan).await.id);
    }
    let mut found = Vec::new();
    for _ in 0..5 {
        let takers = [&metadata, &other, &metadata, &other];
        let all = join_all(takers.map(|one| one.take_sync_run("x", at(50), at(60)))).await;
        found.extend(all.into_iter().filter_map(|run| run.unwrap()));
    }
    assert!(found.iter().all(|run| run.fence == 1));
    let mut found: Vec<SyncRunId> = found.iter().map(|run| run.id).collect();
    found.sort_unstable();
    assert_eq!(found, wanted);
}

pub(crate) async fn a_process_that_starts_again_goes_on(world: &World) {
    let Two { metadata, pair, .. } = two(world).await;
    let run = taken(&metadata, &pair).await;
    metadata.create_sync_plan(&new_plan(&pair)).await.unwrap();
    let plan = metadata.take_sync_plan("one", at(50), at(60)).await.unwrap().unwrap();
    let freed = metadata.free_sync_holds().await.unwrap();
    let (run_again, plan_again) =
        (take(&metadata, 51).await, metadata.take_sync_plan("new", at(51), at(60)).await.unwrap());
    if world.dir.is_none() {
        // Others may live: what they hold runs out.
        assert_eq!((freed, run_again, plan_again), (0, None, None));
        return;
    }
    assert_eq!(freed, 2);
    assert_eq!(run_again.map(|run| (run.id, run.fence)), Some((run.id, 2)));
    assert_eq!(plan_again.map(|plan| (plan.id, plan.fence)), Some((plan.id, 2)));
    assert_eq!(metadata.free_sync_holds().await.unwrap(), 2);
}

pub(crate) async fn what_both_sides_agree_on_changes_at_once(world: &World) {
    let Two { metadata, site, pair, .. } = two(world).await;
    let now = async || metadata.sync_pair(site.id, pair.id).await.unwrap().unwrap();
    let first = taken(&metadata, &pair).await;
    // The process dies while it writes; the next begins again with pages of its own.
    let torn = metadata.begin_sync_base(first.id, 1).await.unwrap().held().unwrap();
    metadata.add_base_pages(first.id, 1, torn, &[page(0, 0, "torn")]).await.unwrap().held().unwrap();
    let next = take(&metadata, 60).await.unwrap();
    let generation = metadata.begin_sync_base(first.id, 2).await.unwrap().held().unwrap();
    assert_ne!(generation, torn);
    let error = metadata.add_base_pages(first.id, 2, torn, &[page(1, 1, "x")]).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);
    metadata.add_base_pages(first.id, 2, generation, &[page(0, 0, "whole")]).await.unwrap().held().unwrap();
    assert_eq!(metadata.sync_page_count(&now().await.base()).await.unwrap(), 0, "not yet");
    let error = metadata.switch_sync_base(first.id, 2, torn, 5).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);

    // Somebody plans meanwhile; what they compare with goes away under them.
    let plan = metadata.create_sync_plan(&new_plan(&pair)).await.unwrap();
    metadata.take_sync_plan("planner", at(61), at(90)).await.unwrap().unwrap();
    let before = ready_plan_beside(&metadata, &pair).await;
    let switched = metadata.switch_sync_base(first.id, 2, generation, 5).await.unwrap();
    assert_eq!(switched, Fenced::Held(1));
    assert_eq!(metadata.switch_sync_base(first.id, 2, generation, 9).await.unwrap(), Fenced::Held(1), "once");
    let pair_now = now().await;
    assert_eq!((pair_now.epoch, pair_now.base_keys, pair_now.base_generation), (1, 5, generation));
    assert_eq!(pair_now.base(), PagesOf::Base { pair: pair.id, generation });
    let kept = metadata.sync_page(&pair_now.base(), 0).await.unwrap().unwrap();
    assert_eq!(kept.first_key, "whole");
    let error = metadata.begin_sync_base(first.id, 2).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale, "it is settled");
    let error = metadata.add_base_pages(first.id, 2, generation, &[page(1, 1, "x")]).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);
    assert!(metadata.sync_run(site.id, next.id).await.unwrap().unwrap().settled);
    metadata.end_sync_run(next.id, 2, &end(RunState::Done, 70)).await.unwrap().held().unwrap();
    assert_eq!(metadata.drop_sync_pages(100).await.unwrap(), 2, "the torn page and its owner");

    let failed = SyncPlanEnd { state: PlanState::Failed, ..ready() };
    assert_eq!(metadata.finish_sync_plan(plan.id, 1, &failed).await.unwrap(), PlanFinish::BaseMoved);
    let anew = metadata.take_sync_plan("planner", at(71), at(90)).await.unwrap().unwrap();
    assert_eq!((anew.id, anew.fence, anew.base_generation), (plan.id, 2, generation));
    assert_eq!(metadata.finish_sync_plan(plan.id, 2, &ready()).await.unwrap(), PlanFinish::Finished);
    assert_eq!(metadata.create_sync_run(&new_run(&before)).await.unwrap(), RunStart::Outdated);
    // The next run replaces it; one that does not come to settling changes nothing.
    let plan = metadata.sync_plan(site.id, plan.id).await.unwrap().unwrap();
    let second = started(&metadata, &plan).await;
    let second = take(&metadata, 80).await.filter(|run| run.id == second.id).unwrap();
    let newer = settle(&metadata, &second, &[page(0, 0, "newer")]).await;
    metadata.end_sync_run(second.id, second.fence, &end(RunState::Done, 81)).await.unwrap().held().unwrap();
    assert_eq!(
        metadata.drop_sync_pages(100).await.unwrap(),
        3,
        "the page before, and two owners with a plan's"
    );
    let third = taken(&metadata, &pair).await;
    let never = metadata.begin_sync_base(third.id, 1).await.unwrap().held().unwrap();
    metadata.add_base_pages(third.id, 1, never, &[page(0, 0, "never")]).await.unwrap().held().unwrap();
    metadata.end_sync_run(third.id, 1, &end(RunState::Failed, 90)).await.unwrap().held().unwrap();
    assert_eq!(metadata.drop_sync_pages(100).await.unwrap(), 2, "the page that is not wanted and its owner");
    let last = now().await;
    assert_eq!((last.epoch, last.base_generation), (2, newer));
    assert_eq!(metadata.sync_page(&last.base(), 0).await.unwrap().unwrap().first_key, "newer");
}

/// A plan that is ready although another is being made.
async fn ready_plan_beside(metadata: &Metadata, pair: &SyncPairRow) -> portcullis_metadata::SyncPlanRow {
    let new = new_plan(pair);
    metadata.create_sync_plan(&new).await.unwrap();
    make_ready(metadata, new.id).await
}

pub(crate) async fn runs_are_listed(world: &World) {
    let Two { metadata, site: main, admin, storage, bucket, pair } = two(world).await;
    let third = metadata.create_storage(new_storage(&admin, "third")).await.unwrap();
    let other = pair_of(&metadata, &third, &third, "a/", "b/").await;
    let mut ids = Vec::new();
    for n in 0..5_i64 {
        let run = taken(&metadata, if n == 1 { &other } else { &pair }).await;
        ids.push(run.id);
        if n != 4 {
            metadata.end_sync_run(run.id, 1, &end(RunState::Done, 60 + n)).await.unwrap().held().unwrap();
        }
    }
    let list = |filter: SyncRunFilter| {
        let metadata = metadata.clone();
        async move {
            let listed = all_pages(2, |page| {
                let (metadata, filter) = (metadata.clone(), filter.clone());
                async move { metadata.sync_runs(&filter, &page).await.unwrap() }
            });
            listed.await.into_iter().map(|run| run.id).collect::<Vec<_>>()
        }
    };
    let of = SyncRunFilter::of(main.id);
    let newest_first = |picked: &[usize]| picked.iter().rev().map(|n| ids[*n]).collect::<Vec<_>>();
    assert_eq!(list(of.clone()).await, newest_first(&[0, 1, 2, 3, 4]));
    for one in [&storage, &bucket] {
        let some = list(SyncRunFilter { storage: Some(one.id), ..of.clone() }).await;
        assert_eq!(some, newest_first(&[0, 2, 3, 4]));
    }
    assert_eq!(list(SyncRunFilter { pair: Some(other.id), ..of.clone() }).await, newest_first(&[1]));
    assert_eq!(list(SyncRunFilter { live: Some(true), ..of.clone() }).await, newest_first(&[4]));
    assert_eq!(list(SyncRunFilter { live: Some(false), ..of.clone() }).await, newest_first(&[0, 1, 2, 3]));
    let nightly = portcullis_domain::SyncJobId::generate();
    assert!(list(SyncRunFilter { job: Some(nightly), ..of.clone() }).await.is_empty());
    let none = site("none");
    assert!(list(SyncRunFilter::of(none.id)).await.is_empty());
    assert_eq!(metadata.sync_run(none.id, ids[0]).await.unwrap(), None);
    let foreign = NewSyncRun { site: none.id, ..new_run(&ready_plan(&metadata, &other).await) };
    assert_eq!(metadata.create_sync_run(&foreign).await.unwrap_err().kind, MetadataErrorKind::NotFound);
}

/// A run that has ended, with its steps.
pub(crate) async fn ended(
    metadata: &Metadata,
    pair: &SyncPairRow,
    steps: &[SyncStepRow],
    kept: &[portcullis_metadata::NewKept],
    ended: Timestamp,
) -> SyncRunRow {
    let run = taken(metadata, pair).await;
    metadata.write_sync_steps(run.id, run.fence, steps, kept).await.unwrap().held().unwrap();
    let end = SyncRunEnd { now: ended, ..end(RunState::Done, 0) };
    metadata.end_sync_run(run.id, run.fence, &end).await.unwrap().held().unwrap();
    run
}
