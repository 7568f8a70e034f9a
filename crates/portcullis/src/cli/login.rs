//! Signing in from the command line.

use std::fs;
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::api::Api;
use super::args::{LoginArgs, Remote};
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

/// Asks for the password, signs in, keeps the token with mode 0600.
pub(super) fn login(remote: &Remote, args: &LoginArgs) -> anyhow::Result<()> {
    let path =
        path().context("neither HOME nor XDG_CONFIG_HOME is set; there is no place to keep the sign-in")?;
    let api = Api::anonymous(remote.server.as_deref());
    let password = password(args)?;
    let body = json!({ "username": args.username, "password": *password });
    let answer = api.post("/sessions", &body)?;
    let token = answer.get("token").and_then(Value::as_str).context("the answer holds no token")?;
    let dir = path.parent().context("no directory")?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let draft = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(json!({ "server": api.base(), "token": token }).to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    let until = answer.get("expires_at").and_then(Value::as_str).unwrap_or("later");
    output::line(&format!("Signed in to {} as {} until {until}.", api.base(), args.username))?;
    Ok(())
}

/// Ends the sign-in at the server and forgets it.
pub(super) fn logout(remote: &Remote) -> anyhow::Result<()> {
    let Some(kept) = kept() else { bail!("not signed in") };
    let remote = Remote { server: Some(kept.server.clone()), api_key: Some(kept.token), json: remote.json };
    let ended = Api::new(&remote)?.delete("/sessions/current");
    if let Some(path) = path() {
        fs::remove_file(path)?;
    }
    ended.context("the sign-in was forgotten here, but the server could not be told")?;
    output::line(&format!("Signed out of {}.", kept.server))?;
    Ok(())
}

fn password(args: &LoginArgs) -> anyhow::Result<Zeroizing<String>> {
    let password = hidden(&format!("Password of {}: ", args.username), args.password_stdin)?;
    if password.is_empty() {
        bail!("no password was given");
    }
    Ok(password)
}

/// A line that the terminal does not show while it is typed; from standard input without asking if that is no terminal, or wanted.
pub(super) fn hidden(question: &str, from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    let stdin = std::io::stdin();
    let mut text = Zeroizing::new(String::new());
    if from_stdin || !stdin.is_terminal() {
        stdin.lock().take(4096).read_line(&mut text)?;
    } else {
        output::prompt(question);
        let silent = Silence::begin()?;
        stdin.lock().take(4096).read_line(&mut text)?;
        drop(silent);
        output::prompt("\n");
    }
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// While it lives, the terminal does not show what is typed.
struct Silence(rustix::termios::Termios);

impl Silence {
    fn begin() -> anyhow::Result<Self> {
        let stdin = std::io::stdin();
        let before = rustix::termios::tcgetattr(&stdin)?;
        let mut silent = before.clone();
        silent.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Nothing can be done for a terminal that is gone.
        rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Flush, &self.0).ok();
    }
}
