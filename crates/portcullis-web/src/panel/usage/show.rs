//! The page of usage.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{UsageBy, UsagePoint, UsageShare, UsageStep};
use portcullis_domain::Timestamp;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, page};
use super::super::visitor::Admin;
use super::super::words::{self, filters};
use super::super::{format, words::thousands};
use super::chart::{Bar, Chart, HEIGHT};
use super::wanted::{SPANS, Wanted, span_name};
use crate::app::App;

/// As many of the largest are shown.
const MOST: u32 = 8;

/// A span to choose.
struct Choice {
    path: String,
    name: &'static str,
    chosen: bool,
}

/// One picture, with what it shows.
struct Picture {
    id: &'static str,
    name: &'static str,
    colour: &'static str,
    total: String,
    peak: String,
    chart: Chart,
}

/// One point, for those who read.
struct Line {
    at: String,
    requests: String,
    bytes: String,
    refused: String,
}

/// A list of the largest.
struct Top {
    id: &'static str,
    name: &'static str,
    rows: Vec<TopRow>,
}

struct TopRow {
    name: String,
    /// The address of the same page about this alone.
    path: Option<String>,
    requests: String,
    bytes: String,
    refused: String,
    last: Timestamp,
}

#[derive(Template)]
#[template(path = "usage.html")]
struct UsagePage<'a> {
    chrome: &'a Chrome,
    wanted: &'a Wanted,
    spans: Vec<Choice>,
    /// What the page is narrowed to, in words.
    only: Option<String>,
    all: String,
    pictures: Vec<Picture>,
    lines: Vec<Line>,
    tops: Vec<Top>,
}

/// `GET /usage?days=&q=&key=&storage=&network=`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let wanted = Wanted::of(&Fields::parse(query.unwrap_or_default().as_bytes()));
    let shown = try_show(&app, &admin, &person.chrome, &wanted).await;
    shown.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn try_show(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    wanted: &Wanted,
) -> Result<Response, PanelError> {
    let query = wanted.query(chrome.now);
    let step = if wanted.days <= 7 { UsageStep::Hour } else { UsageStep::Day };
    let over = app.control.usage_over_time(admin, &query, Some(step)).await?;
    let mut tops = Vec::new();
    for (by, id, name) in [
        (UsageBy::Key, "by-key", words::text("usage.by.key")),
        (UsageBy::Storage, "by-storage", words::text("usage.by.storage")),
        (UsageBy::Network, "by-network", words::text("usage.by.network")),
        (UsageBy::Tool, "by-tool", words::text("usage.by.tool")),
    ] {
        let shares = app.control.usage_by(admin, &query, by, MOST).await?;
        let rows = shares.into_iter().map(|share| TopRow::of(by, share, wanted)).collect();
        tops.push(Top { id, name, rows });
    }
    let span = |days: u16| Choice {
        path: wanted.for_days(days).at(),
        name: span_name(days),
        chosen: days == wanted.days,
    };
    let is_busy = |point: &&UsagePoint| point.sum.requests + point.sum.refused > 0 || point.sum.bytes > 0;
    let template = UsagePage {
        chrome,
        wanted,
        spans: SPANS.map(span).into(),
        only: only(app, admin, wanted).await?,
        all: wanted.of_all().at(),
        pictures: pictures(&over.points, step),
        lines: over.points.iter().rev().filter(is_busy).map(|point| Line::of(point, step)).collect(),
        tops,
    };
    Ok(page(StatusCode::OK, &template))
}

fn pictures(points: &[UsagePoint], step: UsageStep) -> Vec<Picture> {
    let when = |at: usize| points.get(at).map(|point| moment(point.start, step)).unwrap_or_default();
    let picture = |id, name, colour, number: fn(&UsagePoint) -> u64, said: fn(u64) -> String| {
        let numbers: Vec<u64> = points.iter().map(number).collect();
        let total = numbers.iter().fold(0_u64, |sum, number| sum.saturating_add(*number));
        let chart = Chart::of(&numbers, |at, number| std::format!("{}: {}", when(at), said(number)));
        Picture { id, name, colour, total: said(total), peak: said(chart.peak), chart }
    };
    vec![
        picture(
            "requests",
            words::text("usage.requests"),
            "var(--accent)",
            |point| point.sum.requests,
            |n| words::count("usage.requests.bar", n),
        ),
        picture("bytes", words::text("usage.bytes"), "var(--ok)", |point| point.sum.bytes, format::size),
        picture(
            "refused",
            words::text("usage.refused"),
            "var(--bad)",
            |point| point.sum.refused,
            |n| words::count("usage.refused.bar", n),
        ),
    ]
}

/// What the page is narrowed to, in words.
async fn only(app: &App, admin: &SiteAdmin, wanted: &Wanted) -> Result<Option<String>, PanelError> {
    let mut parts = Vec::new();
    if let Some(key) = wanted.key {
        // A key that was deleted, or of another site, is named by its id.
        let name = app.control.key(admin, key).await.map(|view| view.key.name.to_string());
        parts.push(name.unwrap_or_else(|_| key.to_string()));
    }
    if let Some(storage) = wanted.storage {
        let name = app.control.storage(admin, storage).await.map(|view| view.storage.name.to_string());
        parts.push(name.unwrap_or_else(|_| storage.to_string()));
    }
    parts.extend(wanted.network.clone());
    Ok((!parts.is_empty()).then(|| words::fill("usage.only", &[&parts.join(" · ")])))
}

impl Line {
    fn of(point: &UsagePoint, step: UsageStep) -> Self {
        Self {
            at: moment(point.start, step),
            requests: thousands(point.sum.requests),
            bytes: format::size(point.sum.bytes),
            refused: thousands(point.sum.refused),
        }
    }
}

impl TopRow {
    fn of(by: UsageBy, share: UsageShare, wanted: &Wanted) -> Self {
        let UsageShare { id, name, sum, last } = share;
        // Each leads to itself alone, so that addresses do not breed.
        let all = wanted.of_all();
        let narrowed = match by {
            UsageBy::Key => id.parse().ok().map(|key| Wanted { key: Some(key), ..all }),
            UsageBy::Storage => id.parse().ok().map(|storage| Wanted { storage: Some(storage), ..all }),
            UsageBy::Network => Some(Wanted { network: Some(id.clone()), ..all }),
            UsageBy::Tool => None,
        };
        let unnamed = || match by {
            UsageBy::Storage if id.is_empty() => words::text("usage.no_storage").to_owned(),
            UsageBy::Key | UsageBy::Storage => words::text("usage.gone").to_owned(),
            UsageBy::Network | UsageBy::Tool => id.clone(),
        };
        Self {
            name: name.unwrap_or_else(unnamed),
            path: narrowed.map(|wanted| wanted.at()),
            requests: thousands(sum.requests),
            bytes: format::size(sum.bytes),
            refused: thousands(sum.refused),
            last,
        }
    }
}

/// When a point begins: the day, and the hour if it is one of an hour.
fn moment(start: Timestamp, step: UsageStep) -> String {
    let text = format::moment(start);
    match step {
        UsageStep::Hour => text,
        UsageStep::Day => text.get(..10).map(str::to_owned).unwrap_or(text),
    }
}
