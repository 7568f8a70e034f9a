//! How a run goes, told while it goes: server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, StatusCode};
use portcullis_access::SiteAdmin;
use portcullis_control::RunView;
use portcullis_domain::SyncRunId;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::streams::Seat;
use crate::app::App;
use crate::dto::RunOut;
use crate::extract::{Admin, Id};
use crate::problem::{Problem, Result};

/// How often a run is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long nothing is said at most, so that nobody takes the connection for dead.
const QUIET: Duration = Duration::from_secs(15);
/// How long a stream lasts at most. Whoever wants more asks again.
const LONGEST: Duration = Duration::from_secs(3600);
/// When to ask again where there is no room.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// Tells reverse proxies to pass on what comes when it comes.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How a run goes, as server-sent events: `progress` with the run as JSON, whenever something has changed, at most once a second.
///
/// The last event is `end`. Its data says why: `{"because": "run"}` if the run is over, `"time"` after an hour, `"access"` if whoever asks
/// may not any more, `"stop"` if the server stops; after `time` and `stop` ask again. While there is nothing to tell a comment comes every
/// 15 seconds. A server has room for 256 such streams, 32 of each site; one more is answered with 503.
#[utoipa::path(
    get, path = "/api/v1/sync-runs/{id}/events", tag = "sync", operation_id = "watchSyncRun",
    params(("id" = String, Path, description = "The run.")),
    responses((status = 200, description = "The events.", content_type = "text/event-stream", body = String))
)]
pub(crate) async fn watch(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncRunId>,
) -> Result<Response> {
    told(app, admin, id).await
}

/// The events of a run, for this door and for the panel.
pub(crate) async fn told(app: Arc<App>, admin: SiteAdmin, run: SyncRunId) -> Result<Response> {
    // So that what is wrong with the call is told in its answer.
    app.control.sync_run(&admin, run).await?;
    let seat = app.streams.enter(admin.site()).ok_or_else(|| {
        let detail =
            "Too many runs are followed at the moment; ask again in a while, or ask for the run itself.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", detail)
            .retry_after(ASK_AGAIN)
    })?;
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let span = Span::begun(Instant::now());
    let events = Events { app, admin, run, tick, span, last: String::new(), _seat: seat };
    let body = stream::unfold(Some(events), |events| async {
        let mut events = events?;
        let (said, more) = events.next().await;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(said)), more.then_some(events)))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), (UNBUFFERED, "no")];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Because {
    Run,
    Time,
    Access,
    Stop,
}

impl Because {
    fn event(self) -> String {
        let word = match self {
            Self::Run => "run",
            Self::Time => "time",
            Self::Access => "access",
            Self::Stop => "stop",
        };
        format!("event: end\ndata: {{\"because\":\"{word}\"}}\n\n")
    }
}

/// How long a stream lasts, and how long it is quiet.
#[derive(Clone, Copy, Debug)]
struct Span {
    begun: Instant,
    /// When something was said last.
    spoken: Instant,
}

impl Span {
    const fn begun(now: Instant) -> Self {
        Self { begun: now, spoken: now }
    }

    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) >= LONGEST
    }

    fn is_quiet(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.spoken) >= QUIET
    }
}

/// A stream that somebody follows.
struct Events {
    app: Arc<App>,
    admin: SiteAdmin,
    run: SyncRunId,
    tick: Interval,
    span: Span,
    /// The run as it was told last.
    last: String,
    _seat: Seat,
}

impl Events {
    /// What is said next, and whether there is more to come.
    async fn next(&mut self) -> (String, bool) {
        loop {
            let stop = self.app.stop.clone();
            tokio::select! {
                () = stop.cancelled() => return (Because::Stop.event(), false),
                _ = self.tick.tick() => {}
            }
            let now = Instant::now();
            if self.span.is_over(now) {
                return (Because::Time.event(), false);
            }
            let Ok(run) = self.look().await else { return (Because::Access.event(), false) };
            if let Some(said) = run.and_then(|run| self.news(run)) {
                return said;
            }
            if self.span.is_quiet(now) {
                self.span.spoken = now;
                return (":\n\n".to_owned(), true);
            }
        }
    }

    /// The run as it is; nothing if it cannot be looked at for the moment.
    async fn look(&mut self) -> Result<Option<RunView>, ()> {
        self.admin = self.app.access.admin(self.admin.principal()).map_err(|_| ())?;
        match self.app.control.sync_run(&self.admin, self.run).await {
            Ok(run) => Ok(Some(run)),
            Err(portcullis_control::ControlError::NotFound) => Err(()),
            Err(error) => {
                tracing::warn!(%error, "a run that is followed cannot be looked at");
                Ok(None)
            }
        }
    }

    /// What is new of a run, and whether there is more to come; nothing if it is as it was told.
    fn news(&mut self, run: RunView) -> Option<(String, bool)> {
        let over = run.state.has_ended();
        let text = serde_json::to_string(&RunOut::from(run)).unwrap_or_default();
        if !over && text == self.last {
            return None;
        }
        let mut said = format!("event: progress\ndata: {text}\n\n");
        (self.last, self.span.spoken) = (text, Instant::now());
        if over {
            said.push_str(&Because::Run.event());
        }
        Some((said, !over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_left_without_a_word_and_no_stream_lasts_for_ever() {
        let begun = Instant::now();
        let mut span = Span::begun(begun);
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        assert!(!span.is_quiet(at(14)) && span.is_quiet(at(15)));
        span.spoken = at(20);
        assert!(!span.is_quiet(at(34)) && span.is_quiet(at(35)));
        assert!(!span.is_over(at(3599)) && span.is_over(at(3600)));
    }
}
