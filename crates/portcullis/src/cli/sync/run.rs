//! `portcullis sync run`, `runs`, `status`, `steps` and what is done to runs.

use anyhow::bail;
use serde_json::{Value, json};

use super::bar::{grouped, span};
use super::{filters, first, note, pace, part, plan, side, watch};
use crate::cli::Unfinished;
use crate::cli::api::{Api, Refusal};
use crate::cli::args::RunArgs;
use crate::cli::render::{Form, at, size, text};
use crate::output;

/// The most steps that are shown.
const STEPS: usize = 10_000;

pub(super) fn begin(api: &Api, form: Form, args: &RunArgs) -> anyhow::Result<()> {
    let mut body = json!({ "approve": args.approve });
    pace(&args.pace, &mut body);
    let run = api.post(&format!("/sync-plans/{}/run", part(&args.plan)), &body).map_err(|error| {
        let guards = |no: &Refusal| no.fields.iter().any(|field| field.starts_with("approve"));
        if error.downcast_ref::<Refusal>().is_some_and(guards) {
            return Unfinished(error.to_string()).into();
        }
        error
    })?;
    let id = text(&run, "id");
    if !args.wait {
        return form.done(&run, &format!("{id} runs: portcullis sync watch {id}"));
    }
    end(form, &watch::run(api, &id)?)
}

/// What became of a run that is over.
///
/// # Errors
/// It failed, or did not do all of it.
pub(super) fn end(form: Form, run: &Value) -> anyhow::Result<()> {
    show(form, run)?;
    let id = text(run, "id");
    match text(run, "state").as_str() {
        "done" => Ok(()),
        "failed" => bail!("the run failed: {}", text(run, "told")),
        state => Err(Unfinished(format!(
            "the run is {state}: {} files were changed by others and left alone, {} failed; portcullis sync steps {id}",
            text(run, "changed"),
            text(run, "failed"),
        ))
        .into()),
    }
}

pub(super) fn list(api: &Api, form: Form, storage: Option<&str>, state: Option<&str>) -> anyhow::Result<()> {
    let items = plan::list_of(api, "/sync-runs", storage, state)?;
    form.list(&items, &["ID", "KIND", "STORAGE", "BUCKET", "STATE", "FILES", "KEPT", "CREATED"], |run| {
        vec![
            text(run, "id"),
            text(run, "kind"),
            side(run, "storage"),
            side(run, "bucket"),
            text(run, "state"),
            format!("{}/{}", text(run, "files_done"), text(run, "files_total")),
            at(run, "/kept/files"),
            text(run, "created_at"),
        ]
    })
}

pub(super) fn show(form: Form, run: &Value) -> anyhow::Result<()> {
    let number = |name: &str| grouped(run.get(name).and_then(Value::as_u64).unwrap_or_default());
    let mut rows = vec![
        ("Run", text(run, "id")),
        ("State", text(run, "state")),
        ("Plan", text(run, "plan")),
        ("Storage", side(run, "storage")),
        ("Bucket", side(run, "bucket")),
        ("Files", format!("{} of {}", number("files_done"), number("files_total"))),
        ("Bytes", format!("{} of {}", size(run, "bytes_done"), size(run, "bytes_total"))),
        ("Changed by others", number("changed")),
        ("Failed", number("failed")),
        ("Left out", number("skipped")),
        ("Kept", kept(run)),
        ("Started by", text(run, "actor")),
        ("Began", text(run, "started_at")),
        ("Ended", text(run, "ended_at")),
    ];
    if let Some(left) = run.get("seconds_left").and_then(Value::as_u64) {
        rows.push(("Time left", span(left)));
    }
    if !text(run, "told").is_empty() {
        rows.push(("Told", text(run, "told")));
    }
    form.record(run, &rows)
}

/// What a run kept, and until when it can be put back.
fn kept(run: &Value) -> String {
    let number = |pointer: &str| run.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let held = format!("{} files, {}", grouped(number("/kept/files")), output::bytes(number("/kept/bytes")));
    match text(run, "restorable_until").as_str() {
        "-" => held,
        until => format!("{held}, until {until}"),
    }
}

pub(super) fn steps(api: &Api, form: Form, run: &str, state: Option<&str>) -> anyhow::Result<()> {
    let path = format!("/sync-runs/{}/steps", part(run));
    let (items, more) = first(api, &path, &filters(&[("state", state)]), STEPS)?;
    form.list(&items, &["STATE", "BYTES", "KEPT", "KEY", "TOLD"], |step| {
        let told = text(step, "told");
        vec![text(step, "state"), size(step, "moved"), text(step, "kept"), text(step, "key"), told]
    })?;
    if more {
        note(form, &format!("There are more than these {}; --state shows fewer.", items.len()));
    }
    Ok(())
}

/// Pauses, resumes or cancels.
pub(super) fn act(api: &Api, form: Form, run: &str, verb: &str, told: &str) -> anyhow::Result<()> {
    let answer = api.post(&format!("/sync-runs/{}/{verb}", part(run)), &json!({}))?;
    form.done(&answer, &format!("{run} {told}."))
}
