//! What a key promises: read off its settings, and not asked of the policy, so that the one can be held against the other.

use std::net::IpAddr;

use portcullis_domain::{
    Action, Channel, Key, KeyPrefix, Permission, Reach, Role, Storage, StorageState, Timestamp, User,
    UserState,
};

use super::act::Act;

/// What is to be allowed.
#[expect(clippy::struct_excessive_bools, reason = "a row of the table of deeds")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// To list.
    pub list: bool,
    /// To read.
    pub read: bool,
    /// To write.
    pub write: bool,
    /// To delete.
    pub delete: bool,
}

impl Promise {
    /// Nothing.
    pub const NOTHING: Self = Self { list: false, read: false, write: false, delete: false };

    /// What a permission promises.
    #[must_use]
    pub const fn of(permission: Permission) -> Self {
        match permission {
            Permission::None => Self::NOTHING,
            Permission::Read => Self { list: true, read: true, ..Self::NOTHING },
            Permission::Write => Self { write: true, ..Self::NOTHING },
            Permission::ReadWrite | Permission::Full => {
                Self { list: true, read: true, write: true, delete: true }
            }
        }
    }

    /// Whether this is to be allowed.
    #[must_use]
    pub const fn allows(self, act: Act) -> bool {
        match act {
            Act::List => self.list,
            Act::Read => self.read,
            Act::Write => self.write,
            Act::Delete => self.delete,
            Act::OtherBucket | Act::OutsidePrefix => false,
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            list: self.list && other.list,
            read: self.read && other.read,
            write: self.write && other.write,
            delete: self.delete && other.delete,
        }
    }

    const fn or(self, other: Self) -> Self {
        Self {
            list: self.list || other.list,
            read: self.read || other.read,
            write: self.write || other.write,
            delete: self.delete || other.delete,
        }
    }
}

/// The person of a key, with what was shared with them.
pub(super) struct Owner {
    pub(super) user: User,
    pub(super) reach: Vec<Reach>,
}

/// What a key promises at a storage, in the part of it below `prefix`, from an address at a moment; and, if that is nothing at all,
/// which setting says so.
pub(super) fn promise(
    key: &Key,
    storage: &Storage,
    owner: Option<&Owner>,
    prefix: &KeyPrefix,
    (from, now): (IpAddr, Timestamp),
) -> (Promise, Option<&'static str>) {
    if let Some(why) = closed(key, storage, owner, from, now) {
        return (Promise::NOTHING, Some(why));
    }
    let shared = owner.filter(|owner| owner.user.role == Role::Member).map(|owner| {
        let here = owner.reach.iter().filter(|reach| reach.storage == storage.id);
        let parts = here.filter(|reach| reach.prefix.holds_all_of(prefix));
        parts.fold(Promise::NOTHING, |sum, reach| sum.or(Promise::of(reach.permission)))
    });
    let own = Promise::of(key.permission).and(Promise::of(storage.permission));
    let all = shared.map_or(own, |shared| shared.and(own));
    let why = (all == Promise::NOTHING)
        .then_some("what the key, the storage and what was shared allow has nothing in common");
    (all, why)
}

fn closed(
    key: &Key,
    storage: &Storage,
    owner: Option<&Owner>,
    from: IpAddr,
    now: Timestamp,
) -> Option<&'static str> {
    let rules = [
        (key.permission == Permission::None, "the key is switched off"),
        (key.expires.is_some_and(|end| end <= now), "the key has expired"),
        (!key.networks.admit(from), "the key may not be used from this address"),
        (owner.is_some_and(|owner| owner.user.state != UserState::Active), "the key's user is switched off"),
        (storage.state != StorageState::Active, "the storage's connection was cut"),
        (storage.paused_until.is_some_and(|end| now < end), "the storage is switched off for a while"),
        (key.channel == Channel::S3 && !storage.s3_access, "S3 access to the storage is switched off"),
        (!storage.networks.admit(from), "the storage may not be reached from this address"),
        (!storage.permission.permits(Action::Enter), "the storage is closed"),
    ];
    rules.into_iter().find(|(holds, _)| *holds).map(|(_, why)| why)
}
