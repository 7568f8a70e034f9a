//! What all steps of a run share.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_backend::{
    EtagCondition, GetOptions, ListRequest, ObjectMeta, ReadConditions, WriteConditions,
};
use portcullis_domain::{ObjectKey, Overwrite};
use tokio::sync::watch;

use super::commit::Commits;
use super::pace::{Gate, Throttle};
use super::progress::Bytes;
use super::terms::{RunTerms, Wish};
use crate::{Abilities, Mark, Side, Sides, Store, StoreError, StoreFault};

/// What all steps of a run share.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) stores: &'a Sides<Arc<dyn Store>>,
    pub(super) terms: &'a RunTerms,
    pub(super) commits: &'a Commits<'a>,
    pub(super) gate: Gate,
    pub(super) throttle: Arc<Throttle>,
    pub(super) bytes: Arc<Bytes>,
    pub(super) wish: watch::Receiver<Wish>,
    /// Sides whose entity tags look like an MD5 and are not one, as was found out by reading.
    odd: Sides<AtomicBool>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        stores: &'a Sides<Arc<dyn Store>>,
        terms: &'a RunTerms,
        commits: &'a Commits<'a>,
        wish: watch::Receiver<Wish>,
        bytes: Arc<Bytes>,
    ) -> Self {
        Self {
            stores,
            terms,
            commits,
            gate: Gate::new(terms.pace.in_flight),
            throttle: Arc::new(Throttle::new(terms.pace.bytes_per_second)),
            bytes,
            wish,
            odd: Sides::default(),
        }
    }

    pub(super) fn store(&self, side: Side) -> &dyn Store {
        self.stores.of(side).as_ref()
    }

    pub(super) fn abilities(&self, side: Side) -> Abilities {
        self.store(side).abilities()
    }

    /// Whether somebody wants the run to stop.
    pub(super) fn stopping(&self) -> bool {
        *self.wish.borrow() != Wish::Go
    }

    /// Asks a side for something, and takes notice of whether it answers.
    pub(super) async fn ask<T>(
        &self,
        request: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let answer = request.await;
        match &answer {
            Err(error) if error.fault == StoreFault::Unavailable => self.gate.busy(),
            Ok(_) | Err(_) => self.gate.answered(),
        }
        answer
    }

    /// Whether both sides answer at all.
    pub(super) async fn alive(&self) -> Result<(), StoreError> {
        for side in Side::BOTH {
            let request = ListRequest { limit: 1, ..ListRequest::default() };
            self.ask(self.store(side).list(&request)).await?;
        }
        Ok(())
    }

    /// What is at a key now.
    pub(super) async fn look(&self, side: Side, key: &ObjectKey) -> Result<Option<ObjectMeta>, StoreError> {
        let options = GetOptions::default();
        match self.ask(self.store(side).head(key, &options)).await {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.fault == StoreFault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The conditions of a write where `before` is known to be there; none where the side would not look at them.
    pub(super) fn conditions(&self, side: Side, before: Option<&Mark>) -> WriteConditions {
        if !self.abilities(side).conditional_writes {
            return WriteConditions::default();
        }
        WriteConditions { if_absent: before.is_none(), if_match: before.map(if_etag) }
    }

    /// What a write does with what is there: a side that keeps versions keeps it, also what came in between.
    pub(super) fn overwrite(&self, side: Side) -> Option<Overwrite> {
        self.abilities(side).keeps_versions.then_some(Overwrite::KeepPrevious)
    }

    /// Whether entity tags of this side may be taken for what they look like.
    pub(super) fn trusts_tags(&self, side: Side) -> bool {
        !self.odd.of(side).load(Ordering::Relaxed)
    }

    /// Entity tags of this side are not what they look like.
    pub(super) fn distrust_tags(&self, side: Side) {
        self.odd.of(side).store(true, Ordering::Relaxed);
    }
}

/// "Only if it has this tag."
pub(super) fn if_etag(mark: &Mark) -> EtagCondition {
    EtagCondition::OneOf(vec![mark.etag.to_string()])
}

/// Reading, only if it is still this.
pub(super) fn only(mark: &Mark) -> ReadConditions {
    ReadConditions { if_match: Some(if_etag(mark)), ..ReadConditions::default() }
}

/// The state of an object.
pub(super) fn mark_of(meta: &ObjectMeta) -> Mark {
    Mark { etag: meta.etag.clone(), size: meta.size }
}
