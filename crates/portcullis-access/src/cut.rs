//! Cutting off what a change no longer allows, and saying what that was.

use std::sync::Arc;
use std::time::Duration;

use portcullis_metadata::NodeCut;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::directory::Part;
use crate::watch::{Transfer, Why};
use crate::{Access, Change};

/// The longest that a call waits for transfers that were cut to let go, before their connections are ended and after.
const CUT_WAIT: Duration = Duration::from_millis(500);
/// How often it is looked whether this node still hears of changes, once it does not.
const LEASE_LOOK: Duration = Duration::from_millis(20);

/// What a change cut off on this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutReport {
    /// Transfers under way that were cut.
    pub transfers_cut: u32,
    /// Those of them that have not let go yet.
    pub unfinished: u32,
    /// From then on no byte came or went by any of them; none if nothing was cut.
    pub last_end: Option<Instant>,
}

impl Access {
    /// Cuts what is no longer allowed; says what was cut since then for these changes.
    pub(crate) async fn cut_off(&self, changes: &[Change], since: Instant) -> CutReport {
        self.review();
        let concerned = |transfer: &Transfer| changes.iter().any(|change| self.concerns(*change, transfer));
        let mut cut = self.inner().watch.cut_since(since, concerned);
        cut.retain(|transfer| transfer.tell());
        self.finish(&cut).await
    }

    /// Decides again about everything under way.
    pub(crate) fn review(&self) {
        let (inner, now) = (self.inner(), self.now());
        let cut = inner.watch.review(|transfer| {
            self.heard().map_err(|_| Why::Unheard)?;
            let part = Part::Object(&transfer.object);
            let decided = inner.directory.decide(&transfer.who, now, transfer.action, transfer.storage, part);
            decided.map(drop).map_err(Why::Denied)
        });
        for (transfer, why) in &cut {
            self.note_cut(transfer, *why);
        }
    }

    /// Whether a transfer that was cut may have been because of a change.
    fn concerns(&self, change: Change, transfer: &Transfer) -> bool {
        match change {
            Change::Site(id) => self.inner().directory.is_below(transfer.who.site(), id),
            Change::User(id) => transfer.who.user_id() == Some(id),
            Change::Storage(id) => transfer.storage == id,
            Change::Key(id) => transfer.who.key_id() == Some(id),
            Change::Session(id) => transfer.who.session_id() == Some(id),
            Change::Link(id) => transfer.who.link_id() == Some(id),
            Change::Transfer(id) => transfer.id == id,
        }
    }

    /// Waits a moment for transfers that were cut to let go of what they read or wrote. Who does not, loses the connection.
    pub(crate) async fn finish(&self, cut: &[Arc<Transfer>]) -> CutReport {
        let watch = &self.inner().watch;
        let under_way = || cut.iter().filter(|transfer| transfer.ended_at().is_none());
        if timeout(CUT_WAIT, watch.gone(cut)).await.is_err() {
            under_way().for_each(|transfer| watch.hang_up(transfer.id));
            if timeout(CUT_WAIT, watch.gone(cut)).await.is_err() {
                tracing::warn!("a transfer that was cut off has not let go within a second");
            }
        }
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        CutReport {
            transfers_cut: count(cut.len()),
            unfinished: count(under_way().count()),
            last_end: cut.iter().filter_map(|transfer| transfer.ended_at()).max(),
        }
    }

    /// What each change that was heard of cut here, for the receipts of those who made them. What several cut is on one.
    pub(crate) fn by_change(
        &self,
        told: &[(i64, Change)],
        mut cut: Vec<Arc<Transfer>>,
        begun: Instant,
    ) -> Vec<NodeCut> {
        let mut cuts = Vec::new();
        for (seq, change) in told {
            let (mine, rest) = cut.into_iter().partition(|transfer| self.concerns(*change, transfer));
            cut = rest;
            let mine: Vec<Arc<Transfer>> = mine;
            let last = mine.iter().filter_map(|transfer| transfer.ended_at()).max();
            let last_byte = last.map(|last| last.saturating_duration_since(begun));
            if let Some(transfers) = u32::try_from(mine.len()).ok().filter(|cut| *cut > 0) {
                cuts.push(NodeCut { seq: *seq, transfers, last_byte });
            }
        }
        cuts
    }

    /// Cuts what is under way when this node has not heard of changes for too long.
    pub(crate) async fn keep_lease(&self, shutdown: &CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(self.lease_left().max(LEASE_LOOK)) => {}
            }
            if self.heard().is_err() {
                self.review();
            }
        }
    }
}
