//! Taking back, and what is kept for it.

use std::time::Duration;

use portcullis_control::{KeptQuery, PageRequest, PlanKind, PlanState, PlanView, RunState, RunView};

use super::{Two, not_now};
use crate::world::fields;

impl Two {
    async fn restored(&self, plan: &PlanView) -> RunView {
        self.round().await;
        let plan = self.world.control.sync_plan(&self.world.admin, plan.id).await.unwrap();
        assert_eq!((plan.kind, plan.state, plan.told.as_str()), (PlanKind::Restore, PlanState::Ready, ""));
        let approve: Vec<_> = plan.guards.iter().map(|guard| guard.code.as_str()).collect();
        let run = self.start(&plan, &approve).await.unwrap();
        self.round().await;
        self.run(&run).await
    }

    async fn kept_keys(&self, query: KeptQuery) -> Vec<String> {
        let found =
            self.world.control.kept(&self.world.admin, query, &PageRequest::first(100)).await.unwrap();
        let mut keys: Vec<_> = found.items.into_iter().map(|kept| kept.key).collect();
        keys.sort();
        keys
    }
}

/// Both sides with an agreement, then edits, a conflict, deletions and new files on both.
async fn changed() -> Two {
    let two = Two::new().await;
    for key in ["conflict", "edit", "gone", "stays"] {
        two.put(&two.left, key, key).await;
    }
    assert_eq!(two.synced("two_way").await.state, RunState::Done);
    two.put(&two.left, "conflict", "left").await;
    two.put(&two.right, "conflict", "right!").await;
    two.put(&two.right, "edit", "edited").await;
    two.delete(&two.left, "gone").await;
    two.put(&two.left, "new", "new").await;
    two
}

#[tokio::test]
async fn a_run_is_taken_back_to_the_last_byte() {
    let two = changed().await;
    let before = (two.all(&two.left).await, two.all(&two.right).await);
    let run = two.synced("two_way").await;
    assert_eq!(run.state, RunState::Done);
    let after = two.all(&two.left).await;
    assert_eq!(after, two.all(&two.right).await);
    assert!(run.restorable_until.is_some() && run.kept.files >= 3, "{run:?}");
    let plan = two.world.control.restore_sync_run(&two.world.admin, run.id, None).await.unwrap();
    assert_eq!((plan.restores, plan.state), (Some(run.id), PlanState::Planning));
    let back = two.restored(&plan).await;
    assert_eq!((back.state, back.told.as_str(), back.kind), (RunState::Done, "", PlanKind::Restore));
    assert_eq!((two.all(&two.left).await, two.all(&two.right).await), before);
    // What is agreed on is what it was: the same plan comes out again, and the way back has its way back.
    let again = two.synced("two_way").await;
    assert_eq!(again.state, RunState::Done);
    assert_eq!(two.all(&two.left).await, after);
    let trail = two.world.trail().await;
    assert!(trail.iter().any(|event| event.action == "plan_sync_restore"));
}

#[tokio::test]
async fn one_key_is_taken_back() {
    let two = changed().await;
    let run = two.synced("two_way").await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    assert_eq!(fields(control.restore_sync_run(admin, run.id, Some(&[])).await), ["keys"]);
    assert_eq!(fields(control.restore_sync_run(admin, run.id, Some(&["a\0".to_owned()])).await), ["keys[0]"]);
    let plan = control.restore_sync_run(admin, run.id, Some(&["edit".to_owned()])).await.unwrap();
    assert_eq!(two.restored(&plan).await.state, RunState::Done);
    assert_eq!(two.get(&two.left, "edit").await.as_deref(), Some("edit"));
    assert_eq!(two.get(&two.right, "gone").await, None);
}

#[tokio::test]
async fn what_was_kept_is_found_put_back_and_goes_in_time() {
    let two = changed().await;
    let run = two.synced("two_way").await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    let kept = two.kept_keys(KeptQuery { run: Some(run.id), ..KeptQuery::default() }).await;
    assert_eq!(kept, ["conflict", "edit", "gone"]);
    let of_right = KeptQuery { storage: Some(two.right.id), ..KeptQuery::default() };
    assert_eq!(two.kept_keys(of_right).await, ["gone"]);
    let query = KeptQuery { search: Some("GON".to_owned()), ..KeptQuery::default() };
    let found = control.kept(admin, query, &PageRequest::first(10)).await.unwrap().items;
    let [gone] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((gone.key.as_str(), gone.size, gone.storage_name.as_str()), ("gone", 4, "right"));
    assert!(gone.is_version);
    let space = control.kept_space(admin).await.unwrap();
    assert_eq!(space.iter().map(|space| space.held.files).sum::<u64>(), 3);
    let plan = control.restore_kept(admin, gone.id).await.unwrap();
    assert_eq!(two.restored(&plan).await.state, RunState::Done);
    assert_eq!(two.get(&two.right, "gone").await.as_deref(), Some("gone"));
    assert_eq!(two.get(&two.left, "gone").await, None);
    // After thirty days it is over.
    two.world.clock.advance(Duration::from_secs(31 * 86_400));
    let admin =
        two.world.access.admin(&two.world.sign_in("admin", crate::world::PASSWORD).await.unwrap()).unwrap();
    two.round().await;
    let all = control.kept(&admin, KeptQuery::default(), &PageRequest::first(10)).await.unwrap();
    assert_eq!(all.items, []);
    assert!(not_now(control.restore_sync_run(&admin, run.id, None).await).contains("gone"));
    let at = two.world.access.storage_by_id(admin.principal(), two.right.id).await.unwrap();
    let list = at.grant::<portcullis_access::List>(portcullis_domain::KeyPrefix::default()).unwrap();
    let page = portcullis_access::VersionsAfter { limit: 100, ..Default::default() };
    let versions = list.versions(page).await.unwrap().versions;
    // What is in use is in use: only what was kept is gone.
    assert!(versions.iter().all(|version| version.current), "{versions:?}");
}

#[tokio::test]
async fn a_run_under_way_is_not_taken_back() {
    let two = changed().await;
    let plan = two.planned(&two.draft("two_way")).await;
    let run = two.start(&plan, &[]).await.unwrap();
    let refused = two.world.control.restore_sync_run(&two.world.admin, run.id, None).await;
    assert!(not_now(refused).contains("has not ended"));
}
