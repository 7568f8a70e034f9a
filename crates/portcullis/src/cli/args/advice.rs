//! What may be said of advice and usage.

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct AdviceArgs {
    /// Only of this key (id, access key or name); with it, what there is no advice on is shown too
    pub(crate) key: Option<String>,
    /// How many days back use is looked at: 30 or 90
    #[arg(long, value_name = "DAYS", default_value = "30", value_parser = ["30", "90"])]
    pub(crate) window: String,
    /// Follow this advice on the key: permission, networks, prefix or disable; repeat for more
    #[arg(long, value_name = "WHAT", requires = "key")]
    pub(crate) apply: Vec<String>,
    /// Show the advice that was followed, with its ids
    #[arg(long, conflicts_with_all = ["apply", "undo"])]
    pub(crate) taken: bool,
    /// Take back advice that was followed, by its id
    #[arg(long, value_name = "ID", conflicts_with_all = ["apply", "key"])]
    pub(crate) undo: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct UsageArgs {
    /// time, or the largest by key, storage, network or tool
    #[arg(long, value_name = "WHAT", default_value = "time")]
    pub(crate) by: String,
    /// From this moment, e.g. 2027-01-01T00:00:00Z [default: 30 days before the end]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Before this moment [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// hour or day
    #[arg(long)]
    pub(crate) step: Option<String>,
    /// Only that of this key (id, access key or name)
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Only that at this storage (id, name or bucket name)
    #[arg(long)]
    pub(crate) storage: Option<String>,
    /// Only that from this address, or network as listed by network
    #[arg(long)]
    pub(crate) network: Option<String>,
    /// By anything but time: the most rows, 1 to 100
    #[arg(long)]
    pub(crate) limit: Option<u32>,
}
