//! What every page has: the frame around it, and the headers that let nothing foreign in.

use std::sync::OnceLock;

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{HeaderName, HeaderValue, StatusCode};
use portcullis_control::{Me, Receipt};
use portcullis_domain::Timestamp;

use super::account::ACCOUNT;
use super::switcher::Switcher;
use super::{HOME, words};
use crate::app::App;

/// Nothing runs, is shown or is sent to but what this server has itself; no script of ours makes markup of text but `fragment.js`.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                   connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                   require-trusted-types-for 'script'; trusted-types portcullis";

/// Everything a page could ask the browser for and never does.
const PERMISSIONS: &str = "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
                           magnetometer=(), microphone=(), midi=(), payment=(), usb=()";

/// The frame of a page for somebody who has signed in.
#[derive(Clone, Debug)]
pub(super) struct Chrome {
    /// The token for forms.
    pub(super) csrf: String,
    /// The name of the site.
    pub(super) site: String,
    /// The other sites that one may act in.
    pub(super) sites: Switcher,
    /// The name of whoever signed in.
    pub(super) user: String,
    /// Whether they may administer.
    pub(super) admin: bool,
    /// Whether the panel is reached without encryption from other machines.
    pub(super) plain_http: bool,
    /// The path of the page that was asked for.
    pub(super) path: String,
    /// The moment the page was made.
    pub(super) now: Timestamp,
    /// What the deed before this page ended.
    pub(super) receipt: Option<String>,
    /// What the deed of this request ended, for the page after it.
    pub(super) ended: OnceLock<Receipt>,
}

impl Chrome {
    pub(super) fn new(app: &App, me: &Me, csrf: String, path: &str) -> Self {
        Self {
            csrf,
            site: me.site.name.to_string(),
            sites: Switcher::default(),
            user: me.user.as_ref().map(|user| user.username.to_string()).unwrap_or_default(),
            admin: me.admin,
            plain_http: !app.is_secure() && !app.is_this_machine(),
            path: path.to_owned(),
            now: app.access.now(),
            receipt: None,
            ended: OnceLock::new(),
        }
    }

    /// Where this person begins.
    pub(super) fn home(&self) -> &'static str {
        if self.admin { HOME } else { ACCOUNT }
    }

    /// The letters on the tile of a name.
    pub(super) fn initial(name: &str) -> String {
        name.chars().next().map(|first| first.to_uppercase().to_string()).unwrap_or_default()
    }
}

/// The whole page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => with_headers((status, html).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page cannot be made");
            with_headers(
                (StatusCode::INTERNAL_SERVER_ERROR, words::text("error.failed.title")).into_response(),
            )
        }
    }
}

impl Chrome {
    /// As [`on_to`]; the page says what the deed ended, too.
    pub(super) fn on_to(&self, path: &str, done: &'static str) -> Response {
        let path = match self.ended.get() {
            Some(receipt) if !receipt.sentence().is_empty() => {
                let separator = if path.contains('?') { '&' } else { '?' };
                format!("{path}{separator}cut={}", numbers(receipt))
            }
            Some(_) | None => path.to_owned(),
        };
        on_to(&path, done)
    }

    /// Keeps what the deed of this request ended.
    pub(super) fn note(&self, receipt: Receipt) {
        self.ended.get_or_init(|| receipt);
    }
}

/// A receipt as numbers, which cannot say anything else than a receipt does.
fn numbers(receipt: &Receipt) -> String {
    let (answered, nodes) = receipt.answered();
    let millis = receipt.last_byte.map_or(0, |last| last.as_micros().div_ceil(1_000));
    format!("{}.{}.{millis}.{answered}.{nodes}", receipt.transfers_cut, receipt.uploads_aborted)
}

/// What the address of a page says of the deed before it.
pub(super) fn receipt_of(query: &super::fields::Fields) -> Option<String> {
    let numbers: Vec<u64> = query.get("cut").split('.').filter_map(|number| number.parse().ok()).collect();
    let [cut, uploads, millis, answered, nodes] = numbers.try_into().ok()?;
    let mut text = words::count("receipt.cut", cut);
    if cut > 0 {
        text.push_str(&words::fill("receipt.last", &[&words::thousands(millis)]));
    }
    if uploads > 0 {
        text.push_str(", ");
        text.push_str(&words::count("receipt.uploads", uploads));
    }
    text.push_str("; ");
    text.push_str(&words::fill("receipt.nodes", &[&answered, &nodes]));
    if answered < nodes {
        text.push_str(words::text("receipt.unanswered"));
    }
    Some(text)
}

/// On to another page, which confirms what was done: `done` is the name of the text that says so, such as `done.renamed`.
pub(super) fn on_to(path: &str, done: &'static str) -> Response {
    let word = done.strip_prefix("done.").unwrap_or(done);
    let separator = if path.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{path}{separator}done={word}")).into_response()
}

/// The confirmation that the address of a page asks for, if it is one of ours.
pub(super) fn toast(query: &super::fields::Fields) -> Option<&'static str> {
    words::find(&format!("done.{}", query.get("done")))
}

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
