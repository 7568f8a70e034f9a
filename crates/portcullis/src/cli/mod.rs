//! The command line.
//!
//! `serve` runs the server; `master-key` and `scrub` work on a stopped server's data; everything else talks to a running
//! server over its REST API, with a key or a sign-in.
//!
//! Ends with 0 if all was done, with 1 if it was refused or failed, with 2 if the call cannot be understood.

mod api;
mod args;
mod audit;
mod find;
mod grant;
mod group;
mod join;
mod key;
mod link;
mod login;
mod me;
mod render;
mod secret;
mod session;
mod site;
mod storage;
mod user;

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

impl Remote {
    /// How answers are to be shown.
    fn form(&self) -> Form {
        if self.json { Form::Programs } else { Form::People }
    }
}

/// Parses the call and does it.
pub(crate) fn run() -> anyhow::Result<()> {
    match Cli::parse().command {
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
        Command::Link(call) => link::run(&call.remote, call.command),
        Command::Audit(call) => audit::run(&call.remote, &call.args),
        Command::Completion { shell } => {
            args::completion(shell);
            Ok(())
        }
    }
}
