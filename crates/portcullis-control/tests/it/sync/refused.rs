//! What cannot be planned or run, and whose it is not.

use portcullis_control::{
    ActionQuery, ControlError, JobChange, JobDraft, KeptQuery, PageRequest, PlanDraft, PlanState, RunDraft,
    RunState,
};
use portcullis_domain::{KeptId, StorageId};

use super::{Two, not_now, side};
use crate::world::{fields, problems};

#[tokio::test]
async fn every_wrong_field_is_named() {
    let two = Two::new().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    let mut draft = two.draft("sideways");
    draft.conflicts = Some("mine".to_owned());
    draft.bucket.storage = StorageId::generate();
    draft.storage.prefix = "x".repeat(2_000);
    draft.settings.keep_days = Some(0);
    draft.settings.max_delete_percent = Some(101);
    draft.settings.in_flight = Some(0);
    draft.settings.bytes_per_second = Some(1);
    draft.settings.read_budget_bytes = Some(u64::MAX);
    let said = fields(control.make_sync_plan(admin, &draft).await);
    let wanted = [
        "with.storage",
        "prefix",
        "mode",
        "conflicts",
        "keep_days",
        "max_delete_percent",
        "read_budget_bytes",
        "in_flight",
        "bytes_per_second",
    ];
    assert_eq!(said, wanted);
    // The storage of the path is not found.
    draft.storage.storage = StorageId::generate();
    assert!(matches!(control.make_sync_plan(admin, &draft).await, Err(ControlError::NotFound)));
}

#[tokio::test]
async fn a_side_is_neither_the_other_nor_inside_of_it() {
    let two = Two::new().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    for (here, there, word) in [
        ("", "", "same place"),
        ("a/", "a/", "same place"),
        ("", "a/", "lies inside"),
        ("a/b", "a/", "lies inside"),
        ("a", "ab", "lies inside"),
    ] {
        let draft = PlanDraft {
            storage: side(&two.left, here),
            bucket: side(&two.left, there),
            ..two.draft("two_way")
        };
        let said = problems(control.make_sync_plan(admin, &draft).await);
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].0, "with.prefix");
        assert!(said[0].1.contains(word), "{here:?} {there:?}: {}", said[0].1);
    }
    // Two parts of one storage that have nothing in common are two sides.
    two.put(&two.left, "a/1", "one").await;
    let draft =
        PlanDraft { storage: side(&two.left, "a/"), bucket: side(&two.left, "b"), ..two.draft("copy") };
    let plan = two.planned(&draft).await;
    // A part without a slash at its end is every key that begins so.
    assert!(plan.risks.iter().any(|risk| risk.contains("\"b\"")), "{:?}", plan.risks);
    assert_eq!(two.ran(&plan).await.state, RunState::Done);
    assert_eq!(two.get(&two.left, "b1").await.as_deref(), Some("one"));
}

#[tokio::test]
async fn nothing_of_another_site_is_found() {
    let two = Two::new().await;
    let stranger = two.world.stranger().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    two.put(&two.left, "a", "a").await;
    let plan = two.planned(&two.draft("two_way")).await;
    let job = JobDraft {
        name: "nightly".to_owned(),
        storage: side(&two.left, ""),
        bucket: side(&two.right, ""),
        mode: "copy".to_owned(),
        conflicts: None,
        schedule: None,
        settings: Default::default(),
        enabled: None,
    };
    let made = control.create_sync_job(admin, &job).await.unwrap();
    let run = two.start(&plan, &[]).await.unwrap();
    let page = PageRequest::first(10);
    macro_rules! not_found {
        ($($call:expr),* $(,)?) => { $( assert!(matches!($call.await, Err(ControlError::NotFound)), stringify!($call)); )* };
    }
    not_found!(
        control.make_sync_plan(&stranger, &two.draft("two_way")),
        control.sync_plan(&stranger, plan.id),
        control.sync_actions(&stranger, plan.id, &ActionQuery::default(), &page),
        control.choose(&stranger, plan.id, None, &[]),
        control.discard_sync_plan(&stranger, plan.id),
        control.run_sync_plan(&stranger, plan.id, &RunDraft::default()),
        control.sync_run(&stranger, run.id),
        control.sync_steps(&stranger, run.id, None, &page),
        control.pause_sync(&stranger, run.id),
        control.resume_sync(&stranger, run.id),
        control.cancel_sync(&stranger, run.id),
        control.restore_sync_run(&stranger, run.id, None),
        control.restore_kept(&stranger, KeptId::generate()),
        control.sync_job(&stranger, made.id),
        control.change_sync_job(&stranger, made.id, None, &JobChange::default()),
        control.delete_sync_job(&stranger, made.id, None),
        control.run_sync_job(&stranger, made.id),
    );
    // As little as one that is not there.
    assert_eq!(fields(control.create_sync_job(&stranger, &job).await), ["storage", "with.storage"]);
    assert_eq!(control.sync_plans(&stranger, Default::default(), &page).await.unwrap().items, []);
    assert_eq!(control.sync_runs(&stranger, Default::default(), &page).await.unwrap().items, []);
    assert_eq!(control.sync_jobs(&stranger, Default::default(), &page).await.unwrap().items, []);
    assert_eq!(control.kept(&stranger, KeptQuery::default(), &page).await.unwrap().items, []);
    assert_eq!(control.kept_space(&stranger).await.unwrap(), []);
    assert_eq!(control.sync_run(admin, run.id).await.unwrap().state, RunState::Waiting);
}

#[tokio::test]
async fn a_plan_is_run_once_and_only_on_what_it_has_seen() {
    let two = Two::new().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    two.put(&two.left, "a", "a").await;
    let (first, second) =
        (two.planned(&two.draft("two_way")).await, two.planned(&two.draft("two_way")).await);
    let run = two.start(&first, &[]).await.unwrap();
    assert!(not_now(two.start(&second, &[]).await).contains(&run.id.to_string()));
    assert!(not_now(two.start(&first, &[]).await).contains("run once"));
    assert!(not_now(control.discard_sync_plan(admin, first.id).await).contains("cancel the run"));
    two.round().await;
    assert_eq!(two.run(&run).await.state, RunState::Done);
    assert!(not_now(two.start(&second, &[]).await).contains("make a new plan"));
    control.discard_sync_plan(admin, second.id).await.unwrap();
    control.discard_sync_plan(admin, second.id).await.unwrap();
    assert_eq!(control.sync_plan(admin, second.id).await.unwrap().state, PlanState::Discarded);
    assert!(not_now(two.start(&second, &[]).await).contains("discarded"));
    // One that is not made yet is not run either, and not too many are made at once.
    let planning = control.make_sync_plan(admin, &two.draft("copy")).await.unwrap();
    assert!(not_now(two.start(&planning, &[]).await).contains("still being made"));
    for _ in 0..7 {
        control.make_sync_plan(admin, &two.draft("copy")).await.unwrap();
    }
    assert!(not_now(control.make_sync_plan(admin, &two.draft("copy")).await).contains("wait until one"));
    let draft = RunDraft { in_flight: Some(129), bytes_per_second: Some(3), ..RunDraft::default() };
    two.round().await;
    two.put(&two.left, "b", "b").await;
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(
        fields(control.run_sync_plan(admin, plan.id, &draft).await),
        ["in_flight", "bytes_per_second"]
    );
}
