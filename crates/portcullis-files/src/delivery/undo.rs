//! Taking back what cannot be stored as a whole.

use std::time::Duration;

use portcullis_access::{Access, AccessError, DeliveryFenced, System};
use portcullis_domain::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Name, Work};

/// When it is tried again.
const AGAIN: Duration = Duration::from_secs(2 * 60);
/// When it is looked once more whether something arrived at a provider after all.
const LOOK: Duration = Duration::from_secs(15 * 60);
/// How often it is looked for what was left.
const EVERY: Duration = Duration::from_secs(30);
/// As many are undone each time.
const AT_A_TIME: u32 = 100;

impl Work {
    /// Undoes it; true if it turns out to be stored.
    pub(super) async fn undo(mut self) -> bool {
        if let Some(ending) = self.ending.take() {
            drop(ending.await);
        }
        match undo(self.tree.access(), self.batch.word(), None, &self.names).await {
            Ok(is_stored) => is_stored,
            Err(error) => {
                tracing::warn!(%error, "a delivery cannot be undone yet; it is tried again");
                false
            }
        }
    }
}

/// Undoes what somebody left, if their time is over at the first moment, or it began before the second.
pub(super) async fn undo_over(
    access: &Access,
    word: &str,
    over: (Timestamp, Timestamp),
) -> Result<(), AccessError> {
    undo(access, word, Some(over), &[]).await.map(drop)
}

/// Undoes a delivery; true if it turns out to be stored. `names` are those that are known here, whoever else may have undone it.
async fn undo(
    access: &Access,
    word: &str,
    over: Option<(Timestamp, Timestamp)>,
    names: &[Name],
) -> Result<bool, AccessError> {
    let (ledger, now) = (access.deliveries(), access.now());
    let mut is_ours = true;
    let mut files = match ledger.fence(word, over, now.after(AGAIN)).await? {
        DeliveryFenced::Done => return Ok(true),
        DeliveryFenced::Nothing => {
            is_ours = false;
            Vec::<Name>::new()
        }
        // Of what somebody else stored it is certain if it was noted.
        DeliveryFenced::Undo(files) => {
            files.into_iter().map(|file| Name { certain: !file.version.is_empty(), file }).collect()
        }
    };
    let place = |name: &Name| (name.file.storage, name.file.object.clone());
    files.retain(|other| names.iter().all(|name| place(name) != place(other)));
    files.extend_from_slice(names);
    let mut failed = None;
    for Name { file, certain } in &files {
        let look = match access.take_back(file).await {
            Ok(may_arrive) => (may_arrive && !certain).then(|| now.after(LOOK)),
            Err(error) => {
                failed = Some(error);
                Some(now.after(LOOK))
            }
        };
        ledger.let_go(file, look).await?;
    }
    match failed {
        Some(error) => Err(error),
        // Whoever else is at it forgets it, once all of it is undone.
        None if is_ours => Ok(ledger.drop_batch(word).await.map(|()| false)?),
        None => Ok(false),
    }
}

/// The background work: undoes what this process left when it ended, and what others leave whose time is over; looks once more where something
/// may have arrived late, and forgets what need not be known any more. Returns after `stop`.
pub async fn keep_deliveries(access: &Access, system: &System, stop: CancellationToken) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What began before this moment is this process's own of before, if it is the only one on its database.
    let mut before = access.deliveries().alone_since(access.now());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        match undo_left(access, system, before).await {
            Ok(()) => before = Timestamp::default(),
            Err(error) => tracing::warn!(%error, "what is left of deliveries is looked for again"),
        }
    }
}

/// One look of the background work. `before`: what began earlier is undone though its time is not over, since whoever began it is gone.
///
/// # Errors
/// [`AccessError::Metadata`]. A storage that fails is tried again at a later look.
pub async fn undo_left(access: &Access, _: &System, before: Timestamp) -> Result<(), AccessError> {
    let (ledger, now) = (access.deliveries(), access.now());
    for word in ledger.left(now, before, AT_A_TIME).await? {
        if let Err(error) = undo_over(access, &word, (now, before)).await {
            tracing::warn!(%error, "what was left of a delivery cannot be undone yet");
        }
    }
    for file in ledger.to_look_at(now, AT_A_TIME).await? {
        if let Err(error) = access.take_back(&file).await {
            tracing::warn!(%error, "what was left of a delivery cannot be looked at yet");
            ledger.let_go(&file, Some(now.after(LOOK))).await?;
        } else {
            ledger.let_go(&file, None).await?;
        }
    }
    ledger.purge(now).await?;
    Ok(())
}
