//! `portcullis audit explain` and `portcullis key knocks`.

use serde_json::{Value, json};

use super::api::{Api, encode};
use super::args::{ExplainArgs, KnocksArgs};
use super::render::{Form, at, set_text, text};

/// Explains a refusal and, if that was asked for, makes the change that is offered.
pub(super) fn explain(api: &Api, form: Form, args: &ExplainArgs) -> anyhow::Result<()> {
    let path = format!("/audit-events/{}", encode_segment(&args.request_id));
    let mut told = api.get(&format!("{path}/explanation"))?;
    if args.fix {
        let fix = told.get("fix").filter(|fix| !fix.is_null());
        let Some(fix) = fix else {
            let advice = text(&told, "advice");
            anyhow::bail!("there is nothing to change here that would let it in. What helps: {advice}");
        };
        let mut body = json!({ "fix": text(fix, "fix"), "value": text(fix, "value") });
        if text(fix, "fix") == "turn_on" {
            set_text(&mut body, "value", args.permission.as_ref());
        }
        told = api.post(&format!("{path}/fix"), &body)?;
    }
    form.record(&told, &rows(&told))
}

/// A part of a path: an id may have been copied with anything in it.
fn encode_segment(id: &str) -> String {
    encode(&[("", id)]).trim_start_matches('=').to_owned()
}

fn rows(told: &Value) -> Vec<(&'static str, String)> {
    let event = told.get("event").cloned().unwrap_or_default();
    let mut rows = vec![
        ("Refused", text(&event, "at")),
        ("Who", text(&event, "actor")),
        ("Reason", text(&event, "explanation")),
        ("Rule", text(told, "rule")),
    ];
    let seen = [
        ("Key", "/seen/key/name"),
        ("Deleted", "/seen/key/deleted_at"),
        ("Connection", "/seen/storage/name"),
        ("Link", "/seen/link"),
        ("Bucket asked for", "/seen/bucket"),
        ("Bucket it opens", "/seen/nearest_bucket"),
        ("Clock (seconds)", "/seen/skew_seconds"),
        ("Late (seconds)", "/seen/late_seconds"),
        ("Address", "/seen/address"),
        ("Ends", "/seen/expires_at"),
        ("Temporary until", "/seen/temporary_until"),
        ("Asked for", "/seen/asked"),
        ("Allowed", "/seen/permission"),
        ("Reaches only", "/seen/prefix"),
        ("Object", "/seen/object"),
        ("Paused until", "/seen/paused_until"),
    ];
    rows.extend(
        seen.map(|(name, place)| (name, at(told, place))).into_iter().filter(|(_, value)| value != "-"),
    );
    if let Some(networks) = told.pointer("/seen/networks").and_then(Value::as_array) {
        let texts: Vec<&str> = networks.iter().filter_map(Value::as_str).collect();
        rows.push(("Networks", if texts.is_empty() { "anywhere".to_owned() } else { texts.join(", ") }));
    }
    rows.push(("Now", now(told)));
    if told.get("fix").is_some_and(|fix| !fix.is_null()) {
        let (fix, on, value) = (at(told, "/fix/fix"), at(told, "/fix/on"), at(told, "/fix/value"));
        rows.push(("Fix", format!("{fix} on the {on} {value}").trim_end().to_owned()));
        rows.push(("", "make it with --fix".to_owned()));
    }
    rows.push(("What helps", text(told, "advice")));
    rows
}

fn now(told: &Value) -> String {
    match at(told, "/now/verdict").as_str() {
        "allowed" => "it would be allowed".to_owned(),
        "refused" => format!("it would be refused: {}", at(told, "/now/explanation")),
        _ => "that depends on what the program sends".to_owned(),
    }
}

/// Who still knocks: with one key, or with any that does not open.
pub(super) fn knocks(api: &Api, form: Form, args: &KnocksArgs) -> anyhow::Result<()> {
    let found = match &args.key {
        Some(key) => api.get(&format!("/keys/{}/knocks", id_of(api, key)?))?,
        None => {
            let limit = args.limit.to_string();
            let mut query = vec![("limit", limit.as_str())];
            let filters = [("reason", args.reason.as_deref()), ("search", args.search.as_deref())];
            query.extend(filters.into_iter().filter_map(|(name, value)| Some((name, value?))));
            api.get(&format!("/dead-keys?{}", encode(&query)))?
        }
    };
    let items = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let header = ["KEY", "STATE", "REASON", "PROOF", "FROM", "TOOL", "24 H", "7 D", "30 D", "LAST"];
    form.list(&items, &header, |item| {
        let mut cells = vec![at(item, "/key/name"), at(item, "/key/state")];
        let fields = ["reason", "proof", "network", "tool", "last_day", "last_week", "last_month", "last"];
        cells.extend(fields.map(|name| text(item, name)));
        cells
    })
}

/// The id of a key by its name or access key; what looks like an id is taken for one, since a deleted key is found by nothing else.
fn id_of(api: &Api, wanted: &str) -> anyhow::Result<String> {
    let is_id = wanted.len() == 36 && wanted.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if is_id { Ok(wanted.to_owned()) } else { Ok(text(&api.find_key(wanted)?, "id")) }
}

#[cfg(test)]
mod tests {
    use super::encode_segment;

    #[test]
    fn ids_stay_within_their_place() {
        assert_eq!(encode_segment("1A2B"), "1A2B");
        assert_eq!(encode_segment("a/../b c?d"), "a%2F%2E%2E%2Fb%20c%3Fd");
    }
}
