//! What may be said of networks that are tried out, on keys and storages alike.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum TrialCommand {
    /// Try networks out: what they would refuse is counted and not refused
    Begin(TrialBegin),
    /// Show what they would have refused so far, and what they let in
    Show {
        /// The key or storage, by its id or name
        of: String,
    },
    /// Put them in force, and end the trial
    Enforce {
        /// The key or storage, by its id or name
        of: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
        /// Also if that locks out the key you ask with
        #[arg(long)]
        confirm_lockout: bool,
    },
    /// End the trial; the networks in force stay as they are
    End {
        /// The key or storage, by its id or name
        of: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct TrialBegin {
    /// The key or storage, by its id or name
    pub(crate) of: String,
    /// An address, network or range from where it may be used; repeat for more
    #[arg(long = "network", value_name = "NETWORK", required = true)]
    pub(crate) networks: Vec<String>,
}
