//! Changes that are written to the audit trail by the transaction that makes them, or not made.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::AuditEvent;

use crate::audit::append_within;
use crate::db::{Metadata, Tx};
use crate::error::Fault;

tokio::task_local! {
    static WAITING: Waiting;
}

/// What the next transaction writes down.
#[derive(Clone)]
struct Waiting(Arc<Mutex<Vec<AuditEvent>>>);

impl Waiting {
    fn take(&self) -> Vec<AuditEvent> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Metadata {
    /// Does `work`, whose verbs make a change, and adds `events` to the audit trail with the transaction that commits it: either both are
    /// there afterwards or neither. If there are several such transactions the first has the entries. A verb that finds
    /// nothing to change commits nothing, and leaves no entry.
    ///
    /// `work` has to call its verbs itself, not on another task. Verbs that only take note of something, such as
    /// [`Metadata::append_audit`] and what is counted, have no entries to write and leave them to the next.
    pub async fn recording<T>(&self, events: Vec<AuditEvent>, work: impl Future<Output = T>) -> T {
        WAITING.scope(Waiting(Arc::new(Mutex::new(events))), work).await
    }
}

/// Adds what waits for this transaction to the trail. The caller holds the change clock, which comes before the heads of the chains.
pub(crate) async fn write_down(tx: &mut Tx) -> Result<(), Fault> {
    match WAITING.try_with(Waiting::take) {
        Ok(events) if !events.is_empty() => append_within(tx, &events).await,
        Ok(_) | Err(_) => Ok(()),
    }
}
