//! What may be said of scans and proofs.

use std::path::PathBuf;

use clap::Args;
use portcullis_domain::Permission;

#[derive(Args, Debug)]
pub(crate) struct ScanArgs {
    /// Files and folders to look through; - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Send what is found to this server, where it is made harmless
    #[arg(long, value_name = "URL")]
    pub(crate) report: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ProveArgs {
    /// A file that holds access key and secret, in any form: what `key create` printed, a tool's configuration; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: PathBuf,
    /// For an S3 key: the address of the S3 server
    #[arg(long, value_name = "URL", requires = "bucket", required_unless_present = "storage")]
    pub(crate) s3: Option<String>,
    /// For an S3 key: the bucket
    #[arg(long, requires = "s3", conflicts_with = "storage")]
    pub(crate) bucket: Option<String>,
    /// For a REST key: the storage (id, or bucket name); the server is that of --server
    #[arg(long)]
    pub(crate) storage: Option<String>,
    /// The only part of the bucket that the key reaches
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// Another bucket (for a REST key the id of another storage) that the key must not open
    #[arg(long, value_name = "NAME")]
    pub(crate) other: Option<String>,
    /// What the key is to allow: none, read, write or read_write; without it what is seen is only shown
    #[arg(long, value_name = "PERMISSION")]
    pub(crate) expect: Option<Permission>,
}
