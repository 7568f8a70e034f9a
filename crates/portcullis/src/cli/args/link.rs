//! What may be said of links.

use clap::{Args, Subcommand};

use super::account::PasswordArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum LinkCommand {
    /// List links
    List {
        /// Only those into this storage (id, name or bucket name)
        #[arg(long)]
        storage: Option<String>,
        /// Only those whose name contains this
        #[arg(long)]
        search: Option<String>,
    },
    /// Make a link; its address is shown once, now
    Create(LinkCreate),
    /// Show one link
    Show {
        /// Its id or name
        link: String,
    },
    /// Change a link; what is not named stays
    Update(LinkUpdate),
    /// End a link for good
    End {
        /// Its id or name
        link: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct LinkCreate {
    /// The storage (id, name or bucket name)
    #[arg(long)]
    pub(crate) storage: String,
    /// The file it leads to
    #[arg(long, conflicts_with = "folder")]
    pub(crate) file: Option<String>,
    /// The folder it leads to; the whole storage if neither file nor folder is named
    #[arg(long)]
    pub(crate) folder: Option<String>,
    /// What to call it; whoever opens it sees this
    #[arg(long)]
    pub(crate) name: String,
    /// read to download, write for a drop box into which files can only be put
    #[arg(long, default_value = "read")]
    pub(crate) permission: String,
    /// Ask whoever opens it for a password; yours to choose now
    #[arg(long)]
    pub(crate) password: bool,
    #[command(flatten)]
    pub(crate) from: PasswordArgs,
    /// The moment at which it ends, e.g. 2027-01-31T18:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// How many downloads begin in all
    #[arg(long, value_name = "N")]
    pub(crate) max_downloads: Option<u64>,
    /// An address, network or range it may be opened from; repeat for more [default: anywhere]
    #[arg(long = "network", value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct LinkUpdate {
    /// Its id or name
    pub(crate) link: String,
    /// What to call it
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The moment at which it ends, or never
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// An address, network or range it may be opened from; repeat for more, or `anywhere`
    #[arg(long = "network", value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,
}
