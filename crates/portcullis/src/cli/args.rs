//! What may be typed.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, CommandFactory as _, FromArgMatches, Parser, Subcommand, value_parser};

use crate::config::{FIELDS, Flags};

/// Storage access gateway: storages stay closed until a key opens them.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How to reach a running server.
#[derive(Args, Debug)]
pub(crate) struct Remote {
    /// The server's REST address [default: the one of `portcullis login`, else http://127.0.0.1:8080]
    #[arg(long, global = true, value_name = "URL", env = "PORTCULLIS_SERVER")]
    pub(crate) server: Option<String>,
    /// A REST key; better given in the environment, where other users of the machine don't see it
    #[arg(long, global = true, value_name = "KEY", env = "PORTCULLIS_API_KEY", hide_env_values = true)]
    pub(crate) api_key: Option<String>,
    /// Print JSON, as the REST API gave it
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Sign in as a user and keep the sign-in for later calls
    Login(LoginArgs),
    /// End the sign-in that `login` keeps
    Logout,
    /// Storages
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Look up what was allowed and what was denied, and why
    Audit(AuditArgs),
    /// The key that seals all secrets (server stopped)
    #[command(subcommand)]
    MasterKey(MasterKeyCommand),
    /// Verify every stored byte against its checksum (server stopped)
    Scrub(DataArgs),
    /// Print a completion script
    Completion {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

/// The flags of `serve`: made from the same table as environment and file.
#[derive(Debug)]
pub(crate) struct ServeArgs {
    pub(crate) config: Option<PathBuf>,
    pub(crate) flags: Flags,
}

impl Args for ServeArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("TOML file with these settings; names with _ instead of - [env: PORTCULLIS_CONFIG]");
        FIELDS.iter().fold(command.arg(config), |command, field| {
            let help = format!("{} [env: {}]", field.help, field.env());
            command.arg(Arg::new(field.name).long(field.flag()).value_name(field.value).help(help))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value = |name| matches.get_one::<String>(name).cloned();
        let config = matches.get_one::<PathBuf>("config").cloned();
        Ok(Self {
            config: config.or_else(|| crate::config::env("PORTCULLIS_CONFIG").map(PathBuf::from)),
            flags: FIELDS.iter().filter_map(|field| Some((field.name, value(field.name)?))).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// Who signs in
    #[arg(long, default_value = "admin")]
    pub(crate) username: String,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

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
    /// List storages
    List {
        /// Only those whose name, label or bucket contains this
        #[arg(long)]
        search: Option<String>,
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

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; its secret is shown once, now
    Create(KeyCreate),
    /// List keys
    List {
        /// Only those of this storage (id, name or bucket name)
        #[arg(long)]
        storage: Option<String>,
    },
    /// Show one key
    Show {
        /// Its id or access key
        key: String,
    },
    /// Switch a key off at once; `key enable` turns it on again
    Disable {
        /// Its id or access key
        key: String,
    },
    /// Give a key a permission again
    Enable {
        /// Its id or access key
        key: String,
        /// read, write, read_write or full
        #[arg(long)]
        permission: String,
    },
    /// Give a key a new access key and a new secret; the old ones stop working at once
    Rotate {
        /// Its id or access key
        key: String,
        /// Print only the set-up for this tool, as with `key create`
        #[arg(long, value_name = "TOOL")]
        setup: Option<String>,
    },
    /// Delete a key for good
    Delete {
        /// Its id or access key
        key: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct KeyCreate {
    /// The storage it opens (id, name or bucket name); without it the key is for the whole site
    #[arg(long)]
    pub(crate) storage: Option<String>,
    /// What to call it
    #[arg(long)]
    pub(crate) name: String,
    /// s3 or rest [default: s3 for a storage, rest for the site]
    #[arg(long)]
    pub(crate) channel: Option<String>,
    /// none, read, write, read_write or full [default: read for a storage, full for the site]
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
    /// Print only the set-up for this tool: rclone, aws, s3cmd, restic, s3fs, boto3 or curl
    #[arg(long, value_name = "TOOL")]
    pub(crate) setup: Option<String>,
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
pub(crate) enum MasterKeyCommand {
    /// Seal every secret anew under a new master key
    Rotate {
        #[command(flatten)]
        data: DataArgs,
        /// Where to write the new key; put it in the old one's place afterwards
        #[arg(long, value_name = "FILE")]
        new_key_file: PathBuf,
    },
}

/// The settings that offline commands share with `serve`.
#[derive(Args, Debug)]
pub(crate) struct DataArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// Writes the completion script to standard output.
pub(crate) fn completion(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut std::io::stdout());
}

/// `500G`, `2T`, `1048576`: powers of 1,024.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is not a size; write 500G, 2T or a number of bytes");
    let (digits, shift) = match text.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => {
            let shift = "KMGTP".find(unit.to_ascii_uppercase()).ok_or_else(wrong)?;
            (text.get(..at).unwrap_or_default(), 10 * (u32::try_from(shift).unwrap_or(0) + 1))
        }
        _ => (text, 0),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(size("1048576"), Ok(1 << 20));
        assert_eq!(size("500G"), Ok(500 << 30));
        assert_eq!(size("2t"), Ok(2 << 40));
        for wrong in ["", "G", "1.5G", "-1", "12X", "99999999P"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
