//! Runs that are paused, cancelled, dropped in the middle, and taken up again.

use std::sync::Arc;
use std::time::Duration;

use portcullis_control::{PageRequest, PlanView, RunDraft, RunState, RunView, RunWish, StepState};
use tokio_util::sync::CancellationToken;

use super::{Two, not_now};

const FILES: usize = 30;

/// So many new files, one after another.
async fn slow() -> (Two, PlanView, RunView) {
    let two = Two::new().await;
    for number in 0..FILES {
        two.put(&two.left, &format!("{number:03}"), &format!("{number:0100}")).await;
    }
    let plan = two.planned(&two.draft("two_way")).await;
    // A second or two for all of it.
    let draft = RunDraft { in_flight: Some(1), bytes_per_second: Some(1_024), ..RunDraft::default() };
    let run = two.world.control.run_sync_plan(&two.world.admin, plan.id, &draft).await.unwrap();
    (two, plan, run)
}

impl Two {
    async fn steps(&self, run: &RunView) -> u64 {
        let counts = self.world.metadata.count_sync_steps(run.id).await.unwrap();
        counts.values().sum()
    }

    /// A round that is dropped, as by a crash, when some steps are written.
    async fn dropped(&self, run: &RunView, after: u64) {
        let stop = CancellationToken::new();
        let round = self.world.control.sync_round(&self.world.system, &stop);
        let some = async {
            while self.steps(run).await < after {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            outcome = round => panic!("it ended before it was dropped: {outcome:?}"),
            () = some => {}
        }
    }

    async fn is_whole(&self, run: &RunView) {
        let now = self.run(run).await;
        assert_eq!((now.state, now.changed, now.failed), (RunState::Done, 0, 0));
        let files = u64::try_from(FILES).unwrap();
        assert_eq!((now.files_done, now.files_total), (files, files));
        assert_eq!(self.all(&self.left).await, self.all(&self.right).await);
        let (control, admin) = (&self.world.control, &self.world.admin);
        let steps = control
            .sync_steps(admin, run.id, Some(StepState::Done), &PageRequest::first(1000))
            .await
            .unwrap();
        assert_eq!(steps.items.len(), FILES);
    }
}

#[tokio::test]
async fn a_run_goes_on_after_a_crash() {
    let (two, _, run) = slow().await;
    two.dropped(&run, 3).await;
    let half = two.run(&run).await;
    assert_eq!(half.state, RunState::Running);
    // For three seconds it belongs to the process that is gone; then another takes it.
    two.round().await;
    assert_eq!(two.run(&run).await.state, RunState::Running);
    two.world.clock.advance(Duration::from_secs(4));
    two.dropped(&run, two.steps(&run).await + 5).await;
    two.world.clock.advance(Duration::from_secs(4));
    two.round().await;
    two.is_whole(&run).await;
}

#[tokio::test]
async fn a_process_that_ends_leaves_its_run_to_the_next() {
    let (two, _, run) = slow().await;
    let stop = CancellationToken::new();
    let round = two.world.control.sync_round(&two.world.system, &stop);
    let told = async {
        while two.steps(&run).await < 3 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(round, told);
    outcome.unwrap();
    let rests = two.run(&run).await;
    assert_eq!((rests.state, rests.wish), (RunState::Waiting, RunWish::Go));
    assert!(two.steps(&run).await < u64::try_from(FILES).unwrap());
    // Nobody has to wait.
    two.round().await;
    two.is_whole(&run).await;
}

#[tokio::test]
async fn a_run_is_paused_and_goes_on() {
    let (two, _, run) = slow().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    let stop = CancellationToken::new();
    let round = control.sync_round(&two.world.system, &stop);
    let pause = async {
        while two.steps(&run).await < 3 {
            tokio::task::yield_now().await;
        }
        control.pause_sync(admin, run.id).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(round, pause);
    outcome.unwrap();
    let paused = two.run(&run).await;
    assert_eq!((paused.state, paused.wish), (RunState::Paused, RunWish::Pause));
    assert!(paused.files_done >= 3 && paused.files_done < paused.files_total, "{paused:?}");
    two.round().await;
    assert_eq!(two.run(&run).await.state, RunState::Paused);
    control.resume_sync(admin, run.id).await.unwrap();
    two.round().await;
    two.is_whole(&run).await;
    assert!(not_now(control.pause_sync(admin, run.id).await).contains("done"));
    let trail = two.world.trail().await;
    for deed in ["pause_sync_run", "resume_sync_run"] {
        assert!(trail.iter().any(|event| event.action == deed), "{deed}");
    }
}

#[tokio::test]
async fn what_a_cancelled_run_did_stays_and_is_agreed_on() {
    let (two, _, run) = slow().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    let stop = CancellationToken::new();
    let round = control.sync_round(&two.world.system, &stop);
    let cancel = async {
        while two.steps(&run).await < 3 {
            tokio::task::yield_now().await;
        }
        control.cancel_sync(admin, run.id).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(round, cancel);
    outcome.unwrap();
    let ended = two.run(&run).await;
    assert_eq!(ended.state, RunState::Cancelled);
    assert!(ended.told.contains("cancelled"), "{}", ended.told);
    let there = two.all(&two.right).await.len();
    assert!((3..FILES).contains(&there), "{there}");
    // A new plan does the rest, and knows what was done.
    let plan = two.planned(&two.draft("two_way")).await;
    let totals = plan.totals.as_ref().unwrap();
    assert_eq!(totals.unchanged, u64::try_from(there).unwrap());
    assert_eq!(totals.write.bucket.files, u64::try_from(FILES - there).unwrap());
    assert!(not_now(control.cancel_sync(admin, run.id).await).contains("cancelled"));
}

#[tokio::test]
async fn one_that_nobody_works_on_is_cancelled_too() {
    let (two, _, run) = slow().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    control.pause_sync(admin, run.id).await.unwrap();
    assert_eq!(two.run(&run).await.state, RunState::Paused);
    control.cancel_sync(admin, run.id).await.unwrap();
    two.round().await;
    assert_eq!(two.run(&run).await.state, RunState::Cancelled);
    assert_eq!(two.all(&two.right).await, []);
}

#[tokio::test]
async fn a_plan_that_was_being_made_is_made_anew() {
    let two = Two::new().await;
    two.put(&two.left, "a", "a").await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    let plan = control.make_sync_plan(admin, &two.draft("two_way")).await.unwrap();
    let now = "2027-01-31T18:00:00Z".parse().unwrap();
    let until = "2027-01-31T18:00:03Z".parse().unwrap();
    two.world.metadata.take_sync_plan("a process that died", now, until).await.unwrap().unwrap();
    two.round().await;
    assert_eq!(control.sync_plan(admin, plan.id).await.unwrap().state.as_str(), "planning");
    two.world.clock.advance(Duration::from_secs(4));
    two.round().await;
    assert_eq!(control.sync_plan(admin, plan.id).await.unwrap().state.as_str(), "ready");
}

#[tokio::test]
async fn what_others_change_meanwhile_is_left_to_the_next_plan() {
    let two = Two::new().await;
    for key in ["a", "b"] {
        two.put(&two.left, key, key).await;
    }
    let plan = two.planned(&two.draft("two_way")).await;
    two.put(&two.right, "a", "somebody else's").await;
    let run = two.ran(&plan).await;
    assert_eq!((run.state, run.changed), (RunState::Partial, 1));
    assert!(run.told.contains("1 file changed") && run.told.contains("a new plan"), "{}", run.told);
    assert_eq!(two.get(&two.right, "a").await.as_deref(), Some("somebody else's"));
    assert_eq!(two.get(&two.right, "b").await.as_deref(), Some("b"));
}

#[tokio::test]
async fn the_work_in_the_background_does_it_all_by_itself() {
    let two = Two::new().await;
    two.put(&two.left, "a", "a").await;
    let Two { world, left, right } = two;
    let crate::world::World { access, control, system, admin, .. } = world;
    let (stop, system) = (CancellationToken::new(), Arc::new(system));
    let work = control.keep_synced(system, stop.clone());
    let people = async {
        let draft = portcullis_control::PlanDraft {
            storage: super::side(&left, ""),
            bucket: super::side(&right, ""),
            mode: "two_way".to_owned(),
            conflicts: None,
            settings: Default::default(),
        };
        let plan = control.make_sync_plan(&admin, &draft).await.unwrap();
        while control.sync_plan(&admin, plan.id).await.unwrap().state.as_str() == "planning" {
            tokio::task::yield_now().await;
        }
        let run = control.run_sync_plan(&admin, plan.id, &RunDraft::default()).await.unwrap();
        while !control.sync_run(&admin, run.id).await.unwrap().state.has_ended() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        control.sync_run(&admin, run.id).await.unwrap()
    };
    let ((), run) = tokio::join!(work, people);
    assert_eq!(run.state, RunState::Done);
    assert!(access.ready().is_ok());
}
