//! `portcullis me`.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::api::Api;
use super::args::{MeCommand, Remote};
use super::render::{Form, at, fields, text};
use super::secret;
use crate::output;

pub(super) fn run(remote: &Remote, command: MeCommand) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        MeCommand::Show => show(form, &api.get("/me")?),
        MeCommand::Storages => storages(form, &api.all("/me/storages", &[])?),
        MeCommand::Password { password_stdin } => password(&api, form, password_stdin),
        MeCommand::Totp => totp(&api, form),
        MeCommand::RemoveTotp => {
            form.done(&api.delete("/me/totp")?, "The authenticator app is no longer asked for.")
        }
        MeCommand::RecoveryCodes => codes(form, &api.post("/me/recovery-codes", &json!({}))?),
        MeCommand::Passkeys => {
            form.list(&api.all("/me/passkeys", &[])?, &["NAME", "ID", "CREATED", "LAST USED"], |passkey| {
                ["name", "id", "created_at", "last_used_at"].map(|field| text(passkey, field)).into()
            })
        }
        MeCommand::RemovePasskey { passkey } => remove_passkey(&api, form, &passkey),
    }
}

fn show(form: Form, me: &Value) -> anyhow::Result<()> {
    form.record(
        me,
        &[
            ("Signed in as", at(me, "/user/username")),
            ("Role", at(me, "/user/role")),
            ("Key", at(me, "/key/name")),
            ("Site", at(me, "/site/name")),
            ("Administers", text(me, "admin")),
            ("Second factor", text(me, "second_factor")),
        ],
    )
}

fn storages(form: Form, items: &[Value]) -> anyhow::Result<()> {
    form.list(items, &["NAME", "BUCKET", "S3 SERVER", "MAY"], |storage| {
        let reach = storage.get("reach").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let part = |reach: &Value| match text(reach, "prefix").as_str() {
            "" | "-" => text(reach, "permission"),
            prefix => format!("{} below {prefix}", text(reach, "permission")),
        };
        let may = reach.iter().map(part).collect::<Vec<_>>().join(", ");
        vec![text(storage, "name"), text(storage, "bucket_name"), text(storage, "s3_address"), may]
    })
}

fn password(api: &Api, form: Form, from_stdin: bool) -> anyhow::Result<()> {
    let current = secret::hidden("Your present password: ", from_stdin)?;
    let new = secret::hidden("The new one: ", from_stdin)?;
    if secret::can_ask() && !from_stdin && *secret::hidden("Once more: ", false)? != *new {
        bail!("the two passwords are not the same; nothing was done");
    }
    let answer = api.put("/me/password", &json!({ "current": *current, "new": *new }))?;
    form.done(&answer, "Changed. Your other sign-ins have ended.")
}

/// Sets up an authenticator app: what it needs to know, then the proof that it knows it.
fn totp(api: &Api, form: Form) -> anyhow::Result<()> {
    let begun = api.post("/me/totp", &json!({}))?;
    let shown = [("Secret", text(&begun, "secret")), ("Address", text(&begun, "uri"))];
    match form {
        Form::Programs => form.record(&begun, &[])?,
        Form::People => fields(&shown)?,
    }
    let code = secret::asked("Put the secret into the app, and type the code that it shows: ")?;
    codes(form, &api.post("/me/totp/confirm", &json!({ "state": begun.get("state"), "code": code }))?)
}

/// Recovery codes, and the word that they are not to be had again.
fn codes(form: Form, answer: &Value) -> anyhow::Result<()> {
    let codes =
        answer.get("recovery_codes").and_then(Value::as_array).context("the answer holds no codes")?;
    match form {
        Form::Programs => form.record(answer, &[])?,
        Form::People => {
            for code in codes.iter().filter_map(Value::as_str) {
                output::line(code)?;
            }
            output::prompt(
                "\nEach of these codes stands in once for the app. Keep them: they are not shown again.\n",
            );
        }
    }
    Ok(())
}

fn remove_passkey(api: &Api, form: Form, wanted: &str) -> anyhow::Result<()> {
    let items = api.all("/me/passkeys", &[])?;
    let mut found = items
        .iter()
        .filter(|passkey| [text(passkey, "id"), text(passkey, "name")].iter().any(|name| name == wanted));
    let id = match (found.next(), found.next()) {
        (Some(passkey), None) => text(passkey, "id"),
        (Some(_), Some(_)) => bail!("several passkeys are called \"{wanted}\"; use the id"),
        (None, _) => bail!("no passkey \"{wanted}\"; `portcullis me passkeys` shows them"),
    };
    form.done(&api.delete(&format!("/me/passkeys/{id}"))?, &format!("Took {wanted} away."))
}
