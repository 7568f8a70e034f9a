//! Jobs: plans that are made and run again and again.

use portcullis_access::SiteAdmin;
use portcullis_domain::{DisplayName, SyncJobId, SyncPlanId, Timestamp};
use portcullis_metadata::{JobState, NewSyncPlan, Page, PageRequest, SyncJobRow, SyncPlanRow};
use portcullis_sync::{Mode, Policy};

use super::check::{Wanted, check_settings, wanted};
use super::plans::Detail;
use super::schedule::Schedule;
use super::sides::{Pair, Pairs};
use super::stored::{Asked, ReadPlan, foreign, json, read};
use super::{JobChange, JobDraft, JobQuery, JobSettings, JobView, PlanView, ScheduleDraft, ScheduleView};
use crate::audit::Deed;
use crate::check::Check;
use crate::{Control, ControlError, Result};

/// The most jobs of a site.
const MOST: u32 = 200;

impl Control {
    /// Makes a job.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] naming every field that is wrong: `name`, `storage`, `prefix`, `with.storage`, `with.prefix`, `mode`,
    /// `conflicts`, `schedule.cron`, `schedule.zone`, and those of the settings; [`ControlError::NotNow`] if there are too many;
    /// [`ControlError::Metadata`].
    pub async fn create_sync_job(&self, admin: &SiteAdmin, draft: &JobDraft) -> Result<JobView> {
        let (mut check, now) = (Check::default(), self.access.now());
        let name: Option<DisplayName> = check.parse("name", draft.name.trim());
        let ends =
            self.check_ends(admin, &mut check, Some("storage"), (&draft.storage, &draft.bucket)).await?;
        let wanted = wanted(&mut check, &draft.mode, draft.conflicts.as_deref());
        check_settings(&mut check, &draft.settings);
        let schedule = read_schedule(&mut check, draft.schedule.as_ref(), now);
        let read = name.zip(ends).zip(wanted).zip(schedule);
        let (((name, ends), wanted), schedule) = check.finish(read)?;
        let held = self.metadata.sync_jobs(admin.site(), None, &PageRequest::first(MOST)).await?;
        if held.items.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
            return Err(ControlError::NotNow(format!("a site has at most {MOST} jobs; delete one first")));
        }
        let pair = self.pair_for(admin, ends).await?;
        let enabled = draft.enabled.unwrap_or(true);
        let row = SyncJobRow {
            id: SyncJobId::generate(),
            site: admin.site(),
            pair: pair.row.id,
            name: name.to_string(),
            mode: wanted.mode.as_str().to_owned(),
            policy: wanted.policy.as_str().to_owned(),
            next: next_of(schedule.as_ref(), enabled, now),
            schedule: schedule.as_ref().map(|schedule| schedule.cron.clone()).unwrap_or_default(),
            zone: schedule.map_or_else(|| "UTC".to_owned(), |schedule| schedule.zone),
            settings: json(&draft.settings)?,
            enabled,
            state: JobState::Waiting,
            told: String::new(),
            last_plan: None,
            last_run: None,
            actor: admin.actor().to_owned(),
            created: now,
            changed: now,
            version: 1,
        };
        let object = format!("{}: {}, {}", row.name, row.mode, pair.named());
        let deed = job_deed("create_sync_job", &pair, &object);
        self.carry_out(admin, deed, self.metadata.create_sync_job(&row)).await?;
        view(row, &pair)
    }

    /// A job of the admin's site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn sync_job(&self, admin: &SiteAdmin, id: SyncJobId) -> Result<JobView> {
        let row = self.find_job(admin, id).await?;
        let pair = self.pair_of(admin.site(), row.pair).await?;
        view(row, &pair)
    }

    /// One page of the jobs of the admin's site, the oldest first. A page may hold fewer than were asked for, if only those in one state are
    /// wanted.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn sync_jobs(
        &self,
        admin: &SiteAdmin,
        query: JobQuery,
        page: &PageRequest,
    ) -> Result<Page<JobView>> {
        let found = self.metadata.sync_jobs(admin.site(), query.storage, page).await?;
        let (mut pairs, mut items) = (Pairs::new(self, admin.site()), Vec::with_capacity(found.items.len()));
        for row in found.items {
            // What another version wrote cannot be shown; the rest of the list can.
            let Ok(job) = view(row.clone(), pairs.of(row.pair).await?) else { continue };
            if query.state.is_none_or(|state| state == job.state) {
                items.push(job);
            }
        }
        Ok(Page { items, next: found.next })
    }

    /// Changes a job. Switched on, a job that was stopped tries again at its next time. With a version it must still have it.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] as [`Self::create_sync_job`]; [`ControlError::NotNow`] if it is to be
    /// switched on and one of its storages has ended; [`ControlError::Stale`]; [`ControlError::Metadata`].
    pub async fn change_sync_job(
        &self,
        admin: &SiteAdmin,
        id: SyncJobId,
        version: Option<u64>,
        change: &JobChange,
    ) -> Result<JobView> {
        let before = self.find_job(admin, id).await?;
        if version.is_some_and(|version| version != before.version) {
            return Err(ControlError::Stale);
        }
        let pair = self.pair_of(admin.site(), before.pair).await?;
        let row = apply(&before, change, self.access.now())?;
        let views = pair.views();
        if change.enabled == Some(true) && !(views.storage.active && views.bucket.active) {
            return Err(ControlError::NotNow("a storage of this job is no longer connected".to_owned()));
        }
        let deed = job_deed("update_sync_job", &pair, &row.name);
        self.carry_out(admin, deed, self.metadata.update_sync_job(before.version, &row)).await?;
        self.sync_job(admin, id).await
    }

    /// Deletes a job. Its plans and runs stay; one that is under way goes on.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Stale`]; [`ControlError::Metadata`].
    pub async fn delete_sync_job(
        &self,
        admin: &SiteAdmin,
        id: SyncJobId,
        version: Option<u64>,
    ) -> Result<()> {
        let row = self.find_job(admin, id).await?;
        if version.is_some_and(|version| version != row.version) {
            return Err(ControlError::Stale);
        }
        let pair = self.pair_of(admin.site(), row.pair).await?;
        let deed = job_deed("delete_sync_job", &pair, &row.name);
        let deleted = self.carry_out(admin, deed, self.metadata.delete_sync_job(admin.site(), id)).await?;
        if deleted { Ok(()) } else { Err(ControlError::NotFound) }
    }

    /// Makes a job's plan now, and runs it if nothing stops it. Its schedule stays as it is.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::NotNow`] if it is under way, or one of its storages has ended;
    /// [`ControlError::Metadata`].
    pub async fn run_sync_job(&self, admin: &SiteAdmin, id: SyncJobId) -> Result<PlanView> {
        let row = self.find_job(admin, id).await?;
        let pair = self.pair_of(admin.site(), row.pair).await?;
        match row.state {
            JobState::Waiting | JobState::Stopped => {}
            JobState::Planning | JobState::Running => {
                return Err(ControlError::NotNow(format!("the job is {} already", row.state.as_str())));
            }
            JobState::Off => return Err(ControlError::NotNow(format!("the job is off: {}", row.told))),
        }
        let new = job_plan(&row, admin.actor(), self.access.now())?;
        let deed = job_deed("run_sync_job", &pair, &row.name);
        let commit = self.metadata.begin_sync_job(&row, &new, row.next);
        let plan = self.carry_out(admin, deed, commit).await?.ok_or(ControlError::Stale)?;
        self.sync.wake();
        self.view_plan(admin, ReadPlan::of(plan)?, &pair, Detail::List).await
    }

    async fn find_job(&self, admin: &SiteAdmin, id: SyncJobId) -> Result<SyncJobRow> {
        self.metadata.sync_job(admin.site(), id).await?.ok_or(ControlError::NotFound)
    }

    /// Lets a job wait for its next time again, after its plan has come to nothing.
    pub(super) async fn release_job(&self, plan: &SyncPlanRow, told: &str) -> Result<()> {
        let Some(id) = plan.job else { return Ok(()) };
        let Some(row) = self.metadata.sync_job(plan.site, id).await? else { return Ok(()) };
        if row.last_plan != Some(plan.id) {
            return Ok(());
        }
        match row.state {
            JobState::Planning | JobState::Stopped | JobState::Running => {
                self.metadata.note_sync_job(id, JobState::Waiting, told).await?;
            }
            JobState::Waiting | JobState::Off => {}
        }
        Ok(())
    }
}

/// The plan that a job makes next.
pub(super) fn job_plan(row: &SyncJobRow, actor: &str, now: Timestamp) -> Result<NewSyncPlan> {
    let settings: JobSettings = read(&row.settings)?;
    Ok(NewSyncPlan {
        id: SyncPlanId::generate(),
        site: row.site,
        pair: row.pair,
        job: Some(row.id),
        restores: None,
        mode: row.mode.clone(),
        policy: row.policy.clone(),
        keep_days: Some(settings.keep_days.unwrap_or(super::check::KEEP_DAYS)),
        terms: json(&Asked { settings, undo: None })?,
        actor: actor.to_owned(),
        created: now,
    })
}

/// When a job comes next that has this schedule.
pub(super) fn next_of(schedule: Option<&Schedule>, enabled: bool, now: Timestamp) -> Option<Timestamp> {
    schedule.filter(|_| enabled).and_then(|schedule| schedule.next(now))
}

fn job_deed<'a>(action: &'a str, pair: &Pair, object: &'a str) -> Deed<'a> {
    Deed { action, storage: Some(pair.row.storage), object: Some(object), ..Deed::default() }
}

/// A schedule that may be left out; the outer none if it is wrong.
fn read_schedule(
    check: &mut Check,
    draft: Option<&ScheduleDraft>,
    now: Timestamp,
) -> Option<Option<Schedule>> {
    match draft {
        None => Some(None),
        Some(draft) => Schedule::read(draft, now, check).map(Some),
    }
}

fn apply(before: &SyncJobRow, change: &JobChange, now: Timestamp) -> Result<SyncJobRow> {
    let (mut check, mut row) = (Check::default(), SyncJobRow { changed: now, ..before.clone() });
    if let Some(name) = &change.name {
        let name: Option<DisplayName> = check.parse("name", name.trim());
        crate::check::set(&mut row.name, name.map(|name| name.to_string()));
    }
    if change.mode.is_some() || change.conflicts.is_some() {
        let mode = change.mode.as_deref().unwrap_or(&row.mode);
        // Another mode alone has its own default.
        let policy = match (&change.conflicts, &change.mode) {
            (Some(policy), _) => Some(policy.as_str()),
            (None, Some(_)) => None,
            (None, None) => Some(row.policy.as_str()),
        };
        if let Some(Wanted { mode, policy }) = wanted(&mut check, mode, policy) {
            (row.mode, row.policy) = (mode.as_str().to_owned(), policy.as_str().to_owned());
        }
    }
    if let Some(settings) = &change.settings {
        check_settings(&mut check, settings);
        row.settings = json(settings)?;
    }
    let mut schedule = Schedule::stored(&row.schedule, &row.zone);
    if let Some(draft) = &change.schedule
        && let Some(read) = read_schedule(&mut check, draft.as_ref(), now)
    {
        row.schedule = read.as_ref().map(|schedule| schedule.cron.clone()).unwrap_or_default();
        row.zone = read.as_ref().map_or_else(|| "UTC".to_owned(), |schedule| schedule.zone.clone());
        schedule = read;
    }
    if let Some(enabled) = change.enabled {
        row.enabled = enabled;
        if enabled && matches!(row.state, JobState::Stopped | JobState::Off) {
            (row.state, row.told) = (JobState::Waiting, String::new());
        }
    }
    if change.enabled.is_some() || change.schedule.is_some() {
        row.next = next_of(schedule.as_ref(), row.enabled, now);
    }
    check.finish(Some(row))
}

fn view(row: SyncJobRow, pair: &Pair) -> Result<JobView> {
    let has_schedule = !row.schedule.is_empty();
    let goes_on = row.enabled && !matches!(row.state, JobState::Stopped | JobState::Off);
    let schedule = has_schedule.then_some(ScheduleView {
        cron: row.schedule,
        zone: row.zone,
        next: row.next.filter(|_| goes_on),
    });
    Ok(JobView {
        id: row.id,
        pair: row.pair,
        name: row.name,
        sides: pair.views(),
        mode: Mode::parse(&row.mode).ok_or_else(foreign)?,
        conflicts: Policy::parse(&row.policy).ok_or_else(foreign)?,
        schedule,
        settings: read(&row.settings)?,
        // Between two times a job that is switched off is just off; one that works finishes first.
        state: if !row.enabled && row.state == JobState::Waiting { JobState::Off } else { row.state },
        enabled: row.enabled,
        told: row.told,
        last_plan: row.last_plan,
        last_run: row.last_run,
        actor: row.actor,
        created: row.created,
        version: row.version,
    })
}
