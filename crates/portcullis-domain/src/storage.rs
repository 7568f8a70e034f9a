//! Storages and their connections.

use crate::permission::words;
use crate::{
    BucketName, ConnectionId, DisplayName, Label, Networks, Permission, SiteId, StorageId, Timestamp, Trial,
    UserId,
};

words! {
    /// Where the bytes live.
    Provider {
        /// The embedded object store of this installation.
        Builtin = "builtin",
        /// Amazon S3.
        Aws = "aws",
        /// Cloudflare R2.
        CloudflareR2 = "cloudflare-r2",
        /// Any other S3-compatible service.
        S3 = "s3",
    }
    "builtin, aws, cloudflare-r2, s3"
}

/// Where runs between storages keep what they need beside the files of a bucket of somebody else: what they replaced, and the mark
/// that they leave. No client sees it or reaches it.
pub const RESERVED_PREFIX: &str = ".portcullis/";

words! {
    /// Whether a storage can be reached.
    StorageState {
        /// In use.
        Active = "active",
        /// Its connection was cut; the record is kept so that its number and bucket name are never given again.
        Detached = "detached",
        /// Its connection was deleted for good; what it pointed at at the provider was left as it was.
        Deleted = "deleted",
    }
    "active, detached, deleted"
}

words! {
    /// How the connection to the provider is.
    Health {
        /// Answers.
        Reachable = "reachable",
        /// Answers, with errors or slowly.
        Degraded = "degraded",
        /// Does not answer.
        Unreachable = "unreachable",
    }
    "reachable, degraded, unreachable"
}

/// What ties a storage to where its bytes live, without the provider's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Identifies the connection.
    pub id: ConnectionId,
    /// Where the bytes live.
    pub provider: Provider,
    /// The provider's region; what `GetBucketLocation` answers.
    pub region: String,
    /// The provider's address; none for the embedded store.
    pub endpoint: Option<String>,
    /// The bucket there; none for the embedded store.
    pub bucket: Option<String>,
    /// Whether the bucket stands in the path of the address instead of its host name.
    pub path_style: bool,
}

impl Connection {
    /// The connection to the embedded store.
    #[must_use]
    pub fn builtin(region: String) -> Self {
        let (id, provider) = (ConnectionId::generate(), Provider::Builtin);
        Self { id, provider, region, endpoint: None, bucket: None, path_style: false }
    }
}

/// A named tree of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Identifies the storage.
    pub id: StorageId,
    /// The site it belongs to.
    pub site: SiteId,
    /// The user who made it; their number is in the bucket name.
    pub owner: UserId,
    /// The number in its bucket name, unique in the installation.
    pub number: u32,
    /// What a person called it. May change.
    pub name: DisplayName,
    /// The part of the bucket name that a person chose.
    pub label: Label,
    /// What tools see. Never changes.
    pub bucket: BucketName,
    /// Where its bytes live.
    pub connection: Connection,
    /// The most that any key may do here.
    pub permission: Permission,
    /// Where any key may be used from here.
    pub networks: Networks,
    /// Whether the S3 door is open for it.
    pub s3_access: bool,
    /// The most bytes it may hold, previous versions and unfinished uploads included; none for no limit.
    pub quota_bytes: Option<u64>,
    /// Whether it can be reached.
    pub state: StorageState,
    /// When it was made.
    pub created: Timestamp,
    /// Off for everybody but the people who run the site, until this moment: it comes back by itself.
    pub paused_until: Option<Timestamp>,
    /// Networks that are tried out on it.
    pub trial: Option<Trial>,
}

impl Storage {
    /// The prefix of its keys that no client reaches. The embedded store keeps what is replaced itself and reserves none.
    #[must_use]
    pub const fn reserved_prefix(&self) -> Option<&'static str> {
        match self.connection.provider {
            Provider::Builtin => None,
            Provider::Aws | Provider::CloudflareR2 | Provider::S3 => Some(RESERVED_PREFIX),
        }
    }
}

/// What a storage holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes of current objects.
    pub bytes: u64,
    /// Current objects.
    pub files: u64,
    /// Distinct folders, that is prefixes ending in `/`, that hold at least one current object.
    pub folders: u64,
    /// Bytes of previous versions that are kept.
    pub version_bytes: u64,
    /// Bytes of multipart uploads that are not completed.
    pub upload_bytes: u64,
}

impl Usage {
    /// Everything that counts against the quota.
    #[must_use]
    pub const fn stored_bytes(&self) -> u64 {
        self.bytes.saturating_add(self.version_bytes).saturating_add(self.upload_bytes)
    }
}
