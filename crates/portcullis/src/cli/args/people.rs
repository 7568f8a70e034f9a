//! What may be said of sites, users, groups and grants.

use clap::{Args, Subcommand};

use super::account::PasswordArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum SiteCommand {
    /// List the sites that you may enter
    List {
        /// Only those whose name contains this
        #[arg(long)]
        search: Option<String>,
    },
    /// Make a site below the one you are in
    Create {
        /// What to call it
        name: String,
        /// The site above it (id or name) [default: the one you are in]
        #[arg(long)]
        parent: Option<String>,
        #[command(flatten)]
        rules: RuleArgs,
    },
    /// Show a site and what holds there
    Show {
        /// Its id or name
        site: String,
    },
    /// Change a site's name or rules; what is not named stays. Rules are only ever tightened below another site
    Update {
        /// Its id or name
        site: String,
        /// What to call it
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        rules: RuleArgs,
    },
    /// Delete an empty site
    Delete {
        /// Its id or name
        site: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
    /// Act in another site with this sign-in; `back` for your own
    Use {
        /// Its id or name, or back
        site: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct RuleArgs {
    /// Whether members make keys of their own
    #[arg(long, value_name = "true|false")]
    pub(crate) members_make_keys: Option<bool>,
    /// The longest life of a key in days, or none
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub(crate) longest_key_days: Option<Days>,
    /// Whether every key has to name networks
    #[arg(long, value_name = "true|false")]
    pub(crate) keys_need_networks: Option<bool>,
    /// After how many days without use a key is switched off, or none
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub(crate) idle_key_days: Option<Days>,
    /// From whom a second factor is asked: optional, admins or everybody
    #[arg(long, value_name = "WHO")]
    pub(crate) second_factor: Option<String>,
    /// Which uses of files are written to the audit trail: none, changes or all
    #[arg(long, value_name = "WHICH")]
    pub(crate) data_events: Option<String>,
}

/// A number of days, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days(pub(crate) Option<u64>);

fn days(text: &str) -> Result<Days, String> {
    if text == "none" {
        return Ok(Days(None));
    }
    let wrong = |_| format!("\"{text}\" is not a number of days; write 90, or none");
    text.parse().map(|days| Days(Some(days))).map_err(wrong)
}

#[derive(Args, Debug)]
pub(crate) struct UserFilter {
    /// Only those whose name contains this
    #[arg(long)]
    pub(crate) search: Option<String>,
    /// Only admins or members
    #[arg(long, value_name = "admin|member")]
    pub(crate) role: Option<String>,
    /// Only those who are active, disabled or invited
    #[arg(long)]
    pub(crate) state: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// List the site's users
    List(UserFilter),
    /// Invite somebody: prints the link by which they choose a password, once
    Invite {
        /// Their name at sign-in
        username: String,
        /// admin or member
        #[arg(long, default_value = "member")]
        role: String,
    },
    /// Make a user with a password that you choose
    Create {
        /// Their name at sign-in
        username: String,
        /// admin or member
        #[arg(long, default_value = "member")]
        role: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Show one user
    Show {
        /// Their id or name
        user: String,
    },
    /// Keep somebody out at once: their keys, sign-ins and transfers end
    Disable {
        /// Their id or name
        user: String,
    },
    /// Let somebody in again
    Enable {
        /// Their id or name
        user: String,
    },
    /// Make somebody an admin or a member
    Role {
        /// Their id or name
        user: String,
        /// admin or member
        role: String,
    },
    /// Take somebody's password away and invite them anew: prints the link, once
    Reset {
        /// Their id or name
        user: String,
        /// Take one-time codes and recovery codes away too; passkeys always go
        #[arg(long)]
        second_factor: bool,
    },
    /// List somebody's sign-ins
    Sessions {
        /// Their id or name
        user: String,
    },
    /// End all sign-ins of somebody
    EndSessions {
        /// Their id or name
        user: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// List the site's groups
    List {
        /// Only those whose name contains this
        #[arg(long)]
        search: Option<String>,
    },
    /// Make a group
    Create {
        /// What to call it
        name: String,
    },
    /// Show a group and who is in it
    Show {
        /// Its id or name
        group: String,
    },
    /// Give a group another name
    Rename {
        /// Its id or name
        group: String,
        /// What to call it
        name: String,
    },
    /// Put people into a group
    Add {
        /// Its id or name
        group: String,
        /// Ids or names of users
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Take people out of a group
    Remove {
        /// Its id or name
        group: String,
        /// Ids or names of users
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Delete a group; what is shared with it is shared no more
    Delete {
        /// Its id or name
        group: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct GrantFilter {
    /// Only those of this storage (id, name or bucket name)
    #[arg(long)]
    pub(crate) storage: Option<String>,
    /// Only those of this user
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Only those of this group
    #[arg(long)]
    pub(crate) group: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// List what is shared with whom
    List(GrantFilter),
    /// Share a storage, or a part of it, with a user or a group
    Create(GrantCreate),
    /// Change what is shared
    Update {
        /// Its id
        grant: String,
        /// read, write or read_write
        #[arg(long)]
        permission: Option<String>,
        /// Only what begins with this
        #[arg(long)]
        prefix: Option<String>,
    },
    /// Share it no more; transfers under way end
    Delete {
        /// Its id
        grant: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct GrantCreate {
    /// The storage (id, name or bucket name)
    #[arg(long)]
    pub(crate) storage: String,
    /// With this user
    #[arg(long, required_unless_present = "group", conflicts_with = "group")]
    pub(crate) user: Option<String>,
    /// With everybody in this group
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// read, write or read_write
    #[arg(long, default_value = "read")]
    pub(crate) permission: String,
    /// Only what begins with this
    #[arg(long)]
    pub(crate) prefix: Option<String>,
}
