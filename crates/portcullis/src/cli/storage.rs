//! `portcullis storage`.

use std::path::Path;

use anyhow::bail;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::api::Api;
use super::args::{Limit, Remote, StorageCommand, StorageCreate, StorageUpdate};
use super::networks::tried_out;
use super::render::{Form, networks, set, set_networks, set_text, size, text};
use super::{secret, storage_end};
use crate::config;

pub(super) fn run(remote: &Remote, command: StorageCommand) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        StorageCommand::Create(given) => create(form, &api, &given),
        StorageCommand::Test { storage, write } => {
            let found = api.find_storage(&storage)?;
            let path = format!("/storages/{}/test", text(&found, "id"));
            steps(form, &api.post(&path, &json!({ "write_probe": write }))?)
        }
        StorageCommand::Credentials { storage, credentials } => {
            let found = api.find_storage(&storage)?;
            let secret = provider_secret(credentials.secret_file.as_deref())?;
            let body = json!({ "access_key_id": credentials.access_key_id, "secret_access_key": *secret });
            show(form, &api.patch(&format!("/storages/{}", text(&found, "id")), &body)?)
        }
        StorageCommand::Update(given) => update(form, &api, &given),
        StorageCommand::Trial(command) => super::networks::trial(&api, form, &command, |of| {
            Ok(format!("/storages/{}", text(&api.find_storage(of)?, "id")))
        }),
        StorageCommand::List { search, detached: true } => {
            storage_end::list_detached(form, &api, search.as_deref())
        }
        StorageCommand::Impact { storage } => storage_end::impact(form, &api, &storage),
        StorageCommand::Delete { storage, confirm } => {
            storage_end::delete(form, &api, &storage, confirm.as_deref())
        }
        StorageCommand::Attach { storage } => storage_end::attach(form, &api, &storage),
        StorageCommand::Pause { storage, minutes } => storage_end::pause(form, &api, &storage, minutes),
        StorageCommand::Resume { storage } => storage_end::resume(form, &api, &storage),
        StorageCommand::List { search, detached: false } => {
            let query: Vec<_> = search.as_deref().map(|text| ("search", text)).into_iter().collect();
            let header = ["NAME", "PROVIDER", "BUCKET", "USED", "FILES", "FOLDERS", "S3", "HEALTH"];
            form.list(&api.all("/storages", &query)?, &header, row)
        }
        StorageCommand::Show { storage } => show(form, &api.find_storage(&storage)?),
    }
}

fn create(form: Form, api: &Api, given: &StorageCreate) -> anyhow::Result<()> {
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
        set_text(&mut body, field, value.as_ref());
    }
    if let Some(path_style) = given.path_style {
        set(&mut body, "path_style", json!(path_style));
    }
    if given.access_key_id.is_some() {
        set(&mut body, "secret_access_key", json!(*provider_secret(given.secret_file.as_deref())?));
    }
    if given.test {
        return steps(form, &api.post("/storages/test-connection", &body)?);
    }
    set(&mut body, "name", json!(given.name));
    set_text(&mut body, "label", given.label.as_ref());
    if let Some(quota) = given.quota {
        set(&mut body, "quota_bytes", json!(quota));
    }
    for (field, wanted) in [("share_bucket", given.share_bucket), ("skip_check", given.skip_check)] {
        if wanted {
            set(&mut body, field, json!(true));
        }
    }
    show(form, &api.post("/storages", &body)?)
}

fn update(form: Form, api: &Api, given: &StorageUpdate) -> anyhow::Result<()> {
    let found = api.find_storage(&given.storage)?;
    if given.dry_run {
        let record = format!("/storages/{}", text(&found, "id"));
        return super::networks::preview(api, form, &record, &given.networks);
    }
    let mut body = json!({});
    set_text(&mut body, "name", given.name.as_ref());
    set_text(&mut body, "permission", given.permission.as_ref());
    set_networks(&mut body, &given.networks);
    if let Some(s3_access) = given.s3_access {
        set(&mut body, "s3_access", json!(s3_access));
    }
    match given.quota {
        None => {}
        Some(Limit::None) => set(&mut body, "quota_bytes", Value::Null),
        Some(Limit::At(bytes)) => set(&mut body, "quota_bytes", json!(bytes)),
    }
    show(form, &api.patch(&format!("/storages/{}", text(&found, "id")), &body)?)
}

/// The provider's secret, from where it cannot be seen by other users of the machine.
fn provider_secret(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let text = match (file, config::env("PORTCULLIS_PROVIDER_SECRET")) {
        (Some(path), _) => secret::of_file(path)?,
        (None, Some(secret)) => Zeroizing::new(secret),
        (None, None) => secret::hidden("Secret access key of the provider: ", false)?,
    };
    let secret = Zeroizing::new(text.trim().to_owned());
    if secret.is_empty() {
        bail!("the provider's secret is empty");
    }
    Ok(secret)
}

/// What a test found; an error if a step failed.
fn steps(form: Form, answer: &Value) -> anyhow::Result<()> {
    let found = answer.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let ok = |step: &Value| step.get("ok").and_then(Value::as_bool) == Some(true);
    match form {
        Form::Programs => form.record(answer, &[])?,
        Form::People => form.list(found, &["STEP", "RESULT", "FOUND", "WHAT TO DO"], |step| {
            let word = if ok(step) { "ok" } else { "FAILED" };
            vec![text(step, "name"), word.to_owned(), text(step, "detail"), text(step, "advice")]
        })?,
    }
    if let Some(failed) = found.iter().find(|step| !ok(step)) {
        bail!("the step \"{}\" failed", text(failed, "name"));
    }
    Ok(())
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

fn show(form: Form, item: &Value) -> anyhow::Result<()> {
    let quota = size(item, "quota_bytes");
    form.record(
        item,
        &[
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
            ("Tried out", tried_out(item)),
            ("Used", size(item, "used_bytes")),
            ("Available", size(item, "available_bytes")),
            ("Quota", if quota == "-" { "none".to_owned() } else { quota }),
            ("Files", text(item, "files")),
            ("Folders", text(item, "folders")),
            ("S3 active", text(item, "s3_active")),
            ("Health", text(item, "health")),
            ("Paused until", text(item, "paused_until")),
            ("Created", text(item, "created_at")),
        ],
    )
}
