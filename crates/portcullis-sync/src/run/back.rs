//! Putting back what a run had kept.

use super::compare::Source;
use super::context::mark_of;
use super::work::{End, Work};
use super::write::overwrite;
use crate::{Kept, Place, Side, StoreError, StoreFault};

/// Puts back what a step of the run that is taken back had kept.
pub(super) async fn put_back(work: &mut Work<'_>, on: Side, step: u64) -> Result<End, StoreError> {
    let key = work.key();
    let Some(journal) = work.cx.terms.restores.clone() else {
        return Ok(End::Failed("The plan does not say which run is taken back."));
    };
    let steps = journal.steps(step..=step).await?;
    let kept = steps.iter().flat_map(|step| &step.kept).find(|kept| kept.side == on && kept.key == key);
    let Some(kept) = kept.cloned() else {
        return Ok(End::Failed("The run did not keep it."));
    };
    let Some(from) = source(work, &kept).await? else {
        return Ok(End::Failed("What the run kept is no longer there."));
    };
    let written = match overwrite(work, &from, on).await? {
        Ok(mark) => mark,
        Err(end) => return Ok(end),
    };
    *work.step.wrote.of_mut(on) = Some(Some(written.clone()));
    if let Some(agreed) = &mut work.step.agreed
        && *agreed.of(on) == kept.mark
    {
        *agreed.of_mut(on) = written;
    }
    Ok(End::Done)
}

/// Where the kept bytes are now; none if they are gone.
async fn source(work: &Work<'_>, kept: &Kept) -> Result<Option<Source>, StoreError> {
    let (key, version) = match &kept.place {
        Place::Version(_) => (kept.key.clone(), kept.place.version()),
        Place::Reserved(copy) => (copy.clone(), None),
    };
    let options = portcullis_backend::GetOptions { version: version.clone(), ..Default::default() };
    let meta = match work.cx.ask(work.cx.store(kept.side).head(&key, &options)).await {
        Err(error) if error.fault == StoreFault::NotFound => return Ok(None),
        other => other?,
    };
    // A copy may have a tag of its own, and never another size.
    let mark = mark_of(&meta);
    Ok((mark.size == kept.mark.size).then_some(Source { side: kept.side, key, version, mark }))
}
