//! `portcullis key advice`.

use serde_json::{Value, json};

use super::super::api::{Api, encode};
use super::super::args::AdviceArgs;
use super::super::render::{Form, networks, text};

pub(super) fn run(api: &Api, form: Form, args: &AdviceArgs) -> anyhow::Result<()> {
    if let Some(id) = &args.undo {
        let undone = api.post(&format!("/advice/{}/undo", escaped(id)), &json!({}))?;
        let told = format!("Taken back: {} is as wide as before.", text(&undone, "name"));
        return form.done(&undone, &told);
    }
    let key =
        args.key.as_deref().map(|key| Ok::<_, anyhow::Error>(text(&api.find_key(key)?, "id"))).transpose()?;
    if args.taken {
        let query: Vec<(&str, &str)> = key.iter().map(|key| ("key", key.as_str())).collect();
        return taken(form, &api.all("/advice/taken", &query)?);
    }
    let Some(key) = key else {
        let found = api.all("/advice", &[("window", &args.window)])?;
        return list(form, &found);
    };
    let window = encode(&[("window", &args.window)]);
    if args.apply.is_empty() {
        let found = api.get(&format!("/keys/{key}/advice?{window}"))?;
        return show(form, &found);
    }
    for what in &args.apply {
        let done = api.post(&format!("/keys/{key}/advice/{}?{window}", escaped(what)), &json!({}))?;
        let told = format!(
            "{} is narrower now: {}. To take it back: portcullis key advice --undo {}",
            text(&done, "name"),
            after(&done),
            text(&done, "id"),
        );
        form.done(&done, &told)?;
    }
    Ok(())
}

/// One part of a path.
fn escaped(part: &str) -> String {
    encode(&[("", part)]).trim_start_matches('=').replace('+', "%20")
}

/// What the advice makes of the key.
fn after(advice: &Value) -> String {
    let after = advice.get("after").unwrap_or(&Value::Null);
    match text(advice, "what").as_str() {
        "networks" => format!("networks {}", networks(after)),
        "prefix" => format!("prefix {}", text(after, "prefix")),
        "disable" => "switched off".to_owned(),
        _ => format!("permission {}", text(after, "permission")),
    }
}

fn refused(advice: &Value) -> String {
    let refused = advice.get("would_refuse").unwrap_or(&Value::Null);
    let most = refused.get("at_most").and_then(Value::as_bool) == Some(true);
    format!("{}{}", if most { "up to " } else { "" }, text(refused, "requests"))
}

fn pieces(key: &Value) -> Vec<Value> {
    key.get("advice").and_then(Value::as_array).cloned().unwrap_or_default()
}

const HEADER: [&str; 8] =
    ["KEY", "ADVICE", "TO", "BECAUSE", "REQUESTS", "DAYS", "CONFIDENCE", "WOULD HAVE REFUSED"];

/// The key of a piece of advice, and the piece.
fn row(pair: &Value) -> Vec<String> {
    let (key, advice) = (pair.get("key").unwrap_or(pair), pair.get("advice").unwrap_or(pair));
    vec![
        text(key, "name"),
        text(advice, "what"),
        after(advice),
        text(advice, "explanation"),
        text(advice, "requests"),
        text(advice, "days_used"),
        text(advice, "confidence"),
        refused(advice),
    ]
}

fn list(form: Form, keys: &[Value]) -> anyhow::Result<()> {
    if form == Form::Programs {
        return form.list(keys, &HEADER, row);
    }
    let pairs = |key: &Value| {
        let key = key.clone();
        pieces(&key)
            .into_iter()
            .map(move |advice| json!({ "key": key, "advice": advice }))
            .collect::<Vec<_>>()
    };
    let rows: Vec<Value> = keys.iter().flat_map(pairs).collect();
    form.list(&rows, &HEADER, row)
}

fn show(form: Form, key: &Value) -> anyhow::Result<()> {
    let advice = pieces(key).into_iter().map(|advice| {
        let told = format!(
            "{}: {} ({} requests on {} days since {}; confidence {}; would have refused {})",
            after(&advice),
            text(&advice, "explanation"),
            text(&advice, "requests"),
            text(&advice, "days_used"),
            text(&advice, "since"),
            text(&advice, "confidence"),
            refused(&advice),
        );
        ("Advice", told)
    });
    let withheld = key.get("withheld").and_then(Value::as_array).cloned().unwrap_or_default();
    let withheld = withheld
        .iter()
        .map(|withheld| ("None", format!("{}: {}", text(withheld, "what"), text(withheld, "explanation"))));
    let mut rows = vec![("Key", text(key, "name"))];
    rows.extend(advice.chain(withheld));
    form.record(key, &rows)
}

fn taken(form: Form, list: &[Value]) -> anyhow::Result<()> {
    form.list(list, &["ID", "KEY", "TO", "TAKEN", "BY", "TAKEN BACK", "CAN BE"], |taken| {
        let mut cells = vec![text(taken, "id"), text(taken, "name"), after(taken)];
        cells.extend(["taken_at", "actor", "undone_at", "can_be_undone"].map(|name| text(taken, name)));
        cells
    })
}
