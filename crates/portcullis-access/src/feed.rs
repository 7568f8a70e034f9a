//! Keeping up: what changed in the database reaches the directory, and what is noted here reaches the database.
//!
//! A change is applied by reading the record anew, so that it does not matter in which order, or how often, one hears of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{
    KeyId, LinkId, Provider, SessionId, SiteId, Storage, StorageId, StorageState, UserId,
};
use portcullis_metadata::{ChangeKind, MetadataError, MetadataErrorKind};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::access::System;
use crate::directory::SessionEntry;
use crate::lock::locked;
use crate::watch::{TransferId, Why};
use crate::{Access, AccessError, CutReport, Proof};

/// How many changes are read at a time.
const PAGE: u32 = 500;
/// From so many changes on, everything is read at once instead of record by record.
const MANY: i64 = 2_000;
/// Changes that are kept for nodes that are behind; one that is further behind reads everything anew.
const KEPT: i64 = 100_000;
/// How long it is kept what keys were used for.
const ACTIVITY_KEPT: Duration = Duration::from_secs(92 * 86_400);
/// How often the database is asked, and audit events are written.
const EVERY: Duration = Duration::from_secs(1);
/// Last use is written at every tenth of those, sessions that ran out are dropped at every so many.
const LAST_USED_EVERY: u32 = 10;
const PURGE_EVERY: u32 = 600;
/// A look at the database that takes longer is given up.
const LONGEST_LOOK: Duration = Duration::from_secs(10);
/// The longest that a reader waits for what was noted to be written.
const FRESH_WAIT: Duration = Duration::from_secs(1);
/// The longest that the last flush takes.
const LAST_FLUSH: Duration = Duration::from_secs(5);

/// A record that changed, was made, or is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A site.
    Site(SiteId),
    /// A user, their password, their sessions or what was shared with them.
    User(UserId),
    /// A storage.
    Storage(StorageId),
    /// A key.
    Key(KeyId),
    /// A session that ended or changed.
    Session(SessionId),
    /// A link.
    Link(LinkId),
    /// A transfer that somebody wants cut off, on whichever node it is.
    Transfer(TransferId),
}

impl Change {
    fn parse(kind: ChangeKind, id: &str) -> Option<Self> {
        match kind {
            ChangeKind::Site => id.parse().ok().map(Self::Site),
            ChangeKind::User => id.parse().ok().map(Self::User),
            ChangeKind::Storage => id.parse().ok().map(Self::Storage),
            ChangeKind::Key => id.parse().ok().map(Self::Key),
            ChangeKind::Session => id.parse().ok().map(Self::Session),
            ChangeKind::Link => id.parse().ok().map(Self::Link),
            ChangeKind::Transfer => id.parse().ok().map(Self::Transfer),
        }
    }
}

impl Access {
    /// Takes up a change that was committed. When it returns, every decision of this node is made with the new record, and
    /// the transfers under way that it no longer allows have ended: uploads are answered, the connections of downloads are gone,
    /// with what lay in their buffers.
    /// An operation whose whole body was in memory and that was admitted before may be a moment from its end.
    ///
    /// # Errors
    /// [`AccessError::Metadata`] if the record could not be read: then everything under it is refused until it can be.
    pub async fn applied(&self, change: Change) -> Result<CutReport, AccessError> {
        self.applied_since(&[change], Instant::now()).await
    }

    /// As [`Access::applied`], for changes that were committed together; the report has everything that was cut for them since that
    /// moment, also by whoever heard of them from the feed first, and is in no other report.
    ///
    /// # Errors
    /// As [`Access::applied`]; what could be read is in force.
    pub async fn applied_since(&self, changes: &[Change], since: Instant) -> Result<CutReport, AccessError> {
        let mut failed = None;
        let many = i64::try_from(changes.len()).is_ok_and(|count| count > MANY);
        let followed = many && self.follow().await.is_ok();
        for change in changes.iter().filter(|_| !followed) {
            if let Err(error) = self.reload(*change).await {
                self.forget(*change);
                failed = Some(error);
            }
        }
        let report = self.cut_off(changes, since).await;
        failed.map_or(Ok(report), |error| Err(error.into()))
    }

    /// Reads the record and puts it in the directory.
    async fn reload(&self, change: Change) -> Result<(), MetadataError> {
        let inner = self.inner();
        let _order = inner.reloading.lock().await;
        match change {
            Change::Site(id) => inner.directory.set_site(id, inner.metadata.site(id).await?),
            Change::User(id) => {
                let reach = inner.metadata.reach_of(id).await?;
                let user = inner.metadata.user(id).await?;
                inner.directory.set_user(id, user.map(|user| (user, reach)));
                inner.directory.keep_sessions(id, &inner.metadata.sessions_of(id).await?);
            }
            Change::Storage(id) => {
                let storage = inner.metadata.storage(id).await?;
                // The credentials of a remote bucket may be others now.
                let stays = |storage: &Storage| {
                    storage.state == StorageState::Active && storage.connection.provider == Provider::Builtin
                };
                if !storage.as_ref().is_some_and(stays) {
                    inner.registry.close(id);
                }
                // A deleted one never comes back: the directory has no more of it than after a start.
                let kept = storage.filter(|storage| storage.state != StorageState::Deleted);
                inner.directory.set_storage(id, kept);
            }
            Change::Key(id) => {
                let key = inner.metadata.key_with_secret(id).await?;
                let retired = inner.metadata.retired_secrets(id).await?;
                inner.directory.set_key(id, key.map(|(key, stored)| (key, stored, retired)));
            }
            Change::Session(id) => {
                if let Some(SessionEntry { user, .. }) = inner.directory.session(id) {
                    inner.directory.keep_sessions(user, &inner.metadata.sessions_of(user).await?);
                }
            }
            Change::Link(id) => inner.directory.set_link(id, inner.metadata.link(id).await?),
            Change::Transfer(id) => {
                if let Some(transfer) = inner.watch.find(id)
                    && inner.watch.cut(&transfer, Why::ByHand)
                {
                    self.note_cut(&transfer, Why::ByHand);
                }
            }
        }
        Ok(())
    }

    /// Drops a record whose present state is not known: nothing is admitted under it until it was read.
    fn forget(&self, change: Change) {
        let directory = &self.inner().directory;
        match change {
            Change::Site(_) | Change::Transfer(_) => {}
            Change::User(id) => directory.set_user(id, None),
            Change::Storage(id) => directory.set_storage(id, None),
            Change::Key(id) => directory.set_key(id, None),
            Change::Session(id) => directory.end_session(id),
            Change::Link(id) => directory.set_link(id, None),
        }
        let mut unsettled = locked(&self.inner().unsettled);
        if !unsettled.contains(&change) {
            unsettled.push(change);
        }
    }

    /// Follows the change feed to its present end. [`Access::run`] does it every second, and whenever there is a hint.
    ///
    /// # Errors
    /// [`AccessError::Metadata`]; what was read before the error holds.
    pub async fn refresh(&self, _system: &System) -> Result<CutReport, AccessError> {
        self.follow().await
    }

    async fn follow(&self) -> Result<CutReport, AccessError> {
        let inner = self.inner();
        let begun = Instant::now();
        let mut told = Vec::new();
        let mut seen = inner.seen.lock().await;
        let latest = inner.metadata.latest_change().await?;
        if latest < *seen {
            // The database went back, to a backup.
            self.reload_all().await?;
            *seen = latest;
        }
        let many = latest.saturating_sub(*seen) > MANY;
        if many {
            self.reload_all().await?;
        }
        while *seen < latest {
            let page = match inner.metadata.changes_after(*seen, PAGE).await {
                Ok(page) if page.is_empty() => break,
                Ok(page) => page,
                Err(error) if error.kind == MetadataErrorKind::FeedGap => {
                    self.reload_all().await?;
                    *seen = latest;
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            // The latest state is read whenever it is read, so once is enough.
            let mut taken = HashSet::new();
            for (seq, change) in page.iter().filter_map(|of| Some((of.seq, Change::parse(of.kind, &of.id)?)))
            {
                let read = many && seq <= latest && self.is_settled(change);
                if !read && taken.insert(change) {
                    self.reload(change).await?;
                }
                told.push((seq, change));
            }
            *seen = page.last().map_or(latest, |last| last.seq);
        }
        let unsettled = locked(&inner.unsettled).clone();
        for change in unsettled {
            self.reload(change).await?;
            locked(&inner.unsettled).retain(|waiting| *waiting != change);
        }
        self.review();
        let cut = inner.watch.cut_since(begun, |_| true);
        let report = self.finish(&cut).await;
        // Only now, and only if the others were told so: whoever made a change counts on it.
        inner.metadata.beat(*seen, &self.by_change(&told, cut, begun), self.now()).await?;
        self.heard_at(begun);
        Ok(report)
    }

    /// Whether nothing is left to do about a change once everything was read anew.
    fn is_settled(&self, change: Change) -> bool {
        let plain = |storage: &Storage| {
            storage.state == StorageState::Active && storage.connection.provider == Provider::Builtin
        };
        match change {
            Change::Site(_) | Change::Key(_) | Change::Link(_) => true,
            // The credentials of a remote bucket may be others now.
            Change::Storage(id) => self.inner().directory.storage(id).is_some_and(|storage| plain(&storage)),
            Change::User(_) | Change::Session(_) | Change::Transfer(_) => false,
        }
    }

    async fn reload_all(&self) -> Result<(), MetadataError> {
        let inner = self.inner();
        let _order = inner.reloading.lock().await;
        inner.directory.load(&inner.metadata).await
    }

    /// Writes last use and the audit trail now. [`Access::run`] does it in its own time.
    ///
    /// # Errors
    /// [`AccessError::Metadata`]; what could not be written is kept for the next time.
    pub async fn flush(&self, _system: &System) -> Result<(), AccessError> {
        self.write_last_used().await.and(self.write_activity().await).and(self.write_audit().await)
    }

    /// Returns when what this node noted up to now is in the database, so that who reads last use or the audit trail next sees
    /// it; or after a second, whichever comes first. It may be given up at any time: nothing noted is lost. What other nodes
    /// noted comes in their own time.
    pub async fn written(&self, _proof: &impl Proof) {
        let writing = async {
            self.write_last_used().await?;
            self.write_activity().await?;
            self.write_audit().await
        };
        drop(timeout(FRESH_WAIT, writing).await);
    }

    async fn write_last_used(&self) -> Result<(), AccessError> {
        let inner = self.inner();
        let _alone = inner.writing.lock().await;
        let uses = inner.last_used.noted();
        inner.metadata.record_use(&uses).await?;
        inner.last_used.written(&uses);
        Ok(())
    }

    /// The background work: follows the change feed, ends what has run out, writes last use and the audit trail. Returns
    /// after `shutdown`, when everything noted is written or could not be within five seconds.
    pub async fn run(&self, _system: &System, shutdown: CancellationToken) {
        tokio::join!(
            self.keep_following(&shutdown),
            self.keep_lease(&shutdown),
            self.keep_writing(&shutdown)
        );
        drop(timeout(LAST_FLUSH, self.inner().metadata.leave()).await);
    }

    async fn keep_following(&self, shutdown: &CancellationToken) {
        let mut hint = self.inner().metadata.watch();
        let mut hints = true;
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut fault = Fault::new("the database does not tell of changes");
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
                changed = hint.changed(), if hints => hints = changed.is_ok(),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                outcome = timeout(LONGEST_LOOK, self.follow()) => {
                    fault.note(outcome.map_or(Some(AccessError::Unavailable), Result::err).as_ref());
                }
            }
        }
    }

    async fn keep_writing(&self, shutdown: &CancellationToken) {
        let inner = Arc::clone(self.inner());
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut fault = Fault::new("last use and the audit trail cannot be written");
        let mut ticks = 0u32;
        loop {
            let due = tokio::select! {
                () = shutdown.cancelled() => break,
                _ = tick.tick() => {
                    ticks = ticks.wrapping_add(1);
                    Some(ticks)
                }
                () = inner.audit.batch_ready.notified() => None,
            };
            fault.note(self.write(due).await.err().as_ref());
        }
        let last = timeout(LAST_FLUSH, async {
            self.write_last_used().await.and(self.write_activity().await).and(self.write_audit().await)
        });
        if !matches!(last.await, Ok(Ok(()))) {
            tracing::warn!("the last audit events could not be written");
        }
    }

    /// Writes the audit trail, and at some of the ticks what else there is to do.
    async fn write(&self, tick: Option<u32>) -> Result<(), AccessError> {
        self.write_audit().await?;
        if tick.is_some_and(|tick| tick.is_multiple_of(LAST_USED_EVERY)) {
            self.write_last_used().await?;
            self.write_activity().await?;
        }
        if tick.is_some_and(|tick| tick.is_multiple_of(PURGE_EVERY)) {
            self.purge().await?;
        }
        Ok(())
    }

    async fn purge(&self) -> Result<(), AccessError> {
        let inner = self.inner();
        let now = self.now();
        inner.directory.purge_sessions(now);
        inner.metadata.purge_sessions(now).await?;
        while inner.metadata.purge_activity(now.before(ACTIVITY_KEPT)).await? > 0 {}
        let latest = inner.metadata.latest_change().await?;
        inner.metadata.purge_changes(latest.saturating_sub(KEPT)).await?;
        inner.metadata.purge_nodes(now).await?;
        Ok(())
    }
}

/// Says in the log when something begins to fail and when it is well again, not how often.
struct Fault {
    what: &'static str,
    failing: bool,
}

impl Fault {
    const fn new(what: &'static str) -> Self {
        Self { what, failing: false }
    }

    fn note(&mut self, error: Option<&AccessError>) {
        match (error, self.failing) {
            (Some(error), false) => tracing::error!(%error, "{}", self.what),
            (None, true) => tracing::info!("well again: {}", self.what),
            (Some(_), true) | (None, false) => {}
        }
        self.failing = error.is_some();
    }
}
