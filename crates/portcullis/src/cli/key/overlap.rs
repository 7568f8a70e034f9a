//! `portcullis key overlap`.

use serde_json::{Value, json};

use super::super::api::Api;
use super::super::args::OverlapCommand;
use super::super::render::{Form, confirmed, set_text, text};

pub(super) fn run(api: &Api, form: Form, command: OverlapCommand) -> anyhow::Result<()> {
    match command {
        OverlapCommand::Show { key } => show(form, &api.get(&at(api, &key)?)?),
        OverlapCommand::Extend { key, span, until } => {
            let mut body = span.map_or_else(|| json!({}), |seconds| json!({ "seconds": seconds }));
            set_text(&mut body, "until", until.as_ref());
            show(form, &api.patch(&at(api, &key)?, &body)?)
        }
        OverlapCommand::End { key, yes } => {
            let at = at(api, &key)?;
            let asked =
                format!("Stop the old credentials of {key} now? Tools that still have them are refused.");
            confirmed(yes, &asked)?;
            form.done(&api.delete(&at)?, &format!("The old credentials of {key} have stopped."))
        }
    }
}

fn at(api: &Api, key: &str) -> anyhow::Result<String> {
    Ok(format!("/keys/{}/overlap", text(&api.find_key(key)?, "id")))
}

/// `PC… until 2027-01-31T18:00:00Z`.
pub(super) fn in_words(overlap: &Value) -> String {
    format!("{} until {}", text(overlap, "access_key"), text(overlap, "until"))
}

fn show(form: Form, overlap: &Value) -> anyhow::Result<()> {
    let clients = overlap.get("clients").and_then(Value::as_array).cloned().unwrap_or_default();
    let client = |client: &Value| {
        let new = client.get("last_with_new").filter(|at| !at.is_null());
        format!(
            "{} from {}: moved {}; old {}, new {}",
            text(client, "tool"),
            text(client, "address"),
            text(client, "moved"),
            text(client, "last_with_old"),
            new.map_or_else(|| "never".to_owned(), |_| text(client, "last_with_new")),
        )
    };
    let mut rows = vec![
        ("Old access key", text(overlap, "access_key")),
        ("Replaced", text(overlap, "since")),
        ("Works until", text(overlap, "until")),
        ("Latest end", text(overlap, "latest_until")),
        ("Moved", text(overlap, "moved")),
        ("Moved in part", text(overlap, "partly_moved")),
        ("Not moved", text(overlap, "not_moved")),
    ];
    rows.extend(clients.iter().map(|one| ("Client", client(one))));
    form.record(overlap, &rows)
}
