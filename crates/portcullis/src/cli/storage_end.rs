//! `portcullis storage impact`, `delete`, `attach`, `pause` and `resume`.

use anyhow::bail;
use serde_json::{Value, json};

use super::api::Api;
use super::render::{Form, at, set, size, text};
use super::secret;

/// What hangs on a storage.
pub(super) fn impact(form: Form, api: &Api, storage: &str) -> anyhow::Result<()> {
    let found = api.find_storage(storage)?;
    let impact = api.get(&format!("/storages/{}/impact", text(&found, "id")))?;
    match form {
        Form::Programs => form.record(&impact, &[]),
        Form::People => tell(form, &found, &impact),
    }
}

fn tell(form: Form, storage: &Value, impact: &Value) -> anyhow::Result<()> {
    let count = |name: &str| list(impact, name).len().to_string();
    let ending =
        list(impact, "keys").iter().chain(list(impact, "unused_keys")).filter(|key| ends(key)).count();
    form.record(
        impact,
        &[
            ("Storage", text(storage, "name")),
            ("Would be", text(impact, "becomes")),
            ("Keys that end", ending.to_string()),
            ("Clients refused", text(impact, "clients")),
            ("Under way now", text(impact, "transfers")),
            ("Links that end", count("links")),
            ("Shared with", count("grants")),
            ("Bucket name", text(impact, "bucket_name")),
            ("S3 server", text(impact, "s3_address")),
            ("Endpoint", text(impact, "endpoint")),
            ("Bucket there", text(impact, "bucket")),
        ],
    )?;
    form.list(
        &clients(impact),
        &["KEY", "BECOMES", "OWNER", "TOOL", "FROM", "REQUESTS", "BYTES", "LAST"],
        |row| {
            let columns = ["key", "becomes", "owner", "tool", "network", "requests"];
            let mut cells: Vec<_> = columns.iter().map(|name| text(row, name)).collect();
            cells.push(size(row, "bytes"));
            cells.push(text(row, "last_used_at"));
            cells
        },
    )?;
    let knocks = list(impact, "knocked_while_paused");
    if !knocks.is_empty() {
        form.list(knocks, &["KNOCKED WHILE PAUSED", "TOOL", "FROM", "REQUESTS", "LAST"], |row| {
            ["key", "tool", "network", "requests", "last_at"].iter().map(|name| text(row, name)).collect()
        })?;
    }
    Ok(())
}

fn list<'a>(item: &'a Value, name: &str) -> &'a [Value] {
    item.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn ends(key: &Value) -> bool {
    key.get("ends").and_then(Value::as_bool) == Some(true)
}

/// A row for every program that used a key, and one for a key that none used.
fn clients(impact: &Value) -> Vec<Value> {
    let mut rows = Vec::new();
    for key in list(impact, "keys").iter().chain(list(impact, "unused_keys")) {
        let mut head = json!({ "becomes": if ends(key) { "deleted" } else { "narrower" } });
        set(&mut head, "key", key.get("name").cloned().unwrap_or(Value::Null));
        set(&mut head, "owner", key.get("owner").cloned().unwrap_or(Value::Null));
        let used = list(key, "clients");
        if used.is_empty() {
            set(&mut head, "last_used_at", key.get("last_used_at").cloned().unwrap_or(Value::Null));
            rows.push(head);
            continue;
        }
        for client in used {
            let mut row = head.clone();
            for name in ["tool", "network", "requests", "bytes", "last_used_at"] {
                set(&mut row, name, client.get(name).cloned().unwrap_or(Value::Null));
            }
            rows.push(row);
        }
    }
    rows
}

/// Deletes a connection, after its name was typed.
pub(super) fn delete(form: Form, api: &Api, storage: &str, confirm: Option<&str>) -> anyhow::Result<()> {
    let found = api.find_storage(storage)?;
    let (id, name) = (text(&found, "id"), text(&found, "name"));
    let typed = match confirm {
        Some(name) => name.to_owned(),
        None => {
            let impact = api.get(&format!("/storages/{id}/impact"))?;
            tell(Form::People, &found, &impact)?;
            secret::asked(&format!("Type the name of the storage to delete it ({name}): "))?
        }
    };
    if typed != name {
        bail!("\"{typed}\" is not the name \"{name}\"; nothing was done");
    }
    let done = api.delete_with(&format!("/storages/{id}"), &json!({ "confirm": typed }))?;
    let sentence = format!(
        "{name} is {}. Keys deleted: {}. Links ended: {}. Transfers cut: {}.",
        text(&done, "state"),
        text(&done, "keys_deleted"),
        text(&done, "links_ended"),
        at(&done, "/receipt/transfers_cut"),
    );
    form.done(&done, &sentence)
}

/// The storages that were set aside with their files.
pub(super) fn list_detached(form: Form, api: &Api, search: Option<&str>) -> anyhow::Result<()> {
    let mut query = vec![("state", "detached")];
    query.extend(search.map(|text| ("search", text)));
    let found = api.all("/storages", &query)?;
    form.list(&found, &["NAME", "ID", "BUCKET", "USED", "FILES", "DETACHED"], |item| {
        vec![
            text(item, "name"),
            text(item, "id"),
            text(item, "bucket_name"),
            size(item, "used_bytes"),
            text(item, "files"),
            text(item, "detached_at"),
        ]
    })
}

/// Attaches the one detached storage with this id, bucket name or name.
pub(super) fn attach(form: Form, api: &Api, storage: &str) -> anyhow::Result<()> {
    let items = api.all("/storages", &[("state", "detached")])?;
    let is = |item: &&Value| ["id", "bucket_name", "name"].iter().any(|field| text(item, field) == storage);
    let mut found = items.iter().filter(is);
    let id = match (found.next(), found.next()) {
        (Some(item), None) => text(item, "id"),
        (Some(_), Some(_)) => bail!("several detached storages are called \"{storage}\"; use the id"),
        (None, _) => {
            bail!("no detached storage \"{storage}\"; `portcullis storage list --detached` shows them")
        }
    };
    let back = api.post(&format!("/storages/{id}/attach"), &json!({}))?;
    let bucket = text(&back, "bucket_name");
    form.done(
        &back,
        &format!("Attached again, with the bucket name {bucket}. It needs new keys: portcullis key create."),
    )
}

/// Switches a storage off for a while.
pub(super) fn pause(form: Form, api: &Api, storage: &str, minutes: u32) -> anyhow::Result<()> {
    let found = api.find_storage(storage)?;
    let done =
        api.post(&format!("/storages/{}/pause", text(&found, "id")), &json!({ "minutes": minutes }))?;
    let (end, cut) = (text(&done, "paused_until"), at(&done, "/receipt/transfers_cut"));
    form.done(&done, &format!("Off until {end}; it comes back by itself. Transfers cut: {cut}."))
}

/// Switches a storage on again.
pub(super) fn resume(form: Form, api: &Api, storage: &str) -> anyhow::Result<()> {
    let found = api.find_storage(storage)?;
    let path = format!("/storages/{}/pause", text(&found, "id"));
    let done = api.delete(&path)?;
    form.done(&done, &format!("{storage} is on."))
}
