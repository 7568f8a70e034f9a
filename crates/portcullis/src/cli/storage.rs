//! `portcullis storage`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::api::Api;
use super::args::{Remote, StorageCommand, StorageCreate};
use crate::output;

pub(super) fn run(remote: &Remote, command: StorageCommand) -> anyhow::Result<()> {
    let api = Api::new(remote)?;
    match command {
        StorageCommand::Create(given) => create(remote, &api, &given),
        StorageCommand::Test { storage, write } => {
            let found = api.find_storage(&storage)?;
            let path = format!("/storages/{}/test", text(&found, "id"));
            steps(remote, &api.post(&path, &json!({ "write_probe": write }))?)
        }
        StorageCommand::Credentials { storage, credentials } => {
            let found = api.find_storage(&storage)?;
            let secret = provider_secret(credentials.secret_file.as_deref())?;
            let body = json!({ "access_key_id": credentials.access_key_id, "secret_access_key": *secret });
            show(remote, &api.patch(&format!("/storages/{}", text(&found, "id")), &body)?)
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

fn create(remote: &Remote, api: &Api, given: &StorageCreate) -> anyhow::Result<()> {
    let mut body = json!({ "provider": given.provider });
    let texts = [
        ("preset", &given.preset),
        ("region", &given.region),
        ("account", &given.account),
        ("endpoint", &given.endpoint),
        ("bucket", &given.bucket),
        ("access_key_id", &given.access_key_id),
    ];
    for (field, value) in texts {
        if let Some(value) = value {
            set(&mut body, field, json!(value));
        }
    }
    if let Some(path_style) = given.path_style {
        set(&mut body, "path_style", json!(path_style));
    }
    if given.access_key_id.is_some() {
        set(&mut body, "secret_access_key", json!(*provider_secret(given.secret_file.as_deref())?));
    }
    if given.test {
        return steps(remote, &api.post("/storages/test-connection", &body)?);
    }
    set(&mut body, "name", json!(given.name));
    if let Some(label) = &given.label {
        set(&mut body, "label", json!(label));
    }
    if let Some(quota) = given.quota {
        set(&mut body, "quota_bytes", json!(quota));
    }
    for (field, wanted) in [("share_bucket", given.share_bucket), ("skip_check", given.skip_check)] {
        if wanted {
            set(&mut body, field, json!(true));
        }
    }
    show(remote, &api.post("/storages", &body)?)
}

/// The provider's secret, from where it cannot be seen by other users of the machine.
fn provider_secret(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let text = match file {
        None => match crate::config::env("PORTCULLIS_PROVIDER_SECRET") {
            Some(secret) => Zeroizing::new(secret),
            None => super::login::hidden("Secret access key of the provider: ", false)?,
        },
        Some(path) if path.as_os_str() == "-" => super::login::hidden("", true)?,
        Some(path) => Zeroizing::new(
            fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?,
        ),
    };
    let secret = Zeroizing::new(text.trim().to_owned());
    if secret.is_empty() {
        bail!("the provider's secret is empty");
    }
    Ok(secret)
}

/// What a test found; an error if a step failed.
fn steps(remote: &Remote, answer: &Value) -> anyhow::Result<()> {
    let found = answer.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let ok = |step: &Value| step.get("ok").and_then(Value::as_bool) == Some(true);
    if remote.json {
        output::line(&serde_json::to_string_pretty(answer)?)?;
    } else {
        let row = |step: &Value| {
            let word = if ok(step) { "ok" } else { "FAILED" };
            vec![text(step, "name"), word.to_owned(), text(step, "detail"), text(step, "advice")]
        };
        let rows: Vec<_> = found.iter().map(row).collect();
        output::line(&output::table(&["STEP", "RESULT", "FOUND", "WHAT TO DO"], &rows))?;
    }
    if let Some(failed) = found.iter().find(|step| !ok(step)) {
        bail!("the step \"{}\" failed", text(failed, "name"));
    }
    Ok(())
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
        ("Endpoint", text(item, "endpoint")),
        ("Bucket there", text(item, "bucket")),
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
