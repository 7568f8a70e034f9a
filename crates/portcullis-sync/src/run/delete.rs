//! Deletions: confirmed, kept first, and only what was planned on.

use portcullis_backend::DeleteOptions;

use super::context::{if_etag, mark_of};
use super::work::{End, Work};
use crate::{Reason, Side, StoreError};

/// Deletes the object here.
pub(super) async fn delete(work: &mut Work<'_>, on: Side) -> Result<End, StoreError> {
    let key = work.key();
    let Some(planned) = work.seen(on).cloned() else {
        return Ok(End::Failed("The plan names nothing to delete."));
    };
    // What a run wrote is taken away again because it was written, not because it is gone elsewhere.
    let undo = work.action.reason == Reason::UndoWrite;
    if !undo && work.cx.look(on.other(), &key).await?.is_some() {
        return Ok(End::Changed("It is there again on the side where it was gone."));
    }
    let Some(here) = work.cx.look(on, &key).await? else {
        // By this step, before a crash or a lost answer; or by somebody else.
        if !work.step.kept.is_empty() {
            *work.step.wrote.of_mut(on) = Some(None);
        }
        work.gone(undo);
        return Ok(End::Done);
    };
    if mark_of(&here) != planned {
        return Ok(End::Changed("What is there was changed since the plan."));
    }
    let known = work.step.kept.len();
    work.keep(on, &here).await?;
    let abilities = work.cx.abilities(on);
    if !abilities.conditional_deletes && work.step.kept.len() > known {
        // Keeping took its time, and this side does not look again itself.
        match work.cx.look(on, &key).await? {
            Some(here) if mark_of(&here) == planned => {}
            Some(_) | None => {
                return Err(StoreError::new(crate::StoreFault::Changed, "look before a deletion"));
            }
        }
    }
    let options = DeleteOptions {
        version: None,
        if_match: abilities.conditional_deletes.then(|| if_etag(&planned)),
        keep_previous: abilities.keeps_versions,
    };
    work.cx.ask(work.cx.store(on).delete(&key, &options)).await?;
    *work.step.wrote.of_mut(on) = Some(None);
    work.gone(undo);
    Ok(End::Done)
}

impl Work<'_> {
    /// Nothing is agreed on any more, unless this takes a run back: then what was agreed on before it.
    fn gone(&mut self, undo: bool) {
        if !undo {
            self.step.agreed = None;
        }
    }
}
