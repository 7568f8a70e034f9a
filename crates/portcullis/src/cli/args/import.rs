//! What may be said of an import.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Make a site of every account of a file, all of them or none; what is there already stays as it is
    #[command(alias = "account")]
    Accounts(ImportAccounts),
}

#[derive(Args, Debug)]
pub(crate) struct ImportAccounts {
    /// The accounts, in CSV or JSON; - for standard input
    pub(crate) file: PathBuf,
    /// Only tell what would be made, as a table
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where to keep the secrets that are generated: a new file, in JSON if its name ends with .json and in CSV otherwise
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) credentials_out: Option<PathBuf>,
}
