//! `portcullis group`.

use serde_json::{Value, json};

use super::api::Api;
use super::args::{GroupCommand, Remote};
use super::render::{Form, confirmed, text};

pub(super) fn run(remote: &Remote, command: GroupCommand) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        GroupCommand::List { search } => {
            let query: Vec<_> = search.as_deref().map(|text| ("search", text)).into_iter().collect();
            form.list(&api.all("/groups", &query)?, &["NAME", "MEMBERS", "ID", "CREATED"], |group| {
                ["name", "members", "id", "created_at"].map(|field| text(group, field)).into()
            })
        }
        GroupCommand::Create { name } => show(form, &api.post("/groups", &json!({ "name": name }))?, None),
        GroupCommand::Show { group } => {
            let group = api.find_group(&group)?;
            let members = api.all(&format!("/groups/{}/members", text(&group, "id")), &[])?;
            show(form, &group, Some(&members))
        }
        GroupCommand::Rename { group, name } => {
            let id = text(&api.find_group(&group)?, "id");
            show(form, &api.patch(&format!("/groups/{id}"), &json!({ "name": name }))?, None)
        }
        GroupCommand::Add { group, users } => {
            for path in places(&api, &group, &users)? {
                api.put(&path, &json!({}))?;
            }
            form.done(&Value::Null, &format!("{} are in {group} now.", users.join(", ")))
        }
        GroupCommand::Remove { group, users } => {
            for path in places(&api, &group, &users)? {
                api.delete(&path)?;
            }
            form.done(&Value::Null, &format!("{} are no longer in {group}.", users.join(", ")))
        }
        GroupCommand::Delete { group, yes } => {
            let id = text(&api.find_group(&group)?, "id");
            confirmed(yes, &format!("Delete the group {group}? What is shared with it is shared no more."))?;
            form.done(&api.delete(&format!("/groups/{id}"))?, &format!("Deleted {group}."))
        }
    }
}

/// The addresses of these memberships. All of the people are found before the first is put in or taken out.
fn places(api: &Api, group: &str, users: &[String]) -> anyhow::Result<Vec<String>> {
    let group = text(&api.find_group(group)?, "id");
    let place = |user: &String| {
        let user = text(&api.find_user(user)?, "id");
        Ok(format!("/groups/{group}/members/{user}"))
    };
    users.iter().map(place).collect()
}

fn show(form: Form, group: &Value, members: Option<&[Value]>) -> anyhow::Result<()> {
    let mut rows = vec![
        ("Name", text(group, "name")),
        ("Id", text(group, "id")),
        ("Members", text(group, "members")),
        ("Created", text(group, "created_at")),
    ];
    if let Some(members) = members {
        let names: Vec<_> = members.iter().map(|user| text(user, "username")).collect();
        rows.push(("People", names.join(", ")));
    }
    form.record(group, &rows)
}
