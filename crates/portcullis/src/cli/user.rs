//! `portcullis user`.

use serde_json::{Value, json};

use super::api::Api;
use super::args::{Remote, UserCommand, UserFilter};
use super::render::{Form, at, names, set, text};
use super::secret;
use super::session::sessions;
use crate::output;

pub(super) fn run(remote: &Remote, command: UserCommand) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        UserCommand::List(filter) => list(&api, form, &filter),
        UserCommand::Invite { username, role } => {
            invited(form, &api.post("/users", &json!({ "username": username, "role": role }))?)
        }
        UserCommand::Create { username, role, password } => {
            let mut body = json!({ "username": username, "role": role });
            let password = secret::new_password(&password, &format!("Password for {username}: "))?;
            set(&mut body, "password", json!(*password));
            let made = api.post("/users", &body)?;
            tell(form, &made)
        }
        UserCommand::Show { user } => {
            let user = api.find_user(&user)?;
            form.record(&user, &rows(&user))
        }
        UserCommand::Disable { user } => change(&api, form, &user, &json!({ "state": "disabled" })),
        UserCommand::Enable { user } => change(&api, form, &user, &json!({ "state": "active" })),
        UserCommand::Role { user, role } => change(&api, form, &user, &json!({ "role": role })),
        UserCommand::Reset { user, second_factor } => {
            let id = text(&api.find_user(&user)?, "id");
            let body = json!({ "second_factor": second_factor });
            invited(form, &api.post(&format!("/users/{id}/reset"), &body)?)
        }
        UserCommand::Sessions { user } => {
            let id = text(&api.find_user(&user)?, "id");
            sessions(form, &api.all(&format!("/users/{id}/sessions"), &[])?)
        }
        UserCommand::EndSessions { user } => {
            let id = text(&api.find_user(&user)?, "id");
            let ended = api.delete(&format!("/users/{id}/sessions"))?;
            let told = format!(
                "Ended {} sign-ins and {} transfers.",
                text(&ended, "sessions"),
                text(&ended, "transfers")
            );
            form.done(&ended, &told)
        }
    }
}

fn list(api: &Api, form: Form, filter: &UserFilter) -> anyhow::Result<()> {
    let filters = [("search", &filter.search), ("role", &filter.role), ("state", &filter.state)];
    let query: Vec<_> = filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let header = ["NAME", "ROLE", "STATE", "GROUPS", "KEYS", "SECOND FACTOR", "LAST SIGN-IN"];
    form.list(&api.all("/users", &query)?, &header, |user| {
        vec![
            text(user, "username"),
            text(user, "role"),
            text(user, "state"),
            names(user, "groups"),
            text(user, "keys"),
            second_factor(user),
            text(user, "last_sign_in_at"),
        ]
    })
}

fn second_factor(user: &Value) -> String {
    let passkeys = user.get("passkeys").and_then(Value::as_u64).unwrap_or(0);
    match (user.get("totp").and_then(Value::as_bool) == Some(true), passkeys) {
        (false, 0) => "none".to_owned(),
        (true, 0) => "app".to_owned(),
        (false, count) => format!("passkeys ({count})"),
        (true, count) => format!("app, passkeys ({count})"),
    }
}

fn rows(user: &Value) -> Vec<(&'static str, String)> {
    vec![
        ("Name", text(user, "username")),
        ("Id", text(user, "id")),
        ("Role", text(user, "role")),
        ("State", text(user, "state")),
        ("Groups", names(user, "groups")),
        ("Keys", text(user, "keys")),
        ("Second factor", second_factor(user)),
        ("Last sign-in", text(user, "last_sign_in_at")),
        ("Created", text(user, "created_at")),
    ]
}

/// Shows the user in an answer that holds more than the record.
fn tell(form: Form, answer: &Value) -> anyhow::Result<()> {
    form.record(answer, &answer.get("user").map(rows).unwrap_or_default())
}

fn change(api: &Api, form: Form, wanted: &str, body: &Value) -> anyhow::Result<()> {
    let id = text(&api.find_user(wanted)?, "id");
    tell(form, &api.patch(&format!("/users/{id}"), body)?)
}

/// Shows an invitation, and the word that it is not to be had again.
fn invited(form: Form, answer: &Value) -> anyhow::Result<()> {
    form.record(
        answer,
        &[("Invitation", at(answer, "/invitation/url")), ("Until", at(answer, "/invitation/expires_at"))],
    )?;
    if form == Form::People {
        output::prompt(
            "\nGive the link to this person alone: whoever has it chooses the password. It is not shown again.\n",
        );
    }
    Ok(())
}
