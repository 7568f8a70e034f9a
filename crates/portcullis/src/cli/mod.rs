//! The command line.
//!
//! `serve` runs the server; `master-key` and `scrub` work on a stopped server's data; everything else talks to a running
//! server over its REST API, with a key or a sign-in.

mod api;
mod args;
mod audit;
mod key;
mod login;
mod storage;

use std::fmt;

use clap::Parser as _;

use args::{Cli, Command};
pub(crate) use args::{DataArgs, MasterKeyCommand};

/// The call cannot be understood, though its syntax is right.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Parses the call and does it.
pub(crate) fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let remote = cli.remote;
    match cli.command {
        Command::Serve(args) => crate::serve::run(&args.flags, args.config.as_ref()),
        Command::MasterKey(command) => crate::offline::master_key(&command),
        Command::Scrub(args) => crate::offline::scrub(&args),
        Command::Login(args) => login::login(&remote, &args),
        Command::Logout => login::logout(&remote),
        Command::Storage(command) => storage::run(&remote, command),
        Command::Key(command) => key::run(&remote, command),
        Command::Audit(args) => audit::run(&remote, &args),
        Command::Completion { shell } => {
            args::completion(shell);
            Ok(())
        }
    }
}
