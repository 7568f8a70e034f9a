//! What is replaced or deleted is kept first.

use portcullis_backend::{CopyOptions, ObjectMeta, PutOutcome};
use portcullis_domain::ObjectKey;

use super::compare::{Source, plain};
use super::context::{mark_of, only};
use super::purge::kept_key;
use super::transfer::{Aim, Before};
use super::work::Work;
use crate::{Kept, Mark, Place, Side, StoreError, StoreFault};

impl Work<'_> {
    /// Sees to it that what is at the key will still be there, elsewhere, after it is replaced or deleted, and that this is
    /// written down.
    pub(super) async fn keep(&mut self, side: Side, before: &ObjectMeta) -> Result<(), StoreError> {
        let mark = mark_of(before);
        let key = self.key();
        let kept = |kept: &Kept| kept.side == side && kept.key == key && kept.mark == mark;
        if self.is_spoilt(side, &key, &mark) || self.step.kept.iter().any(kept) {
            return Ok(());
        }
        let place = if self.cx.abilities(side).keeps_versions {
            Place::Version(before.version.0.clone())
        } else {
            let copy = kept_key(&self.cx.terms.run, self.step.seq)?;
            let from = Source { side, key: key.clone(), version: None, mark: mark.clone() };
            let to = Aim { side, key: copy.clone(), before: Before::Own };
            self.copy(&from, &to).await?;
            Place::Reserved(copy)
        };
        self.step.kept.push(Kept { side, key, place, mark });
        self.note().await
    }

    /// Copies within a side: by the side itself if it can, and verified.
    pub(super) async fn copy(&mut self, from: &Source, to: &Aim) -> Result<Mark, StoreError> {
        let abilities = self.cx.abilities(to.side);
        let atomic = to.before == Before::Own || abilities.conditional_copies;
        // A side that decides conditions of writes and not of copies gets the bytes, so that it does decide.
        if from.mark.size > abilities.largest_copy || (!atomic && abilities.conditional_writes) {
            return self.send(from, to).await;
        }
        if !atomic {
            self.still(to).await?;
        }
        let options = CopyOptions {
            version: from.version.clone(),
            source: only(&from.mark),
            conditions: if atomic {
                self.conditions(to)
            } else {
                portcullis_backend::WriteConditions::default()
            },
            overwrite: if to.before == Before::Own { None } else { self.cx.overwrite(to.side) },
            ..CopyOptions::default()
        };
        let store = self.cx.store(to.side);
        let outcome = match self.cx.ask(store.copy(&from.key, &to.key, options)).await {
            // It cannot copy so, and may still take the bytes.
            Err(error) if matches!(error.fault, StoreFault::Unsupported | StoreFault::TooLarge) => {
                return self.send(from, to).await;
            }
            other => other?,
        };
        match self.verify_copy(from, &to.key, &outcome).await {
            Ok(()) => Ok(Mark { etag: outcome.etag, size: outcome.size }),
            Err(error) => {
                if error.fault == StoreFault::Corrupt && to.before != Before::Own {
                    self.spoil(to, Mark { etag: outcome.etag, size: outcome.size });
                }
                Err(error)
            }
        }
    }

    /// Looks at a copy. Where tags say nothing of the bytes, both are read if they look like different ones; otherwise the source
    /// must still be what was copied.
    async fn verify_copy(
        &self,
        from: &Source,
        to: &ObjectKey,
        outcome: &PutOutcome,
    ) -> Result<(), StoreError> {
        let side = from.side;
        let wrong = || StoreError::new(StoreFault::Corrupt, "look at a copy");
        let here = self.cx.look(side, to).await?.ok_or_else(wrong)?;
        if (&here.etag, here.size) != (&outcome.etag, outcome.size) {
            return Err(StoreError::new(StoreFault::Changed, "look at a copy"));
        }
        let whole = here.size == from.mark.size;
        if whole && here.etag == from.mark.etag && plain(&here.etag).is_some() {
            return Ok(());
        }
        if from.version.is_none() {
            let source = self.cx.look(side, &from.key).await?;
            if source.is_none_or(|source| mark_of(&source) != from.mark) {
                return Err(StoreError::new(StoreFault::Changed, "look at what was copied"));
            }
        }
        if !whole {
            return Err(wrong());
        }
        let (Some(_), Some(_), true) = (plain(&here.etag), plain(&from.mark.etag), self.cx.trusts_tags(side))
        else {
            return Ok(());
        };
        let copy = Source { side, key: to.clone(), version: None, mark: mark_of(&here) };
        if !self.cx.same_bytes(from, &copy).await? {
            return Err(wrong());
        }
        self.cx.distrust_tags(side);
        Ok(())
    }
}
