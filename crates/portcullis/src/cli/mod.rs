//! The command line.
//!
//! `serve` runs the server; `master-key` and `scrub` work on a stopped server's data; everything else talks to a running
//! server over its REST API, with a key or a sign-in.
//!
//! Ends with 0 if all was done, with 1 if it was refused or failed, with 2 if the call cannot be understood, with 3 if a plan needs
//! somebody to look at it or a run did not do all of it.

mod agent;
mod api;
mod args;
mod audit;
mod audit_trail;
mod find;
mod grant;
mod group;
mod import;
mod join;
mod key;
mod link;
mod login;
mod me;
mod networks;
mod prove;
mod refusals;
mod render;
mod scan;
mod secret;
mod session;
mod site;
mod storage;
mod storage_end;
mod sync;
mod transfers;
mod usage;
mod user;

use std::ffi::OsString;
use std::fmt;

use clap::Parser as _;

use args::{Cli, Command, MeCommand, Remote};
pub(crate) use args::{DataArgs, MasterKeyCommand};
use render::Form;

/// The call cannot be understood, though its syntax is right.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Something was done, and not all of it; or a guard wants somebody to look first.
#[derive(Debug)]
pub(crate) struct Unfinished(pub(crate) String);

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfinished {}

impl Remote {
    /// How answers are to be shown.
    fn form(&self) -> Form {
        if self.json { Form::Programs } else { Form::People }
    }
}

/// The call with what stands before the command and says how to reach a server put after it, where it is looked for: `portcullis
/// --json key list` is as good as `portcullis key list --json`.
fn remote_last(call: Vec<OsString>) -> Vec<OsString> {
    let mut rest = call.into_iter();
    let (mut ordered, mut moved) = (Vec::from_iter(rest.next()), Vec::new());
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy();
        let takes_value = ["--server", "--api-key", "--api-key-file"].contains(&&*text);
        let whole = text == "--json"
            || ["--server=", "--api-key=", "--api-key-file="].iter().any(|flag| text.starts_with(flag));
        if !takes_value && !whole {
            ordered.push(word);
            break;
        }
        moved.push(word);
        if takes_value {
            moved.extend(rest.next());
        }
    }
    ordered.extend(rest);
    ordered.extend(moved);
    ordered
}

/// Parses the call and does it.
pub(crate) fn run() -> anyhow::Result<()> {
    match Cli::parse_from(remote_last(std::env::args_os().collect())).command {
        Command::Serve(args) => crate::serve::run(&args.flags, args.config.as_ref()),
        Command::MasterKey(command) => crate::offline::master_key(&command),
        Command::Scrub(args) => crate::offline::scrub(&args),
        Command::Login(call) => login::login(&call.remote, &call.args),
        Command::Logout => login::logout(),
        Command::Join(call) => join::run(&call.remote, &call.args),
        Command::Me(call) => me::run(&call.remote, call.command.unwrap_or(MeCommand::Show)),
        Command::Session(call) => session::run(&call.remote, call.command),
        Command::Site(call) => site::run(&call.remote, call.command),
        Command::User(call) => user::run(&call.remote, call.command),
        Command::Group(call) => group::run(&call.remote, call.command),
        Command::Grant(call) => grant::run(&call.remote, call.command),
        Command::Storage(call) => storage::run(&call.remote, call.command),
        Command::Key(call) => key::run(&call.remote, call.command),
        Command::Import(call) => import::run(&call.remote, &call.command),
        Command::Link(call) => link::run(&call.remote, call.command),
        Command::Sync(call) => sync::run(&call.remote, call.command),
        Command::Audit(call) => match &call.command {
            None => audit::run(&call.remote, &call.args),
            Some(command) => audit_trail::run(&call.remote, command, call.args.request_id.as_deref()),
        },
        Command::Scan(args) => scan::run(&args),
        Command::Transfers(call) => transfers::run(&call.remote, call.command.as_ref()),
        Command::Usage(call) => usage::run(&call.remote, &call.args),
        Command::Completion { shell } => {
            args::completion(shell);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(call: &[&str]) -> Vec<String> {
        let call = call.iter().map(OsString::from).collect();
        remote_last(call).into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn how_to_reach_a_server_may_stand_first() {
        assert_eq!(
            ordered(&["portcullis", "--server", "http://x", "--json", "key", "list", "--limit", "5"]),
            ["portcullis", "key", "list", "--limit", "5", "--server", "http://x", "--json"]
        );
        assert_eq!(
            ordered(&["portcullis", "--server=http://x", "me"]),
            ["portcullis", "me", "--server=http://x"]
        );
        assert_eq!(ordered(&["portcullis", "--help"]), ["portcullis", "--help"]);
        assert_eq!(ordered(&["portcullis", "serve", "--web", "x"]), ["portcullis", "serve", "--web", "x"]);
        assert_eq!(ordered(&["portcullis", "--server"]), ["portcullis", "--server"]);
        assert_eq!(ordered(&[]), [""; 0]);
    }
}
