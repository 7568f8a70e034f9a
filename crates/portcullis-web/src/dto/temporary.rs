//! Temporary credentials.

use std::collections::BTreeMap;

use portcullis_control::TemporaryDraft;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::network::{NetworkIn, drafts};

/// Temporary credentials to be made. What is left out is as it is with the key.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTemporaryCredentials)]
pub(crate) struct TemporaryIn {
    /// The only storage, by its id.
    storage: Option<String>,
    /// The most that may be done: `read`, `write` or `read_write`, no more than the key has.
    #[schema(pattern = "^(read|write|read_write)$", example = "read")]
    permission: Option<String>,
    /// The only part of the storage, below the key's own.
    prefix: Option<String>,
    /// From where they may be used, within the key's own networks.
    #[serde(default)]
    networks: Vec<NetworkIn>,
    /// How long they last, in seconds; never beyond the end of the key.
    #[schema(minimum = 60, maximum = 43200, default = 3600)]
    duration_seconds: Option<u64>,
}

impl From<TemporaryIn> for TemporaryDraft {
    fn from(given: TemporaryIn) -> Self {
        let TemporaryIn { storage, permission, prefix, networks, duration_seconds } = given;
        Self { storage, permission, prefix, networks: drafts(networks), duration_seconds }
    }
}

/// Temporary credentials that were just made: the only answer that ever holds them. Nothing of them is stored; they end at
/// `expires_at`, and when the key ends, is switched off or gets other credentials.
#[derive(Serialize, ToSchema)]
#[schema(as = TemporaryCredentials)]
pub(crate) struct TemporaryOut {
    /// Identifies them to tools.
    #[schema(example = "PC4QZ0V7M2K9X1B8N6TD")]
    pub(crate) access_key: String,
    /// What signs.
    pub(crate) secret: String,
    /// What has to come along with every request: `x-amz-security-token`.
    pub(crate) session_token: String,
    /// The first moment at which they no longer work.
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
    /// What they allow, within what the key allows at that moment.
    pub(crate) permission: String,
    /// The only part of the storage that they reach; empty for all of it.
    pub(crate) prefix: String,
    /// The bucket to name in tools, if they are for one storage.
    pub(crate) bucket_name: Option<String>,
    /// The address of the S3 door.
    pub(crate) s3_address: String,
    /// For each tool, what to paste: `env`, `aws`, `boto3`.
    pub(crate) setup: BTreeMap<&'static str, String>,
}
