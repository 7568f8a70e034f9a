//! Storages.

use portcullis_control::{
    DetachedStorage, Receipt, RemoteDraft, ShareStatus, Step, StorageChange, StorageDraft, StorageView,
};
use portcullis_domain::{Health, Secret, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::network::{NetworkIn, NotedNetwork, drafts, noted};
use super::present;
use super::receipt::ReceiptDto;
use super::trial::TrialSettingsOut;
use crate::problem::Problem;

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
    /// The provider's address; null for the embedded store.
    endpoint: Option<String>,
    /// Where at the provider: `bucket`, or `bucket/prefix`; null for the embedded store.
    bucket: Option<String>,
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
    /// With how many people it is shared, directly or through a group.
    shared_people: u32,
    /// How many links lead into it that have not ended or expired.
    shared_links: u32,
    /// Whether an S3 tool can reach it: S3 access is on, and there is a key that works.
    s3_active: bool,
    /// Whether S3 access is on.
    s3_access: bool,
    /// The most that any key may do here: `none`, `read`, `write` or `read_write`.
    permission: String,
    /// From where any key may be used; anywhere if empty.
    networks: Vec<NotedNetwork>,
    /// Networks that are tried out on it; null if none are.
    trial: Option<TrialSettingsOut>,
    /// The most bytes it may hold, previous versions and unfinished uploads included; null for no limit.
    quota_bytes: Option<u64>,
    /// How the connection to the provider is: `reachable`, `degraded` or `unreachable`. A detached storage is `unreachable`.
    health: String,
    /// `active`, or `detached`: set aside with its files, until an admin attaches it again.
    #[schema(example = "active")]
    state: String,
    /// Since when it is detached; null if it is not.
    #[schema(format = DateTime)]
    detached_at: Option<String>,
    /// It is switched off until then and comes back by itself; null if it is not.
    #[schema(format = DateTime)]
    paused_until: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// In the answer to a change: what it ended. Null in every other.
    receipt: Option<ReceiptDto>,
}

impl StorageOut {
    pub(crate) fn new(view: StorageView, s3_address: &str, now: Timestamp) -> Self {
        let StorageView { storage, usage, available, health, s3_active, share } = view;
        let (people, links) = match share {
            ShareStatus::Private => (0, 0),
            ShareStatus::Shared { people, links } => (people, links),
        };
        Self {
            id: storage.id.to_string(),
            number: storage.number,
            name: storage.name.to_string(),
            label: storage.label.to_string(),
            bucket_name: storage.bucket.to_string(),
            s3_address: s3_address.to_owned(),
            provider: storage.connection.provider.to_string(),
            region: storage.connection.region,
            endpoint: storage.connection.endpoint,
            bucket: storage.connection.bucket,
            used_bytes: usage.map(|usage| usage.bytes),
            available_bytes: available,
            files: usage.map(|usage| usage.files),
            folders: usage.map(|usage| usage.folders),
            shared: share.is_shared(),
            shared_people: people,
            shared_links: links,
            s3_active,
            s3_access: storage.s3_access,
            permission: storage.permission.to_string(),
            networks: noted(&storage.networks),
            trial: storage.trial.as_ref().map(TrialSettingsOut::from),
            quota_bytes: storage.quota_bytes,
            health: health.to_string(),
            state: storage.state.to_string(),
            detached_at: None,
            paused_until: storage.paused_until.filter(|end| *end > now).map(|end| end.to_string()),
            created_at: storage.created.to_string(),
            receipt: None,
        }
    }

    /// As the answer to a change that ended this.
    pub(crate) fn with_receipt(self, receipt: &Receipt) -> Self {
        Self { receipt: Some(receipt.into()), ..self }
    }

    /// One that was set aside, with what it held then.
    pub(crate) fn detached(detached: DetachedStorage, s3_address: &str, now: Timestamp) -> Self {
        let DetachedStorage { storage, since, bytes, files } = detached;
        let view = StorageView {
            storage,
            usage: None,
            available: None,
            health: Health::Unreachable,
            s3_active: false,
            share: ShareStatus::Private,
        };
        let since = since.map(|since| since.to_string());
        Self { used_bytes: bytes, files, detached_at: since, ..Self::new(view, s3_address, now) }
    }
}

/// A storage to be made. It cannot be reached from outside until there is a key for it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStorage)]
pub(crate) struct StorageIn {
    /// What to call it: 1 to 200 characters of any script.
    #[schema(min_length = 1, example = "NAS backup")]
    name: String,
    /// The last part of its bucket name: 1 to 40 of `a-z`, `0-9` and `-`; made from the name if left out.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
    label: Option<String>,
    /// Where the bytes live: `builtin`, `aws`, `cloudflare-r2` or `s3` (any other compatible provider).
    #[schema(pattern = "^(builtin|aws|cloudflare-r2|s3)$", example = "builtin")]
    provider: String,
    /// The provider's region, which is also what `GetBucketLocation` answers; the provider's usual one if left out.
    region: Option<String>,
    /// The most that any key may do here; `read_write` if left out.
    #[schema(pattern = "^(none|read|write|read_write)$")]
    permission: Option<String>,
    /// From where any key may be used; anywhere if left out.
    #[serde(default)]
    networks: Vec<NetworkIn>,
    /// Whether S3 access is on. On if left out: without a key nobody comes in, and with it making an S3 key is all it takes.
    s3_access: Option<bool>,
    /// The most bytes it may hold; no limit if left out.
    #[schema(minimum = 1)]
    quota_bytes: Option<u64>,
    /// For remote providers: what kind it is exactly, such as `backblaze-b2`, `minio` or `other`; its address, region and
    /// style follow from it where they can.
    preset: Option<String>,
    /// For Cloudflare R2: the account's id, from which the address follows.
    account: Option<String>,
    /// For remote providers: their address, if it does not follow from the region.
    #[schema(example = "https://s3.example.com")]
    endpoint: Option<String>,
    /// For remote providers: `bucket`, or `bucket/prefix` for a part of it.
    bucket: Option<String>,
    /// For remote providers: whether the bucket stands in the path of the address.
    path_style: Option<bool>,
    /// For remote providers: the access key there.
    access_key_id: Option<String>,
    /// For remote providers: the secret there. Kept sealed, never shown again.
    #[schema(value_type = Option<String>, write_only)]
    secret_access_key: Option<SecretIn>,
    /// Connect a place where another storage of the site lives already.
    #[serde(default)]
    share_bucket: bool,
    /// Make the storage without trying the connection.
    #[serde(default)]
    skip_check: bool,
}

impl From<StorageIn> for StorageDraft {
    fn from(given: StorageIn) -> Self {
        Self {
            name: given.name,
            label: given.label,
            provider: given.provider,
            region: given.region,
            permission: given.permission,
            networks: drafts(given.networks),
            s3_access: given.s3_access,
            quota_bytes: given.quota_bytes,
            remote: RemoteDraft {
                preset: given.preset,
                account: given.account,
                endpoint: given.endpoint,
                bucket: given.bucket,
                path_style: given.path_style,
                access_key_id: given.access_key_id,
                secret_access_key: given.secret_access_key.map(|secret| secret.0),
                share_bucket: given.share_bucket,
                skip_check: given.skip_check,
            },
        }
    }
}

/// A connection to be tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConnectionToTest)]
pub(crate) struct ConnectionIn {
    /// `aws`, `cloudflare-r2` or `s3`.
    #[schema(pattern = "^(aws|cloudflare-r2|s3)$", example = "aws")]
    provider: String,
    /// What kind it is exactly.
    preset: Option<String>,
    /// For Cloudflare R2: the account's id.
    account: Option<String>,
    /// The provider's region.
    region: Option<String>,
    /// The provider's address, if it does not follow from the region.
    endpoint: Option<String>,
    /// `bucket`, or `bucket/prefix` for a part of it.
    bucket: Option<String>,
    /// Whether the bucket stands in the path of the address.
    path_style: Option<bool>,
    /// The access key there.
    access_key_id: Option<String>,
    /// The secret there.
    #[schema(value_type = Option<String>, write_only)]
    secret_access_key: Option<SecretIn>,
    /// Whether a small file is written, looked at and deleted again.
    #[serde(default)]
    pub(crate) write_probe: bool,
}

impl From<ConnectionIn> for StorageDraft {
    fn from(given: ConnectionIn) -> Self {
        Self {
            provider: given.provider,
            region: given.region,
            remote: RemoteDraft {
                preset: given.preset,
                account: given.account,
                endpoint: given.endpoint,
                bucket: given.bucket,
                path_style: given.path_style,
                access_key_id: given.access_key_id,
                secret_access_key: given.secret_access_key.map(|secret| secret.0),
                ..RemoteDraft::default()
            },
            ..Self::default()
        }
    }
}

/// A secret that comes in. It is wiped, and not printed.
pub(crate) struct SecretIn(pub(crate) Secret);

impl<'de> Deserialize<'de> for SecretIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::foreign(text)))
    }
}

/// What to change of a storage; what is left out stays. The bucket name never changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StorageChange)]
pub(crate) struct StoragePatch {
    /// What to call it.
    #[schema(min_length = 1)]
    name: Option<String>,
    /// The most that any key may do here.
    #[schema(pattern = "^(none|read|write|read_write)$")]
    permission: Option<String>,
    /// From where any key may be used; anywhere if empty.
    networks: Option<Vec<NetworkIn>>,
    /// Whether S3 access is on.
    s3_access: Option<bool>,
    /// The most bytes it may hold; null takes the limit away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    quota_bytes: Option<Option<u64>>,
    /// For remote providers: a new access key there, together with `secret_access_key`. They are tried before they are kept.
    access_key_id: Option<String>,
    /// The secret of the new access key.
    #[schema(value_type = Option<String>, write_only)]
    secret_access_key: Option<SecretIn>,
}

impl StoragePatch {
    /// New credentials of the provider, if there are any.
    ///
    /// # Errors
    /// One half without the other.
    pub(crate) fn take_credentials(&mut self) -> Result<Option<(String, Secret)>, Problem> {
        match (self.access_key_id.take(), self.secret_access_key.take()) {
            (None, None) => Ok(None),
            (Some(id), Some(secret)) => Ok(Some((id, secret.0))),
            (Some(_), None) => {
                Err(Problem::invalid_field("secret_access_key", "comes together with access_key_id"))
            }
            (None, Some(_)) => {
                Err(Problem::invalid_field("access_key_id", "comes together with secret_access_key"))
            }
        }
    }
}

impl From<StoragePatch> for StorageChange {
    fn from(given: StoragePatch) -> Self {
        let StoragePatch { name, permission, networks, s3_access, quota_bytes, .. } = given;
        let networks = networks.map(drafts);
        Self { name, permission, networks, s3_access, quota_bytes, ..Self::default() }
    }
}

/// How far a test goes.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = TestOptions)]
pub(crate) struct TestIn {
    /// Whether a small file is written, looked at and deleted again.
    pub(crate) write_probe: bool,
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
    advice: String,
}

impl From<Step> for StepOut {
    fn from(step: Step) -> Self {
        let Step { name, ok, detail, advice } = step;
        Self { name, ok, detail, advice: advice.into_owned() }
    }
}
