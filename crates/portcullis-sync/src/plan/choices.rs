//! What somebody decided against the plan.

use portcullis_domain::{KeyPrefix, ObjectKey};
use serde::{Deserialize, Serialize};

use super::PlanTerms;
use super::cannot::{cannot, left};
use super::judge::{both, newer};
use crate::run::Choose;
use crate::{Action, Choice, Mode, Op, Reason, Side};

/// What somebody decided for keys. All that is named must hold; with nothing named it is for every key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceRule {
    /// For this key alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// For every key that begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// For every key with this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What.
    pub choice: Choice,
}

impl ChoiceRule {
    /// Whether it is for this action.
    #[must_use]
    pub fn is_for(&self, action: &Action) -> bool {
        self.key.as_deref().is_none_or(|key| key == action.key.as_str())
            && self.prefix.as_deref().is_none_or(|prefix| action.key.as_str().starts_with(prefix))
            && self.reason.is_none_or(|reason| reason == action.reason)
    }
}

/// What was decided for this action: the last rule that is for it, one for the key itself before all others.
#[must_use]
pub fn choice_for(action: &Action, rules: &[ChoiceRule]) -> Option<Choice> {
    let for_it = || rules.iter().rev().filter(|rule| rule.is_for(action));
    for_it().find(|rule| rule.key.is_some()).or_else(|| for_it().next()).map(|rule| rule.choice)
}

/// The action as it is to be carried out, after what was decided. What cannot be done cannot be chosen either.
#[must_use]
pub fn decide_choice(action: &Action, rules: &[ChoiceRule], terms: &PlanTerms) -> Action {
    match choice_for(action, rules) {
        Some(choice) if is_open(action) => chosen(action, choice, terms),
        Some(_) | None => action.clone(),
    }
}

/// Whether there is something to choose.
#[must_use]
pub const fn is_open(action: &Action) -> bool {
    !matches!(action.op, Op::Agree | Op::Forget) && !action.reason.is_impossible()
}

impl Reason {
    /// Whether it says that something cannot be done, whatever is wanted.
    #[must_use]
    pub const fn is_impossible(self) -> bool {
        matches!(
            self,
            Self::ClashUnicode
                | Self::ClashCase
                | Self::ClashFileFolder
                | Self::KeyRefused
                | Self::TooLarge
                | Self::Archived
                | Self::Unreadable
                | Self::OverQuota
                | Self::ChangedSince
                | Self::KeptGone
        )
    }
}

fn chosen(action: &Action, choice: Choice, terms: &PlanTerms) -> Action {
    let restores = matches!(action.reason, Reason::UndoWrite | Reason::UndoLoss);
    let seen = &action.seen;
    let op = match choice {
        Choice::Skip => Op::Leave,
        // A restore does what it does, or not.
        Choice::KeepBoth | Choice::Newest | Choice::Storage | Choice::Bucket if restores => action.op.clone(),
        Choice::Storage => win(action, Side::Storage, terms.mode),
        Choice::Bucket => win(action, Side::Bucket, terms.mode),
        Choice::KeepBoth | Choice::Newest => match (&seen.storage, &seen.bucket) {
            (Some(storage), Some(bucket)) => {
                let younger = if choice == Choice::Newest { newer(storage, bucket, terms) } else { None };
                match younger {
                    Some(side) => win(action, side, terms.mode),
                    None => both(&action.key, storage, bucket, terms).unwrap_or(Op::Leave),
                }
            }
            (Some(_), None) => win(action, Side::Storage, terms.mode),
            (None, Some(_)) => win(action, Side::Bucket, terms.mode),
            (None, None) => Op::Leave,
        },
    };
    let chosen = Action { op, ..action.clone() };
    match cannot(&chosen, terms) {
        Some(reason) => left(chosen, reason),
        None => chosen,
    }
}

/// This side's is right, also if there is nothing. In a copy and in a mirror nothing is done to the source.
fn win(action: &Action, side: Side, mode: Mode) -> Op {
    let loser = side.other();
    if loser == Side::Storage && mode != Mode::TwoWay {
        return Op::Leave;
    }
    match (action.seen.of(side), action.seen.of(loser)) {
        (Some(_), _) => Op::Write { to: loser },
        (None, Some(_)) => Op::Delete { on: loser },
        (None, None) => Op::Leave,
    }
}

/// What was decided, for whoever carries the plan out.
#[derive(Clone, Debug)]
pub struct Choices {
    /// The rules, the later before the earlier.
    pub rules: Vec<ChoiceRule>,
    /// What the plan was made on.
    pub terms: PlanTerms,
}

impl Choose for Choices {
    fn choose(&self, action: Action) -> Action {
        if self.rules.is_empty() { action } else { decide_choice(&action, &self.rules, &self.terms) }
    }
}

/// Why a rule is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// The key or the prefix is none.
    #[error("a choice names a key or a prefix that cannot exist")]
    Key,
    /// A key and a prefix.
    #[error("a choice names either a key or a prefix, not both")]
    Both,
}

impl ChoiceRule {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn check(&self) -> Result<(), InvalidRule> {
        if self.key.is_some() && self.prefix.is_some() {
            return Err(InvalidRule::Both);
        }
        let key = self.key.as_deref().is_none_or(|key| ObjectKey::parse(key).is_ok());
        let prefix = self.prefix.as_deref().is_none_or(|prefix| KeyPrefix::parse(prefix).is_ok());
        if key && prefix { Ok(()) } else { Err(InvalidRule::Key) }
    }
}
