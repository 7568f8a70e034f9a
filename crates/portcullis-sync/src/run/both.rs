//! Both stay: one of them under another name.

use portcullis_domain::ObjectKey;

use super::compare::Source;
use super::transfer::{Aim, Before};
use super::work::{End, Work};
use super::write::{Found, overwrite};
use crate::name::{SHORT, conflict_name};
use crate::{Copied, Mark, Mode, Side, Sides, StoreError};

/// Digits of the hash in the names that are tried where the planned one is taken.
const LONGER: [usize; 3] = [2 * SHORT, 4 * SHORT, 8 * SHORT];

/// Puts the object of `from` under another name, then the other side's object in its place.
pub(super) async fn keep_both(work: &mut Work<'_>, from: Side, copy: &ObjectKey) -> Result<End, StoreError> {
    let (Some(stays), Some(moves)) = (work.seen(from.other()).cloned(), work.seen(from).cloned()) else {
        return Ok(End::Failed("The plan names nothing to put under another name."));
    };
    let winner = Source { side: from.other(), key: work.key(), version: None, mark: stays };
    if work.step.copy.is_none() {
        if !work.is_first() {
            // Perhaps the key no longer holds what has to be put elsewhere.
            let key = work.key();
            if let Found::Other | Found::AsWanted(_) = work.find((from, &key), Some(&moves), &winner).await? {
                return Ok(End::Changed("What is there was changed since the plan."));
            }
        }
        let loser = Source { side: from, key: work.key(), version: None, mark: moves };
        let mut copied = put_copies(work, &loser, copy).await?;
        for name in longer_names(work, from) {
            if copied.is_some() {
                break;
            }
            copied = put_copies(work, &loser, &name).await?;
        }
        work.step.copy = copied;
        if work.step.copy.is_none() {
            return Ok(End::Changed("All names for the other object are taken."));
        }
    }
    let written = match overwrite(work, &winner, from).await? {
        Ok(mark) => mark,
        Err(end) => return Ok(end),
    };
    work.agree(from, written, winner.mark);
    Ok(End::Done)
}

/// The names to try where the planned one is taken: the same ones for the same plan.
fn longer_names(work: &Work<'_>, from: Side) -> Vec<ObjectKey> {
    let Some(seen) = work.action.seen.of(from) else { return Vec::new() };
    let longest = sides(work, from).iter().map(|side| work.cx.abilities(*side).longest_key).min();
    let name = |digits| conflict_name(&work.action.key, from, seen, longest.unwrap_or_default(), digits);
    LONGER.into_iter().filter_map(name).collect()
}

/// The sides on which the other name is written: both, but never a source.
fn sides(work: &Work<'_>, from: Side) -> Vec<Side> {
    match work.cx.terms.mode {
        Mode::TwoWay => vec![from.other(), from],
        Mode::Copy | Mode::Mirror => vec![from],
    }
}

/// Puts the losing object under its other name. None if that is taken by something else on a side.
async fn put_copies(
    work: &mut Work<'_>,
    loser: &Source,
    name: &ObjectKey,
) -> Result<Option<Copied>, StoreError> {
    let mut wrote = Sides::default();
    for side in sides(work, loser.side) {
        match put_copy(work, loser, side, name).await? {
            Some(mark) => *wrote.of_mut(side) = Some(mark),
            None => return Ok(None),
        }
    }
    Ok(Some(Copied { key: name.clone(), wrote }))
}

/// Puts the losing object under its other name on a side, where nothing may be under it but the very same.
async fn put_copy(
    work: &mut Work<'_>,
    loser: &Source,
    side: Side,
    name: &ObjectKey,
) -> Result<Option<Mark>, StoreError> {
    let before = match work.find((side, name), None, loser).await? {
        Found::AsWanted(mark) => return Ok(Some(mark)),
        Found::Other => return Ok(None),
        Found::AsBefore(before) => before,
    };
    let aim = Aim { side, key: name.clone(), before: Before::of(before.as_deref()) };
    let sent = if side == loser.side { work.copy(loser, &aim).await } else { work.send(loser, &aim).await };
    sent.map(Some)
}
