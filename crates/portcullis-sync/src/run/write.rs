//! Writing one side's object to the other.

use portcullis_backend::ObjectMeta;
use portcullis_domain::ObjectKey;

use super::compare::Source;
use super::context::mark_of;
use super::transfer::{Aim, Before};
use super::work::{End, Work};
use crate::{Mark, Side, Sides, StoreError};

/// What was found at a key that is to be written.
pub(super) enum Found {
    /// What was planned on, or nothing where nothing was: it is to be written.
    AsBefore(Option<Box<ObjectMeta>>),
    /// What it was to become.
    AsWanted(Mark),
    /// Something else.
    Other,
}

/// Writes the other side's object here.
pub(super) async fn write(work: &mut Work<'_>, to: Side) -> Result<End, StoreError> {
    let Some(mark) = work.seen(to.other()).cloned() else {
        return Ok(End::Failed("The plan names nothing to write."));
    };
    let from = Source { side: to.other(), key: work.key(), version: None, mark };
    let written = match overwrite(work, &from, to).await? {
        Ok(mark) => mark,
        Err(end) => return Ok(end),
    };
    work.agree(to, written, from.mark);
    Ok(End::Done)
}

/// Puts a source at the step's key on a side, after what is there was kept; what it is there, or why not.
pub(super) async fn overwrite(
    work: &mut Work<'_>,
    from: &Source,
    to: Side,
) -> Result<Result<Mark, End>, StoreError> {
    let key = work.key();
    let planned = work.seen(to).cloned();
    let before = match work.find((to, &key), planned.as_ref(), from).await? {
        Found::AsWanted(mark) => return Ok(Ok(mark)),
        Found::Other => return Ok(Err(End::Changed("What is there was changed since the plan."))),
        Found::AsBefore(before) => before,
    };
    // Something was not as it should be: before it is tried again it has to be clear that it was not the source.
    if !work.is_first() && from.version.is_none() {
        let source = work.cx.look(from.side, &from.key).await?;
        if source.as_ref().map(mark_of).as_ref() != Some(&from.mark) {
            return Ok(Err(End::Changed("The object to be written was changed since the plan.")));
        }
    }
    if let Some(before) = &before {
        work.keep(to, before).await?;
    }
    let aim = Aim { side: to, key, before: Before::of(before.as_deref()) };
    let sent = if from.side == to { work.copy(from, &aim).await } else { work.send(from, &aim).await };
    sent.map(Ok)
}

impl Work<'_> {
    /// What is at a key that is to be written. Where nothing was and the side decides conditions, it is not even asked, the
    /// first time.
    pub(super) async fn find(
        &self,
        (side, key): (Side, &ObjectKey),
        planned: Option<&Mark>,
        from: &Source,
    ) -> Result<Found, StoreError> {
        if planned.is_none() && self.is_first() && self.cx.abilities(side).conditional_writes {
            return Ok(Found::AsBefore(None));
        }
        let here = self.cx.look(side, key).await?;
        let mark = here.as_ref().map(mark_of);
        if mark.as_ref() == planned || mark.as_ref().is_some_and(|mark| self.is_spoilt(side, key, mark)) {
            return Ok(Found::AsBefore(here.map(Box::new)));
        }
        let Some(here) = here else { return Ok(Found::Other) };
        if self.holds((side, key), &here, from).await? {
            return Ok(Found::AsWanted(mark_of(&here)));
        }
        Ok(Found::Other)
    }

    /// The key holds the same on both sides now.
    pub(super) fn agree(&mut self, wrote: Side, written: Mark, other: Mark) {
        *self.step.wrote.of_mut(wrote) = Some(Some(written.clone()));
        let mut marks = Sides { storage: other.clone(), bucket: other };
        *marks.of_mut(wrote) = written;
        self.step.agreed = Some(marks);
    }
}
