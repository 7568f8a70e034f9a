//! Jobs, and what the end of a storage does to whatever names it.

use futures_util::future::join_all;
use portcullis_domain::{Provider, SyncJobId, SyncPairId, SyncPlanId};
use portcullis_metadata::{
    Fenced, JobState, MetadataErrorKind, NewStorage, NewSyncPlan, PlanState, RunState, RunWish, SyncJobRow,
};

use crate::sync::{Two, all_pages, job, make_ready, new_plan, page, pair_of, ready_plan, started, two};
use crate::sync_runs::{end, settle, take, taken};
use crate::world::{World, at, new_storage, site};

pub(crate) async fn jobs_are_made_changed_and_deleted(world: &World) {
    let Two { metadata, site: main, admin, storage, bucket, pair } = two(world).await;
    let nightly = job(&pair, "nightly");
    metadata.create_sync_job(&nightly).await.unwrap();
    assert_eq!(metadata.sync_job(main.id, nightly.id).await.unwrap(), Some(nightly.clone()));
    assert_eq!(metadata.create_sync_job(&nightly).await.unwrap_err().kind, MetadataErrorKind::Conflict("id"));
    let stray = SyncJobRow { pair: SyncPairId::generate(), ..job(&pair, "stray") };
    assert_eq!(metadata.create_sync_job(&stray).await.unwrap_err().kind, MetadataErrorKind::NotFound);
    let none = site("none");
    let foreign = SyncJobRow { site: none.id, ..job(&pair, "foreign") };
    assert_eq!(metadata.create_sync_job(&foreign).await.unwrap_err().kind, MetadataErrorKind::NotFound);
    assert_eq!(metadata.sync_job(none.id, nightly.id).await.unwrap(), None);

    let changed = SyncJobRow {
        name: "weekly".to_owned(),
        mode: "copy".to_owned(),
        policy: "ask".to_owned(),
        schedule: "0 3 * * 1".to_owned(),
        zone: "UTC".to_owned(),
        settings: "{\"n\":1}".to_owned(),
        enabled: false,
        state: JobState::Stopped,
        told: "why".to_owned(),
        next: None,
        changed: at(30),
        ..nightly.clone()
    };
    assert_eq!(metadata.update_sync_job(0, &changed).await.unwrap(), 1);
    let found = metadata.sync_job(main.id, nightly.id).await.unwrap().unwrap();
    assert_eq!(found, SyncJobRow { version: 1, ..changed.clone() });
    assert_eq!(metadata.update_sync_job(0, &nightly).await.unwrap_err().kind, MetadataErrorKind::Stale);
    let gone = SyncJobRow { id: SyncJobId::generate(), ..nightly.clone() };
    assert_eq!(metadata.update_sync_job(0, &gone).await.unwrap_err().kind, MetadataErrorKind::NotFound);
    let foreign = SyncJobRow { site: none.id, ..nightly.clone() };
    assert_eq!(metadata.update_sync_job(1, &foreign).await.unwrap_err().kind, MetadataErrorKind::NotFound);

    let third = metadata.create_storage(new_storage(&admin, "third")).await.unwrap();
    let other = pair_of(&metadata, &third, &bucket, "", "").await;
    let mut ids = vec![nightly.id];
    for n in 0..4 {
        let more = job(if n % 2 == 0 { &pair } else { &other }, "more");
        metadata.create_sync_job(&more).await.unwrap();
        ids.push(more.id);
    }
    let list = async |of: Option<&portcullis_domain::Storage>| {
        let of = of.map(|storage| storage.id);
        let all = all_pages(2, |page| {
            let (metadata, site) = (metadata.clone(), main.id);
            async move { metadata.sync_jobs(site, of, &page).await.unwrap() }
        });
        all.await.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None).await, ids);
    assert_eq!(list(Some(&bucket)).await, ids);
    assert_eq!(list(Some(&storage)).await, [ids[0], ids[1], ids[3]]);
    assert_eq!(list(Some(&third)).await, [ids[2], ids[4]]);
    assert!(!metadata.delete_sync_job(none.id, nightly.id).await.unwrap());
    assert!(metadata.delete_sync_job(main.id, nightly.id).await.unwrap());
    assert!(!metadata.delete_sync_job(main.id, nightly.id).await.unwrap());
    assert!(!metadata.note_sync_job(nightly.id, JobState::Waiting, "").await.unwrap());
}

pub(crate) async fn a_job_begins_once(world: &World) {
    let Two { metadata, site, pair, .. } = two(world).await;
    let other = world.open().await;
    let early = SyncJobRow { next: Some(at(90)), ..job(&pair, "early") };
    let nightly = job(&pair, "nightly");
    let off = SyncJobRow { enabled: false, ..job(&pair, "off") };
    let stopped = SyncJobRow { state: JobState::Stopped, ..job(&pair, "stopped") };
    let by_hand = SyncJobRow { schedule: String::new(), next: None, ..job(&pair, "by hand") };
    for job in [&nightly, &early, &off, &stopped, &by_hand] {
        metadata.create_sync_job(job).await.unwrap();
    }
    let due = async |second: i64, limit: u32| metadata.due_sync_jobs(at(second), limit).await.unwrap();
    assert!(due(89, 10).await.is_empty());
    assert_eq!(due(99, 10).await, std::slice::from_ref(&early));
    assert_eq!(due(100, 10).await, [early.clone(), nightly.clone()]);
    assert_eq!(due(100, 1).await, [early]);

    let plan = || NewSyncPlan { job: Some(nightly.id), ..new_plan(&pair) };
    let begin = |metadata: &portcullis_metadata::Metadata| {
        let (metadata, nightly, plan) = (metadata.clone(), nightly.clone(), plan());
        async move { metadata.begin_sync_job(&nightly, &plan, Some(at(200))).await.unwrap() }
    };
    let begun = join_all([&metadata, &other, &metadata, &other].map(begin)).await;
    let begun: Vec<_> = begun.into_iter().flatten().collect();
    assert_eq!(begun.len(), 1, "{begun:?}");
    assert_eq!(world.numbers("SELECT COUNT(*) FROM sync_plans").await, [1]);
    let found = metadata.sync_job(site.id, nightly.id).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.next, found.last_plan),
        (JobState::Planning, Some(at(200)), Some(begun[0].id))
    );
    assert_eq!((begun[0].job, found.version), (Some(nightly.id), 0));
    assert!(due(300, 10).await.iter().all(|job| job.id != nightly.id), "it is at work");
    // Who changes it as they read it before does not take it out of its work.
    let renamed = SyncJobRow { name: "weekly".to_owned(), told: "x".to_owned(), ..nightly.clone() };
    assert_eq!(metadata.update_sync_job(0, &renamed).await.unwrap(), 1);
    let found = metadata.sync_job(site.id, nightly.id).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.told.as_str(), found.state), ("weekly", "", JobState::Planning));
    assert_eq!(found.next, nightly.next);
    assert!(metadata.note_sync_job(nightly.id, JobState::Waiting, "nothing to do").await.unwrap());
    assert!(due(300, 10).await.iter().any(|job| job.id == nightly.id));
    // On demand, twice at the same time in the same state: the second is told that it is not as read.
    let read = metadata.sync_job(site.id, by_hand.id).await.unwrap().unwrap();
    let plan = NewSyncPlan { job: Some(by_hand.id), ..new_plan(&pair) };
    assert!(metadata.begin_sync_job(&read, &plan, None).await.unwrap().is_some());
    assert!(metadata.note_sync_job(by_hand.id, JobState::Waiting, "").await.unwrap());
    let again = NewSyncPlan { id: SyncPlanId::generate(), ..plan };
    assert!(metadata.begin_sync_job(&read, &again, None).await.unwrap().is_none());
}

pub(crate) async fn a_storage_ends_with_what_is_between_it_and_others(world: &World) {
    let Two { metadata, site, admin, storage, pair, .. } = two(world).await;
    let remote = NewStorage {
        provider: Provider::Aws,
        region: "eu-west-1".to_owned(),
        endpoint: Some("https://s3.eu-west-1.amazonaws.com".to_owned()),
        bucket: Some("nas".to_owned()),
        provider_credentials: Some(vec![7; 48]),
        ..new_storage(&admin, "NAS")
    };
    let remote = metadata.create_storage(remote).await.unwrap();
    let ending = pair_of(&metadata, &storage, &remote, "a/", "").await;
    // What was agreed on with it.
    let settled = taken(&metadata, &ending).await;
    settle(&metadata, &settled, &[page(0, 0, "a")]).await;
    metadata.end_sync_run(settled.id, 1, &end(RunState::Done, 55)).await.unwrap().held().unwrap();
    // Jobs, a plan that is ready, one that is being made, and a run; and the same that have nothing to do with it.
    let (theirs, others) = (job(&ending, "theirs"), job(&pair, "others"));
    metadata.create_sync_job(&theirs).await.unwrap();
    metadata.create_sync_job(&others).await.unwrap();
    let waiting = ready_plan(&metadata, &ending).await;
    let other_plan = ready_plan(&metadata, &pair).await;
    let running = ready_plan(&metadata, &ending).await;
    let run = started(&metadata, &running).await;
    let run = take(&metadata, 50).await.filter(|found| found.id == run.id).unwrap();
    let half = metadata.create_sync_plan(&new_plan(&ending)).await.unwrap();
    let half = metadata
        .take_sync_plan("p", at(50), at(60))
        .await
        .unwrap()
        .filter(|found| found.id == half.id)
        .unwrap();
    metadata.add_plan_pages(half.id, 1, &[page(0, 0, "a")]).await.unwrap().held().unwrap();

    metadata.end_storage(&remote, None, at(70)).await.unwrap();
    let why = "The storage NAS was deleted.";
    let plan = async |id: SyncPlanId| metadata.sync_plan(site.id, id).await.unwrap().unwrap();
    for id in [waiting.id, half.id] {
        assert_eq!((plan(id).await.state, plan(id).await.told.as_str()), (PlanState::Discarded, why));
    }
    assert_eq!(plan(other_plan.id).await.state, PlanState::Ready);
    assert!(metadata.add_plan_pages(half.id, 1, &[page(1, 512, "b")]).await.unwrap().is_lost());
    let off = metadata.sync_job(site.id, theirs.id).await.unwrap().unwrap();
    assert_eq!((off.state, off.enabled, off.next, off.told.as_str()), (JobState::Off, false, None, why));
    assert_eq!(off.version, 1);
    assert!(!metadata.note_sync_job(theirs.id, JobState::Waiting, "").await.unwrap());
    assert_eq!(metadata.sync_job(site.id, others.id).await.unwrap(), Some(others));
    // The run is told, and ends in order.
    assert_eq!(
        metadata.renew_sync_run(run.id, run.fence, at(90)).await.unwrap(),
        Fenced::Held(RunWish::Cancel)
    );
    metadata.end_sync_run(run.id, run.fence, &end(RunState::Cancelled, 80)).await.unwrap().held().unwrap();
    assert_eq!(metadata.sync_run(site.id, run.id).await.unwrap().unwrap().told, why);
    let forgotten = metadata.sync_pair(site.id, ending.id).await.unwrap().unwrap();
    assert_eq!((forgotten.base_generation, forgotten.base_keys), (0, 0));
    while metadata.drop_sync_pages(10).await.unwrap() > 0 {}
    assert_eq!(world.numbers("SELECT COUNT(*) FROM sync_pages").await, [0]);
    let error = metadata.create_sync_plan(&new_plan(&ending)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    let error = metadata.create_sync_job(&job(&ending, "late")).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
}

pub(crate) async fn a_storage_that_comes_back_goes_on(world: &World) {
    let Two { metadata, site, storage, pair, .. } = two(world).await;
    let settled = taken(&metadata, &pair).await;
    let generation = settle(&metadata, &settled, &[page(0, 0, "a")]).await;
    metadata.end_sync_run(settled.id, 1, &end(RunState::Done, 55)).await.unwrap().held().unwrap();
    let nightly = job(&pair, "nightly");
    metadata.create_sync_job(&nightly).await.unwrap();
    metadata.end_storage(&storage, None, at(70)).await.unwrap();
    assert!(metadata.due_sync_jobs(at(1_000), 10).await.unwrap().is_empty());
    metadata.attach_storage(storage.id, at(71)).await.unwrap();
    let kept = metadata.sync_pair(site.id, pair.id).await.unwrap().unwrap();
    assert_eq!((kept.base_generation, kept.epoch), (generation, 1));
    assert_eq!(metadata.sync_page_count(&kept.base()).await.unwrap(), 1);
    // The job stays off until somebody switches it on.
    let off = metadata.sync_job(site.id, nightly.id).await.unwrap().unwrap();
    assert_eq!((off.state, off.told.as_str()), (JobState::Off, "The storage files was detached."));
    let on = SyncJobRow {
        enabled: true,
        state: JobState::Waiting,
        told: String::new(),
        next: Some(at(80)),
        ..off
    };
    assert_eq!(metadata.update_sync_job(1, &on).await.unwrap(), 2);
    assert_eq!(metadata.due_sync_jobs(at(80), 10).await.unwrap().len(), 1);
    let plan = NewSyncPlan { job: Some(nightly.id), ..new_plan(&pair) };
    metadata.create_sync_plan(&plan).await.unwrap();
    assert_eq!(make_ready(&metadata, plan.id).await.base_generation, generation);
}
