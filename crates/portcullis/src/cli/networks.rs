//! Networks before they hold, of keys and storages alike: whom they would keep out, and lists that are tried out.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::api::Api;
use super::args::TrialCommand;
use super::render::{Form, confirmed, networks, set, set_networks, text};
use crate::output;

const HEADER: [&str; 7] = ["", "KEY", "TOOL", "ADDRESS", "REQUESTS", "TRANSFERS", "LAST SEEN"];

/// Shows whom these networks would keep out; `record` is the path of a key or a storage.
pub(super) fn preview(api: &Api, form: Form, record: &str, list: &[String]) -> anyhow::Result<()> {
    let mut body = json!({ "networks": [] });
    set_networks(&mut body, list);
    let answer = api.post(&format!("{record}/networks/preview"), &body)?;
    if form == Form::Programs {
        return form.record(&answer, &[]);
    }
    for entry in items(&answer, "entries") {
        for remark in entry.get("remarks").and_then(Value::as_array).into_iter().flatten() {
            output::line(&format!("Note: {}.", remark.as_str().unwrap_or_default()))?;
        }
    }
    let mut rows = Vec::new();
    for (word, list) in [("CUT OFF", "cut_off"), ("stays", "kept"), ("let in", "let_in")] {
        rows.extend(items(&answer, list).iter().map(|client| row(word, client)));
    }
    if rows.is_empty() {
        output::line("Nobody came in or was refused in the last 30 days.")?;
    } else {
        output::line(&output::table(&HEADER, &rows))?;
    }
    if answer.get("cuts_off_asker").and_then(Value::as_bool) == Some(true) {
        output::line("The key you ask with could not come in any more from where you are.")?;
    }
    Ok(output::line("Nothing was changed.")?)
}

/// Does what is to be done about a trial; `find` gives the path of the key or storage that is meant.
pub(super) fn trial(
    api: &Api,
    form: Form,
    command: &TrialCommand,
    find: impl Fn(&str) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    match command {
        TrialCommand::Begin(given) => {
            let mut body = json!({ "networks": [] });
            set_networks(&mut body, &given.networks);
            show(form, &api.put(&format!("{}/trial", find(&given.of)?), &body)?)
        }
        TrialCommand::Show { of } => show(form, &running(api, &find(of)?, of)?),
        TrialCommand::Enforce { of, yes, confirm_lockout } => {
            let record = find(of)?;
            let trial = running(api, &record, of)?;
            let refused = items(&trial, "refused").len();
            confirmed(*yes, &format!("Put {} in force? It would have refused {refused}.", networks(&trial)))?;
            // Of this trial and no other that somebody began meanwhile.
            let mut body = json!({ "since": trial.get("since") });
            if *confirm_lockout {
                set(&mut body, "confirm_lockout", json!(true));
            }
            let answer = api.post(&format!("{record}/trial/enforce"), &body)?;
            form.done(&answer, &format!("In force: {}.", networks(&trial)))
        }
        TrialCommand::End { of } => {
            form.done(&api.delete(&format!("{}/trial", find(of)?))?, "The trial is ended.")
        }
    }
}

/// The networks that are tried out on a key or a storage.
pub(super) fn tried_out(item: &Value) -> String {
    match item.get("trial").filter(|trial| !trial.is_null()) {
        Some(trial) => format!("{} since {}", networks(trial), text(trial, "since")),
        None => "-".to_owned(),
    }
}

fn running(api: &Api, record: &str, of: &str) -> anyhow::Result<Value> {
    api.get(&format!("{record}/trial")).with_context(|| format!("the trial on {of}"))
}

fn show(form: Form, trial: &Value) -> anyhow::Result<()> {
    if form == Form::Programs {
        return form.record(trial, &[]);
    }
    super::render::fields(&[
        ("Tried out", networks(trial)),
        ("Since", text(trial, "since")),
        ("Would refuse", format!("{} requests", text(trial, "refused_requests"))),
        ("Lets in", format!("{} requests", text(trial, "admitted_requests"))),
    ])?;
    let mut rows = Vec::new();
    for (word, list) in [("WOULD REFUSE", "refused"), ("lets in", "admitted")] {
        rows.extend(items(trial, list).iter().map(|client| row(word, client)));
    }
    if rows.is_empty() { Ok(()) } else { Ok(output::line(&output::table(&HEADER, &rows))?) }
}

fn items<'a>(answer: &'a Value, list: &str) -> &'a [Value] {
    answer.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn row(word: &str, client: &Value) -> Vec<String> {
    let in_part = client.get("in_part").and_then(Value::as_bool) == Some(true);
    let address = text(client, "address");
    vec![
        word.to_owned(),
        text(client, "key_name"),
        text(client, "tool"),
        if in_part { format!("some of {address}") } else { address },
        text(client, "requests"),
        text(client, "transfers"),
        text(client, "last_seen"),
    ]
}
