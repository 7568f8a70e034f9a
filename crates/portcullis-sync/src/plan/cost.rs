//! What a plan costs, and what to know before it is run.

use serde::{Deserialize, Serialize};

use super::totals::{Count, Totals};
use super::{PlanTerms, Planned};
use crate::{Policy, Reason, Side, Sides};

/// What making a plan has cost, and what running it will.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// Listings asked of each side.
    pub list_requests: Sides<u64>,
    /// Keys looked at on each side.
    pub head_requests: Sides<u64>,
    /// Bytes read on each side to find out whether objects are the same.
    pub bytes_read: Sides<u64>,
    /// What could not be told without reading more than was allowed.
    pub unverified: Count,
    /// Bytes that a run brings to each side.
    pub bytes_to_move: Sides<u64>,
    /// The most requests that a run asks of each side, copies that are kept included, large objects counted as one.
    pub run_requests: Sides<u64>,
}

impl Cost {
    pub(crate) fn of(totals: &Totals, made: &Planned, terms: &PlanTerms) -> Self {
        let unverified = totals.left.get(&Reason::Unverified).copied().unwrap_or_default();
        let requests = |side: Side| run_requests(totals, terms, side);
        Self {
            list_requests: made.lists,
            head_requests: made.heads,
            bytes_read: made.read,
            unverified,
            bytes_to_move: totals.moved,
            run_requests: Sides { storage: requests(Side::Storage), bucket: requests(Side::Bucket) },
        }
    }
}

/// Of a write: one read on the other side, one write, a look where no conditions are decided, and two requests to keep what was
/// there where no versions are.
fn run_requests(totals: &Totals, terms: &PlanTerms, side: Side) -> u64 {
    let abilities = terms.abilities.of(side);
    let keep = if abilities.keeps_versions { 0 } else { 2 };
    let look = u64::from(!abilities.conditional_writes);
    let look_delete = u64::from(!abilities.conditional_deletes);
    let read_for_other =
        totals.write.of(side.other()).files.saturating_add(totals.overwrite.of(side.other()).files);
    let files = [
        read_for_other,
        totals.write.of(side).files.saturating_mul(1 + look),
        totals.overwrite.of(side).files.saturating_mul(1 + look + keep),
        totals.delete.of(side).files.saturating_mul(1 + look_delete + keep),
        totals.delete.of(side.other()).files,
        totals.keep_both.files.saturating_mul(3 + look + keep),
        totals.put_back.of(side).files.saturating_mul(2 + look + keep),
    ];
    files.iter().fold(0, |sum: u64, more| sum.saturating_add(*more))
}

/// What to know before a plan is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code", content = "side")]
pub enum Risk {
    /// The side does not decide conditions together with a write: it is looked at right before, and what is written by others between
    /// the two is lost.
    WritesUnguarded(Side),
    /// The same of deletions.
    DeletesUnguarded(Side),
    /// The side keeps no versions: what is replaced is copied first.
    KeptByCopy(Side),
    /// Which object is the younger one cannot be told: the clocks do not agree, or are not known.
    ClocksUnknown,
}

impl Risk {
    /// The word for it in texts for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::WritesUnguarded(_) => "writes_unguarded",
            Self::DeletesUnguarded(_) => "deletes_unguarded",
            Self::KeptByCopy(_) => "kept_by_copy",
            Self::ClocksUnknown => "clocks_unknown",
        }
    }
}

/// What to know before a plan with these totals is run.
#[must_use]
pub fn risks(totals: &Totals, terms: &PlanTerms) -> Vec<Risk> {
    let mut found = Vec::new();
    for side in Side::BOTH {
        let abilities = terms.abilities.of(side);
        let deletes = totals.delete.of(side).files > 0;
        let replaces = totals.overwrite.of(side).files > 0 || totals.keep_both.files > 0;
        let puts_back = totals.put_back.of(side).files > 0;
        let writes = replaces || puts_back || totals.write.of(side).files > 0;
        if writes && !abilities.conditional_writes {
            found.push(Risk::WritesUnguarded(side));
        }
        if deletes && !abilities.conditional_deletes {
            found.push(Risk::DeletesUnguarded(side));
        }
        if (deletes || replaces || puts_back) && !abilities.keeps_versions {
            found.push(Risk::KeptByCopy(side));
        }
    }
    if terms.policy == Policy::Newest && totals.conflicts > 0 && !terms.clocks_agree() {
        found.push(Risk::ClocksUnknown);
    }
    found
}
