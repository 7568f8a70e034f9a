//! Storages.

use portcullis_control::{Step, StorageChange, StorageDraft, StorageView};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::network::{NetworkIn, NotedNetwork, drafts, noted};
use super::present;

/// A storage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Storage)]
pub(crate) struct StorageOut {
    /// Identifies it.
    id: String,
    /// The number in its bucket name.
    number: u32,
    /// What a person called it.
    name: String,
    /// The part of the bucket name that a person chose.
    label: String,
    /// What S3 tools see; never changes.
    #[schema(example = "usr-48291-itm-00384-nas-backup")]
    bucket_name: String,
    /// The address of the S3 door.
    s3_address: String,
    /// Where the bytes live.
    #[schema(example = "builtin")]
    provider: String,
    /// What `GetBucketLocation` answers.
    region: String,
    /// Bytes of the current files; null if that cannot be told at the moment.
    used_bytes: Option<u64>,
    /// How many more bytes fit, by the quota and the space there is; null if that cannot be told.
    available_bytes: Option<u64>,
    /// How many files there are.
    files: Option<u64>,
    /// How many folders hold at least one of them.
    folders: Option<u64>,
    /// Whether it is shared with users or by links.
    shared: bool,
    /// Whether an S3 tool can reach it: S3 access is on, and there is a key that works.
    s3_active: bool,
    /// Whether S3 access is on.
    s3_access: bool,
    /// The most that any key may do here: `none`, `read`, `write` or `read_write`.
    permission: String,
    /// From where any key may be used; anywhere if empty.
    networks: Vec<NotedNetwork>,
    /// The most bytes it may hold, previous versions and unfinished uploads included; null for no limit.
    quota_bytes: Option<u64>,
    /// How the connection to the provider is: `reachable`, `degraded` or `unreachable`.
    health: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

impl StorageOut {
    pub(crate) fn new(view: StorageView, s3_address: &str) -> Self {
        let StorageView { storage, usage, available, health, s3_active } = view;
        Self {
            id: storage.id.to_string(),
            number: storage.number,
            name: storage.name.to_string(),
            label: storage.label.to_string(),
            bucket_name: storage.bucket.to_string(),
            s3_address: s3_address.to_owned(),
            provider: storage.connection.provider.to_string(),
            region: storage.connection.region,
            used_bytes: usage.map(|usage| usage.bytes),
            available_bytes: available,
            files: usage.map(|usage| usage.files),
            folders: usage.map(|usage| usage.folders),
            shared: false,
            s3_active,
            s3_access: storage.s3_access,
            permission: storage.permission.to_string(),
            networks: noted(&storage.networks),
            quota_bytes: storage.quota_bytes,
            health: health.to_string(),
            created_at: storage.created.to_string(),
        }
    }
}

/// A storage to be made. It cannot be reached from outside until there is a key for it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStorage)]
pub(crate) struct StorageIn {
    /// What to call it: 1 to 200 characters of any script.
    #[schema(example = "NAS backup")]
    name: String,
    /// The last part of its bucket name: 1 to 40 of `a-z`, `0-9` and `-`; made from the name if left out.
    label: Option<String>,
    /// Where the bytes live; this version has `builtin`.
    #[schema(example = "builtin")]
    provider: String,
    /// What `GetBucketLocation` is to answer; `us-east-1` if left out.
    region: Option<String>,
    /// The most that any key may do here; `read_write` if left out.
    permission: Option<String>,
    /// From where any key may be used; anywhere if left out.
    #[serde(default)]
    networks: Vec<NetworkIn>,
    /// Whether S3 access is on. On if left out: without a key nobody comes in, and with it making an S3 key is all it takes.
    s3_access: Option<bool>,
    /// The most bytes it may hold; no limit if left out.
    #[schema(minimum = 1)]
    quota_bytes: Option<u64>,
    /// For remote providers: their address.
    #[schema(value_type = Option<String>)]
    endpoint: Option<IgnoredAny>,
    /// For remote providers: the bucket there.
    #[schema(value_type = Option<String>)]
    bucket: Option<IgnoredAny>,
    /// For remote providers: the access key there.
    #[schema(value_type = Option<String>)]
    access_key_id: Option<IgnoredAny>,
    /// For remote providers: the secret there. Never shown again.
    #[schema(value_type = Option<String>, write_only)]
    secret_access_key: Option<IgnoredAny>,
    /// For remote providers: whether the bucket stands in the path.
    #[schema(value_type = Option<bool>)]
    path_style: Option<IgnoredAny>,
}

impl From<StorageIn> for StorageDraft {
    fn from(given: StorageIn) -> Self {
        let remote = [
            ("endpoint", given.endpoint.is_some()),
            ("bucket", given.bucket.is_some()),
            ("access_key_id", given.access_key_id.is_some()),
            ("secret_access_key", given.secret_access_key.is_some()),
            ("path_style", given.path_style.is_some()),
        ];
        Self {
            name: given.name,
            label: given.label,
            provider: given.provider,
            region: given.region,
            permission: given.permission,
            networks: drafts(given.networks),
            s3_access: given.s3_access,
            quota_bytes: given.quota_bytes,
            remote_fields: remote.into_iter().filter_map(|(field, there)| there.then_some(field)).collect(),
        }
    }
}

/// What to change of a storage; what is left out stays. The bucket name never changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StorageChange)]
pub(crate) struct StoragePatch {
    /// What to call it.
    name: Option<String>,
    /// The most that any key may do here.
    permission: Option<String>,
    /// From where any key may be used; anywhere if empty.
    networks: Option<Vec<NetworkIn>>,
    /// Whether S3 access is on.
    s3_access: Option<bool>,
    /// The most bytes it may hold; null takes the limit away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    quota_bytes: Option<Option<u64>>,
}

impl From<StoragePatch> for StorageChange {
    fn from(given: StoragePatch) -> Self {
        let StoragePatch { name, permission, networks, s3_access, quota_bytes } = given;
        Self { name, permission, networks: networks.map(drafts), s3_access, quota_bytes }
    }
}

/// How far a test goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = TestOptions)]
pub(crate) struct TestIn {
    /// Whether a small file is written, looked at and deleted again.
    pub(crate) write_probe: bool,
}

impl Default for TestIn {
    fn default() -> Self {
        Self { write_probe: true }
    }
}

/// What a test found.
#[derive(Serialize, ToSchema)]
#[schema(as = TestResult)]
pub(crate) struct TestOut {
    /// The steps, in their order.
    pub(crate) steps: Vec<StepOut>,
}

/// One step of a test.
#[derive(Serialize, ToSchema)]
#[schema(as = TestStep)]
pub(crate) struct StepOut {
    /// What was tried.
    #[schema(example = "index")]
    name: &'static str,
    /// Whether it worked.
    ok: bool,
    /// What was found.
    detail: String,
    /// What to do if it did not work.
    advice: &'static str,
}

impl From<Step> for StepOut {
    fn from(step: Step) -> Self {
        let Step { name, ok, detail, advice } = step;
        Self { name, ok, detail, advice }
    }
}
