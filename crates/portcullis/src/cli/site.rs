//! `portcullis site`.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::api::Api;
use super::args::{Remote, RuleArgs, SiteCommand};
use super::render::{Form, at, confirmed, set, set_text, text};

pub(super) fn run(remote: &Remote, command: SiteCommand) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        SiteCommand::List { search } => {
            let query: Vec<_> = search.as_deref().map(|text| ("search", text)).into_iter().collect();
            form.list(&api.all("/sites", &query)?, &["NAME", "ID", "ABOVE", "HOME", "CURRENT"], |item| {
                ["name", "id", "parent", "home", "current"].map(|field| text(item, field)).into()
            })
        }
        SiteCommand::Create { name, parent, rules } => {
            let mut body = json!({ "name": name });
            if let Some(parent) = parent {
                set(&mut body, "parent", json!(text(&api.find_site(&parent)?, "id")));
            }
            set_rules(&mut body, &rules);
            show(form, &api.post("/sites", &body)?)
        }
        SiteCommand::Show { site } => show(form, &api.find_site(&site)?),
        SiteCommand::Update { site, name, rules } => {
            let id = text(&api.find_site(&site)?, "id");
            let mut body = json!({});
            set_text(&mut body, "name", name.as_ref());
            set_rules(&mut body, &rules);
            show(form, &api.patch(&format!("/sites/{id}"), &body)?)
        }
        SiteCommand::Delete { site, yes } => {
            let id = text(&api.find_site(&site)?, "id");
            confirmed(yes, &format!("Delete the site {site}?"))?;
            form.done(&api.delete(&format!("/sites/{id}"))?, &format!("Deleted {site}."))
        }
        SiteCommand::Use { site } => enter(&api, form, &site),
    }
}

/// Acts in another site from now on; `back` is the one to which the person belongs.
fn enter(api: &Api, form: Form, wanted: &str) -> anyhow::Result<()> {
    let site = if wanted == "back" {
        let home = |site: &Value| site.get("home").and_then(Value::as_bool) == Some(true);
        api.all("/sites", &[])?
            .into_iter()
            .find(home)
            .context("these credentials have no site of their own")?
    } else {
        api.find_site(wanted)?
    };
    let answer = api.put("/sessions/current/site", &json!({ "site": text(&site, "id") }))?;
    form.done(&answer, &format!("You are in {} now.", text(&site, "name")))
}

fn set_rules(body: &mut Value, rules: &RuleArgs) {
    let mut wanted = json!({});
    for (name, value) in
        [("members_make_keys", rules.members_make_keys), ("keys_need_networks", rules.keys_need_networks)]
    {
        if let Some(value) = value {
            set(&mut wanted, name, json!(value));
        }
    }
    for (name, value) in
        [("longest_key_days", rules.longest_key_days), ("idle_key_days", rules.idle_key_days)]
    {
        if let Some(days) = value {
            set(&mut wanted, name, json!(days.0));
        }
    }
    set_text(&mut wanted, "second_factor", rules.second_factor.as_ref());
    set_text(&mut wanted, "data_events", rules.data_events.as_ref());
    if wanted != json!({}) {
        set(body, "rules", wanted);
    }
}

fn show(form: Form, site: &Value) -> anyhow::Result<()> {
    let rule = |name: &str| {
        let (own, holds) =
            (at(site, &format!("/rules/{name}")), at(site, &format!("/effective_rules/{name}")));
        if own == holds { holds } else { format!("{holds} (by a site above)") }
    };
    form.record(
        site,
        &[
            ("Name", text(site, "name")),
            ("Id", text(site, "id")),
            ("Above", text(site, "parent")),
            ("Members make keys", rule("members_make_keys")),
            ("Longest key days", rule("longest_key_days")),
            ("Keys need networks", rule("keys_need_networks")),
            ("Idle key days", rule("idle_key_days")),
            ("Second factor", rule("second_factor")),
            ("Data events", rule("data_events")),
            ("Created", text(site, "created_at")),
        ],
    )
}
