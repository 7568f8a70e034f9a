//! What makes a plan stop until somebody says that it is right.

use serde::{Deserialize, Serialize};

use super::terms::SKEW_ALARM;
use super::totals::Totals;
use super::{BaseUse, PlanTerms};
use crate::{Mode, Reason, Side};

/// Fewer deletions or changes than this never stop a plan.
const ALWAYS_FINE: u64 = 10;

/// What makes a plan stop until somebody says that it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// A side is empty, and was not when both last agreed.
    Emptied,
    /// More is deleted on a side than is usual.
    MassDeletion,
    /// More was changed on a side than is usual.
    MassChange,
    /// The bucket is not the one that it was agreed with.
    OtherBucket,
    /// What is known here is older than what the bucket knows.
    OlderState,
    /// The clocks of both sides are far apart.
    ClockSkew,
    /// Not everything fits: some keys are left.
    Quota,
}

impl Guard {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::Emptied,
        Self::MassDeletion,
        Self::MassChange,
        Self::OtherBucket,
        Self::OlderState,
        Self::ClockSkew,
        Self::Quota,
    ];

    /// The word for it in texts for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emptied => "emptied",
            Self::MassDeletion => "mass_deletion",
            Self::MassChange => "mass_change",
            Self::OtherBucket => "other_bucket",
            Self::OlderState => "older_state",
            Self::ClockSkew => "clock_skew",
            Self::Quota => "quota",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == word)
    }
}

/// A guard that a plan runs into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GuardHit {
    /// Which.
    pub guard: Guard,
    /// On which side, if it is about one.
    pub side: Option<Side>,
    /// How many keys; for the clocks how many seconds.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

/// The guards that a plan with these totals runs into.
#[must_use]
pub fn guards(totals: &Totals, terms: &PlanTerms) -> Vec<GuardHit> {
    let mut hits = Vec::new();
    let mut hit = |guard, side, count, of| hits.push(GuardHit { guard, side, count, of });
    for side in Side::BOTH {
        let held = totals.seen.of(side).files;
        if held == 0 && totals.base_keys > 0 && terms.base.is_known() {
            hit(Guard::Emptied, Some(side), totals.base_keys, totals.base_keys);
        }
        let renamed = *totals.renamed.of(side);
        let deleted = totals.delete.of(side).files.saturating_sub(renamed);
        let of = if terms.base.is_known() && totals.base_keys > 0 { totals.base_keys } else { held };
        let limits = &terms.limits;
        if deleted >= ALWAYS_FINE
            && (deleted > limits.max_delete_files || exceeds(deleted, of, limits.max_delete_percent))
        {
            hit(Guard::MassDeletion, Some(side), deleted, of);
        }
        let edited = *totals.edited.of(side);
        // What was changed in the target of a copy is left as it is.
        let matters = side == Side::Storage || terms.mode != Mode::Copy;
        if matters && edited >= ALWAYS_FINE && exceeds(edited, totals.base_keys, limits.max_change_percent) {
            hit(Guard::MassChange, Some(side), edited, totals.base_keys);
        }
    }
    match terms.base {
        BaseUse::Known | BaseUse::None => {}
        BaseUse::OtherBucket => hit(Guard::OtherBucket, Some(Side::Bucket), 0, 0),
        BaseUse::OlderState => hit(Guard::OlderState, None, 0, 0),
    }
    if let Some(skew) = terms.skew.filter(|skew| *skew > SKEW_ALARM) {
        hit(Guard::ClockSkew, None, skew.as_secs(), SKEW_ALARM.as_secs());
    }
    if let Some(left) = totals.left.get(&Reason::OverQuota).filter(|left| left.files > 0) {
        hit(Guard::Quota, None, left.files, totals.actions);
    }
    hits
}

/// Whether `count` is more than so many of a hundred.
const fn exceeds(count: u64, of: u64, percent: u64) -> bool {
    count.saturating_mul(100) > of.saturating_mul(percent)
}
