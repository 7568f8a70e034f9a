//! The words of `portcullis sync job`.

use clap::{Args, Subcommand};

use super::{SidesArgs, Terms};

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs
    List,
    /// Make a job
    Create(JobCreate),
    /// Show a job: how it is, and why it stopped
    Show {
        /// Its id or name
        job: String,
    },
    /// Change a job; what is not named stays
    Update(JobUpdate),
    /// Delete a job; its plans and runs stay
    Delete {
        /// Its id or name
        job: String,
    },
    /// Run a job now
    Run {
        /// Its id or name
        job: String,
        /// Wait until what it planned has run, with a progress bar
        #[arg(long)]
        wait: bool,
    },
}

/// How fast.
#[derive(Args, Debug)]
pub(crate) struct Pace {
    /// So many files at once
    #[arg(long, value_name = "N")]
    pub(crate) in_flight: Option<u32>,
    /// At most so many bytes in a second
    #[arg(long, value_name = "BYTES")]
    pub(crate) bytes_per_second: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct JobCreate {
    /// What to call it
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) sides: SidesArgs,
    #[command(flatten)]
    pub(crate) terms: Terms,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// When it runs, in cron's words: minute hour day month weekday; by hand only if left out
    #[arg(long, value_name = "CRON")]
    pub(crate) cron: Option<String>,
    /// The time zone of --cron, e.g. Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE", requires = "cron")]
    pub(crate) zone: Option<String>,
    /// Make it switched off
    #[arg(long)]
    pub(crate) disabled: bool,
}

#[derive(Args, Debug)]
pub(crate) struct JobUpdate {
    /// Its id or name
    pub(crate) job: String,
    /// What to call it
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) terms: Terms,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// When it runs, in cron's words, or never: by hand only
    #[arg(long, value_name = "CRON")]
    pub(crate) cron: Option<String>,
    /// The time zone of --cron [default: the one it has]
    #[arg(long, value_name = "ZONE", requires = "cron")]
    pub(crate) zone: Option<String>,
    /// Whether it runs by its schedule
    #[arg(long, value_name = "true|false")]
    pub(crate) enabled: Option<bool>,
}
