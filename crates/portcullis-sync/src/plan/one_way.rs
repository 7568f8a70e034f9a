//! What is to be done with a key in a copy and in a mirror: the storage is the source and is never written.

use super::PlanTerms;
use super::judge::Judgement;
use super::row::{Row, Since};
use crate::name::is_conflict_name;
use crate::{Evidence, Mode, Op, Policy, Reason, Side};

/// One side has something, or one side was changed, and only the bucket may be written.
pub(super) fn one_way(row: &Row, storage: Since, bucket: Since, terms: &PlanTerms) -> Judgement {
    let policy = terms.effective_policy();
    let mirror = terms.mode == Mode::Mirror;
    let write = Op::Write { to: Side::Bucket };
    let delete = Op::Delete { on: Side::Bucket };
    let when = |holds: bool, op: Op| if holds { op } else { Op::Leave };
    let known = |op: Op, reason| Judgement::new(op, reason, Evidence::Agreement);
    match (storage, bucket) {
        (Since::New, _) => Judgement::new(write, Reason::NewStorage, Evidence::None),
        // What is only in the target goes in a mirror; but not what an earlier conflict left there, and nothing at all if there was an
        // agreement that no longer counts.
        (Since::Nothing, _) => {
            let goes = mirror && !terms.base.is_dropped() && !is_conflict_name(&row.key);
            Judgement::new(when(goes, delete), Reason::Extra, Evidence::None)
        }
        (Since::Gone, Since::AsWas) => known(when(mirror, delete), Reason::DelStorage),
        (Since::Gone, Since::Edited | Since::New) => {
            let wins = mirror && policy == Policy::Storage;
            known(when(wins, delete), Reason::ConflictDelEdit)
        }
        (Since::Edited, Since::Gone) => {
            let wins = match policy {
                Policy::Ask | Policy::Bucket => false,
                Policy::KeepBoth | Policy::Newest | Policy::Storage => true,
            };
            known(when(wins, write), Reason::ConflictEditDel)
        }
        (Since::Edited, Since::AsWas) => known(write, Reason::EditStorage),
        (Since::AsWas, Since::Edited) => known(when(mirror, write), Reason::EditBucket),
        (Since::AsWas, Since::Gone) => known(when(mirror, write), Reason::DelBucket),
        // Were settled before: nothing is left to be done.
        (Since::AsWas, Since::AsWas | Since::New | Since::Nothing)
        | (Since::Edited, Since::Edited | Since::New | Since::Nothing)
        | (Since::Gone, Since::Gone | Since::Nothing) => known(Op::Leave, Reason::Unverified),
    }
}
