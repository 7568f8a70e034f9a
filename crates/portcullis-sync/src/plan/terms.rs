//! What a plan is made on.

use std::time::Duration;

use portcullis_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Abilities, Mode, Policy, Sides};

/// Clocks that are further apart than this say nothing about which of two objects is the younger one.
pub const SKEW_KNOWN: Duration = Duration::from_secs(2);

/// Clocks that are further apart than this stop a plan.
pub const SKEW_ALARM: Duration = Duration::from_mins(5);

/// What is done with what both sides had agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseUse {
    /// It holds.
    Known,
    /// There is none yet.
    #[default]
    None,
    /// The bucket carries the marker of another pair, or none: it is not the one that it was agreed with.
    OtherBucket,
    /// The bucket's marker is younger than what is known here: the records were brought back from an older backup.
    OlderState,
}

impl BaseUse {
    /// Whether what was agreed on counts.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Known)
    }

    /// Whether there was an agreement that no longer counts: then nothing is deleted, and nothing overwritten unless both stay.
    #[must_use]
    pub const fn is_dropped(self) -> bool {
        matches!(self, Self::OtherBucket | Self::OlderState)
    }
}

/// How much may happen before somebody has to say that it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardLimits {
    /// Deletions on a side, of a hundred keys that were agreed on.
    pub max_delete_percent: u64,
    /// Deletions on a side.
    pub max_delete_files: u64,
    /// Changes on a side, of a hundred keys that were agreed on.
    pub max_change_percent: u64,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self { max_delete_percent: 10, max_delete_files: 1000, max_change_percent: 30 }
    }
}

/// What a plan is made on, besides what the sides hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTerms {
    /// What it is for.
    pub mode: Mode,
    /// What becomes of conflicts.
    pub policy: Policy,
    /// What the sides can do.
    pub abilities: Sides<Abilities>,
    /// How far the clocks of the sides are apart, as far as that is known.
    pub skew: Option<Duration>,
    /// The most bytes that are read to find out whether objects are the same, on both sides together.
    pub read_budget: u64,
    /// What is done with what both sides had agreed on.
    pub base: BaseUse,
    /// When it is made.
    #[serde(with = "crate::codec::time")]
    pub now: Timestamp,
    /// How much may happen before somebody has to say that it is right.
    pub limits: GuardLimits,
    /// Bytes that still fit on each side; none for any number.
    pub quota_left: Sides<Option<u64>>,
    /// The most requests under way at a time on each side, at least 1.
    pub parallel: usize,
}

impl PlanTerms {
    /// Whether the times of both sides can be compared.
    #[must_use]
    pub fn clocks_agree(&self) -> bool {
        self.skew.is_some_and(|skew| skew < SKEW_KNOWN)
    }

    /// The policy that holds: without an agreement that should be there, nothing is overwritten.
    #[must_use]
    pub const fn effective_policy(&self) -> Policy {
        match self.policy {
            Policy::Ask => Policy::Ask,
            Policy::KeepBoth | Policy::Newest | Policy::Storage | Policy::Bucket
                if self.base.is_dropped() =>
            {
                Policy::KeepBoth
            }
            Policy::KeepBoth | Policy::Newest | Policy::Storage | Policy::Bucket => self.policy,
        }
    }
}
