//! All sites that somebody may act in, as a tree.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{SiteHoldings, SiteView};
use portcullis_domain::SiteId;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, page, toast};
use super::super::people::number;
use super::super::visitor::Admin;
use super::super::words;
use super::super::words::filters;
use crate::app::App;

/// One site, with where in the nested lists it stands.
struct Row {
    id: String,
    name: String,
    home: bool,
    current: bool,
    detail: String,
    place: Place,
}

/// Where a site stands in the nested lists.
struct Place {
    /// Whether a list begins with it.
    opens: bool,
    /// Whether sites below it follow.
    parent: bool,
    /// How many lists end with it.
    closes: u32,
    /// Whether it is the last of all.
    last: bool,
}

#[derive(Template)]
#[template(path = "sites.html")]
struct TreePage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    rows: Vec<Row>,
}

/// How many sites lie directly below this one.
pub(super) fn below(sites: &[SiteView], id: SiteId) -> u64 {
    number(sites.iter().filter(|view| view.parent == Some(id)).count())
}

/// What is in a site and below it, in words; of what there is none, nothing.
fn detail(children: u64, holdings: Option<&SiteHoldings>) -> String {
    let part = |name, count: u64| (count > 0).then(|| words::count(name, count));
    let held = holdings.map_or([None, None, None], |held| {
        [
            part("sites.users", held.users),
            part("sites.storages", held.storages),
            part("sites.keys", held.keys),
        ]
    });
    let parts: Vec<_> = held.into_iter().chain([part("sites.below", children)]).flatten().collect();
    if parts.is_empty() { words::text("sites.empty").to_owned() } else { parts.join(" · ") }
}

/// The rows of sites that come in order: each before those below it.
fn rows(sites: &[SiteView], holdings: &HashMap<SiteId, SiteHoldings>) -> Vec<Row> {
    let mut rows = Vec::with_capacity(sites.len());
    let mut before = None;
    for (at, view) in sites.iter().enumerate() {
        let next = sites.get(at + 1).map(|next| next.depth);
        let children = below(sites, view.site.id);
        rows.push(Row {
            id: view.site.id.to_string(),
            name: view.site.name.to_string(),
            home: view.home,
            current: view.current,
            detail: detail(children, holdings.get(&view.site.id)),
            place: Place {
                opens: before.is_none_or(|before| view.depth > before),
                parent: next.is_some_and(|next| next > view.depth),
                closes: next.map_or(view.depth + 1, |next| view.depth.saturating_sub(next)),
                last: next.is_none(),
            },
        });
        before = Some(view.depth);
    }
    rows
}

async fn load(app: &App, admin: &SiteAdmin) -> Result<Vec<Row>, PanelError> {
    let sites = app.control.site_tree(admin).await?;
    let holdings = app.control.site_holdings(admin).await?;
    Ok(rows(&sites, &holdings))
}

/// `GET /sites?done=`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let chrome = &person.chrome;
    match load(&app, &admin).await {
        Ok(rows) => page(StatusCode::OK, &TreePage { chrome, toast: toast(&query), rows }),
        Err(error) => error.show(chrome),
    }
}
