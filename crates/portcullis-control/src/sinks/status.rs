//! How it is with the places to which the audit trail is sent on, and what retention owes them.

use std::time::Duration;

use portcullis_access::{SiteAdmin, System};
use portcullis_domain::{Channel, Timestamp};
use portcullis_metadata::{AuditEvent, SinkBacklog, SinkRow};

use super::SinkSetting;
use crate::{Control, ControlError, Result};

/// How it is with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkState {
    /// It has everything, or gets it right now.
    Working,
    /// It takes nothing at the moment.
    Failing,
    /// Nobody has looked at it yet.
    Starting,
}

impl SinkState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Failing => "failing",
            Self::Starting => "starting",
        }
    }
}

/// A place to which the audit trail is sent on, and how it is with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkStatus {
    /// What the operator calls it.
    pub name: String,
    /// What kind of place it is, in a word.
    pub kind: &'static str,
    /// Where it is, without anything secret.
    pub target: String,
    /// The sites whose entries it gets, as the operator wrote them; all if there are none.
    pub sites: Vec<String>,
    /// How it is.
    pub state: SinkState,
    /// How many entries it has not had.
    pub waiting: u64,
    /// When the first of them was written.
    pub oldest_waiting: Option<Timestamp>,
    /// Since when it takes nothing.
    pub failing_since: Option<Timestamp>,
    /// Why it takes nothing, in words; empty if it does.
    pub problem: String,
}

impl Control {
    /// The places to which the audit trail is sent on, as this node was configured, for the admins of the topmost site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for admins of a site below another; [`ControlError::Metadata`].
    pub async fn audit_sinks(&self, admin: &SiteAdmin) -> Result<Vec<SinkStatus>> {
        if !self.is_topmost(admin).await? {
            return Err(ControlError::NotFound);
        }
        let rows = self.metadata.sinks().await?;
        let mut all = Vec::new();
        for sink in self.sinks.all.iter() {
            let row = rows.iter().find(|row| row.name == sink.name);
            let backlog = match row {
                Some(row) => self.backlog(sink, row).await?,
                None => SinkBacklog::default(),
            };
            let failing_since = row.and_then(|row| row.failing_since);
            let state = match row {
                None => SinkState::Starting,
                Some(_) if failing_since.is_some() => SinkState::Failing,
                Some(_) => SinkState::Working,
            };
            all.push(SinkStatus {
                name: sink.name.clone(),
                kind: sink.sink.kind(),
                target: sink.sink.target(),
                sites: sink.sites.clone(),
                state,
                waiting: backlog.entries,
                oldest_waiting: backlog.oldest,
                failing_since,
                problem: row.map(|row| row.problem.clone()).unwrap_or_default(),
            });
        }
        Ok(all)
    }

    async fn backlog(&self, sink: &SinkSetting, row: &SinkRow) -> Result<SinkBacklog> {
        // Of a site that is not there it is not known what it would get: everything counts.
        let sites = sink.sites_among(&self.metadata.sites().await?).unwrap_or_default();
        Ok(self.metadata.sink_backlog(row.sent, sites.as_deref()).await?)
    }

    /// The moment up to which entries of the trail may be removed that are older than `before`: none that a place has not had, unless it
    /// has taken nothing for as long as entries are kept. What such a place misses is said in the log and in the trail.
    pub(crate) async fn spare_for_sinks(
        &self,
        _system: &System,
        before: Timestamp,
        retention: Duration,
    ) -> Result<Timestamp> {
        let (now, rows) = (self.access.now(), self.metadata.sinks().await?);
        let mut until = before;
        for sink in self.sinks.all.iter() {
            let Some(row) = rows.iter().find(|row| row.name == sink.name) else { continue };
            let backlog = self.backlog(sink, row).await?;
            let Some(oldest) = backlog.oldest.filter(|oldest| *oldest < before) else { continue };
            if row.failing_since.is_some_and(|since| since.after(retention) <= now) {
                let SinkBacklog { entries, .. } = backlog;
                tracing::error!(
                    sink = row.name,
                    problem = row.problem,
                    entries,
                    "the place takes no entries of the audit trail for longer than they are kept: it misses the oldest"
                );
                self.metadata.append_audit(&[missed(row, oldest, now)]).await?;
            } else {
                until = until.min(oldest);
            }
        }
        Ok(until)
    }
}

/// The entry that says that some were removed which a place has not had. It belongs to no site: the operator's are asked for it.
fn missed(row: &SinkRow, oldest: Timestamp, now: Timestamp) -> AuditEvent {
    AuditEvent {
        at: now,
        request_id: String::new(),
        site: None,
        actor: "system".to_owned(),
        key: None,
        storage: None,
        channel: Channel::Rest,
        peer: String::new(),
        tool: String::new(),
        action: "audit_sink_misses_entries".to_owned(),
        object: Some(row.name.clone()),
        allowed: false,
        reason: "sink_failing".to_owned(),
        detail: format!("from={oldest}"),
    }
}
