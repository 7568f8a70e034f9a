//! `portcullis grant`.

use serde_json::{Value, json};

use super::api::Api;
use super::args::{GrantCommand, GrantCreate, GrantFilter, Remote};
use super::render::{Form, set, set_text, text};

pub(super) fn run(remote: &Remote, command: GrantCommand) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        GrantCommand::List(filter) => list(&api, form, &filter),
        GrantCommand::Create(args) => create(&api, form, &args),
        GrantCommand::Update { grant, permission, prefix } => {
            let mut body = json!({});
            set_text(&mut body, "permission", permission.as_ref());
            set_text(&mut body, "prefix", prefix.as_ref());
            let answer = api.patch(&format!("/grants/{grant}"), &body)?;
            form.record(&answer, &answer.get("grant").map(rows).unwrap_or_default())
        }
        GrantCommand::Delete { grant } => {
            let ended = api.delete(&format!("/grants/{grant}"))?;
            form.done(&ended, &format!("Shared no more; {} transfers ended.", text(&ended, "transfers")))
        }
    }
}

/// The ids of the storage, user and group that were named.
fn ids(api: &Api, filter: &GrantFilter) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    if let Some(storage) = &filter.storage {
        found.push(("storage", text(&api.find_storage(storage)?, "id")));
    }
    if let Some(user) = &filter.user {
        found.push(("user", text(&api.find_user(user)?, "id")));
    }
    if let Some(group) = &filter.group {
        found.push(("group", text(&api.find_group(group)?, "id")));
    }
    Ok(found)
}

fn list(api: &Api, form: Form, filter: &GrantFilter) -> anyhow::Result<()> {
    let query = ids(api, filter)?;
    let query: Vec<_> = query.iter().map(|(name, id)| (*name, id.as_str())).collect();
    let header = ["STORAGE", "WITH", "PERMISSION", "PREFIX", "ID", "CREATED"];
    form.list(&api.all("/grants", &query)?, &header, |grant| {
        ["storage_name", "grantee_name", "permission", "prefix", "id", "created_at"]
            .map(|field| text(grant, field))
            .into()
    })
}

fn create(api: &Api, form: Form, args: &GrantCreate) -> anyhow::Result<()> {
    let named = GrantFilter {
        storage: Some(args.storage.clone()),
        user: args.user.clone(),
        group: args.group.clone(),
    };
    let mut body = json!({ "permission": args.permission });
    for (name, id) in ids(api, &named)? {
        set(&mut body, name, json!(id));
    }
    set_text(&mut body, "prefix", args.prefix.as_ref());
    let grant = api.post("/grants", &body)?;
    form.record(&grant, &rows(&grant))
}

fn rows(grant: &Value) -> Vec<(&'static str, String)> {
    vec![
        ("Id", text(grant, "id")),
        ("Storage", text(grant, "storage_name")),
        ("With", text(grant, "grantee_name")),
        ("Permission", text(grant, "permission")),
        ("Prefix", text(grant, "prefix")),
        ("Created", text(grant, "created_at")),
    ]
}
