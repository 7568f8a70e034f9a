//! `portcullis sync job`.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::{pace, part, run as runs, side, sides, terms, watch};
use crate::cli::Unfinished;
use crate::cli::api::Api;
use crate::cli::args::{JobCommand, JobCreate, JobUpdate};
use crate::cli::render::{Form, at, set, set_text, text};

pub(super) fn run(api: &Api, form: Form, command: JobCommand) -> anyhow::Result<()> {
    match command {
        JobCommand::List => list(api, form),
        JobCommand::Create(args) => create(api, form, &args),
        JobCommand::Show { job } => show(form, &api.find_sync_job(&job)?),
        JobCommand::Update(args) => update(api, form, &args),
        JobCommand::Delete { job } => {
            let id = text(&api.find_sync_job(&job)?, "id");
            let answer = api.delete(&format!("/sync-jobs/{}", part(&id)))?;
            form.done(&answer, &format!("Deleted {job}. Its plans and runs stay."))
        }
        JobCommand::Run { job, wait } => start(api, form, &job, wait),
    }
}

fn list(api: &Api, form: Form) -> anyhow::Result<()> {
    let header = ["NAME", "STORAGE", "BUCKET", "MODE", "SCHEDULE", "NEXT", "STATE", "ID"];
    form.list(&api.all("/sync-jobs", &[])?, &header, |job| {
        vec![
            text(job, "name"),
            side(job, "storage"),
            side(job, "bucket"),
            text(job, "mode"),
            schedule(job),
            at(job, "/schedule/next_at"),
            text(job, "state"),
            text(job, "id"),
        ]
    })
}

fn schedule(job: &Value) -> String {
    match job.get("schedule").filter(|schedule| !schedule.is_null()) {
        None => "by hand".to_owned(),
        Some(schedule) => format!("{} ({})", text(schedule, "cron"), text(schedule, "zone")),
    }
}

fn show(form: Form, job: &Value) -> anyhow::Result<()> {
    let mut rows = vec![
        ("Name", text(job, "name")),
        ("Id", text(job, "id")),
        ("State", text(job, "state")),
        ("Storage", side(job, "storage")),
        ("Bucket", side(job, "bucket")),
        ("Mode", text(job, "mode")),
        ("Files that differ", text(job, "conflicts")),
        ("Schedule", schedule(job)),
        ("Next", at(job, "/schedule/next_at")),
        ("Last plan", text(job, "last_plan")),
        ("Last run", text(job, "last_run")),
        ("Made by", text(job, "actor")),
        ("Made", text(job, "created_at")),
    ];
    if !text(job, "told").is_empty() {
        rows.push(("Told", text(job, "told")));
    }
    form.record(job, &rows)
}

fn create(api: &Api, form: Form, args: &JobCreate) -> anyhow::Result<()> {
    let mut body = json!({ "name": args.name, "mode": "two_way" });
    let storage = sides(api, &args.sides, &mut body)?;
    set(&mut body, "storage", json!(storage));
    terms(&args.terms, &mut body);
    pace(&args.pace, &mut body);
    if let Some(cron) = &args.cron {
        let mut schedule = json!({ "cron": cron });
        set_text(&mut schedule, "zone", args.zone.as_ref());
        set(&mut body, "schedule", schedule);
    }
    if args.disabled {
        set(&mut body, "enabled", json!(false));
    }
    show(form, &api.post("/sync-jobs", &body)?)
}

fn update(api: &Api, form: Form, args: &JobUpdate) -> anyhow::Result<()> {
    let job = api.find_sync_job(&args.job)?;
    let mut body = json!({});
    set_text(&mut body, "name", args.name.as_ref());
    terms(&args.terms, &mut body);
    pace(&args.pace, &mut body);
    match args.cron.as_deref() {
        None => {}
        Some("never") => set(&mut body, "schedule", Value::Null),
        Some(cron) => {
            let kept = at(&job, "/schedule/zone");
            let kept = (kept != "-").then_some(kept);
            let mut schedule = json!({ "cron": cron });
            set_text(&mut schedule, "zone", args.zone.as_ref().or(kept.as_ref()));
            set(&mut body, "schedule", schedule);
        }
    }
    if let Some(enabled) = args.enabled {
        set(&mut body, "enabled", json!(enabled));
    }
    show(form, &api.patch(&format!("/sync-jobs/{}", part(&text(&job, "id"))), &body)?)
}

fn start(api: &Api, form: Form, job: &str, wait: bool) -> anyhow::Result<()> {
    let id = text(&api.find_sync_job(job)?, "id");
    let plan = api.post(&format!("/sync-jobs/{}/run", part(&id)), &json!({}))?;
    let plan_id = text(&plan, "id");
    if !wait {
        return form.done(&plan, &format!("{job} is being planned: portcullis sync show {plan_id}"));
    }
    loop {
        let plan = watch::plan(api, &plan_id)?;
        let run = text(&plan, "run");
        if run != "-" {
            return runs::end(form, &watch::run(api, &run)?);
        }
        super::plan::verdict(&plan).or_else(|error| {
            super::plan::show(form, &plan)?;
            Err(error)
        })?;
        let job = api.get(&format!("/sync-jobs/{}", part(&id)))?;
        match text(&job, "state").as_str() {
            // Its plan is ready, and its run begins within seconds.
            "planning" | "running" => sleep(Duration::from_millis(500)),
            "stopped" => {
                super::plan::show(form, &plan)?;
                return Err(Unfinished(format!("the job was stopped: {}", text(&job, "told"))).into());
            }
            _ => return super::plan::show(form, &plan),
        }
    }
}
