//! What may be typed.

mod account;
mod advice;
mod audit;
mod import;
mod key;
mod link;
mod mail;
mod people;
mod scan;
mod serve;
mod storage;
mod sync;
mod trial;

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

pub(crate) use account::{JoinArgs, LoginArgs, MeCommand, PasswordArgs, SessionCommand};
pub(crate) use advice::{AdviceArgs, UsageArgs};
pub(crate) use audit::{Audit, AuditArgs, AuditCommand, AuditFormat, ExplainArgs, ExportArgs};
pub(crate) use import::{ImportAccounts, ImportCommand};
pub(crate) use key::{
    ChosenArgs, KeyCommand, KeyCreate, KeyUpdate, KnocksArgs, OverlapCommand, RotateArgs, TemporaryArgs,
};
pub(crate) use link::{LinkCommand, LinkCreate, LinkUpdate};
pub(crate) use mail::MailArgs;
pub(crate) use people::{
    GrantCommand, GrantCreate, GrantFilter, GroupCommand, RuleArgs, SiteCommand, UserCommand, UserFilter,
};
pub(crate) use scan::{ProveArgs, ScanArgs};
pub(crate) use serve::{DataArgs, MasterKeyCommand, ServeArgs};
pub(crate) use storage::{Limit, StorageCommand, StorageCreate, StorageUpdate};
pub(crate) use sync::{
    ActionsArgs, ChooseArgs, JobCommand, JobCreate, JobUpdate, Pace, PlanCreate, RunArgs, SidesArgs,
    SyncCommand, Terms,
};
pub(crate) use trial::TrialCommand;

/// Storage access gateway: storages stay closed until a key opens them.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Sign in as a user and keep the sign-in for later calls
    Login(Single<LoginArgs>),
    /// End the sign-in that `login` keeps
    Logout,
    /// Take up an invitation: choose a password
    Join(Single<JoinArgs>),
    /// Who you are, your password and your second factor
    Me(Account),
    /// Your sign-ins
    #[command(alias = "sessions")]
    Session(Several<SessionCommand>),
    /// Sites: the tenants, and what they allow
    #[command(alias = "sites")]
    Site(Several<SiteCommand>),
    /// The people of the site
    #[command(alias = "users")]
    User(Several<UserCommand>),
    /// Groups of people
    #[command(alias = "groups")]
    Group(Several<GroupCommand>),
    /// What is shared with people and groups
    #[command(alias = "grants")]
    Grant(Several<GrantCommand>),
    /// Storages
    #[command(alias = "storages")]
    Storage(Several<StorageCommand>),
    /// Keys for tools and programs
    #[command(alias = "keys")]
    Key(Several<KeyCommand>),
    /// Links that open something to whoever has them
    #[command(alias = "links")]
    Link(Several<LinkCommand>),
    /// Bring along what another system has
    Import(Several<ImportCommand>),
    /// Compare storages, bring them together, take that back
    Sync(Several<SyncCommand>),
    /// Look up what was allowed and what was denied, and why
    Audit(Audit),
    /// Requests, bytes and refusals over time, and the keys, storages, networks and programs with the most
    Usage(Single<UsageArgs>),
    /// What is on its way up or down at this moment, on every node; alone, the list
    #[command(alias = "transfer")]
    Transfers(Transfers),
    /// The key that seals all secrets (server stopped)
    #[command(subcommand)]
    MasterKey(MasterKeyCommand),
    /// Verify every stored byte against its checksum (server stopped)
    Scrub(DataArgs),
    /// Find secrets of Portcullis in files and logs (needs no server); ends with 1 if there are any
    Scan(ScanArgs),
    /// Print a completion script
    Completion {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

/// How to reach a running server.
#[derive(Args, Debug)]
#[command(next_help_heading = "Server")]
pub(crate) struct Remote {
    /// The server's REST address [default: the one of `portcullis login`, else http://127.0.0.1:8080]
    #[arg(long, global = true, value_name = "URL", env = "PORTCULLIS_SERVER")]
    pub(crate) server: Option<String>,
    /// Where a REST key is: a file, or - for standard input [env: PORTCULLIS_API_KEY holds the key itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The key itself; other users of this machine see it in the list of processes, so it is not offered
    #[arg(long, global = true, hide = true, value_name = "KEY", conflicts_with = "api_key_file")]
    pub(crate) api_key: Option<String>,
    /// Print JSON, as the REST API gave it
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// A command that speaks to a server.
#[derive(Args, Debug)]
pub(crate) struct Single<A: Args> {
    #[command(flatten)]
    pub(crate) args: A,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Commands that speak to a server.
#[derive(Args, Debug)]
pub(crate) struct Several<C: Subcommand> {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(subcommand)]
    pub(crate) command: C,
}

/// `portcullis me`, alone or with what to do.
#[derive(Args, Debug)]
pub(crate) struct Account {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(subcommand)]
    pub(crate) command: Option<MeCommand>,
}

/// `portcullis transfers`, alone or with what to do.
#[derive(Args, Debug)]
pub(crate) struct Transfers {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(subcommand)]
    pub(crate) command: Option<TransfersCommand>,
}

/// What can be done with transfers.
#[derive(Debug, Subcommand)]
pub(crate) enum TransfersCommand {
    /// Cut one off; its key goes on
    Cut {
        /// The transfer's id, as the list tells it
        id: String,
    },
}

/// Writes the completion script to standard output.
pub(crate) fn completion(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut std::io::stdout());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_for_clients_is_not_for_the_server() {
        let mut cli = Cli::command();
        cli.build();
        for command in ["serve", "scrub", "completion"] {
            let command = cli.find_subcommand(command).unwrap();
            let flags: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
            for flag in ["server", "api-key-file", "json"] {
                assert!(!flags.contains(&flag), "{} has --{flag}", command.get_name());
            }
        }
        Cli::try_parse_from(["portcullis", "storage", "list", "--json"]).unwrap();
        Cli::try_parse_from(["portcullis", "storage", "--json", "list"]).unwrap();
        assert!(Cli::try_parse_from(["portcullis", "--json", "storage", "list"]).is_err());
    }
}
