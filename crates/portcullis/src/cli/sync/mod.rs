//! `portcullis sync`.

mod bar;
mod job;
mod kept;
mod plan;
mod run;
mod watch;

use serde_json::{Value, json};

use super::api::{Api, encode};
use super::args::{Pace, Remote, SidesArgs, SyncCommand, Terms};
use super::render::{Form, at, set, set_text, text};

pub(super) fn run(remote: &Remote, command: SyncCommand) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        SyncCommand::Plan(args) => plan::create(&api, form, &args),
        SyncCommand::Plans { storage, state } => plan::list(&api, form, storage.as_deref(), state.as_deref()),
        SyncCommand::Show { plan } => plan::show(form, &api.get(&format!("/sync-plans/{}", part(&plan)))?),
        SyncCommand::Actions(args) => plan::actions(&api, form, &args),
        SyncCommand::Choose(args) => plan::choose(&api, form, &args),
        SyncCommand::Discard { plan } => {
            let answer = api.delete(&format!("/sync-plans/{}", part(&plan)))?;
            form.done(&answer, &format!("Threw {plan} away."))
        }
        SyncCommand::Run(args) => run::begin(&api, form, &args),
        SyncCommand::Runs { storage, state } => run::list(&api, form, storage.as_deref(), state.as_deref()),
        SyncCommand::Status { run } => run::show(form, &api.get(&format!("/sync-runs/{}", part(&run)))?),
        SyncCommand::Watch { run } => run::end(form, &watch::run(&api, &run)?),
        SyncCommand::Steps { run, state } => run::steps(&api, form, &run, state.as_deref()),
        SyncCommand::Pause { run } => {
            run::act(&api, form, &run, "pause", "waits as soon as what is under way is done")
        }
        SyncCommand::Resume { run } => run::act(&api, form, &run, "resume", "goes on"),
        SyncCommand::Cancel { run } => {
            run::act(&api, form, &run, "cancel", "ends as soon as what is under way is done")
        }
        SyncCommand::Restore { run, keys, wait } => {
            let body = if keys.is_empty() { json!({}) } else { json!({ "keys": keys }) };
            let made = api.post(&format!("/sync-runs/{}/restore", part(&run)), &body)?;
            plan::planned(&api, form, &made, wait)
        }
        SyncCommand::Kept { storage, run, search } => kept::list(
            &api,
            form,
            storage.as_deref(),
            [("run", run.as_deref()), ("search", search.as_deref())],
        ),
        SyncCommand::RestoreFile { id, wait } => {
            let made = api.post(&format!("/kept-versions/{}/restore", part(&id)), &json!({}))?;
            plan::planned(&api, form, &made, wait)
        }
        SyncCommand::Job(command) => job::run(&api, form, command),
    }
}

/// An id as a part of an address.
fn part(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
}

/// The first items of a list that may be long, and whether there are more.
fn first(api: &Api, path: &str, query: &[(&str, &str)], most: usize) -> anyhow::Result<(Vec<Value>, bool)> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let limit = most.saturating_sub(items.len()).clamp(1, 1000).to_string();
        let mut pairs = vec![("limit", limit.as_str())];
        pairs.extend_from_slice(query);
        pairs.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut page = api.get(&format!("{path}?{}", encode(&pairs)))?;
        if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
            items.extend(more);
        }
        cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() || items.len() >= most {
            return Ok((items, cursor.is_some()));
        }
    }
}

/// The filters that were given.
fn filters<'a>(given: &[(&'static str, Option<&'a str>)]) -> Vec<(&'static str, &'a str)> {
    given.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect()
}

/// The id of a storage, if one is named.
fn storage_id(api: &Api, storage: Option<&str>) -> anyhow::Result<Option<String>> {
    storage.map(|wanted| Ok(text(&api.find_storage(wanted)?, "id"))).transpose()
}

/// The two sides as the calls that make something take them; the id of the first, too.
fn sides(api: &Api, sides: &SidesArgs, body: &mut Value) -> anyhow::Result<String> {
    let storage = text(&api.find_storage(&sides.storage)?, "id");
    let mut with = json!({ "storage": text(&api.find_storage(&sides.other)?, "id") });
    set_text(&mut with, "prefix", sides.with_prefix.as_ref());
    set(body, "with", with);
    set_text(body, "prefix", sides.prefix.as_ref());
    Ok(storage)
}

/// What a plan may do, and how far.
fn terms(terms: &Terms, body: &mut Value) {
    set_text(body, "mode", terms.mode.as_ref());
    set_text(body, "conflicts", terms.conflicts.as_ref());
    let numbers = [
        ("read_budget_bytes", terms.read_budget),
        ("keep_days", terms.keep_days.map(u64::from)),
        ("max_delete_percent", terms.max_delete_percent.map(u64::from)),
        ("max_delete_files", terms.max_delete_files),
    ];
    set_numbers(body, &numbers);
}

/// How fast.
fn pace(pace: &Pace, body: &mut Value) {
    set_numbers(
        body,
        &[("in_flight", pace.in_flight.map(u64::from)), ("bytes_per_second", pace.bytes_per_second)],
    );
}

fn set_numbers(body: &mut Value, numbers: &[(&str, Option<u64>)]) {
    for (name, number) in numbers {
        if let Some(number) = number {
            set(body, name, json!(number));
        }
    }
}

/// A side in a word: the storage's name, and the part of it.
fn side(item: &Value, which: &str) -> String {
    let (name, prefix) = (at(item, &format!("/{which}/name")), at(item, &format!("/{which}/prefix")));
    if prefix.is_empty() || prefix == "-" { name } else { format!("{name}/{prefix}") }
}

/// Tells people, and only them, something beside the answer.
fn note(form: Form, told: &str) {
    if form == Form::People {
        crate::output::prompt(&format!("{told}\n"));
    }
}
