//! The list of connections: every storage of the site on one page, and how the site is as a whole.

mod generate;
mod posture;
mod row;
mod wanted;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use portcullis_control::{ConnectionSort, ConnectionsPage, PageRequest, S3Filter};
use portcullis_domain::{Health, Provider};

use super::error::PanelError;
use super::fields::Fields;
use super::labels;
use super::page::{Chrome, page, toast};
use super::visitor::Admin;
use super::words::{self, filters};
use crate::app::App;
use posture::PostureView;
use row::Row;
pub(super) use row::share;
use wanted::Wanted;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/connections", get(list)).route("/connections/{id}/generate", get(generate::lead))
}

/// What stands in a list of choices.
struct Choice {
    value: String,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "connections.html")]
struct ListPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    wanted: &'a Wanted,
    providers: Vec<Choice>,
    statuses: Vec<Choice>,
    healths: Vec<Choice>,
    sorts: Vec<Choice>,
    posture: PostureView,
    rows: Vec<Row>,
    total: u64,
    matching: u64,
    /// How many storages are set aside; a hundred stands for more.
    detached: u64,
    /// The first and the last row on this page, counted through all pages; none if there is only one page.
    span: Option<(u64, u64)>,
    previous: Option<String>,
    next: Option<String>,
}

impl ListPage<'_> {
    /// How a column is sorted now, for `aria-sort`.
    fn direction(&self, word: &str) -> Option<&'static str> {
        let descending = if self.wanted.descending { "descending" } else { "ascending" };
        (self.wanted.sort.as_str() == word).then_some(descending)
    }
}

/// `GET /connections?q=&provider=&s3=&health=&sort=&page=&done=`
async fn list(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let mut wanted = Wanted::of(&fields);
    let found = match app.control.connections(&admin, &wanted.query()).await {
        Ok(found) => found,
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let detached = match app.control.detached_storages(&admin, None, &PageRequest::first(100)).await {
        Ok(detached) => u64::try_from(detached.items.len()).unwrap_or(u64::MAX),
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    wanted.page = found.page;
    let shown = ListPage { detached, ..view(&person.chrome, &wanted, &found, toast(&fields)) };
    page(StatusCode::OK, &shown)
}

fn view<'a>(
    chrome: &'a Chrome,
    wanted: &'a Wanted,
    found: &ConnectionsPage,
    toast: Option<&'static str>,
) -> ListPage<'a> {
    let first = u64::from(found.page - 1) * u64::from(wanted.query().size) + 1;
    let on_page = u64::try_from(found.rows.len()).unwrap_or(0);
    ListPage {
        chrome,
        toast,
        wanted,
        providers: choices(Provider::ALL, wanted.provider, Provider::as_str, labels::provider),
        statuses: choices(S3Filter::ALL, wanted.s3, S3Filter::as_str, status),
        healths: choices(Health::ALL, wanted.health, Health::as_str, row::health),
        sorts: sorts(wanted),
        posture: PostureView::of(&found.posture),
        rows: found.rows.iter().map(|row| Row::of(row, found.as_of)).collect(),
        total: found.total,
        matching: found.matching,
        detached: 0,
        span: (found.pages > 1).then_some((first, first + on_page - 1)),
        previous: (found.page > 1).then(|| wanted.at_page(found.page - 1)),
        next: (found.page < found.pages).then(|| wanted.at_page(found.page + 1)),
    }
}

fn choices<T: Copy + PartialEq>(
    all: &[T],
    chosen: Option<T>,
    word: impl Fn(T) -> &'static str,
    name: impl Fn(T) -> &'static str,
) -> Vec<Choice> {
    let choice = |value: &T| Choice {
        value: word(*value).to_owned(),
        name: name(*value),
        chosen: chosen == Some(*value),
    };
    all.iter().map(choice).collect()
}

fn status(filter: S3Filter) -> &'static str {
    match filter {
        S3Filter::Active => words::text("list.s3.active"),
        S3Filter::NotActive => words::text("list.s3.not_active"),
        S3Filter::Unreachable => words::text("list.s3.unreachable"),
    }
}

/// Every order both ways; the columns' heads have only some of them, and on a telephone there are none.
fn sorts(wanted: &Wanted) -> Vec<Choice> {
    let both = ConnectionSort::ALL.iter().flat_map(|sort| {
        let first = wanted::falls_first(*sort);
        [(*sort, first), (*sort, !first)]
    });
    let choice = |(sort, descending)| Choice {
        value: wanted::sort_word(sort, descending),
        name: order(sort, descending),
        chosen: wanted.sort == sort && wanted.descending == descending,
    };
    both.map(choice).collect()
}

fn order(sort: ConnectionSort, descending: bool) -> &'static str {
    match (sort, descending) {
        (ConnectionSort::Name, false) => words::text("list.sort.name"),
        (ConnectionSort::Name, true) => words::text("list.sort.name_back"),
        (ConnectionSort::Used, true) => words::text("list.sort.largest"),
        (ConnectionSort::Used, false) => words::text("list.sort.smallest"),
        (ConnectionSort::Files, true) => words::text("list.sort.most_files"),
        (ConnectionSort::Files, false) => words::text("list.sort.fewest_files"),
        (ConnectionSort::Created, true) => words::text("list.sort.newest"),
        (ConnectionSort::Created, false) => words::text("list.sort.oldest"),
        (ConnectionSort::LastUsed, true) => words::text("list.sort.used_last"),
        (ConnectionSort::LastUsed, false) => words::text("list.sort.used_first"),
    }
}
