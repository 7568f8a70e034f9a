//! Rows become actions, in their order, and are counted.

use portcullis_domain::ObjectKey;

use super::cannot::{cannot, left};
use super::judge::judge;
use super::line::Answered;
use super::renames::Renames;
use super::row::{Row, Since};
use super::{PageSink, Pager, PlanFault, PlanTerms, Totals};
use crate::run::RESERVED;
use crate::{Action, Mode, Op, Reason, Side, Sides};

/// Takes rows and makes actions of them.
pub(super) struct Tally<'a> {
    terms: &'a PlanTerms,
    pager: Pager<'a, Action>,
    totals: Totals,
    renames: Renames,
    quota: Sides<Option<u64>>,
    compared: u64,
}

impl<'a> Tally<'a> {
    pub(super) fn new(terms: &'a PlanTerms, sink: &'a dyn PageSink) -> Self {
        Self {
            terms,
            pager: Pager::new(sink),
            totals: Totals::default(),
            renames: Renames::default(),
            quota: terms.quota_left,
            compared: 0,
        }
    }

    /// Keys compared, and actions.
    pub(super) fn so_far(&self) -> (u64, u64) {
        (self.compared, self.pager.next_seq())
    }

    /// Counts what is there, whatever is done with it. Rows that are as they were agreed on end here.
    pub(super) fn count(&mut self, row: &Row) {
        self.compared += 1;
        self.totals.base_keys += u64::from(row.agreed.is_some());
        for side in Side::BOTH {
            if let Some(seen) = row.seen.of(side) {
                self.totals.seen.of_mut(side).add(seen.mark.size);
            }
            *self.totals.edited.of_mut(side) += u64::from(row.since(side) == Since::Edited);
        }
        self.totals.unchanged += u64::from(row.is_unchanged());
    }

    /// Makes an action of a row.
    pub(super) async fn take(&mut self, answered: Answered) -> Result<(), PlanFault> {
        let Answered { row, equal, clash } = answered;
        let Some(judged) = judge(&row, equal, self.terms) else { return Ok(()) };
        let action = Action {
            seq: self.pager.next_seq(),
            key: row.key,
            op: judged.op,
            reason: judged.reason,
            evidence: judged.evidence,
            seen: row.seen,
            agreed: row.agreed,
        };
        let against = match action.op {
            Op::Forget => None,
            _ if is_reserved(&action.key) => Some(Reason::KeyRefused),
            Op::Leave | Op::Agree => None,
            Op::Write { .. } | Op::Delete { .. } | Op::KeepBoth { .. } | Op::PutBack { .. } => {
                cannot(&action, self.terms).or(clash)
            }
        };
        let action = match against.or_else(|| self.over_quota(&action)) {
            Some(reason) => left(action, reason),
            None => action,
        };
        if self.terms.base.is_known() {
            self.renames.see(&action);
        }
        self.totals.add(&action, self.terms.mode);
        self.pager.push(action).await.map_err(PlanFault::Sink)
    }

    /// What a side holds more afterwards, what it keeps counted: that is all that is written to it. What fits is taken off what is left.
    fn over_quota(&mut self, action: &Action) -> Option<Reason> {
        let size = |side: Side| action.seen.of(side).as_ref().map_or(0, |seen| seen.mark.size);
        let mut adds = Sides::<u64>::default();
        match &action.op {
            Op::Write { to } => *adds.of_mut(*to) = size(to.other()),
            Op::KeepBoth { from, .. } => {
                *adds.of_mut(*from) = size(*from).saturating_add(size(from.other()));
                if self.terms.mode == Mode::TwoWay {
                    *adds.of_mut(from.other()) = size(*from);
                }
            }
            Op::Agree | Op::Forget | Op::Delete { .. } | Op::PutBack { .. } | Op::Leave => return None,
        }
        let over = |side: Side| self.quota.of(side).is_some_and(|left| left < *adds.of(side));
        if over(Side::Storage) || over(Side::Bucket) {
            return Some(Reason::OverQuota);
        }
        for side in Side::BOTH {
            if let Some(left) = self.quota.of_mut(side) {
                *left = left.saturating_sub(*adds.of(side));
            }
        }
        None
    }

    /// Hands over the last page; what it all comes to.
    pub(super) async fn end(mut self) -> Result<Totals, PlanFault> {
        self.totals.renamed = self.renames.found();
        self.pager.end().await.map_err(PlanFault::Sink)?;
        Ok(self.totals)
    }
}

/// Whether no side may be asked for a key: it would be taken for one of our own.
pub(super) fn is_reserved(key: &ObjectKey) -> bool {
    key.as_str().starts_with(RESERVED)
}
