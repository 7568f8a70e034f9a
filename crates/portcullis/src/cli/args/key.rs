//! What may be said of keys.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{MailArgs, TrialCommand};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; its secret is shown once, now
    Create(KeyCreate),
    /// List keys: all of the site for admins, your own for members
    List {
        /// Only those of this storage (id, name or bucket name)
        #[arg(long)]
        storage: Option<String>,
        /// Only those of this user (id or name, or `me`)
        #[arg(long)]
        user: Option<String>,
        /// Only those whose name or access key contains this
        #[arg(long)]
        search: Option<String>,
    },
    /// Show one key
    Show {
        /// Its id, access key, user name or name
        key: String,
    },
    /// Change a key; what is not named stays
    Update(KeyUpdate),
    /// Switch a key off at once; `key enable` turns it on again
    Disable {
        /// Its id, access key, user name or name
        key: String,
    },
    /// Give a key a permission again
    Enable {
        /// Its id, access key, user name or name
        key: String,
        /// read, write, read_write or full
        #[arg(long)]
        permission: String,
    },
    /// Give a key a new secret; the old one stops working at once, or after --overlap
    Rotate(RotateArgs),
    /// The old credentials of a key that still work: who uses them, and until when
    #[command(subcommand)]
    Overlap(OverlapCommand),
    /// Networks that are tried out on a key before they hold
    #[command(subcommand)]
    Trial(TrialCommand),
    /// Who still knocks: attempts with a key, or with any that does not open
    Knocks(KnocksArgs),
    /// Credentials for a while, with a part of what a key may do; they end with the key
    Temporary(TemporaryArgs),
    /// Try out what a tool with a key would see, with the key's own access key and secret
    Prove(super::ProveArgs),
    /// What keys could be narrowed to without refusing anything that they were used for
    Advice(super::AdviceArgs),
    /// Delete a key for good
    Delete {
        /// Its id, access key, user name or name
        key: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct RotateArgs {
    /// Its id, access key, user name or name
    pub(crate) key: String,
    /// For how long the old credentials work beside the new, e.g. 1h, 24h or 7d; at most 30d [default: they stop at once]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) overlap: Option<u64>,
    /// Keep the access key and change only the secret
    #[arg(long)]
    pub(crate) keep_access_key: bool,
    /// routine, security_incident or lost; for the audit trail
    #[arg(long)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) chosen: ChosenArgs,
    /// Print only the set-up for this tool, as with `key create`
    #[arg(long, value_name = "TOOL")]
    pub(crate) setup: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OverlapCommand {
    /// Show until when they work, who has moved to the new ones and who has not
    Show {
        /// The key's id, access key, user name or name
        key: String,
    },
    /// Let them work until another moment, at most 30 days after they were replaced
    Extend {
        /// The key's id, access key, user name or name
        key: String,
        /// For how long from now, e.g. 24h or 7d
        #[arg(long = "for", value_name = "TIME", value_parser = seconds, required_unless_present = "until")]
        span: Option<u64>,
        /// The moment at which they stop, e.g. 2027-01-31T18:00:00Z
        #[arg(long, value_name = "TIME", conflicts_with = "span")]
        until: Option<String>,
    },
    /// Stop them now
    End {
        /// The key's id, access key, user name or name
        key: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct KeyCreate {
    /// The storage it opens (id, name or bucket name)
    #[arg(long, conflicts_with = "user")]
    pub(crate) storage: Option<String>,
    /// The user whose rights it has (id or name, or `me`); without storage and user the key of an admin is for the whole site, that of
    /// a member for themself
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// What to call it
    #[arg(long)]
    pub(crate) name: String,
    /// s3, rest, http (with WebDAV), ftp (with SFTP), web-service (SOAP) or email [default: s3 for a storage, rest for a user or the site]
    #[arg(long)]
    pub(crate) channel: Option<String>,
    /// For a user's REST key: make an S3 key beside it
    #[arg(long)]
    pub(crate) s3: bool,
    /// none, read, write, read_write or full [default: read for a storage, read_write for a user, full for the site]
    #[arg(long)]
    pub(crate) permission: Option<String>,
    /// For write-only keys: keep_previous or create_only
    #[arg(long)]
    pub(crate) overwrite: Option<String>,
    /// An address, network or range it may be used from; repeat for more [default: anywhere]
    #[arg(long = "network", value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,
    /// Only objects whose key begins with this
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// The moment at which it stops working, e.g. 2027-01-31T18:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// What a report that its secret was found does to it: disable or alarm [default: disable]
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_leak: Option<String>,
    #[command(flatten)]
    pub(crate) chosen: ChosenArgs,
    /// For ftp: a file with public keys of SSH that its holder may show instead of the secret; repeat for more
    #[arg(long = "public-key", value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) mail: MailArgs,
    /// Print only the set-up for this tool: rclone, aws, s3cmd, restic, s3fs, boto3, curl, ...
    #[arg(long, value_name = "TOOL")]
    pub(crate) setup: Option<String>,
}

/// Credentials that somebody chooses.
#[derive(Args, Debug)]
pub(crate) struct ChosenArgs {
    /// Not for s3 and rest: a user name of your choice, besides the generated one
    #[arg(long, value_name = "NAME")]
    pub(crate) user_name: Option<String>,
    /// Not for s3 and rest: the file with a secret of your choice, or - for standard input [default: one is generated]
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct KeyUpdate {
    /// Its id, access key, user name or name
    pub(crate) key: String,
    /// What to call it
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// none, read, write, read_write or full
    #[arg(long)]
    pub(crate) permission: Option<String>,
    /// For write-only keys: keep_previous or create_only
    #[arg(long)]
    pub(crate) overwrite: Option<String>,
    /// An address, network or range it may be used from; repeat for more, or `anywhere`
    #[arg(long = "network", value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,
    /// Change nothing; only show whom the networks would keep out, from the use of the last 30 days
    #[arg(long, requires = "networks", conflicts_with_all = ["name", "permission", "overwrite", "prefix", "expires", "add_public_keys", "remove_public_keys", "mail_folder", "keep", "max_message", "per_hour"])]
    pub(crate) dry_run: bool,
    /// Also if that locks out the key you ask with
    #[arg(long)]
    pub(crate) confirm_lockout: bool,
    /// Only objects whose key begins with this
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// The moment at which it stops working, or never
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// What a report that its secret was found does to it: disable or alarm
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_leak: Option<String>,
    /// For ftp: a file with public keys of SSH to take in; repeat for more
    #[arg(long = "add-public-key", value_name = "FILE")]
    pub(crate) add_public_keys: Vec<PathBuf>,
    /// A public key to take away: its fingerprint (SHA256:…) or the file with it; repeat for more
    #[arg(long = "remove-public-key", value_name = "KEY")]
    pub(crate) remove_public_keys: Vec<String>,
    #[command(flatten)]
    pub(crate) mail: MailArgs,
}

#[derive(Args, Debug)]
pub(crate) struct KnocksArgs {
    /// One key: its id (of a deleted one too), access key or name [default: all that do not open]
    pub(crate) key: Option<String>,
    /// Only those refused for this: old_secret, expired, disabled, network, closed, dead or wrong_secret
    #[arg(long, conflicts_with = "key")]
    pub(crate) reason: Option<String>,
    /// Only those with this in the key's name, its access key, the address or the program
    #[arg(long, conflicts_with = "key")]
    pub(crate) search: Option<String>,
    /// The most rows
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

#[derive(Args, Debug)]
pub(crate) struct TemporaryArgs {
    /// Its id, access key, user name or name
    pub(crate) key: String,
    /// How long they work: 900s, 15m, 1h
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = seconds)]
    pub(crate) duration: u64,
    /// The most they may do: read, write or read_write [default: what the key may]
    #[arg(long)]
    pub(crate) permission: Option<String>,
    /// Only this storage (id, name or bucket name)
    #[arg(long)]
    pub(crate) storage: Option<String>,
    /// Only objects whose key begins with this
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// An address, network or range they may be used from; repeat for more
    #[arg(long = "network", value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,
}

/// `900s`, `15m`, `1h`, `7d`, or seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is not a span of time; write 900s, 15m, 1h or 7d");
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let found = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)));
    let (number, unit): (&str, u64) = found.unwrap_or((text, 1));
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn spans() {
        assert_eq!(
            (seconds("900"), seconds("900s"), seconds("15m"), seconds("1h"), seconds("7d")),
            (Ok(900), Ok(900), Ok(900), Ok(3600), Ok(604_800))
        );
        for wrong in ["", "h", "1w", "-1h", "1.5h", "1hm", "99999999999999999999h", "9999999999999999999h"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
