//! What hangs on a storage, and what ends with it.

use portcullis_control::{AffectedClient, AffectedKey, Done, EndedStorage, Impact, Knock};
use portcullis_domain::{Provider, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ReceiptDto;

/// What would end with a storage, and who would notice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StorageImpact)]
pub(crate) struct ImpactOut {
    /// What would become of the storage: `deleted`, or `detached` if its files are in the embedded store.
    #[schema(example = "deleted")]
    becomes: &'static str,
    /// From when on use was looked at.
    #[schema(format = DateTime)]
    since: String,
    /// The keys that opened it since then, the latest first: its own, and those of people and of the site.
    keys: Vec<AffectedKeyOut>,
    /// Its own keys that did not.
    unused_keys: Vec<AffectedKeyOut>,
    /// Programs at addresses that would be refused, each counted once for each key.
    clients: usize,
    /// Files that are on their way up or down at this moment.
    transfers: usize,
    /// Links into it that would end.
    links: Vec<AffectedLinkOut>,
    /// With whom it is shared.
    grants: Vec<AffectedGrantOut>,
    /// With how many people that is.
    people: u32,
    /// Who was refused while it was paused, if that was in the last days; the latest first.
    knocked_while_paused: Vec<KnockOut>,
    /// Whether there is more than is told here.
    has_more: bool,
    /// What S3 tools see; write it down.
    bucket_name: String,
    /// The address of the S3 door.
    s3_address: String,
    /// The provider's address; null for the embedded store.
    endpoint: Option<String>,
    /// Where at the provider: `bucket`, or `bucket/prefix`; null for the embedded store.
    bucket: Option<String>,
}

/// A key that would notice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AffectedKey)]
pub(crate) struct AffectedKeyOut {
    /// Identifies it.
    id: String,
    /// What a person called it.
    name: String,
    /// Its access key, or its name at sign-in.
    access_key: String,
    /// The protocol it opens.
    channel: String,
    /// `active`, `disabled` or `expired`.
    status: &'static str,
    /// Whose it is, if it is a person's.
    owner: Option<String>,
    /// Whether it is for this storage alone and would be deleted with it; otherwise it works on elsewhere.
    ends: bool,
    /// When the storage was last opened with it; for an unused one, when it was last used at all.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// How many requests.
    requests: u64,
    /// Bytes of files, up and down.
    bytes: u64,
    /// The programs that used it, the latest first.
    clients: Vec<AffectedClientOut>,
    /// How many more there are.
    more_clients: usize,
}

/// A program at an address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AffectedClient)]
pub(crate) struct AffectedClientOut {
    /// The program, without its version.
    #[schema(example = "rclone")]
    tool: String,
    /// Its address, or a network of several that were too many to tell apart.
    #[schema(example = "203.0.113.24")]
    network: String,
    /// How many requests.
    requests: u64,
    /// Bytes of files, up and down.
    bytes: u64,
    /// When it came last.
    #[schema(format = DateTime)]
    last_used_at: String,
}

/// A link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AffectedLink)]
pub(crate) struct AffectedLinkOut {
    /// What a person called it.
    name: String,
    /// The file or the folder it leads to.
    target: String,
}

/// With whom a storage is shared.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AffectedGrant)]
pub(crate) struct AffectedGrantOut {
    /// The user, or the group.
    grantee: String,
    /// The part that is shared; empty for everything.
    prefix: String,
    /// What may be done there.
    permission: String,
}

/// Somebody who was refused while the storage was paused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Knock)]
pub(crate) struct KnockOut {
    /// The key's name.
    key: String,
    /// Its access key, or its name at sign-in.
    access_key: String,
    /// The program.
    tool: String,
    /// Its address, or a network of several.
    network: String,
    /// How often.
    requests: u64,
    /// When last.
    #[schema(format = DateTime)]
    last_at: String,
}

impl ImpactOut {
    pub(crate) fn new(impact: Impact, s3_address: &str) -> Self {
        let clients = impact.clients();
        let connection = &impact.storage.connection;
        Self {
            becomes: if connection.provider == Provider::Builtin { "detached" } else { "deleted" },
            since: impact.since.to_string(),
            clients,
            transfers: impact.transfers,
            links: impact
                .links
                .into_iter()
                .map(|link| AffectedLinkOut { name: link.name, target: link.target })
                .collect(),
            grants: impact
                .grants
                .into_iter()
                .map(|row| AffectedGrantOut {
                    grantee: row.grantee_name,
                    prefix: row.grant.prefix.to_string(),
                    permission: row.grant.permission.to_string(),
                })
                .collect(),
            people: impact.people,
            knocked_while_paused: impact.knocks.into_iter().map(KnockOut::from).collect(),
            has_more: impact.has_more,
            bucket_name: impact.storage.bucket.to_string(),
            s3_address: s3_address.to_owned(),
            endpoint: connection.endpoint.clone(),
            bucket: connection.bucket.clone(),
            keys: impact.keys.into_iter().map(AffectedKeyOut::from).collect(),
            unused_keys: impact.unused.into_iter().map(AffectedKeyOut::from).collect(),
        }
    }
}

impl From<AffectedKey> for AffectedKeyOut {
    fn from(affected: AffectedKey) -> Self {
        let key = affected.key;
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            access_key: key.credential.to_string(),
            channel: key.channel.to_string(),
            status: affected.status.as_str(),
            owner: affected.owner,
            ends: affected.own,
            last_used_at: affected.last.map(|at| at.to_string()),
            requests: affected.requests,
            bytes: affected.bytes,
            clients: affected.clients.into_iter().map(AffectedClientOut::from).collect(),
            more_clients: affected.more_clients,
        }
    }
}

impl From<AffectedClient> for AffectedClientOut {
    fn from(client: AffectedClient) -> Self {
        let AffectedClient { tool, network, requests, bytes, last } = client;
        Self { tool, network, requests, bytes, last_used_at: last.to_string() }
    }
}

impl From<Knock> for KnockOut {
    fn from(knock: Knock) -> Self {
        let Knock { key, credential, tool, network, requests, last } = knock;
        Self { key, access_key: credential, tool, network, requests, last_at: last.to_string() }
    }
}

/// What shows that a storage is meant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StorageDeletion)]
pub(crate) struct DeletionIn {
    /// The storage's name, exactly.
    #[schema(min_length = 1)]
    pub(crate) confirm: String,
}

/// What ended with a storage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedStorage)]
pub(crate) struct EndedStorageOut {
    /// What became of it: `deleted`, or `detached` if its files are in the embedded store.
    state: String,
    /// Keys that were deleted with it.
    keys_deleted: usize,
    /// Links that ended with it.
    links_ended: usize,
    /// Grants that were removed with it.
    grants_removed: u64,
    /// What was cut.
    receipt: ReceiptDto,
}

impl From<Done<EndedStorage>> for EndedStorageOut {
    fn from(done: Done<EndedStorage>) -> Self {
        Self {
            state: done.storage.state.to_string(),
            keys_deleted: done.keys.len(),
            links_ended: done.links.len(),
            grants_removed: done.grants,
            receipt: ReceiptDto::from(&done.receipt),
        }
    }
}

/// For how long a storage is switched off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPause)]
pub(crate) struct PauseIn {
    /// Minutes from now.
    #[schema(minimum = 1, maximum = 1440, example = 30)]
    pub(crate) minutes: u32,
}

/// A pause of a storage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pause)]
pub(crate) struct PauseOut {
    /// When the storage is back by itself; null if it is not switched off.
    #[schema(format = DateTime)]
    paused_until: Option<String>,
    /// What was cut.
    receipt: ReceiptDto,
}

impl PauseOut {
    pub(crate) fn new(
        until: Option<Timestamp>,
        now: Timestamp,
        receipt: &portcullis_control::Receipt,
    ) -> Self {
        let paused_until = until.filter(|end| *end > now).map(|end| end.to_string());
        Self { paused_until, receipt: ReceiptDto::from(receipt) }
    }
}
