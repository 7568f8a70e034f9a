//! Jobs, by a clock that is moved by hand.

use std::time::Duration;

use portcullis_control::{
    ControlError, JobChange, JobDraft, JobQuery, JobState, JobView, PageRequest, PlanState, RunState,
    ScheduleDraft,
};
use portcullis_domain::{Clock as _, SyncJobId};

use super::{Two, not_now, side};
use crate::world::fields;

const HOUR: Duration = Duration::from_secs(3_600);

fn nightly(two: &Two) -> JobDraft {
    JobDraft {
        name: "nightly".to_owned(),
        storage: side(&two.left, ""),
        bucket: side(&two.right, ""),
        mode: "two_way".to_owned(),
        conflicts: None,
        schedule: Some(ScheduleDraft { cron: "0 3 * * *".to_owned(), zone: None }),
        settings: Default::default(),
        enabled: None,
    }
}

impl Two {
    async fn job(&self, id: SyncJobId) -> JobView {
        let who = self.world.sign_in("admin", crate::world::PASSWORD).await.unwrap();
        let admin = self.world.access.admin(&who).unwrap();
        self.world.control.sync_job(&admin, id).await.unwrap()
    }

    async fn state(&self, id: SyncJobId) -> (JobState, String) {
        let job = self.job(id).await;
        (job.state, job.told)
    }
}

#[tokio::test]
async fn a_job_runs_at_its_time_and_missed_times_count_as_one() {
    let two = Two::new().await;
    let (control, admin, clock) = (&two.world.control, &two.world.admin, &two.world.clock);
    let job = control.create_sync_job(admin, &nightly(&two)).await.unwrap();
    let next = job.schedule.as_ref().unwrap().next.unwrap();
    assert_eq!(next.to_string(), "2027-02-01T03:00:00Z");
    two.put(&two.left, "a", "a").await;
    two.round().await;
    assert_eq!(two.all(&two.right).await, []);
    clock.advance(next.since(clock.now()));
    two.round().await;
    assert_eq!(two.all(&two.right).await.len(), 1);
    let after = two.job(job.id).await;
    assert_eq!((after.state, after.told.as_str()), (JobState::Waiting, ""));
    assert_eq!(after.schedule.unwrap().next.unwrap().to_string(), "2027-02-02T03:00:00Z");
    let runs = control.sync_runs(admin, Default::default(), &PageRequest::first(10)).await.unwrap().items;
    assert_eq!((runs.len(), runs[0].job, runs[0].state), (1, Some(job.id), RunState::Done));
    assert_eq!((runs[0].id, runs[0].actor.as_str()), (after.last_run.unwrap(), &*format!("sync:{}", job.id)));
    // Ten days later it runs once; and since nothing has changed there is no run.
    clock.advance(HOUR * 240);
    two.round().await;
    let runs = control.sync_runs(admin, Default::default(), &PageRequest::first(10)).await.unwrap().items;
    let plans = control.sync_plans(admin, Default::default(), &PageRequest::first(10)).await.unwrap().items;
    assert_eq!((runs.len(), plans.len(), plans[0].state), (1, 2, PlanState::Discarded));
    assert_eq!(two.state(job.id).await, (JobState::Waiting, String::new()));
}

#[tokio::test]
async fn a_guard_stops_a_job_until_somebody_approves() {
    let two = Two::new().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    for key in ["a", "b"] {
        two.put(&two.left, key, key).await;
    }
    let job = control.create_sync_job(admin, &nightly(&two)).await.unwrap();
    let plan = control.run_sync_job(admin, job.id).await.unwrap();
    assert_eq!((plan.job, plan.state), (Some(job.id), PlanState::Planning));
    assert!(not_now(control.run_sync_job(admin, job.id).await).contains("planning"));
    two.round().await;
    assert_eq!(two.all(&two.right).await.len(), 2);
    for key in ["a", "b"] {
        two.delete(&two.right, key).await;
    }
    control.run_sync_job(admin, job.id).await.unwrap();
    two.round().await;
    let stopped = two.job(job.id).await;
    assert_eq!((stopped.state, stopped.schedule.unwrap().next), (JobState::Stopped, None));
    assert!(stopped.told.contains("right is empty") && stopped.told.contains("approve"), "{}", stopped.told);
    assert_eq!(two.all(&two.left).await.len(), 2);
    let trail = two.world.trail().await;
    let event = trail.iter().find(|event| event.action == "sync_job_stopped").unwrap();
    assert_eq!((event.actor.as_str(), event.allowed), (&*format!("sync:{}", job.id), false));
    // It does not begin again by itself.
    two.world.clock.advance(HOUR * 24);
    two.round().await;
    assert_eq!(two.state(job.id).await.0, JobState::Stopped);
    let plan = control.sync_plan(admin, stopped.last_plan.unwrap()).await.unwrap();
    let run = two.start(&plan, &["emptied"]).await.unwrap();
    assert_eq!(two.state(job.id).await.0, JobState::Running);
    two.round().await;
    assert_eq!(two.run(&run).await.state, RunState::Done);
    assert_eq!(two.state(job.id).await.0, JobState::Waiting);
    assert_eq!(two.all(&two.left).await, []);
}

#[tokio::test]
async fn a_job_whose_plan_is_discarded_waits_again() {
    let two = Two::new().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    two.put(&two.left, "a", "a").await;
    let job = control.create_sync_job(admin, &nightly(&two)).await.unwrap();
    let plan = control.run_sync_job(admin, job.id).await.unwrap();
    control.discard_sync_plan(admin, plan.id).await.unwrap();
    assert_eq!(two.state(job.id).await.0, JobState::Waiting);
    two.round().await;
    assert_eq!(two.all(&two.right).await, []);
}

#[tokio::test]
async fn a_job_is_changed_switched_off_and_deleted() {
    let two = Two::new().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    let mut draft = nightly(&two);
    draft.name = String::new();
    draft.mode = "x".to_owned();
    draft.bucket = side(&two.left, "");
    draft.schedule = Some(ScheduleDraft { cron: "never".to_owned(), zone: Some("Here".to_owned()) });
    draft.settings.keep_days = Some(0);
    let said = fields(control.create_sync_job(admin, &draft).await);
    assert_eq!(said, ["name", "with.prefix", "mode", "keep_days", "schedule.zone", "schedule.cron"]);
    let job = control.create_sync_job(admin, &nightly(&two)).await.unwrap();
    let change = JobChange {
        name: Some("weekly".to_owned()),
        mode: Some("mirror".to_owned()),
        schedule: Some(Some(ScheduleDraft {
            cron: "0 0 * * 0".to_owned(),
            zone: Some("Europe/Vienna".to_owned()),
        })),
        ..JobChange::default()
    };
    let changed = control.change_sync_job(admin, job.id, Some(job.version), &change).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.mode.as_str(), changed.conflicts.as_str()),
        ("weekly", "mirror", "storage")
    );
    assert_eq!(changed.schedule.as_ref().unwrap().next.unwrap().to_string(), "2027-02-06T23:00:00Z");
    assert!(changed.version > job.version);
    let stale = control.change_sync_job(admin, job.id, Some(job.version), &change).await;
    assert!(matches!(stale, Err(ControlError::Stale)));
    let off = JobChange { enabled: Some(false), ..JobChange::default() };
    let off = control.change_sync_job(admin, job.id, None, &off).await.unwrap();
    assert_eq!((off.state, off.enabled, off.schedule.unwrap().next), (JobState::Off, false, None));
    two.put(&two.left, "a", "a").await;
    two.world.clock.advance(HOUR * 24 * 14);
    two.round().await;
    assert_eq!(two.all(&two.right).await, []);
    let demand = JobChange { enabled: Some(true), schedule: Some(None), ..JobChange::default() };
    let who = two.world.sign_in("admin", crate::world::PASSWORD).await.unwrap();
    let admin = &two.world.access.admin(&who).unwrap();
    let job = control.change_sync_job(admin, job.id, None, &demand).await.unwrap();
    assert_eq!((job.state, job.schedule.is_none()), (JobState::Waiting, true));
    let query = JobQuery { storage: Some(two.right.id), state: Some(JobState::Waiting) };
    assert_eq!(control.sync_jobs(admin, query, &PageRequest::first(10)).await.unwrap().items.len(), 1);
    assert!(matches!(control.delete_sync_job(admin, job.id, Some(99)).await, Err(ControlError::Stale)));
    control.delete_sync_job(admin, job.id, Some(job.version)).await.unwrap();
    assert!(matches!(control.sync_job(admin, job.id).await, Err(ControlError::NotFound)));
}

#[tokio::test]
async fn a_storage_that_ends_takes_its_jobs_and_runs_with_it() {
    let two = Two::new().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    two.put(&two.left, "a", "a").await;
    let job = control.create_sync_job(admin, &nightly(&two)).await.unwrap();
    let plan = two.planned(&two.draft("two_way")).await;
    let run = two.start(&plan, &[]).await.unwrap();
    let impact = control.storage_impact(admin, two.right.id).await.unwrap();
    assert_eq!(
        (impact.sync_jobs[0].id, impact.sync_jobs[0].name.as_str(), impact.sync_runs),
        (job.id, "nightly", 1)
    );
    control.delete_storage_if(admin, two.right.id, "right", |_| true).await.unwrap().unwrap();
    let off = two.job(job.id).await;
    assert_eq!((off.state, off.enabled), (JobState::Off, false));
    assert!(!off.told.is_empty());
    two.round().await;
    let run = two.run(&run).await;
    assert_eq!(run.state, RunState::Cancelled);
    assert!(!run.told.is_empty());
    assert!(not_now(control.run_sync_job(admin, job.id).await).contains("off"));
    let on = JobChange { enabled: Some(true), ..JobChange::default() };
    assert!(not_now(control.change_sync_job(admin, job.id, None, &on).await).contains("no longer connected"));
}

#[tokio::test]
async fn the_next_times_of_a_schedule_are_told_before_it_is_kept() {
    let two = Two::new().await;
    let draft = ScheduleDraft { cron: "0 */6 * * *".to_owned(), zone: Some("UTC".to_owned()) };
    let times = two.world.control.next_times(&draft, 3).unwrap();
    let times: Vec<_> = times.iter().map(ToString::to_string).collect();
    assert_eq!(times, ["2027-02-01T00:00:00Z", "2027-02-01T06:00:00Z", "2027-02-01T12:00:00Z"]);
    let wrong = ScheduleDraft { cron: "x".to_owned(), zone: None };
    assert_eq!(fields(two.world.control.next_times(&wrong, 3)), ["schedule.cron"]);
}
