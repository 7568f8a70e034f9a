//! `portcullis session`.

use serde_json::{Value, json};

use super::api::Api;
use super::args::{Remote, SessionCommand};
use super::login::needs_code;
use super::render::{Form, set, set_text, text};
use super::secret;

pub(super) fn run(remote: &Remote, command: SessionCommand) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        SessionCommand::List => sessions(form, &api.all("/sessions", &[])?),
        SessionCommand::End { session } => {
            form.done(&api.delete(&format!("/sessions/{session}"))?, &format!("Ended {session}."))
        }
        SessionCommand::Confirm { password, otp } => {
            let password = secret::password(&password, "Your password: ")?;
            let mut body = json!({ "password": *password });
            set_text(&mut body, "otp", otp.otp.as_ref());
            let path = "/sessions/current/confirm";
            let answer = api.post(path, &body).or_else(|error| {
                if otp.otp.is_some() || !needs_code(&error) || !secret::can_ask() {
                    return Err(error);
                }
                set(&mut body, "otp", json!(secret::asked("Code of the authenticator app: ")?));
                api.post(path, &body)
            })?;
            form.done(&answer, "Confirmed for ten minutes.")
        }
    }
}

/// A list of sign-ins.
pub(super) fn sessions(form: Form, items: &[Value]) -> anyhow::Result<()> {
    form.list(items, &["ID", "BEGAN", "ENDS", "FROM", "WITH", "THIS ONE"], |session| {
        ["id", "created_at", "expires_at", "address", "tool", "current"]
            .map(|field| text(session, field))
            .into()
    })
}
