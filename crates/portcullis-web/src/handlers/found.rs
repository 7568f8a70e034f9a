//! The page for whoever found a secret. It takes what they found and says nothing about it, whatever it is.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::StreamExt as _;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use portcullis_control::{LEAK_REPORT_BYTES, LeakReport, NotTaken};
use zeroize::Zeroizing;

use crate::app::App;
use crate::extract::Stranger;
use crate::panel::page;
use crate::panel::words::{self, filters};
use crate::problem::Problem;

/// The longest that a report may take to come.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// The routes of the page.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new().route("/found", get(show).post(take))
}

#[derive(Template)]
#[template(path = "found.html")]
struct FoundPage {
    /// Why nothing was taken.
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "found_thanks.html")]
struct ThanksPage;

/// `GET /found`
async fn show() -> Response {
    page(StatusCode::OK, &FoundPage { fault: None })
}

/// `POST /found`: a form, JSON or any text. Everything in it that has the form of a secret is taken, and looked at later.
async fn take(State(app): State<Arc<App>>, stranger: Stranger, request: Request) -> Response {
    let as_page = is_for_people(request.headers());
    let origin = stranger.origin();
    if let Err(not_taken) = app.control.admit_leak_report(origin.peer) {
        return refused(as_page, not_taken.into());
    }
    let text = match tokio::time::timeout(PATIENCE, read(request.into_body())).await {
        Ok(Ok(text)) => text,
        Ok(Err(why)) => return refused(as_page, why),
        Err(_) => return refused(as_page, Why::Broken),
    };
    let report = LeakReport::read(&text, origin.peer, origin.request_id);
    drop(text);
    match app.control.report_leak(report) {
        Ok(()) => thanks(as_page),
        Err(not_taken) => refused(as_page, not_taken.into()),
    }
}

/// Why a report was not taken. None of it depends on what is in it.
#[derive(Clone, Copy, Debug)]
enum Why {
    TooMany(u64),
    Busy,
    TooLarge,
    Broken,
}

impl From<NotTaken> for Why {
    fn from(not_taken: NotTaken) -> Self {
        match not_taken {
            NotTaken::TooMany { retry_after } => Self::TooMany(retry_after.as_secs().max(1)),
            NotTaken::Busy => Self::Busy,
        }
    }
}

/// The body, in memory that is wiped.
async fn read(body: Body) -> Result<Zeroizing<Vec<u8>>, Why> {
    let mut text = Zeroizing::new(Vec::with_capacity(LEAK_REPORT_BYTES));
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Why::Broken)?;
        if text.len().saturating_add(piece.len()) > LEAK_REPORT_BYTES {
            return Err(Why::TooLarge);
        }
        text.extend_from_slice(&piece);
    }
    Ok(text)
}

/// A browser sends a form, or says that it wants a page.
fn is_for_people(headers: &HeaderMap) -> bool {
    let of = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    of(ACCEPT).contains("text/html") || of(CONTENT_TYPE).starts_with("application/x-www-form-urlencoded")
}

fn thanks(as_page: bool) -> Response {
    if as_page {
        return page(StatusCode::ACCEPTED, &ThanksPage);
    }
    let json = HeaderValue::from_static("application/json");
    let headers = [(CONTENT_TYPE, json), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::ACCEPTED, headers, r#"{"received":true}"#).into_response()
}

fn refused(as_page: bool, why: Why) -> Response {
    let (status, kind, text, wait) = match why {
        Why::TooMany(seconds) => {
            let text = words::count("found.too_many", seconds);
            (StatusCode::TOO_MANY_REQUESTS, "throttled", text, Some(seconds))
        }
        Why::Busy => {
            (StatusCode::SERVICE_UNAVAILABLE, "busy", words::text("found.busy").to_owned(), Some(60))
        }
        Why::TooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, "too-large", words::text("found.too_large").to_owned(), None)
        }
        Why::Broken => (StatusCode::BAD_REQUEST, "malformed", words::text("found.broken").to_owned(), None),
    };
    let mut response = if as_page {
        page(status, &FoundPage { fault: Some(text) })
    } else {
        Problem::new(status, kind, "Not taken", text).into_response()
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
