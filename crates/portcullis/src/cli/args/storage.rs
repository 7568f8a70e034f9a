//! What may be said of storages.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::TrialCommand;

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Make a storage in the embedded store, or in a bucket of a provider
    Create(Box<StorageCreate>),
    /// Try a storage's connection step by step
    Test {
        /// Its id, name or bucket name
        storage: String,
        /// Also write, read and delete a small file
        #[arg(long)]
        write: bool,
    },
    /// Replace the credentials with which a storage reaches its provider; they are tried first
    Credentials {
        /// Its id, name or bucket name
        storage: String,
        #[command(flatten)]
        credentials: ProviderCredentials,
    },
    /// Change a storage; what is not named stays
    Update(StorageUpdate),
    /// Networks that are tried out on a storage before they hold
    #[command(subcommand)]
    Trial(TrialCommand),
    /// List storages
    List {
        /// Only those whose name, label or bucket contains this
        #[arg(long)]
        search: Option<String>,
        /// Those that were set aside with their files
        #[arg(long)]
        detached: bool,
    },
    /// Show what would end with a storage, and who would notice
    Impact {
        /// Its id, name or bucket name
        storage: String,
    },
    /// Delete a connection for good; nothing is deleted at the provider, and built-in storages keep their files
    Delete {
        /// Its id, name or bucket name
        storage: String,
        /// The name of the storage, instead of typing it
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Attach a detached storage again, with its files and its bucket name
    Attach {
        /// Its id, name or bucket name
        storage: String,
    },
    /// Switch a storage off for a while; it comes back by itself
    Pause {
        /// Its id, name or bucket name
        storage: String,
        /// For how long, up to a day
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1440))]
        minutes: u32,
    },
    /// Switch a storage on again before its pause is over
    Resume {
        /// Its id, name or bucket name
        storage: String,
    },
    /// Show one storage
    Show {
        /// Its id, name or bucket name
        storage: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct StorageCreate {
    /// What to call it
    #[arg(long)]
    pub(crate) name: String,
    /// The last part of its bucket name: a-z, 0-9 and - [default: made from the name]
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// Where the bytes live: builtin, aws, cloudflare-r2 or s3
    #[arg(long, default_value = "builtin")]
    pub(crate) provider: String,
    /// The most it may hold, e.g. 500G, 2T or a number of bytes
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) quota: Option<u64>,
    /// The kind of provider, from which address and style follow: backblaze-b2, wasabi, minio, garage, ceph, other, ...
    #[arg(long)]
    pub(crate) preset: Option<String>,
    /// The provider's region
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The account's id, for Cloudflare R2
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// The provider's address, if it does not follow from the region
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The bucket there, or bucket/prefix for a part of it
    #[arg(long)]
    pub(crate) bucket: Option<String>,
    /// Whether the bucket stands in the path of the address
    #[arg(long, value_name = "true|false")]
    pub(crate) path_style: Option<bool>,
    /// The access key there; the secret is asked for
    #[arg(long, value_name = "ID")]
    pub(crate) access_key_id: Option<String>,
    /// Where the secret is: a file, or - for standard input [env: PORTCULLIS_PROVIDER_SECRET holds the secret itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Connect a place where another storage lives already
    #[arg(long)]
    pub(crate) share_bucket: bool,
    /// Make the storage without trying the connection
    #[arg(long)]
    pub(crate) skip_check: bool,
    /// Only try the connection and say what each step found
    #[arg(long)]
    pub(crate) test: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ProviderCredentials {
    /// The access key there; the secret is asked for
    #[arg(long, value_name = "ID")]
    pub(crate) access_key_id: String,
    /// Where the secret is: a file, or - for standard input [env: PORTCULLIS_PROVIDER_SECRET holds the secret itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct StorageUpdate {
    /// Its id, name or bucket name
    pub(crate) storage: String,
    /// What to call it
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The most that any key may do there: none, read, write or read_write
    #[arg(long)]
    pub(crate) permission: Option<String>,
    /// An address, network or range from where any key may be used; repeat for more, or `anywhere`
    #[arg(long = "network", value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,
    /// Change nothing; only show whom the networks would keep out, from the use of the last 30 days
    #[arg(long, requires = "networks", conflicts_with_all = ["name", "permission", "s3_access", "quota"])]
    pub(crate) dry_run: bool,
    /// Whether S3 tools may reach it
    #[arg(long, value_name = "true|false")]
    pub(crate) s3_access: Option<bool>,
    /// The most it may hold, e.g. 500G, or none
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    pub(crate) quota: Option<Limit>,
}

/// A limit, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    None,
    At(u64),
}

pub(super) fn limit(text: &str) -> Result<Limit, String> {
    if text == "none" { Ok(Limit::None) } else { size(text).map(Limit::At) }
}

fn size(text: &str) -> Result<u64, String> {
    crate::size::size(text)
        .ok_or_else(|| format!("\"{text}\" is not a size; write 500G, 2T or a number of bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert_eq!((limit("none"), limit("1k")), (Ok(Limit::None), Ok(Limit::At(1024))));
        assert!(limit("much").is_err());
    }
}
