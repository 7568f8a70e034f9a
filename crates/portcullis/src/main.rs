//! Portcullis: a storage access gateway.
//!
//! The binary composes: it reads the configuration, opens the store and the database, hands each protocol its listener, and
//! waits to be told to stop. It is also the command line, which talks to a running server over its REST API.

mod cli;
mod config;
mod doors;
mod identity;
mod indoors;
mod line;
mod mail;
mod offline;
mod output;
mod remotes;
mod serve;
mod sinks;
mod size;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&format!("{error:#}"));
            ExitCode::from(match () {
                () if error.is::<config::Problems>() || error.is::<cli::Usage>() => 2,
                () if error.is::<cli::Unfinished>() => 3,
                () => 1,
            })
        }
    }
}
