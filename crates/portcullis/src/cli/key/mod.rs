//! `portcullis key`.

mod advice;
mod chosen;
mod mail;
mod overlap;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::Usage;
use super::api::Api;
use super::args::{KeyCommand, KeyCreate, KeyUpdate, Remote, RotateArgs, TemporaryArgs};
use super::networks::tried_out;
use super::render::{Form, confirmed, fields, networks, set, set_moment, set_networks, set_text, text};
use crate::output;

pub(super) fn run(remote: &Remote, command: KeyCommand) -> anyhow::Result<()> {
    // With the key's own rights and no others.
    if let KeyCommand::Prove(args) = &command {
        return super::prove::run(remote, args);
    }
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        KeyCommand::Create(args) => create(&api, form, &args),
        KeyCommand::List { storage, user, search } => {
            list(&api, form, storage.as_deref(), user.as_deref(), search.as_deref())
        }
        KeyCommand::Show { key } => show(form, &api.find_key(&key)?),
        KeyCommand::Update(args) => update(&api, form, &args),
        KeyCommand::Disable { key } => change(&api, form, &key, &json!({ "permission": "none" })),
        KeyCommand::Enable { key, permission } => {
            change(&api, form, &key, &json!({ "permission": permission }))
        }
        KeyCommand::Rotate(args) => rotate(&api, form, &args),
        KeyCommand::Overlap(command) => overlap::run(&api, form, command),
        KeyCommand::Trial(command) => super::networks::trial(&api, form, &command, |of| {
            Ok(format!("/keys/{}", text(&api.find_key(of)?, "id")))
        }),
        KeyCommand::Advice(args) => advice::run(&api, form, &args),
        KeyCommand::Knocks(args) => super::refusals::knocks(&api, form, &args),
        KeyCommand::Temporary(args) => temporary(&api, form, &args),
        KeyCommand::Prove(args) => super::prove::run(remote, &args),
        KeyCommand::Delete { key, yes } => {
            let id = text(&api.find_key(&key)?, "id");
            confirmed(yes, &format!("Delete {key} for good? Tools that use it stop working at once."))?;
            form.done(&api.delete(&format!("/keys/{id}"))?, &format!("Deleted {key}."))
        }
    }
}

/// What a key is for, as the call says it or, if it says nothing, as is usual for whoever asks.
struct Wanted {
    scope: Value,
    channel: &'static str,
    permission: &'static str,
    storage: Option<Value>,
}

fn wanted(api: &Api, args: &KeyCreate) -> anyhow::Result<Wanted> {
    if let Some(name) = &args.storage {
        let storage = api.find_storage(name)?;
        let scope = json!({ "storage": storage.get("id") });
        return Ok(Wanted { scope, channel: "s3", permission: "read", storage: Some(storage) });
    }
    let user = match args.user.as_deref() {
        Some(name) => user_id(api, name)?,
        None => {
            let me = api.get("/me")?;
            if me.get("admin").and_then(Value::as_bool) == Some(true) {
                return Ok(Wanted {
                    scope: json!("site"),
                    channel: "rest",
                    permission: "full",
                    storage: None,
                });
            }
            own_id(&me)?
        }
    };
    Ok(Wanted { scope: json!({ "user": user }), channel: "rest", permission: "read_write", storage: None })
}

/// The id of a user; `me` is the one who asks.
fn user_id(api: &Api, wanted: &str) -> anyhow::Result<String> {
    if wanted == "me" { own_id(&api.get("/me")?) } else { Ok(text(&api.find_user(wanted)?, "id")) }
}

/// The id of the user who asks.
fn own_id(me: &Value) -> anyhow::Result<String> {
    let id = me.pointer("/user/id").and_then(Value::as_str);
    id.map(str::to_owned).context("these credentials belong to no user; name a storage with --storage")
}

fn create(api: &Api, form: Form, args: &KeyCreate) -> anyhow::Result<()> {
    let wanted = wanted(api, args)?;
    let mut body = json!({
        "name": args.name,
        "channel": args.channel.as_deref().unwrap_or(wanted.channel),
        "scope": wanted.scope,
        "permission": args.permission.as_deref().unwrap_or(wanted.permission),
    });
    set_networks(&mut body, &args.networks);
    for (name, value) in [
        ("overwrite", &args.overwrite),
        ("prefix", &args.prefix),
        ("expires_at", &args.expires),
        ("on_leak", &args.on_leak),
    ] {
        set_text(&mut body, name, value.as_ref());
    }
    if args.s3 {
        set(&mut body, "s3", json!(true));
    }
    chosen::set_chosen(&mut body, &args.chosen)?;
    let public_keys = chosen::lines(&args.public_keys)?;
    if !public_keys.is_empty() {
        set(&mut body, "public_keys", Value::from(public_keys));
    }
    mail::set_mail(&mut body, &args.mail);
    let answer = api.post("/keys", &body)?;
    tell(form, &answer, wanted.storage.as_ref(), args.setup.as_deref())
}

fn rotate(api: &Api, form: Form, args: &RotateArgs) -> anyhow::Result<()> {
    // Beforehand: once the secret is told, nothing may fail before it is shown.
    let key = api.find_key(&args.key)?;
    let storage = key.pointer("/scope/storage").and_then(Value::as_str);
    let storage = storage.map(|id| api.get(&format!("/storages/{id}"))).transpose()?;
    let mut body = json!({});
    if let Some(seconds) = args.overlap {
        set(&mut body, "overlap_seconds", json!(seconds));
    }
    if args.keep_access_key {
        set(&mut body, "keep_access_key", json!(true));
    }
    set_text(&mut body, "reason", args.reason.as_ref());
    chosen::set_chosen(&mut body, &args.chosen)?;
    let answer = api.post(&format!("/keys/{}/rotate", text(&key, "id")), &body)?;
    tell(form, &answer, storage.as_ref(), args.setup.as_deref())?;
    if let Some(until) = answer.pointer("/key/overlap/until").and_then(Value::as_str) {
        output::prompt(&format!("The old credentials work until {until}; see `key overlap show`.\n"));
    }
    Ok(())
}

/// Shows a new secret in the form that was asked for.
fn tell(form: Form, answer: &Value, storage: Option<&Value>, tool: Option<&str>) -> anyhow::Result<()> {
    if let Some(tool) = tool {
        let setups = [answer.get("setup"), answer.pointer("/s3/setup")];
        let found = setups.into_iter().flatten().find_map(|setup| setup.get(tool).and_then(Value::as_str));
        let Some(text) = found else {
            // The secret exists and will not be told again: it must not be lost over a typing error.
            one_time(answer, storage)?;
            let known =
                setups.into_iter().flatten().filter_map(Value::as_object).flat_map(|tools| tools.keys());
            let known = known.cloned().collect::<Vec<_>>().join(", ");
            bail!(Usage(format!("no set-up for \"{tool}\"; known are {known}")));
        };
        return Ok(output::line(text.trim_end())?);
    }
    match form {
        Form::Programs => form.record(answer, &[]),
        Form::People => one_time(answer, storage),
    }
}

/// The fields of a new credential, in their order, and the word that they are not to be had again.
fn one_time(answer: &Value, storage: Option<&Value>) -> anyhow::Result<()> {
    let key = answer.get("key").context("the answer holds no key")?;
    let channel = text(key, "channel");
    let on_s3 = channel == "s3";
    let with_folders = matches!(channel.as_str(), "http" | "ftp" | "web-service" | "email");
    let told = answer.get("secret").is_some_and(|secret| !secret.is_null());
    let mut rows = Vec::new();
    if let Some(storage) = storage {
        rows.push(("Storage", text(storage, "name")));
    }
    rows.push(("Permission", text(key, "permission")));
    rows.push(("Networks", networks(key)));
    if with_folders {
        let addresses = answer.get("addresses").and_then(Value::as_object);
        let shown: Vec<_> = addresses.into_iter().flatten().filter_map(|(_, at)| at.as_str()).collect();
        rows.push(("Addresses", if shown.is_empty() { "-".to_owned() } else { shown.join(" ") }));
    } else if on_s3 || storage.is_some() {
        rows.push(("S3 server", text(answer, "s3_address")));
    }
    if storage.is_some() {
        rows.push(("Bucket", text(answer, "bucket_name")));
    }
    if with_folders {
        let login = key.get("login").is_some_and(|login| !login.is_null());
        rows.push(("User name", text(key, if login { "login" } else { "access_key" })));
        rows.push((
            "Secret",
            if told { text(answer, "secret") } else { "the one that you chose".to_owned() },
        ));
        if channel == "ftp" {
            rows.push(("Public keys", chosen::fingerprints(key)));
        }
        if channel == "email" {
            rows.push(("Messages", mail::in_words(key)));
        }
    } else {
        rows.push(("Access key", text(key, "access_key")));
        rows.push(("Secret key", text(answer, "secret")));
    }
    if answer.get("bearer").is_some_and(|bearer| !bearer.is_null()) {
        rows.push(("Bearer", text(answer, "bearer")));
    }
    if let Some(s3) = answer.get("s3").filter(|s3| !s3.is_null()) {
        rows.push(("S3 server", text(answer, "s3_address")));
        rows.push(("S3 access key", s3.get("key").map_or_else(String::new, |key| text(key, "access_key"))));
        rows.push(("S3 secret key", text(s3, "secret")));
    }
    fields(&rows)?;
    if told {
        output::prompt("\nStore the secret now: it is not shown again, by anybody.\n");
    }
    Ok(())
}

fn temporary(api: &Api, form: Form, args: &TemporaryArgs) -> anyhow::Result<()> {
    let key = api.find_key(&args.key)?;
    let mut body = json!({ "duration_seconds": args.duration });
    set_text(&mut body, "permission", args.permission.as_ref());
    set_text(&mut body, "prefix", args.prefix.as_ref());
    set_networks(&mut body, &args.networks);
    if let Some(storage) = &args.storage {
        let found = api.find_storage(storage).or_else(|_| api.find_own_storage(storage))?;
        set(&mut body, "storage", json!(text(&found, "id")));
    }
    let answer = api.post(&format!("/keys/{}/temporary-credentials", text(&key, "id")), &body)?;
    form.record(
        &answer,
        &[
            ("Access key", text(&answer, "access_key")),
            ("Secret key", text(&answer, "secret")),
            ("Session token", text(&answer, "session_token")),
            ("Expires", text(&answer, "expires_at")),
        ],
    )
}

fn list(
    api: &Api,
    form: Form,
    storage: Option<&str>,
    user: Option<&str>,
    search: Option<&str>,
) -> anyhow::Result<()> {
    let storage = storage.map(|wanted| api.find_storage(wanted)).transpose()?.map(|found| text(&found, "id"));
    let user = user.map(|wanted| user_id(api, wanted)).transpose()?;
    let filters = [("storage", storage.as_deref()), ("user", user.as_deref()), ("search", search)];
    let query: Vec<_> = filters.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
    let header = ["NAME", "ACCESS KEY", "CHANNEL", "PERMISSION", "NETWORKS", "STATE", "EXPIRES", "LAST USED"];
    form.list(&api.all("/keys", &query)?, &header, |item| {
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
    })
}

fn show(form: Form, key: &Value) -> anyhow::Result<()> {
    let used = key.get("last_used").filter(|used| !used.is_null());
    let overlap = key.get("overlap").filter(|overlap| !overlap.is_null());
    let last = |used: &Value| {
        format!("{} from {} with {}", text(used, "at"), text(used, "address"), text(used, "tool"))
    };
    form.record(
        key,
        &[
            ("Name", text(key, "name")),
            ("Id", text(key, "id")),
            ("Access key", text(key, "access_key")),
            ("User name", text(key, "login")),
            ("Public keys", chosen::fingerprints(key)),
            ("Messages", mail::in_words(key)),
            ("Channel", text(key, "channel")),
            ("Scope", key.get("scope").map_or_else(String::new, Value::to_string)),
            ("Permission", text(key, "permission")),
            ("Overwrite", text(key, "overwrite")),
            ("Networks", networks(key)),
            ("Tried out", tried_out(key)),
            ("Prefix", text(key, "prefix")),
            ("State", text(key, "state")),
            ("Expires", text(key, "expires_at")),
            ("If found", text(key, "on_leak")),
            ("Secret found", text(key, "leaked_at")),
            ("Created", text(key, "created_at")),
            ("Last used", used.map_or_else(|| "never".to_owned(), last)),
            ("Old pair", overlap.map_or_else(|| "stopped".to_owned(), overlap::in_words)),
        ],
    )
}

fn update(api: &Api, form: Form, args: &KeyUpdate) -> anyhow::Result<()> {
    if args.dry_run {
        let record = format!("/keys/{}", text(&api.find_key(&args.key)?, "id"));
        return super::networks::preview(api, form, &record, &args.networks);
    }
    let mut body = json!({});
    if args.confirm_lockout {
        set(&mut body, "confirm_lockout", json!(true));
    }
    let texts = [
        ("name", &args.name),
        ("permission", &args.permission),
        ("overwrite", &args.overwrite),
        ("prefix", &args.prefix),
        ("on_leak", &args.on_leak),
    ];
    for (name, value) in texts {
        set_text(&mut body, name, value.as_ref());
    }
    set_networks(&mut body, &args.networks);
    set_moment(&mut body, "expires_at", args.expires.as_ref());
    mail::set_mail(&mut body, &args.mail);
    if !args.add_public_keys.is_empty() || !args.remove_public_keys.is_empty() {
        let key = api.find_key(&args.key)?;
        if let Some(keys) = chosen::changed(&key, &args.add_public_keys, &args.remove_public_keys)? {
            set(&mut body, "public_keys", keys);
        }
        // Under its id, in case that is what changes.
        return show(form, &api.patch(&format!("/keys/{}", text(&key, "id")), &body)?);
    }
    change(api, form, &args.key, &body)
}

fn change(api: &Api, form: Form, wanted: &str, body: &Value) -> anyhow::Result<()> {
    let id = text(&api.find_key(wanted)?, "id");
    show(form, &api.patch(&format!("/keys/{id}"), body)?)
}
