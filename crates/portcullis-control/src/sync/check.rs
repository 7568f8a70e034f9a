//! What somebody asks for, checked as a whole.

use portcullis_access::SiteAdmin;
use portcullis_domain::{KeyPrefix, Provider, RESERVED_PREFIX, Storage, StorageId};
use portcullis_sync::{Mode, Policy, Sides};

use super::place::{Overlap, same_place};
use super::{JobSettings, SideDraft};
use crate::check::Check;
use crate::{Control, ControlError, Result};

/// For how many days what is replaced or deleted is kept, if nobody says.
pub(crate) const KEEP_DAYS: u32 = 30;
/// The longest that it is kept: ten years.
const MOST_DAYS: u32 = 3_650;
/// Files that are under way at the same time, if nobody says.
pub(crate) const IN_FLIGHT: u32 = 16;
/// The most that are.
const MOST_IN_FLIGHT: u32 = 128;
/// The slowest that a run goes, in bytes per second: below it nothing would ever be over.
const SLOWEST: u64 = 1_024;

/// Two sides that fit together.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) storages: Sides<Storage>,
    pub(super) prefixes: Sides<KeyPrefix>,
}

/// What is asked of two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) mode: Mode,
    pub(super) policy: Policy,
}

/// The mode and the policy, or what is wrong with them.
pub(super) fn wanted(check: &mut Check, mode: &str, conflicts: Option<&str>) -> Option<Wanted> {
    let mode = Mode::parse(mode);
    if mode.is_none() {
        check.problem("mode", "two_way, copy or mirror");
    }
    let policy = match (conflicts, mode) {
        (Some(word), _) => {
            let policy = Policy::parse(word);
            if policy.is_none() {
                check.problem("conflicts", "keep_both, newest, storage, bucket or ask");
            }
            policy
        }
        (None, Some(mode)) => Some(default_policy(mode)),
        (None, None) => None,
    };
    Some(Wanted { mode: mode?, policy: policy? })
}

/// Nothing is lost from sight in a two-way plan; a copy and a mirror follow their source.
pub(super) const fn default_policy(mode: Mode) -> Policy {
    match mode {
        Mode::TwoWay => Policy::KeepBoth,
        Mode::Copy | Mode::Mirror => Policy::Storage,
    }
}

/// Notes what is wrong with the limits and amounts.
pub(super) fn check_settings(check: &mut Check, settings: &JobSettings) {
    let percent = |given: Option<u8>| given.is_none_or(|percent| percent <= 100);
    check.require(
        settings.keep_days.is_none_or(|days| (1..=MOST_DAYS).contains(&days)),
        "keep_days",
        format!("1 to {MOST_DAYS} days: what is replaced or deleted is always kept for a while"),
    );
    check.require(percent(settings.max_delete_percent), "max_delete_percent", "0 to 100");
    check.require(percent(settings.max_change_percent), "max_change_percent", "0 to 100");
    // What the database takes.
    let most = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
    let fits = |given: Option<u64>| given.is_none_or(|number| number <= most);
    check.require(fits(settings.read_budget_bytes), "read_budget_bytes", "a number of bytes");
    check.require(fits(settings.max_delete_files), "max_delete_files", "a number of files");
    check_pace(check, settings.in_flight, settings.bytes_per_second);
}

/// Notes what is wrong with how fast a run is to go.
pub(super) fn check_pace(check: &mut Check, in_flight: Option<u32>, bytes_per_second: Option<u64>) {
    check.require(
        in_flight.is_none_or(|files| (1..=MOST_IN_FLIGHT).contains(&files)),
        "in_flight",
        format!("1 to {MOST_IN_FLIGHT} files at the same time"),
    );
    check.require(
        bytes_per_second.is_none_or(|bytes| bytes >= SLOWEST),
        "bytes_per_second",
        format!("{SLOWEST} or more bytes per second; leave it out for as fast as it goes"),
    );
}

/// The prefix of a side, or what is wrong with it.
fn prefix_of(
    check: &mut Check,
    field: &str,
    side: &SideDraft,
    storage: Option<&Storage>,
) -> Option<KeyPrefix> {
    let prefix: KeyPrefix = check.parse(field, &side.prefix)?;
    let remote = storage.is_some_and(|storage| storage.connection.provider != Provider::Builtin);
    if remote && !prefix.is_empty() && prefix.as_str().starts_with(RESERVED_PREFIX) {
        check.problem(
            field,
            format!("{RESERVED_PREFIX} is where Portcullis keeps what runs replace; choose another"),
        );
        return None;
    }
    Some(prefix)
}

/// Why two sides cannot be brought together, if they are one place or one lies in the other.
pub(super) fn overlap(one: &Storage, here: &KeyPrefix, other: &Storage, there: &KeyPrefix) -> Option<String> {
    match same_place((one, here), (other, there)) {
        Overlap::Apart => None,
        Overlap::Same => {
            Some("both sides are the same place; choose another storage or another prefix".to_owned())
        }
        Overlap::FirstInside => Some(format!(
            "the first side lies inside of {}: what is copied would be copied again; choose prefixes of which none begins with the other",
            other.name
        )),
        Overlap::OtherInside => Some(format!(
            "this side lies inside of {}: what is copied would be copied again; choose prefixes of which none begins with the other",
            one.name
        )),
    }
}

impl Control {
    /// Both sides, if they are storages of the admin's site and none lies in the other. `first` is the field of the storage that is
    /// named first; without one it was named by its place, and is not found if it is not there.
    pub(super) async fn check_ends(
        &self,
        admin: &SiteAdmin,
        check: &mut Check,
        first: Option<&str>,
        (storage, bucket): (&SideDraft, &SideDraft),
    ) -> Result<Option<Ends>> {
        let storages = Sides {
            storage: self.side_for(admin, check, first, storage.storage).await?,
            bucket: self.side_for(admin, check, Some("with.storage"), bucket.storage).await?,
        };
        let prefixes = Sides {
            storage: prefix_of(check, "prefix", storage, storages.storage.as_ref()),
            bucket: prefix_of(check, "with.prefix", bucket, storages.bucket.as_ref()),
        };
        let (
            Sides { storage: Some(one), bucket: Some(other) },
            Sides { storage: Some(here), bucket: Some(there) },
        ) = (storages, prefixes)
        else {
            return Ok(None);
        };
        if let Some(message) = overlap(&one, &here, &other, &there) {
            check.problem("with.prefix", message);
            return Ok(None);
        }
        Ok(Some(Ends {
            storages: Sides { storage: one, bucket: other },
            prefixes: Sides { storage: here, bucket: there },
        }))
    }

    async fn side_for(
        &self,
        admin: &SiteAdmin,
        check: &mut Check,
        field: Option<&str>,
        id: StorageId,
    ) -> Result<Option<Storage>> {
        match (self.find_storage(admin, id).await, field) {
            (Ok(storage), _) => Ok(Some(storage)),
            (Err(ControlError::NotFound), Some(field)) => {
                check.problem(field, "no storage of this site has this id");
                Ok(None)
            }
            (Err(error), _) => Err(error),
        }
    }
}
