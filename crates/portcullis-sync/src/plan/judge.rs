//! What is to be done with a key: a pure table of what became of both sides since they agreed.

use portcullis_domain::ObjectKey;

use super::PlanTerms;
use super::one_way::one_way;
use super::row::{Equal, Row, Since, Verdict};
use super::terms::SKEW_KNOWN;
use crate::name::{SHORT, conflict_name};
use crate::{Evidence, Mode, Op, Policy, Reason, Seen, Side};

/// What is to be done with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What.
    pub op: Op,
    /// Why.
    pub reason: Reason,
    /// How that is known.
    pub evidence: Evidence,
}

impl Judgement {
    pub(crate) const fn new(op: Op, reason: Reason, evidence: Evidence) -> Self {
        Self { op, reason, evidence }
    }
}

/// What is to be done with a key. None if both sides are as they were agreed on, and if there is nothing at all.
///
/// `equal` counts where both sides have something that was not agreed on; without an answer it is as [`Verdict::Unverified`]. Where
/// only one side was changed, an answer that both are the same makes an agreement of it.
#[must_use]
pub fn judge(row: &Row, equal: Option<Equal>, terms: &PlanTerms) -> Option<Judgement> {
    let (storage, bucket) = (row.since(Side::Storage), row.since(Side::Bucket));
    match (storage, bucket) {
        (Since::Nothing, Since::Nothing) | (Since::AsWas, Since::AsWas) => return None,
        (Since::Gone, Since::Gone) => {
            return Some(Judgement::new(Op::Forget, Reason::DelBoth, Evidence::Agreement));
        }
        (Since::New, Since::New) => {
            return Some(compared(row, equal, Reason::Same, Reason::ConflictNewNew, terms));
        }
        (Since::Edited, Since::Edited) => {
            return Some(compared(row, equal, Reason::Converged, Reason::ConflictEditEdit, terms));
        }
        (Since::Edited, Since::AsWas) | (Since::AsWas, Since::Edited) => {
            if let Some(Equal { verdict: Verdict::Same, evidence }) = equal {
                return Some(Judgement::new(Op::Agree, Reason::Same, evidence));
            }
        }
        (Since::Nothing | Since::New | Since::AsWas | Since::Edited | Since::Gone, _) => {}
    }
    Some(match terms.mode {
        Mode::TwoWay => two_way(storage, bucket, terms),
        Mode::Copy | Mode::Mirror => one_way(row, storage, bucket, terms),
    })
}

/// Both sides have something that was not agreed on.
fn compared(row: &Row, equal: Option<Equal>, same: Reason, conflict: Reason, terms: &PlanTerms) -> Judgement {
    let Equal { verdict, evidence } = equal.unwrap_or(Equal::UNVERIFIED);
    let leave = |reason| Judgement::new(Op::Leave, reason, evidence);
    match verdict {
        Verdict::Same => Judgement::new(Op::Agree, same, evidence),
        Verdict::Unverified => leave(Reason::Unverified),
        Verdict::Archived => leave(Reason::Archived),
        Verdict::Unreadable => leave(Reason::Unreadable),
        Verdict::Different => match conflicting(row, terms) {
            Some(op) => Judgement::new(op, conflict, evidence),
            None => leave(Reason::KeyRefused),
        },
    }
}

/// What the policy says of two objects that differ. None if there is no name for one of them.
fn conflicting(row: &Row, terms: &PlanTerms) -> Option<Op> {
    let (Some(storage), Some(bucket)) = (&row.seen.storage, &row.seen.bucket) else { return Some(Op::Leave) };
    let two_way = terms.mode == Mode::TwoWay;
    let win = |side: Side| match side {
        Side::Bucket if !two_way => Op::Leave,
        Side::Storage | Side::Bucket => Op::Write { to: side.other() },
    };
    match terms.effective_policy() {
        Policy::Ask => Some(Op::Leave),
        Policy::Storage => Some(win(Side::Storage)),
        Policy::Bucket => Some(win(Side::Bucket)),
        Policy::KeepBoth => both(&row.key, storage, bucket, terms),
        Policy::Newest => match newer(storage, bucket, terms) {
            Some(side) => Some(win(side)),
            None => both(&row.key, storage, bucket, terms),
        },
    }
}

/// Both stay: the bucket's object keeps its key, since programs outside rely on it; in a copy and in a mirror the source's does. None if no
/// other name is short enough.
pub(crate) fn both(key: &ObjectKey, storage: &Seen, bucket: &Seen, terms: &PlanTerms) -> Option<Op> {
    let (from, seen, longest) = match terms.mode {
        Mode::TwoWay => {
            let longest = terms.abilities.storage.longest_key.min(terms.abilities.bucket.longest_key);
            (Side::Storage, storage, longest)
        }
        Mode::Copy | Mode::Mirror => (Side::Bucket, bucket, terms.abilities.bucket.longest_key),
    };
    conflict_name(key, from, seen, longest, SHORT).map(|copy| Op::KeepBoth { from, copy })
}

/// Whose object is the younger one, if the clocks can tell.
pub(crate) fn newer(storage: &Seen, bucket: &Seen, terms: &PlanTerms) -> Option<Side> {
    if !terms.clocks_agree() {
        return None;
    }
    if storage.modified.since(bucket.modified) > SKEW_KNOWN {
        return Some(Side::Storage);
    }
    (bucket.modified.since(storage.modified) > SKEW_KNOWN).then_some(Side::Bucket)
}

/// One side has something, or one side was changed, and both sides may be written.
fn two_way(storage: Since, bucket: Since, terms: &PlanTerms) -> Judgement {
    let policy = terms.effective_policy();
    let write = |to: Side, reason| Judgement::new(Op::Write { to }, reason, Evidence::None);
    let known = |op: Op, reason| Judgement::new(op, reason, Evidence::Agreement);
    // What was changed on one side and deleted on the other comes back, unless the side that deleted it is always right.
    let survives = |edited: Side, deleter_wins: bool, reason| {
        let op = match policy {
            Policy::Ask => Op::Leave,
            Policy::KeepBoth | Policy::Newest | Policy::Storage | Policy::Bucket if !deleter_wins => {
                Op::Write { to: edited.other() }
            }
            Policy::KeepBoth | Policy::Newest | Policy::Storage | Policy::Bucket => Op::Delete { on: edited },
        };
        known(op, reason)
    };
    match (storage, bucket) {
        (Since::New, Since::Nothing | Since::New | Since::AsWas | Since::Edited | Since::Gone) => {
            write(Side::Bucket, Reason::NewStorage)
        }
        (Since::Nothing, _) | (_, Since::New) => write(Side::Storage, Reason::NewBucket),
        (Since::AsWas, Since::Gone) => known(Op::Delete { on: Side::Storage }, Reason::DelBucket),
        (Since::Gone, Since::AsWas) => known(Op::Delete { on: Side::Bucket }, Reason::DelStorage),
        (Since::Edited, Since::Gone) => {
            survives(Side::Storage, policy == Policy::Bucket, Reason::ConflictEditDel)
        }
        (Since::Gone, Since::Edited) => {
            survives(Side::Bucket, policy == Policy::Storage, Reason::ConflictDelEdit)
        }
        (Since::Edited, Since::AsWas) => known(Op::Write { to: Side::Bucket }, Reason::EditStorage),
        (Since::AsWas, Since::Edited) => known(Op::Write { to: Side::Storage }, Reason::EditBucket),
        // Were settled before: nothing is left to be done.
        (Since::AsWas, Since::AsWas | Since::Nothing)
        | (Since::Edited, Since::Edited | Since::Nothing)
        | (Since::Gone, Since::Gone | Since::Nothing) => known(Op::Leave, Reason::Unverified),
    }
}
