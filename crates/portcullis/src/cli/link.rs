//! `portcullis link`.

use serde_json::{Value, json};

use super::api::Api;
use super::args::{LinkCommand, LinkCreate, LinkUpdate, Remote};
use super::render::{Form, networks, set, set_moment, set_networks, set_text, text};
use super::secret;
use crate::output;

pub(super) fn run(remote: &Remote, command: LinkCommand) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        LinkCommand::List { storage, search } => list(&api, form, storage.as_deref(), search.as_deref()),
        LinkCommand::Create(args) => create(&api, form, &args),
        LinkCommand::Show { link } => {
            let link = api.find_link(&link)?;
            form.record(&link, &rows(&link))
        }
        LinkCommand::Update(args) => update(&api, form, &args),
        LinkCommand::End { link } => {
            let id = text(&api.find_link(&link)?, "id");
            form.done(&api.delete(&format!("/share-links/{id}"))?, &format!("Ended {link}."))
        }
    }
}

fn list(api: &Api, form: Form, storage: Option<&str>, search: Option<&str>) -> anyhow::Result<()> {
    let storage = storage.map(|wanted| api.find_storage(wanted)).transpose()?.map(|found| text(&found, "id"));
    let filters = [("storage", storage.as_deref()), ("search", search)];
    let query: Vec<_> = filters.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
    let header = ["NAME", "LEADS TO", "PERMISSION", "DOWNLOADS", "STATE", "EXPIRES", "ID"];
    form.list(&api.all("/share-links", &query)?, &header, |link| {
        vec![
            text(link, "name"),
            target(link),
            text(link, "permission"),
            downloads(link),
            text(link, "state"),
            text(link, "expires_at"),
            text(link, "id"),
        ]
    })
}

/// The file, or the folder; the empty one is the whole storage.
fn target(link: &Value) -> String {
    let file = link.get("file").and_then(Value::as_str);
    let folder = link.get("folder").and_then(Value::as_str);
    file.or(folder).filter(|target| !target.is_empty()).unwrap_or("the whole storage").to_owned()
}

fn downloads(link: &Value) -> String {
    match link.get("max_downloads").and_then(Value::as_u64) {
        None => text(link, "downloads"),
        Some(most) => format!("{} of {most}", text(link, "downloads")),
    }
}

fn rows(link: &Value) -> Vec<(&'static str, String)> {
    vec![
        ("Name", text(link, "name")),
        ("Id", text(link, "id")),
        ("Leads to", target(link)),
        ("Permission", text(link, "permission")),
        ("Networks", networks(link)),
        ("Password", text(link, "has_password")),
        ("Downloads", downloads(link)),
        ("State", text(link, "state")),
        ("Expires", text(link, "expires_at")),
        ("Created", text(link, "created_at")),
    ]
}

fn create(api: &Api, form: Form, args: &LinkCreate) -> anyhow::Result<()> {
    let storage = api.find_storage(&args.storage)?;
    let mut body = json!({ "storage": storage.get("id"), "name": args.name, "permission": args.permission });
    match (&args.file, &args.folder) {
        (Some(file), _) => set(&mut body, "file", json!(file)),
        (None, folder) => set(&mut body, "folder", json!(folder.as_deref().unwrap_or_default())),
    }
    if args.password || args.from.password_stdin || args.from.password_file.is_some() {
        let password = secret::new_password(&args.from, "Password of the link: ")?;
        set(&mut body, "password", json!(*password));
    }
    set_text(&mut body, "expires_at", args.expires.as_ref());
    if let Some(most) = args.max_downloads {
        set(&mut body, "max_downloads", json!(most));
    }
    set_networks(&mut body, &args.networks);
    let answer = api.post("/share-links", &body)?;
    let mut shown = answer.get("link").map(rows).unwrap_or_default();
    shown.push(("Address", text(&answer, "url")));
    form.record(&answer, &shown)?;
    if form == Form::People {
        output::prompt("\nKeep the address now: it is not shown again, by anybody.\n");
    }
    Ok(())
}

fn update(api: &Api, form: Form, args: &LinkUpdate) -> anyhow::Result<()> {
    let id = text(&api.find_link(&args.link)?, "id");
    let mut body = json!({});
    set_text(&mut body, "name", args.name.as_ref());
    set_moment(&mut body, "expires_at", args.expires.as_ref());
    set_networks(&mut body, &args.networks);
    let link = api.patch(&format!("/share-links/{id}"), &body)?;
    form.record(&link, &rows(&link))
}
