//! What cannot be done, found before anything runs.

use super::PlanTerms;
use crate::run::RESERVED;
use crate::{Action, Evidence, Mode, Op, Reason, Side};

/// Why this action cannot be carried out, as far as the sides' abilities tell.
#[must_use]
pub fn cannot(action: &Action, terms: &PlanTerms) -> Option<Reason> {
    let check = Check { action, terms };
    match &action.op {
        Op::Leave | Op::Forget | Op::Agree => None,
        // Such a key would be taken for one of our own.
        Op::Write { .. } | Op::Delete { .. } | Op::KeepBoth { .. } | Op::PutBack { .. }
            if action.key.as_str().starts_with(RESERVED) =>
        {
            Some(Reason::KeyRefused)
        }
        Op::Write { to } => check
            .key(action.key.as_str(), *to)
            .or_else(|| check.brings(to.other(), *to))
            .or_else(|| check.keeps(*to)),
        Op::Delete { on } => check.keeps(*on),
        Op::KeepBoth { from, copy } => {
            let copied_to = if terms.mode == Mode::TwoWay { Some(from.other()) } else { None };
            check
                .key(copy.as_str(), *from)
                .or_else(|| copied_to.and_then(|to| check.key(copy.as_str(), to)))
                .or_else(|| copied_to.and_then(|to| check.brings(*from, to)))
                .or_else(|| check.readable(*from))
                .or_else(|| check.brings(from.other(), *from))
        }
        Op::PutBack { on, .. } => check.key(action.key.as_str(), *on),
    }
}

struct Check<'a> {
    action: &'a Action,
    terms: &'a PlanTerms,
}

impl Check<'_> {
    fn key(&self, key: &str, side: Side) -> Option<Reason> {
        (key.len() > self.terms.abilities.of(side).longest_key).then_some(Reason::KeyRefused)
    }

    /// Bytes of one side are written to the other.
    fn brings(&self, from: Side, to: Side) -> Option<Reason> {
        let seen = self.action.seen.of(from).as_ref()?;
        if seen.mark.size > self.terms.abilities.of(to).largest_object {
            return Some(Reason::TooLarge);
        }
        self.readable(from)
    }

    fn readable(&self, side: Side) -> Option<Reason> {
        self.action.seen.of(side).as_ref().is_some_and(|seen| seen.archived).then_some(Reason::Archived)
    }

    /// What is there is kept first; what lies in an archive only stays as a version.
    fn keeps(&self, side: Side) -> Option<Reason> {
        if self.terms.abilities.of(side).keeps_versions { None } else { self.readable(side) }
    }
}

/// The action with nothing to be done, for this reason. What is known of a comparison stays.
#[must_use]
pub(super) fn left(action: Action, reason: Reason) -> Action {
    let evidence = if action.evidence == Evidence::Agreement { Evidence::None } else { action.evidence };
    Action { op: Op::Leave, reason, evidence, ..action }
}
