//! Places to which the audit trail is sent on.

use portcullis_control::SinkStatus;
use serde::Serialize;
use utoipa::ToSchema;

/// A place to which the audit trail is sent on, and how it is with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditSink)]
pub(crate) struct SinkOut {
    /// What the server's configuration calls it.
    #[schema(example = "siem")]
    name: String,
    /// `syslog` or `webhook`.
    kind: &'static str,
    /// Where it is, without path and query.
    #[schema(example = "tls://siem.example.com:6514")]
    target: String,
    /// The sites whose entries it gets, as they are configured; empty for all entries.
    sites: Vec<String>,
    /// `working`, `failing`, or `starting` before it was looked at for the first time.
    state: &'static str,
    /// How many entries it has not had.
    waiting: u64,
    /// When the first of them was written.
    #[schema(format = DateTime)]
    oldest_waiting_at: Option<String>,
    /// Since when it takes nothing.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// Why it takes nothing, in words; null if it does.
    problem: Option<String>,
}

impl From<SinkStatus> for SinkOut {
    fn from(status: SinkStatus) -> Self {
        Self {
            name: status.name,
            kind: status.kind,
            target: status.target,
            sites: status.sites,
            state: status.state.as_str(),
            waiting: status.waiting,
            oldest_waiting_at: status.oldest_waiting.map(|at| at.to_string()),
            failing_since: status.failing_since.map(|at| at.to_string()),
            problem: Some(status.problem).filter(|problem| !problem.is_empty()),
        }
    }
}

/// The places to which the audit trail is sent on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditSinks)]
pub(crate) struct SinksOut {
    /// In the order of the configuration of the server that answers.
    items: Vec<SinkOut>,
}

impl From<Vec<SinkStatus>> for SinksOut {
    fn from(all: Vec<SinkStatus>) -> Self {
        Self { items: all.into_iter().map(SinkOut::from).collect() }
    }
}
