//! Where secrets come from: the terminal, standard input or a file. Never from the arguments of the call, which every user of the
//! machine can read.

use std::fs;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use super::args::PasswordArgs;
use crate::output;

/// The longest secret that is read, in bytes.
const LONGEST: u64 = 4096;
/// The longest file with a secret in it, in bytes.
const LONGEST_FILE: usize = 64 * 1024;

/// A line that the terminal does not show while it is typed; from standard input without asking if that is no terminal, or wanted.
pub(super) fn hidden(question: &str, from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    let stdin = std::io::stdin();
    let mut text = Zeroizing::new(String::new());
    if from_stdin || !stdin.is_terminal() {
        stdin.lock().take(LONGEST).read_line(&mut text)?;
    } else {
        output::prompt(question);
        let silent = Silence::begin()?;
        stdin.lock().take(LONGEST).read_line(&mut text)?;
        drop(silent);
        output::prompt("\n");
    }
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The first line of a file, or of standard input for `-`.
pub(super) fn of_file(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    if path.as_os_str() == "-" {
        return hidden("", true);
    }
    let mut text = Zeroizing::new(String::new());
    let file = fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    std::io::BufReader::new(file.take(LONGEST))
        .read_line(&mut text)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A small file, or standard input for `-`, whole.
pub(super) fn whole_file(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    // As much as it may hold beforehand: a buffer that grows would leave pieces of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_FILE));
    let most = u64::try_from(LONGEST_FILE).unwrap_or(u64::MAX);
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    let text = str::from_utf8(&bytes).with_context(|| format!("{} is not text", path.display()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A password that exists.
pub(super) fn password(args: &PasswordArgs, question: &str) -> anyhow::Result<Zeroizing<String>> {
    let password = match &args.password_file {
        Some(path) => of_file(path)?,
        None => hidden(question, args.password_stdin)?,
    };
    if password.is_empty() {
        bail!("no password was given");
    }
    Ok(password)
}

/// A password that somebody chooses now: typed twice where nobody sees it.
pub(super) fn new_password(args: &PasswordArgs, question: &str) -> anyhow::Result<Zeroizing<String>> {
    let chosen = password(args, question)?;
    let typed = args.password_file.is_none() && !args.password_stdin && std::io::stdin().is_terminal();
    if typed && *hidden("Once more: ", false)? != *chosen {
        bail!("the two passwords are not the same; nothing was done");
    }
    Ok(chosen)
}

/// A code that is typed in the clear.
pub(super) fn asked(question: &str) -> anyhow::Result<String> {
    output::prompt(question);
    let mut text = String::new();
    std::io::stdin().lock().take(LONGEST).read_line(&mut text)?;
    Ok(text.trim().to_owned())
}

/// Whether somebody is there to be asked.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal()
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
