//! What is filled in for a job, besides what is filled in for a plan.

use portcullis_control::{JobChange, JobDraft, JobView, ScheduleDraft};

use super::super::super::fields::{Faults, Fields};
use super::super::super::words;
use super::super::form::Filled;

/// Schedules to choose from: what is typed, and what it means.
pub(super) fn examples() -> [(&'static str, &'static str); 4] {
    [
        ("0 * * * *", words::text("sync.job.schedule.hourly")),
        ("15 2 * * *", words::text("sync.job.schedule.nightly")),
        ("30 18 * * 1-5", words::text("sync.job.schedule.weekdays")),
        ("0 4 1 * *", words::text("sync.job.schedule.monthly")),
    ]
}

/// The fields, as they were filled in.
#[derive(Debug, Default)]
pub(super) struct JobFilled {
    pub(super) name: String,
    pub(super) cron: String,
    pub(super) zone: String,
    pub(super) plan: Filled,
}

impl JobFilled {
    pub(super) fn of(fields: &Fields) -> Self {
        let text = |name: &str, most: usize| fields.get(name).trim().chars().take(most).collect::<String>();
        Self {
            name: text("name", 400),
            cron: text("cron", 200),
            zone: text("zone", 100),
            plan: Filled::of(fields),
        }
    }

    pub(super) fn of_job(job: &JobView) -> Self {
        let schedule = job.schedule.as_ref();
        Self {
            name: job.name.clone(),
            cron: schedule.map(|schedule| schedule.cron.clone()).unwrap_or_default(),
            zone: schedule.map(|schedule| schedule.zone.clone()).unwrap_or_default(),
            plan: Filled::of_job(job),
        }
    }

    pub(super) fn schedule(&self) -> Option<ScheduleDraft> {
        let zone = Some(self.zone.clone()).filter(|zone| !zone.is_empty());
        Some(ScheduleDraft { cron: self.cron.clone(), zone }).filter(|draft| !draft.cron.is_empty())
    }

    /// The draft, if it can be read; otherwise what is wrong is noted.
    pub(super) fn draft(&self, faults: &mut Faults) -> Option<JobDraft> {
        let plan = self.plan.draft(faults)?;
        Some(JobDraft {
            name: self.name.clone(),
            storage: plan.storage,
            bucket: plan.bucket,
            mode: plan.mode,
            conflicts: plan.conflicts,
            schedule: self.schedule(),
            settings: plan.settings,
            enabled: None,
        })
    }

    /// The change of a job to this; what the form has no field for stays.
    pub(super) fn change(&self, job: &JobView, faults: &mut Faults) -> JobChange {
        let mut settings = self.plan.settings(faults);
        settings.max_change_percent = job.settings.max_change_percent;
        settings.in_flight = job.settings.in_flight;
        settings.bytes_per_second = job.settings.bytes_per_second;
        JobChange {
            name: Some(self.name.clone()),
            mode: Some(self.plan.mode.clone()),
            conflicts: self.plan.conflicts(),
            schedule: Some(self.schedule()),
            settings: Some(settings),
            enabled: None,
        }
    }
}
