//! `portcullis sync plan`, `plans`, `show`, `actions` and `choose`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::bar::grouped;
use super::{filters, first, note, part, side, sides, storage_id, terms, watch};
use crate::cli::Unfinished;
use crate::cli::api::{Api, encode};
use crate::cli::args::{ActionsArgs, ChooseArgs, PlanCreate};
use crate::cli::render::{Form, at, set, set_text, size, text};
use crate::output;

pub(super) fn create(api: &Api, form: Form, args: &PlanCreate) -> anyhow::Result<()> {
    let mut body = json!({ "mode": "two_way" });
    let storage = sides(api, &args.sides, &mut body)?;
    terms(&args.terms, &mut body);
    let made = api.post(&format!("/storages/{storage}/sync-plans"), &body)?;
    planned(api, form, &made, args.wait)
}

/// A plan that was just begun: its id, or all of it when it is ready.
pub(super) fn planned(api: &Api, form: Form, made: &Value, wait: bool) -> anyhow::Result<()> {
    let id = text(made, "id");
    if !wait {
        return form.done(made, &format!("{id} is being planned: portcullis sync show {id}"));
    }
    let plan = watch::plan(api, &id)?;
    show(form, &plan)?;
    verdict(&plan)
}

/// Whether a plan can be run as it is.
///
/// # Errors
/// It failed; or guards want somebody to look first.
pub(super) fn verdict(plan: &Value) -> anyhow::Result<()> {
    if text(plan, "state") == "failed" {
        bail!("the plan failed: {}", text(plan, "told"));
    }
    let guards = codes(plan);
    if guards.is_empty() {
        return Ok(());
    }
    let approve: String = guards.iter().map(|code| format!(" --approve {code}")).collect();
    let told = format!(
        "the plan waits for somebody to look at it; if it is right: portcullis sync run {}{approve}",
        text(plan, "id")
    );
    Err(Unfinished(told).into())
}

fn codes(plan: &Value) -> Vec<String> {
    rows_of(plan, "guards").iter().map(|guard| text(guard, "code")).collect()
}

fn rows_of<'a>(item: &'a Value, name: &str) -> &'a [Value] {
    item.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn list_plans(form: Form, items: &[Value]) -> anyhow::Result<()> {
    form.list(items, &["ID", "KIND", "STORAGE", "BUCKET", "MODE", "STATE", "GUARDS", "CREATED"], |plan| {
        let guards = codes(plan).join(", ");
        vec![
            text(plan, "id"),
            text(plan, "kind"),
            side(plan, "storage"),
            side(plan, "bucket"),
            text(plan, "mode"),
            text(plan, "state"),
            if guards.is_empty() { "-".to_owned() } else { guards },
            text(plan, "created_at"),
        ]
    })
}

pub(super) fn list_of(
    api: &Api,
    path: &str,
    storage: Option<&str>,
    state: Option<&str>,
) -> anyhow::Result<Vec<Value>> {
    let storage = storage_id(api, storage)?;
    api.all(path, &filters(&[("storage", storage.as_deref()), ("state", state)]))
}

pub(super) fn list(api: &Api, form: Form, storage: Option<&str>, state: Option<&str>) -> anyhow::Result<()> {
    list_plans(form, &list_of(api, "/sync-plans", storage, state)?)
}

/// A plan for people: what it comes to, what stands against it, what is to be prepared.
pub(super) fn show(form: Form, plan: &Value) -> anyhow::Result<()> {
    let mut rows = vec![
        ("Plan", text(plan, "id")),
        ("State", text(plan, "state")),
        ("Storage", side(plan, "storage")),
        ("Bucket", side(plan, "bucket")),
        ("Mode", text(plan, "mode")),
        ("Files that differ", text(plan, "conflicts")),
        ("Kept for", format!("{} days", text(plan, "keep_days"))),
        ("Made by", text(plan, "actor")),
        ("Made", text(plan, "created_at")),
    ];
    for (name, field) in [("Takes back", "restores"), ("Job", "job"), ("Run", "run"), ("Told", "told")] {
        let value = text(plan, field);
        if !value.is_empty() && value != "-" {
            rows.push((name, value));
        }
    }
    form.record(plan, &rows)?;
    if form == Form::Programs || plan.get("totals").is_none_or(Value::is_null) {
        return Ok(());
    }
    output::line("")?;
    output::line(&output::table(&["WHAT IS DONE", "FILES", "BYTES"], &totals(plan)))?;
    output::line("")?;
    output::line(&format!(
        "It takes {} requests to list, {} to look at files, {} to read, and moves {}.",
        grouped_at(plan, "/cost/list_requests"),
        grouped_at(plan, "/cost/head_requests"),
        bytes_at(plan, "/cost/bytes_to_read"),
        bytes_at(plan, "/cost/bytes_to_move"),
    ))?;
    for check in rows_of(plan, "preparation") {
        let mark = if check.get("ok").and_then(Value::as_bool) == Some(true) { "ok " } else { "NOT" };
        output::line(&format!("  {mark} {}: {}", text(check, "code"), text(check, "what")))?;
    }
    for risk in rows_of(plan, "risks").iter().filter_map(Value::as_str) {
        output::line(&format!("  risk: {risk}"))?;
    }
    for guard in rows_of(plan, "guards") {
        output::line(&format!("  GUARD {}: {}", text(guard, "code"), text(guard, "what")))?;
        output::line(&format!("        {}", text(guard, "press")))?;
    }
    Ok(())
}

fn grouped_at(plan: &Value, pointer: &str) -> String {
    grouped(plan.pointer(pointer).and_then(Value::as_u64).unwrap_or_default())
}

fn bytes_at(plan: &Value, pointer: &str) -> String {
    output::bytes(plan.pointer(pointer).and_then(Value::as_u64).unwrap_or_default())
}

/// A row for everything that is done with any file.
fn totals(plan: &Value) -> Vec<Vec<String>> {
    const ROWS: [(&str, &str); 12] = [
        ("same on both sides", "agree"),
        ("written to the storage", "write/storage"),
        ("written to the bucket", "write/bucket"),
        ("written over in the storage", "overwrite/storage"),
        ("written over in the bucket", "overwrite/bucket"),
        ("deleted in the storage", "delete/storage"),
        ("deleted in the bucket", "delete/bucket"),
        ("kept from both", "keep_both"),
        ("put back in the storage", "put_back/storage"),
        ("put back in the bucket", "put_back/bucket"),
        ("held by the storage", "seen/storage"),
        ("held by the bucket", "seen/bucket"),
    ];
    let count =
        |name: &str| plan.pointer(&format!("/totals/{name}")).and_then(Value::as_u64).unwrap_or_default();
    let mut rows = vec![vec!["unchanged".to_owned(), grouped(count("unchanged")), String::new()]];
    for (told, field) in ROWS {
        let files = count(&format!("{field}/files"));
        if files > 0 {
            let bytes = output::bytes(count(&format!("{field}/bytes")));
            rows.push(vec![told.to_owned(), grouped(files), bytes]);
        }
    }
    if count("conflicts") > 0 {
        rows.push(vec!["differ on both sides".to_owned(), grouped(count("conflicts")), String::new()]);
    }
    let left = plan.pointer("/totals/left").and_then(Value::as_array).cloned().unwrap_or_default();
    for reason in left {
        let files = reason.get("files").and_then(Value::as_u64).unwrap_or_default();
        rows.push(vec![format!("left: {}", text(&reason, "reason")), grouped(files), String::new()]);
    }
    rows
}

pub(super) fn actions(api: &Api, form: Form, args: &ActionsArgs) -> anyhow::Result<()> {
    let given =
        [("op", args.op.as_deref()), ("reason", args.reason.as_deref()), ("search", args.search.as_deref())];
    let (query, path) = (filters(&given), format!("/sync-plans/{}/actions", part(&args.plan)));
    if let Some(file) = &args.csv {
        return export(api, &format!("{path}.csv?{}", encode(&query)), file);
    }
    let (items, more) = first(api, &path, &query, args.limit)?;
    form.list(&items, &["WHAT IS DONE", "WHY", "KNOWN BY", "STORAGE", "BUCKET", "KEY"], |action| {
        let there =
            |side: &str| action.get(side).filter(|seen| !seen.is_null()).map(|seen| size(seen, "size"));
        vec![
            text(action, "op"),
            text(action, "reason"),
            text(action, "evidence"),
            there("storage").unwrap_or_else(|| "-".to_owned()),
            there("bucket").unwrap_or_else(|| "-".to_owned()),
            key(action),
        ]
    })?;
    if more {
        note(form, &format!("There are more than these {}; --csv FILE writes all of them.", items.len()));
    }
    Ok(())
}

/// The key, and the other name where both are kept.
fn key(action: &Value) -> String {
    match at(action, "/copy").as_str() {
        "-" => text(action, "key"),
        copy => format!("{} (the {}'s as {copy})", text(action, "key"), text(action, "copy_of")),
    }
}

fn export(api: &Api, path: &str, file: &Path) -> anyhow::Result<()> {
    let mut answer = api.download(path)?;
    if file == Path::new("-") {
        io::copy(&mut answer, &mut io::stdout().lock())
            .context("the list broke off; what was written is not whole")?;
        return Ok(());
    }
    let mut options = OpenOptions::new();
    let mut to =
        options.write(true).create_new(true).mode(0o600).open(file).with_context(|| {
            format!("{} cannot be made; name a file that does not exist yet", file.display())
        })?;
    let written = io::copy(&mut answer, &mut to).and_then(|_| to.flush()).and_then(|()| to.sync_all());
    if written.is_err() {
        // Half a list is none.
        drop(std::fs::remove_file(file));
    }
    written.with_context(|| format!("the list broke off; {} was removed again", file.display()))
}

pub(super) fn choose(api: &Api, form: Form, args: &ChooseArgs) -> anyhow::Result<()> {
    let path = format!("/sync-plans/{}", part(&args.plan));
    let (plan, tag) = api.get_tagged(&path)?;
    let mut rule = json!({});
    for (name, value) in [("key", &args.key), ("prefix", &args.prefix), ("reason", &args.reason)] {
        set_text(&mut rule, name, value.as_ref());
    }
    let same =
        |other: &Value| ["key", "prefix", "reason"].iter().all(|name| text(other, name) == text(&rule, name));
    let mut choices: Vec<Value> =
        rows_of(&plan, "choices").iter().filter(|other| !same(other)).cloned().collect();
    if args.choice != "none" {
        let mut chosen = rule.clone();
        set(&mut chosen, "choice", json!(args.choice));
        choices.push(chosen);
    }
    show(form, &api.put_if(&format!("{path}/choices"), &json!({ "choices": choices }), &tag)?)
}
