//! The words of `portcullis audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, value_parser};

use super::Remote;

/// `portcullis audit`, alone or with what to do.
#[derive(Args, Debug)]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) args: AuditArgs,
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
}

#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// Only what happened in the request with this id
    #[arg(long)]
    pub(crate) request_id: Option<String>,
    /// The most entries
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Write the site's audit trail to a file; without filters and as jsonl it can be verified
    Export(ExportArgs),
    /// Verify a file that `export` wrote: no server is needed
    Verify {
        /// The file, or - for standard input
        file: PathBuf,
        /// The installation's public key, as `portcullis audit public-key` told it earlier
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
    },
    /// Print the key with which exports are verified; keep it away from the server
    PublicKey,
    /// Explain why a request was refused, and what to change so that it is not
    Explain(ExplainArgs),
    /// Show where the audit trail is sent on to, and what waits (admins of the topmost site)
    Sinks,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The id of the request; S3 tools show it as RequestId
    pub(crate) request_id: String,
    /// Make the change that is offered
    #[arg(long)]
    pub(crate) fix: bool,
    /// With which permission a key that is off is switched on: read, write, read_write, … [default: the least that is needed]
    #[arg(long, requires = "fix")]
    pub(crate) permission: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// What the file is made of
    #[arg(long, value_enum, default_value_t = AuditFormat::Jsonl)]
    pub(crate) format: AuditFormat,
    /// Where to write it; must not exist yet [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Only what concerns the key with this id
    #[arg(long, value_name = "ID")]
    pub(crate) key: Option<String>,
    /// Only what concerns the storage with this id
    #[arg(long, value_name = "ID")]
    pub(crate) storage: Option<String>,
    /// What belongs to no site, such as refusals of unknown access keys (admins of the topmost site)
    #[arg(long)]
    pub(crate) unassigned: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AuditFormat {
    /// A JSON document on each line
    Jsonl,
    /// For spreadsheets
    Csv,
}
