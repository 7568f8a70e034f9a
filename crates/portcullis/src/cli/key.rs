//! `portcullis key`.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::Usage;
use super::api::Api;
use super::args::{KeyCommand, KeyCreate, Remote};
use super::storage::{fields, networks, set, text};
use crate::output;

pub(super) fn run(remote: &Remote, command: KeyCommand) -> anyhow::Result<()> {
    let api = Api::new(remote)?;
    match command {
        KeyCommand::Create(args) => create(&api, remote, &args),
        KeyCommand::List { storage } => list(&api, remote, storage.as_deref()),
        KeyCommand::Show { key } => {
            let key = api.get(&format!("/keys/{}", api.find_key(&key)?))?;
            show(remote, &key)
        }
        KeyCommand::Disable { key } => change(&api, remote, &key, "none"),
        KeyCommand::Enable { key, permission } => change(&api, remote, &key, &permission),
        KeyCommand::Rotate { key, setup } => rotate(&api, remote, &key, setup.as_deref()),
        KeyCommand::Delete { key, yes } => delete(&api, &key, yes),
    }
}

fn create(api: &Api, remote: &Remote, args: &KeyCreate) -> anyhow::Result<()> {
    let storage = args.storage.as_deref().map(|wanted| api.find_storage(wanted)).transpose()?;
    let (channel, permission, scope) = match &storage {
        Some(storage) => ("s3", "read", json!({ "storage": storage.get("id") })),
        None => ("rest", "full", json!("site")),
    };
    let mut body = json!({
        "name": args.name,
        "channel": args.channel.as_deref().unwrap_or(channel),
        "scope": scope,
        "permission": args.permission.as_deref().unwrap_or(permission),
        "networks": args.networks,
    });
    for (name, value) in
        [("overwrite", &args.overwrite), ("prefix", &args.prefix), ("expires_at", &args.expires)]
    {
        if let Some(value) = value {
            set(&mut body, name, json!(value));
        }
    }
    let answer = api.post("/keys", &body)?;
    tell(remote, &answer, storage.as_ref(), args.setup.as_deref())
}

fn rotate(api: &Api, remote: &Remote, wanted: &str, tool: Option<&str>) -> anyhow::Result<()> {
    let id = api.find_key(wanted)?;
    // Beforehand: once the secret is told, nothing may fail before it is shown.
    let key = api.get(&format!("/keys/{id}"))?;
    let storage = key.pointer("/scope/storage").and_then(Value::as_str);
    let storage = storage.map(|id| api.get(&format!("/storages/{id}"))).transpose()?;
    let answer = api.post(&format!("/keys/{id}/rotate"), &json!({}))?;
    tell(remote, &answer, storage.as_ref(), tool)
}

/// Shows a new secret in the form that was asked for.
fn tell(remote: &Remote, answer: &Value, storage: Option<&Value>, tool: Option<&str>) -> anyhow::Result<()> {
    let setup = answer.get("setup");
    if let Some(tool) = tool {
        let known = || {
            setup.and_then(Value::as_object).map(|tools| tools.keys().cloned().collect::<Vec<_>>().join(", "))
        };
        let text = setup.and_then(|tools| tools.get(tool)).and_then(Value::as_str);
        let Some(text) = text else {
            // The secret exists and will not be told again: it must not be lost over a typing error.
            one_time(answer, storage)?;
            bail!(Usage(format!("no set-up for \"{tool}\"; known are {}", known().unwrap_or_default())));
        };
        return Ok(output::line(text.trim_end())?);
    }
    if remote.json {
        return Ok(output::line(&serde_json::to_string_pretty(answer)?)?);
    }
    one_time(answer, storage)
}

/// The seven fields of a new credential, in their order, and the word that they are not to be had again.
fn one_time(answer: &Value, storage: Option<&Value>) -> anyhow::Result<()> {
    let key = answer.get("key").context("the answer holds no key")?;
    let mut rows = Vec::new();
    if let Some(storage) = storage {
        rows.push(("Storage", text(storage, "name")));
    }
    rows.push(("Permission", text(key, "permission")));
    rows.push(("Networks", networks(key)));
    if storage.is_some() {
        rows.push(("S3 server", text(answer, "s3_address")));
        rows.push(("Bucket", text(answer, "bucket_name")));
    }
    rows.push(("Access key", text(key, "access_key")));
    rows.push(("Secret key", text(answer, "secret")));
    if answer.get("bearer").is_some_and(|bearer| !bearer.is_null()) {
        rows.push(("Bearer", text(answer, "bearer")));
    }
    fields(&rows)?;
    output::prompt("\nStore the secret now: it is not shown again, by anybody.\n");
    Ok(())
}

fn list(api: &Api, remote: &Remote, storage: Option<&str>) -> anyhow::Result<()> {
    let storage = storage.map(|wanted| api.find_storage(wanted)).transpose()?;
    let id = storage.as_ref().map(|storage| text(storage, "id"));
    let query: Vec<_> = id.as_deref().map(|id| ("storage", id)).into_iter().collect();
    let items = api.all("/keys", &query)?;
    if remote.json {
        return Ok(output::line(&serde_json::to_string_pretty(&items)?)?);
    }
    let row = |item: &Value| {
        let used = item.get("last_used").filter(|used| !used.is_null());
        vec![
            text(item, "name"),
            text(item, "access_key"),
            text(item, "channel"),
            text(item, "permission"),
            networks(item),
            text(item, "state"),
            text(item, "expires_at"),
            used.map_or_else(
                || "never".to_owned(),
                |used| format!("{} {}", text(used, "at"), text(used, "address")),
            ),
        ]
    };
    let rows: Vec<_> = items.iter().map(row).collect();
    let header = ["NAME", "ACCESS KEY", "CHANNEL", "PERMISSION", "NETWORKS", "STATE", "EXPIRES", "LAST USED"];
    Ok(output::line(&output::table(&header, &rows))?)
}

fn show(remote: &Remote, key: &Value) -> anyhow::Result<()> {
    if remote.json {
        return Ok(output::line(&serde_json::to_string_pretty(key)?)?);
    }
    let used = key.get("last_used").filter(|used| !used.is_null());
    fields(&[
        ("Name", text(key, "name")),
        ("Id", text(key, "id")),
        ("Access key", text(key, "access_key")),
        ("Channel", text(key, "channel")),
        ("Scope", key.get("scope").map_or_else(String::new, Value::to_string)),
        ("Permission", text(key, "permission")),
        ("Overwrite", text(key, "overwrite")),
        ("Networks", networks(key)),
        ("Prefix", text(key, "prefix")),
        ("State", text(key, "state")),
        ("Expires", text(key, "expires_at")),
        ("Created", text(key, "created_at")),
        (
            "Last used",
            used.map_or_else(
                || "never".to_owned(),
                |used| {
                    format!("{} from {} with {}", text(used, "at"), text(used, "address"), text(used, "tool"))
                },
            ),
        ),
    ])
}

fn change(api: &Api, remote: &Remote, wanted: &str, permission: &str) -> anyhow::Result<()> {
    let id = api.find_key(wanted)?;
    let key = api.patch(&format!("/keys/{id}"), &json!({ "permission": permission }))?;
    show(remote, &key)
}

fn delete(api: &Api, wanted: &str, yes: bool) -> anyhow::Result<()> {
    let id = api.find_key(wanted)?;
    if !yes {
        output::prompt(&format!("Delete {wanted} for good? Tools that use it stop working at once. [y/N] "));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if !answer.trim().eq_ignore_ascii_case("y") {
            bail!("nothing was deleted");
        }
    }
    api.delete(&format!("/keys/{id}"))?;
    output::line(&format!("Deleted {wanted}."))?;
    Ok(())
}
