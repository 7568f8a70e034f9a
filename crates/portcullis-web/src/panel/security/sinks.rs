//! Where the audit trail is sent on to: for the admins of the topmost site, who run the installation.

use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, SinkState, SinkStatus};
use portcullis_domain::Timestamp;

use super::super::error::PanelError;
use super::super::{format, words};
use crate::app::App;

/// A place as the page shows it.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) target: String,
    pub(super) well: bool,
    pub(super) text: String,
    /// Why it takes nothing; empty if it does.
    pub(super) problem: String,
}

/// The places; none for the admins of a site below another.
pub(super) async fn lines(app: &App, admin: &SiteAdmin, now: Timestamp) -> Result<Vec<Line>, PanelError> {
    match app.control.audit_sinks(admin).await {
        Ok(all) => Ok(all.into_iter().map(|status| line(status, now)).collect()),
        Err(ControlError::NotFound) => Ok(Vec::new()),
        Err(other) => Err(other.into()),
    }
}

fn line(status: SinkStatus, now: Timestamp) -> Line {
    let waiting = words::count("sinks.waiting", status.waiting);
    let text = match status.state {
        SinkState::Starting => words::text("sinks.starting").to_owned(),
        SinkState::Working if status.waiting == 0 => words::text("sinks.has_all").to_owned(),
        SinkState::Working => waiting,
        SinkState::Failing => {
            let since = status.failing_since.map(|since| format::ago(now, since)).unwrap_or_default();
            format!("{} {since}; {waiting}", words::text("sinks.failing"))
        }
    };
    let well = status.state != SinkState::Failing;
    Line { name: status.name, target: status.target, well, text, problem: status.problem }
}
