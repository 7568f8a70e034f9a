//! What somebody filled in for a storage, and what it becomes.

use portcullis_domain::{DisplayName, Label, Networks, Permission, Provider, Storage, Timestamp};

use super::DEFAULT_REGION;
use super::remote::{Candidate, RemoteDraft};
use crate::check::{Check, set};
use crate::networks::TrialChange;
use crate::{NetworkDraft, Result};

/// A storage to be made, as somebody filled it in.
#[derive(Clone, Debug, Default)]
pub struct StorageDraft {
    /// What to call it.
    pub name: String,
    /// The part of the bucket name that a person chooses; made from the name if left out.
    pub label: Option<String>,
    /// Where the bytes live.
    pub provider: String,
    /// [`DEFAULT_REGION`] if left out.
    pub region: Option<String>,
    /// `read_write` if left out.
    pub permission: Option<String>,
    /// From where any key may be used; anywhere if empty.
    pub networks: Vec<NetworkDraft>,
    /// Whether the S3 door is open for it. Open if left out: there is no key yet, so nobody can come in, and making
    /// an S3 key is then all it takes.
    pub s3_access: Option<bool>,
    /// The most bytes it may hold; no limit if left out.
    pub quota_bytes: Option<u64>,
    /// For a remote provider: its address, bucket and credentials.
    pub remote: RemoteDraft,
}

/// What to change of a storage; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct StorageChange {
    /// What to call it. The bucket name never changes.
    pub name: Option<String>,
    /// The most that any key may do here: `none`, `read`, `write` or `read_write`.
    pub permission: Option<String>,
    /// From where any key may be used.
    pub networks: Option<Vec<NetworkDraft>>,
    /// Whether the S3 door is open for it.
    pub s3_access: Option<bool>,
    /// The most bytes it may hold; `Some(None)` takes the limit away.
    pub quota_bytes: Option<Option<u64>>,
    /// What to do about networks that are tried out on it.
    pub trial: Option<TrialChange>,
}

/// A draft that was checked.
pub(super) struct Checked {
    pub(super) name: DisplayName,
    pub(super) label: Label,
    pub(super) place: Place,
    pub(super) permission: Permission,
    pub(super) networks: Networks,
}

/// Where a storage's bytes are to live.
pub(super) enum Place {
    Builtin { region: String },
    Remote(Box<Candidate>),
}

impl StorageDraft {
    pub(super) fn check(&self) -> Result<Checked> {
        let mut check = Check::default();
        let name: Option<DisplayName> = check.parse("name", &self.name);
        let suggested = name.as_ref().map(Label::suggested_by);
        let label = match &self.label {
            Some(label) => check.parse("label", label),
            None => suggested,
        };
        let provider = check.parse::<Provider>("provider", &self.provider);
        let place = provider.and_then(|provider| self.place(&mut check, provider));
        let permission = check.parse_or("permission", self.permission.as_deref(), Permission::ReadWrite);
        check_ceiling(&mut check, permission);
        let networks = check.networks(&self.networks);
        check_quota(&mut check, self.quota_bytes);
        let read = (|| {
            Some(Checked {
                name: name?,
                label: label?,
                place: place?,
                permission: permission?,
                networks: networks?,
            })
        })();
        check.finish(read)
    }
}

impl StorageDraft {
    fn place(&self, check: &mut Check, provider: Provider) -> Option<Place> {
        if provider != Provider::Builtin {
            let read = self.remote.read(check, provider, self.region.as_deref());
            return read.map(|candidate| Place::Remote(Box::new(candidate)));
        }
        for field in self.remote.filled() {
            check.problem(field, "only storages of a remote provider have this; leave it out for builtin");
        }
        let region = self.region.as_deref().unwrap_or(DEFAULT_REGION);
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let right = (1..=64).contains(&region.len()) && region.bytes().all(plain);
        check.require(right, "region", "1 to 64 lower-case letters, digits and hyphens, such as us-east-1");
        right.then(|| Place::Builtin { region: region.to_owned() })
    }
}

fn check_ceiling(check: &mut Check, permission: Option<Permission>) {
    let right = permission != Some(Permission::Full);
    check.require(right, "permission", "full is for keys; a storage allows none, read, write or read_write");
}

fn check_quota(check: &mut Check, quota: Option<u64>) {
    let right = quota.is_none_or(|quota| (1..=i64::MAX.unsigned_abs()).contains(&quota));
    check.require(
        right,
        "quota_bytes",
        "at least 1 and less than 2^63 bytes; leave it out, or null, for no limit",
    );
}

impl StorageChange {
    /// The word for it in the audit trail.
    pub(super) fn action(&self) -> &'static str {
        self.trial.as_ref().map_or("update_storage", TrialChange::action)
    }

    pub(super) fn apply(&self, mut storage: Storage, now: Timestamp) -> Result<Storage> {
        let mut check = Check::default();
        if let Some(name) = &self.name {
            set(&mut storage.name, check.parse("name", name));
        }
        if let Some(permission) = &self.permission {
            let permission = check.parse("permission", permission);
            check_ceiling(&mut check, permission);
            set(&mut storage.permission, permission);
        }
        if let Some(networks) = &self.networks {
            set(&mut storage.networks, check.networks(networks));
        }
        if let Some(quota) = self.quota_bytes {
            check_quota(&mut check, quota);
            storage.quota_bytes = quota;
        }
        storage.s3_access = self.s3_access.unwrap_or(storage.s3_access);
        if let Some(trial) = &self.trial {
            trial.apply(&mut storage.networks, &mut storage.trial, now)?;
        }
        check.finish(Some(storage))
    }
}
