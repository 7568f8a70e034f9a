//! Signing in from the command line.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::api::{Api, Refusal};
use super::args::{LoginArgs, Remote};
use super::render::{set, set_text};
use super::secret;
use crate::{config, output};

/// A sign-in that is kept between calls.
pub(super) struct SignIn {
    pub(super) server: String,
    pub(super) token: String,
}

/// `$XDG_CONFIG_HOME/portcullis/session.json`, or below `~/.config`.
fn path() -> Option<PathBuf> {
    let base = config::env("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let base = base.or_else(|| config::env("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(base.join("portcullis").join("session.json"))
}

/// The sign-in that is kept, if any.
pub(super) fn kept() -> Option<SignIn> {
    let mut text = String::new();
    fs::File::open(path()?).ok()?.take(64 << 10).read_to_string(&mut text).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    let field = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(SignIn { server: field("server")?, token: field("token")? })
}

/// Asks for the password, signs in, keeps the token with mode 0600. Asks for a code if the account has a second factor.
pub(super) fn login(remote: &Remote, args: &LoginArgs) -> anyhow::Result<()> {
    let path =
        path().context("neither HOME nor XDG_CONFIG_HOME is set; there is no place to keep the sign-in")?;
    let api = Api::anonymous(remote.server.as_deref())?;
    let password = secret::password(&args.password, &format!("Password of {}: ", args.username))?;
    let mut body = json!({ "username": args.username, "password": *password });
    set_text(&mut body, "otp", args.otp.otp.as_ref());
    let answer = api.post("/sessions", &body).or_else(|error| {
        if args.otp.otp.is_some() || !needs_code(&error) || !secret::can_ask() {
            return Err(error);
        }
        set(&mut body, "otp", json!(secret::asked("Code of the authenticator app, or a recovery code: ")?));
        api.post("/sessions", &body)
    })?;
    let token = answer.get("token").and_then(Value::as_str).context("the answer holds no token")?;
    keep(&path, api.base(), token)?;
    let until = answer.get("expires_at").and_then(Value::as_str).unwrap_or("later");
    output::line(&format!("Signed in to {} as {} until {until}.", api.base(), args.username))?;
    Ok(())
}

/// Whether a refusal asks for the code of a second factor.
pub(super) fn needs_code(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<Refusal>().map(|refusal| refusal.code.as_str());
    code == Some("second-factor-needed")
}

/// Writes the sign-in as a whole or not at all, for nobody else to read.
fn keep(path: &Path, server: &str, token: &str) -> anyhow::Result<()> {
    let dir = path.parent().context("no directory")?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let draft = path.with_extension("new");
    // What a broken-off attempt left may have another mode.
    drop(fs::remove_file(&draft));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(json!({ "server": server, "token": token }).to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    Ok(())
}

/// Ends the sign-in at the server and forgets it.
pub(super) fn logout() -> anyhow::Result<()> {
    let Some(kept) = kept() else { bail!("not signed in") };
    let ended = Api::anonymous(Some(&kept.server))?.with_token(kept.token).delete("/sessions/current");
    if let Some(path) = path() {
        fs::remove_file(path)?;
    }
    ended.context("the sign-in was forgotten here, but the server could not be told")?;
    output::line(&format!("Signed out of {}.", kept.server))?;
    Ok(())
}
