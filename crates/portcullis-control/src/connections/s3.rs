//! How S3 tools come to a storage: which keys open it, what they allow, and from where.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use portcullis_domain::{
    Action, Health, Network, Networks, Permission, SiteId, Storage, StorageId, Timestamp,
};
use portcullis_metadata::{OpenedByAdmins, OpenerGroup};

use crate::{Control, Result};

/// A connection that ends within this time is shown as one that ends.
const SOON: Duration = Duration::from_hours(30 * 24);

/// How a storage's S3 connection is: the first of these that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S3Status {
    /// Its provider does not answer.
    Unreachable,
    /// S3 access is switched off, or the storage's permission is `none`.
    Off,
    /// No key opens it.
    NotActive,
    /// The last key that opens it ends within 30 days.
    Expires {
        /// When.
        at: Timestamp,
        /// In how many days, rounded up; at least 1.
        days: u32,
    },
    /// There is a key that works.
    Active,
}

impl S3Status {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Off => "off",
            Self::NotActive => "not_active",
            Self::Expires { .. } => "expires",
            Self::Active => "active",
        }
    }
}

/// How S3 tools come to a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct S3Connection {
    /// Whether they can.
    pub status: S3Status,
    /// The S3 keys of this storage that work.
    pub keys: u64,
    /// The S3 keys of the site's admins that work; they open every storage.
    pub admin_keys: u64,
    /// What these keys allow together, within what the storage allows; `none` without a key.
    pub permission: Permission,
    /// How many different networks one of them may be used from.
    pub networks: usize,
    /// Whether one of them may be used from any address.
    pub anywhere: bool,
}

impl S3Connection {
    /// Whether the door is open and a key works, be the provider reachable or not.
    pub(crate) fn is_open(storage: &Storage, openers: &Openers) -> bool {
        storage.s3_access && openers.of(storage).next().is_some()
    }

    pub(super) fn of(storage: &Storage, openers: &Openers, health: Option<Health>, now: Timestamp) -> Self {
        let (mut keys, mut admin_keys, mut anywhere) = (0, 0, false);
        let (mut read, mut write) = (false, false);
        let mut networks = BTreeSet::new();
        let mut ends = Some(Timestamp::default());
        for group in openers.of(storage) {
            match group.storage {
                Some(_) => keys += group.keys,
                None => admin_keys += group.keys,
            }
            let allowed = group.permission.common(storage.permission);
            read |= allowed.permits(Action::Get);
            write |= allowed.permits(Action::Put);
            ends = ends.zip(group.ends).map(|(a, b)| a.max(b));
            if group.networks.is_anywhere() && storage.networks.is_anywhere() {
                anywhere = true;
            } else {
                networks.extend(in_both(&group.networks, &storage.networks));
            }
        }
        let status = if health == Some(Health::Unreachable) {
            S3Status::Unreachable
        } else if !storage.s3_access || storage.permission == Permission::None {
            S3Status::Off
        } else if keys + admin_keys == 0 {
            S3Status::NotActive
        } else {
            ends.filter(|at| at.since(now) <= SOON).map_or(S3Status::Active, |at| ending(at, now))
        };
        let permission = joined(read, write);
        Self { status, keys, admin_keys, permission, networks: networks.len(), anywhere }
    }
}

fn ending(at: Timestamp, now: Timestamp) -> S3Status {
    const DAY: u64 = 24 * 60 * 60;
    let seconds = at.since(now).as_secs().max(1);
    S3Status::Expires { at, days: u32::try_from(seconds.div_ceil(DAY)).unwrap_or(u32::MAX) }
}

const fn joined(read: bool, write: bool) -> Permission {
    match (read, write) {
        (true, true) => Permission::ReadWrite,
        (true, false) => Permission::Read,
        (false, true) => Permission::Write,
        (false, false) => Permission::None,
    }
}

/// The networks from which a key with the one list can be used on a storage with the other; not both are for anywhere.
fn in_both(key: &Networks, storage: &Networks) -> Vec<Network> {
    let all = |networks: &Networks| networks.entries().iter().map(|entry| entry.network).collect::<Vec<_>>();
    if key.is_anywhere() {
        return all(storage);
    }
    if storage.is_anywhere() {
        return all(key);
    }
    let pairs = key.entries().iter().flat_map(|a| storage.entries().iter().map(|b| (a.network, b.network)));
    pairs.filter_map(|(a, b)| overlap(a, b)).collect()
}

/// The addresses of two networks that overlap, as the narrower of the two.
fn overlap(a: Network, b: Network) -> Option<Network> {
    let ((a_first, a_last), (b_first, b_last)) = (a.bounds(), b.bounds());
    let meet = a_first.is_ipv4() == b_first.is_ipv4() && a_first <= b_last && b_first <= a_last;
    meet.then_some(if a.holds_all_of(&b) { b } else { a })
}

/// The S3 keys that open some storages.
#[derive(Debug, Default)]
pub(crate) struct Openers {
    own: HashMap<StorageId, Vec<OpenerGroup>>,
    admins: Vec<OpenerGroup>,
}

impl Openers {
    /// The keys that open this storage: those of which it allows anything.
    fn of<'a>(&'a self, storage: &'a Storage) -> impl Iterator<Item = &'a OpenerGroup> {
        let own = self.own.get(&storage.id).map_or(&[][..], Vec::as_slice);
        let opens = |group: &&OpenerGroup| group.permission.common(storage.permission) != Permission::None;
        own.iter().chain(&self.admins).filter(opens)
    }

    pub(super) fn by_admins(&self) -> OpenedByAdmins {
        opened_by(self.admins.iter())
    }

    pub(super) fn by_admins_from_anywhere(&self) -> OpenedByAdmins {
        opened_by(self.admins.iter().filter(|group| group.networks.is_anywhere()))
    }
}

fn opened_by<'a>(groups: impl Iterator<Item = &'a OpenerGroup>) -> OpenedByAdmins {
    groups.fold(OpenedByAdmins::default(), |sum, group| OpenedByAdmins {
        read: sum.read || group.permission.permits(Action::Get),
        write: sum.write || group.permission.permits(Action::Put),
    })
}

impl Control {
    /// The S3 keys that open every storage of a site.
    pub(crate) async fn admin_openers(&self, site: SiteId, now: Timestamp) -> Result<Openers> {
        let admins = self.metadata.openers_of_all(site, now).await?;
        Ok(Openers { own: HashMap::new(), admins })
    }

    /// The S3 keys that open these storages of a site.
    pub(crate) async fn openers(&self, site: SiteId, storages: &[StorageId]) -> Result<Openers> {
        let now = self.access.now();
        self.with_own(self.admin_openers(site, now).await?, storages, now).await
    }

    pub(super) async fn with_own(
        &self,
        mut openers: Openers,
        storages: &[StorageId],
        now: Timestamp,
    ) -> Result<Openers> {
        for group in self.metadata.openers_of(storages, now).await? {
            if let Some(storage) = group.storage {
                openers.own.entry(storage).or_default().push(group);
            }
        }
        Ok(openers)
    }
}
