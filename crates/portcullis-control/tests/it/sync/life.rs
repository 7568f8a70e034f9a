//! From a plan to both sides being one, and what people see on the way.

use portcullis_control::{ActionQuery, CheckCode, PageRequest, PlanKind, PlanState, Reason, RunState};

use super::{Two, side};

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(key, bytes)| ((*key).to_owned(), (*bytes).to_owned())).collect()
}

#[tokio::test]
async fn two_storages_become_one() {
    let two = Two::new().await;
    for (key, bytes) in [("a", "one"), ("b", "same"), ("c", "left")] {
        two.put(&two.left, key, bytes).await;
    }
    for (key, bytes) in [("b", "same"), ("c", "right"), ("d/e", "four")] {
        two.put(&two.right, key, bytes).await;
    }
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!((plan.kind, plan.run), (PlanKind::Plan, None));
    let told = two.told(&plan).await;
    let said: Vec<_> = told.iter().map(|(key, op)| (key.as_str(), *op)).collect();
    assert_eq!(
        said,
        [("a", "write_to_bucket"), ("b", "agree"), ("c", "keep_both"), ("d/e", "write_to_storage")]
    );
    let totals = plan.totals.as_ref().unwrap();
    assert_eq!((totals.conflicts, totals.agree.files, totals.write.bucket.files), (1, 1, 1));
    assert_eq!((totals.seen.storage.files, totals.seen.bucket.bytes), (3, 13));
    let codes: Vec<_> = plan.preparation.iter().map(|check| (check.code, check.ok)).collect();
    assert_eq!(
        codes,
        [
            (CheckCode::Backup, true),
            (CheckCode::Inventory, true),
            (CheckCode::Transfers, true),
            (CheckCode::Ready, true)
        ]
    );
    let run = two.ran(&plan).await;
    assert_eq!((run.state, run.failed, run.changed, run.told.as_str()), (RunState::Done, 0, 0, ""));
    assert_eq!((run.files_done, run.files_total), (3, 3));
    let (left, right) = (two.all(&two.left).await, two.all(&two.right).await);
    assert_eq!(left, right);
    let kept_both = left.iter().find(|(key, _)| key.starts_with("c (conflict")).unwrap();
    assert_eq!(kept_both.1, "left");
    assert_eq!(two.get(&two.left, "c").await.as_deref(), Some("right"));
    assert_eq!(left.len(), 5);

    // The second time nothing is to be done, and what is agreed on is known.
    let again = two.planned(&two.draft("two_way")).await;
    assert_eq!(two.told(&again).await, []);
    assert_eq!(again.totals.as_ref().unwrap().unchanged, 5);
    let query = ActionQuery { op: Some("unchanged".to_owned()), ..ActionQuery::default() };
    let unchanged: Vec<_> = two.actions(&again, &query).await.into_iter().map(|action| action.key).collect();
    assert_eq!(unchanged.len(), 5);
    assert_eq!(unchanged[0], "a");
    assert!(super::not_now(two.start(&again, &[]).await).contains("nothing to do"));

    // A change of one side goes to the other, a deletion too.
    two.put(&two.left, "a", "one, changed").await;
    two.delete(&two.right, "d/e").await;
    let plan = two.planned(&two.draft("two_way")).await;
    let actions = two.actions(&plan, &ActionQuery::default()).await;
    let reasons: Vec<_> = actions.iter().map(|action| action.reason.unwrap()).collect();
    assert_eq!(reasons, [Reason::EditStorage, Reason::DelBucket]);
    let query = ActionQuery { search: Some("D/".to_owned()), ..ActionQuery::default() };
    assert_eq!(two.actions(&plan, &query).await.len(), 1);
    let query = ActionQuery { op: Some("unchanged".to_owned()), ..ActionQuery::default() };
    assert_eq!(two.actions(&plan, &query).await.len(), 3);
    assert_eq!(two.ran(&plan).await.state, RunState::Done);
    assert_eq!(two.get(&two.right, "a").await.as_deref(), Some("one, changed"));
    assert_eq!(two.get(&two.left, "d/e").await, None);
    assert_eq!(two.all(&two.left).await, two.all(&two.right).await);

    // Everything stands in the lists and in the audit trail.
    let (control, admin) = (&two.world.control, &two.world.admin);
    let runs = control.sync_runs(admin, Default::default(), &PageRequest::first(10)).await.unwrap().items;
    assert_eq!(runs.len(), 2);
    let plans = control.sync_plans(admin, Default::default(), &PageRequest::first(10)).await.unwrap().items;
    let states: Vec<_> = plans.iter().map(|plan| plan.state).collect();
    assert_eq!(states, [PlanState::Done, PlanState::Ready, PlanState::Done]);
    assert_eq!(plans[0].run, Some(runs[0].id));
    let steps = control.sync_steps(admin, runs[1].id, None, &PageRequest::first(10)).await.unwrap().items;
    assert_eq!(steps.iter().map(|step| step.key.as_str()).collect::<Vec<_>>(), ["a", "c", "d/e"]);
    let trail = two.world.trail().await;
    let deeds: Vec<_> = trail.iter().map(|event| event.action.as_str()).collect();
    for deed in ["plan_sync", "run_sync", "sync_run_done"] {
        assert!(deeds.contains(&deed), "{deed}: {deeds:?}");
    }
    let ended = trail.iter().find(|event| event.action == "sync_run_done").unwrap();
    assert_eq!(ended.actor, format!("sync:{}", runs[0].id));
}

#[tokio::test]
async fn a_copy_and_a_mirror_leave_their_source_alone() {
    let two = Two::new().await;
    two.put(&two.left, "in/a", "new").await;
    two.put(&two.right, "to/b", "extra").await;
    let mut draft = two.draft("copy");
    (draft.storage, draft.bucket) = (side(&two.left, "in/"), side(&two.right, "to/"));
    let plan = two.planned(&draft).await;
    assert_eq!(two.ran(&plan).await.state, RunState::Done);
    assert_eq!(two.all(&two.right).await, pairs(&[("to/a", "new"), ("to/b", "extra")]));
    draft.mode = "mirror".to_owned();
    let plan = two.planned(&draft).await;
    assert_eq!(two.ran(&plan).await.state, RunState::Done);
    assert_eq!(two.all(&two.right).await, pairs(&[("to/a", "new")]));
    assert_eq!(two.all(&two.left).await, pairs(&[("in/a", "new")]));
}
