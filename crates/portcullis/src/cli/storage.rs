//! `portcullis storage`.

use serde_json::{Value, json};

use super::api::Api;
use super::args::{Remote, StorageCommand};
use crate::output;

pub(super) fn run(remote: &Remote, command: StorageCommand) -> anyhow::Result<()> {
    let api = Api::new(remote)?;
    match command {
        StorageCommand::Create { name, label, provider, quota } => {
            let mut body = json!({ "name": name, "provider": provider });
            if let Some(label) = label {
                set(&mut body, "label", json!(label));
            }
            if let Some(quota) = quota {
                set(&mut body, "quota_bytes", json!(quota));
            }
            let storage = api.post("/storages", &body)?;
            show(remote, &storage)
        }
        StorageCommand::List { search } => {
            let query: Vec<_> = search.as_deref().map(|text| ("search", text)).into_iter().collect();
            let items = api.all("/storages", &query)?;
            if remote.json {
                return Ok(output::line(&serde_json::to_string_pretty(&items)?)?);
            }
            let rows: Vec<_> = items.iter().map(row).collect();
            Ok(output::line(&output::table(
                &["NAME", "PROVIDER", "BUCKET", "USED", "FILES", "FOLDERS", "S3", "HEALTH"],
                &rows,
            ))?)
        }
        StorageCommand::Show { storage } => {
            let found = api.find_storage(&storage)?;
            show(remote, &found)
        }
    }
}

/// Sets a field of an object.
pub(super) fn set(body: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = body {
        fields.insert(name.to_owned(), value);
    }
}

/// A field as text for people: nothing as a dash.
pub(super) fn text(item: &Value, name: &str) -> String {
    match item.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// A field that counts bytes.
fn size(item: &Value, name: &str) -> String {
    item.get(name).and_then(Value::as_u64).map_or_else(|| "-".to_owned(), output::bytes)
}

/// Networks of a storage or a key, with notes.
pub(super) fn networks(item: &Value) -> String {
    let list = item.get("networks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        return "anywhere".to_owned();
    }
    let entry = |entry: &Value| match text(entry, "note").as_str() {
        "" | "-" => text(entry, "network"),
        note => format!("{} ({note})", text(entry, "network")),
    };
    list.iter().map(entry).collect::<Vec<_>>().join(", ")
}

fn row(item: &Value) -> Vec<String> {
    vec![
        text(item, "name"),
        text(item, "provider"),
        text(item, "bucket_name"),
        size(item, "used_bytes"),
        text(item, "files"),
        text(item, "folders"),
        text(item, "s3_active"),
        text(item, "health"),
    ]
}

fn show(remote: &Remote, item: &Value) -> anyhow::Result<()> {
    if remote.json {
        return Ok(output::line(&serde_json::to_string_pretty(item)?)?);
    }
    let quota = size(item, "quota_bytes");
    let rows = [
        ("Name", text(item, "name")),
        ("Id", text(item, "id")),
        ("Bucket", text(item, "bucket_name")),
        ("S3 server", text(item, "s3_address")),
        ("Provider", text(item, "provider")),
        ("Region", text(item, "region")),
        ("Permission", text(item, "permission")),
        ("Networks", networks(item)),
        ("Used", size(item, "used_bytes")),
        ("Available", size(item, "available_bytes")),
        ("Quota", if quota == "-" { "none".to_owned() } else { quota }),
        ("Files", text(item, "files")),
        ("Folders", text(item, "folders")),
        ("S3 active", text(item, "s3_active")),
        ("Health", text(item, "health")),
        ("Created", text(item, "created_at")),
    ];
    fields(&rows)
}

/// Prints names and values, one a line.
pub(super) fn fields(rows: &[(&str, String)]) -> anyhow::Result<()> {
    for (name, value) in rows {
        output::line(&format!("{name:<15}{value}"))?;
    }
    Ok(())
}
