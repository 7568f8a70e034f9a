//! The words of `portcullis sync`.

mod job;

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(crate) use job::{JobCommand, JobCreate, JobUpdate, Pace};

/// What a plan is for.
const MODES: [&str; 3] = ["two_way", "copy", "mirror"];
/// What becomes of files that differ.
const POLICIES: [&str; 5] = ["keep_both", "newest", "storage", "bucket", "ask"];
/// What may be decided for a file or a rule; `none` takes a decision back.
const CHOICES: [&str; 6] = ["keep_both", "newest", "storage", "bucket", "skip", "none"];

#[derive(Debug, Subcommand)]
pub(crate) enum SyncCommand {
    /// Compare two storages, or parts of them, and plan what would be done; nothing is changed
    Plan(PlanCreate),
    /// List plans
    Plans {
        /// Only those of this storage (id, name or bucket name)
        #[arg(long)]
        storage: Option<String>,
        /// Only those that are planning, ready, running, done, failed or discarded
        #[arg(long)]
        state: Option<String>,
    },
    /// Show a plan: what would be done how often, what stands against it, what to press
    Show {
        /// The plan's id
        plan: String,
    },
    /// List the files of a plan, each with what is done and why
    Actions(ActionsArgs),
    /// Decide otherwise for a file, a folder or a reason; `none` takes it back
    Choose(ChooseArgs),
    /// Throw a plan away
    Discard {
        /// The plan's id
        plan: String,
    },
    /// Run a plan
    Run(RunArgs),
    /// List runs
    Runs {
        /// Only those of this storage (id, name or bucket name)
        #[arg(long)]
        storage: Option<String>,
        /// Only those that are waiting, running, paused, settling, done, partial, cancelled or failed
        #[arg(long)]
        state: Option<String>,
    },
    /// Show a run
    Status {
        /// The run's id
        run: String,
    },
    /// Follow a run until it ends
    Watch {
        /// The run's id
        run: String,
    },
    /// List what a run did, file by file
    Steps {
        /// The run's id
        run: String,
        /// Only those that are kept, done, changed, failed or skipped
        #[arg(long)]
        state: Option<String>,
    },
    /// Let a run wait until it is resumed
    Pause {
        /// The run's id
        run: String,
    },
    /// Let a paused run go on
    Resume {
        /// The run's id
        run: String,
    },
    /// End a run where it is; what it did stays, and can be restored
    Cancel {
        /// The run's id
        run: String,
    },
    /// Plan to take a run back, whole or for some files
    Restore {
        /// The run's id
        run: String,
        /// Only this file; repeat for more
        #[arg(long = "key", value_name = "KEY")]
        keys: Vec<String>,
        /// Wait until it is planned
        #[arg(long)]
        wait: bool,
    },
    /// List what runs have kept before they replaced or deleted it
    Kept {
        /// Only in this storage (id, name or bucket name)
        #[arg(long)]
        storage: Option<String>,
        /// Only what this run kept
        #[arg(long)]
        run: Option<String>,
        /// Only keys that contain this
        #[arg(long)]
        search: Option<String>,
    },
    /// Plan to put one kept file back
    RestoreFile {
        /// Its id, as `sync kept` tells it
        id: String,
        /// Wait until it is planned
        #[arg(long)]
        wait: bool,
    },
    /// Plans that are made and run again and again
    #[command(subcommand, alias = "jobs")]
    Job(JobCommand),
}

/// Two sides.
#[derive(Args, Debug)]
pub(crate) struct SidesArgs {
    /// The storage (id, name or bucket name); the source of a copy and of a mirror
    pub(crate) storage: String,
    /// The other one; the target of a copy and of a mirror
    pub(crate) other: String,
    /// Only this part of the storage, e.g. 2027/
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Only this part of the other one
    #[arg(long, value_name = "PREFIX")]
    pub(crate) with_prefix: Option<String>,
}

/// What a plan may do, and how far.
#[derive(Args, Debug)]
pub(crate) struct Terms {
    /// two_way: changes of either go to the other; copy: nothing is deleted in the other; mirror: the other becomes as the storage is
    #[arg(long, value_parser = MODES)]
    pub(crate) mode: Option<String>,
    /// What becomes of files that differ and of which nothing says which is right
    #[arg(long, value_parser = POLICIES)]
    pub(crate) conflicts: Option<String>,
    /// Read at most so many bytes to find out whether files are the same
    #[arg(long, value_name = "BYTES")]
    pub(crate) read_budget: Option<u64>,
    /// Keep what is replaced or deleted for so many days
    #[arg(long, value_name = "DAYS")]
    pub(crate) keep_days: Option<u32>,
    /// Ask before more than this percentage of the files is deleted
    #[arg(long, value_name = "PERCENT")]
    pub(crate) max_delete_percent: Option<u32>,
    /// Ask before more than so many files are deleted
    #[arg(long, value_name = "N")]
    pub(crate) max_delete_files: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct PlanCreate {
    #[command(flatten)]
    pub(crate) sides: SidesArgs,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// Wait until it is planned
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ActionsArgs {
    /// The plan's id
    pub(crate) plan: String,
    /// Only this kind: agree, write_to_storage, write_to_bucket, delete_in_storage, delete_in_bucket, keep_both, leave, forget, put_back or unchanged
    #[arg(long)]
    pub(crate) op: Option<String>,
    /// Only for this reason, e.g. conflict_new_new
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only keys that contain this
    #[arg(long)]
    pub(crate) search: Option<String>,
    /// The most files that are shown
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) limit: usize,
    /// Write all of them to this file, as CSV; - for standard output
    #[arg(long, value_name = "FILE", conflicts_with = "limit")]
    pub(crate) csv: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ChooseArgs {
    /// The plan's id
    pub(crate) plan: String,
    /// What to do: the storage's, the bucket's, the newest, both, or nothing
    #[arg(value_parser = CHOICES)]
    pub(crate) choice: String,
    /// For this file
    #[arg(long, conflicts_with_all = ["prefix", "reason"], required_unless_present_any = ["prefix", "reason"])]
    pub(crate) key: Option<String>,
    /// For all files whose keys begin so
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// For all files with this reason, e.g. conflict_new_new
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The plan's id
    pub(crate) plan: String,
    /// Run although this guard stands against it, e.g. mass_deletion; repeat for more
    #[arg(long = "approve", value_name = "GUARD")]
    pub(crate) approve: Vec<String>,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Wait until it ends, with a progress bar
    #[arg(long)]
    pub(crate) wait: bool,
}
