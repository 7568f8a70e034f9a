//! What a plan comes to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PlanTerms;
use super::choices::{ChoiceRule, decide_choice};
use crate::run::ActionPages;
use crate::{Action, Evidence, Mode, Op, Reason, Side, Sides, StoreError, decode};

/// Files, and the bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// How many files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl Count {
    pub(crate) const fn add(&mut self, bytes: u64) {
        self.files = self.files.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// What a plan comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Keys that are as they were agreed on; they are not among the actions.
    pub unchanged: u64,
    /// What each side holds.
    pub seen: Sides<Count>,
    /// Keys that had been agreed on.
    pub base_keys: u64,
    /// Keys that had been agreed on and are another object now, on each side.
    pub edited: Sides<u64>,
    /// Deletions on a side whose bytes are under another name now, as far as that could be told.
    pub renamed: Sides<u64>,
    /// Actions.
    pub actions: u64,
    /// Both hold the same, which was not known before. Bytes of one side.
    pub agree: Count,
    /// Gone on both sides.
    pub forget: u64,
    /// Written to a side where nothing was.
    pub write: Sides<Count>,
    /// Written to a side over something, which is kept first.
    pub overwrite: Sides<Count>,
    /// Deleted on a side, and kept first.
    pub delete: Sides<Count>,
    /// Both stay: the bytes of the object that gets another name.
    pub keep_both: Count,
    /// What was kept is put back on a side.
    pub put_back: Sides<Count>,
    /// Keys at which both sides have something else and nothing says which is right, whatever becomes of them.
    pub conflicts: u64,
    /// Left as they are, by the reason.
    pub left: BTreeMap<Reason, Count>,
    /// How it was known that objects are the same or not, of the keys where that was asked.
    pub evidence: BTreeMap<Evidence, u64>,
    /// Bytes that go from the other side to this one.
    pub moved: Sides<u64>,
}

impl Reason {
    /// Whether both sides have something else there and nothing says which is right.
    #[must_use]
    pub const fn is_conflict(self) -> bool {
        matches!(
            self,
            Self::ConflictNewNew | Self::ConflictEditEdit | Self::ConflictDelEdit | Self::ConflictEditDel
        )
    }
}

impl Totals {
    /// What does not come from the actions.
    pub(crate) fn without_actions(&self) -> Self {
        Self {
            unchanged: self.unchanged,
            seen: self.seen,
            base_keys: self.base_keys,
            edited: self.edited,
            renamed: self.renamed,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, action: &Action, mode: Mode) {
        let size = |side: Side| action.seen.of(side).as_ref().map(|seen| seen.mark.size);
        let larger = size(Side::Storage).max(size(Side::Bucket)).unwrap_or(0);
        self.actions = self.actions.saturating_add(1);
        if action.reason.is_conflict() {
            self.conflicts = self.conflicts.saturating_add(1);
        }
        if action.evidence != Evidence::None && action.evidence != Evidence::Agreement {
            let count = self.evidence.entry(action.evidence).or_default();
            *count = count.saturating_add(1);
        }
        match &action.op {
            Op::Agree => self.agree.add(larger),
            Op::Forget => self.forget = self.forget.saturating_add(1),
            Op::Write { to } => {
                let bytes = size(to.other()).unwrap_or(0);
                let over = size(*to).is_some();
                if over {
                    self.overwrite.of_mut(*to).add(bytes)
                } else {
                    self.write.of_mut(*to).add(bytes)
                }
                self.add_moved(*to, bytes);
            }
            Op::Delete { on } => self.delete.of_mut(*on).add(size(*on).unwrap_or(0)),
            Op::KeepBoth { from, .. } => {
                let bytes = size(*from).unwrap_or(0);
                self.keep_both.add(bytes);
                if mode == Mode::TwoWay {
                    self.add_moved(from.other(), bytes);
                }
                self.add_moved(*from, size(from.other()).unwrap_or(0));
            }
            Op::PutBack { on, .. } => {
                // What comes back is as a rule what had been agreed on.
                let was = action.agreed.as_ref().map(|agreed| agreed.of(*on).size);
                self.put_back.of_mut(*on).add(was.or(size(*on)).unwrap_or(larger));
            }
            Op::Leave => self.left.entry(action.reason).or_default().add(larger),
        }
    }

    const fn add_moved(&mut self, to: Side, bytes: u64) {
        let moved = self.moved.of_mut(to);
        *moved = moved.saturating_add(bytes);
    }
}

/// What a plan comes to with what was chosen in it.
///
/// # Errors
/// Those of the pages, and [`StoreFault::Corrupt`](crate::StoreFault::Corrupt) if one of them is none.
pub async fn totals_with(
    pages: &dyn ActionPages,
    planned: &Totals,
    choices: &[ChoiceRule],
    terms: &PlanTerms,
) -> Result<Totals, StoreError> {
    let mut totals = planned.without_actions();
    let mut no = 0;
    while let Some(page) = pages.page(no).await? {
        for action in decode::<Action>(&page)? {
            totals.add(&decide_choice(&action, choices, terms), terms.mode);
        }
        no += 1;
    }
    Ok(totals)
}
