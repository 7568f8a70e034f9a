//! The list of keys.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::{ControlError, KeyQuery, KeyView, PageRequest};
use portcullis_domain::{Channel, Scope, Timestamp};

use super::super::connection::{Chip, chip};
use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::labels;
use super::super::page::{Chrome, page, toast};
use super::super::people::{address, after, search};
use super::super::words::filters;
use super::at::{At, path};
use super::{HOME, may_make, whose};
use crate::app::App;

/// As many are on a page.
const ROWS: u32 = 50;

/// The channels that there are keys for.
const CHANNELS: [Channel; 4] = [Channel::Rest, Channel::S3, Channel::Http, Channel::Ftp];

impl ListPage<'_> {
    /// Channels to filter by: value and name.
    fn channels() -> [(&'static str, &'static str); 4] {
        CHANNELS.map(|channel| (channel.as_str(), labels::channel(channel)))
    }
}

/// One key, in words.
struct Row {
    path: String,
    name: String,
    access_key: String,
    is_site: bool,
    channel: &'static str,
    whose: String,
    permission: &'static str,
    created: Timestamp,
    last_used: Option<Timestamp>,
    expires: Option<Timestamp>,
    chip: Chip,
}

#[derive(Template)]
#[template(path = "api_keys.html")]
struct ListPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    wanted: &'a str,
    /// The channel of the filter; empty for all.
    channel: &'static str,
    may_make: bool,
    rows: Vec<Row>,
    paged: bool,
    first: Option<String>,
    next: Option<String>,
}

/// `GET /api-keys?q=&channel=&after=&done=`
pub(super) async fn list(State(app): State<Arc<App>>, at: At, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    try_list(&app, &at, &fields).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_list(app: &App, at: &At, fields: &Fields) -> Result<Response, PanelError> {
    let (wanted, begins) = (search(fields), after(fields));
    let channel = CHANNELS.into_iter().find(|channel| channel.as_str() == fields.get("channel"));
    let word = channel.map_or("", Channel::as_str);
    let query = KeyQuery {
        search: Some(wanted.clone()).filter(|search| !search.is_empty()),
        channel,
        without_storage: true,
        ..KeyQuery::default()
    };
    let request = PageRequest { limit: ROWS, after: begins.clone() };
    let at_page = |after: Option<&str>| {
        address(HOME, &wanted, &[("channel", channel.map(Channel::as_str)), ("after", after)])
    };
    let found = match at.keeper.keys(&app.control, query, &request).await {
        // A place that is no longer one: from the beginning.
        Err(ControlError::Invalid(_)) if begins.is_some() => {
            return Ok(Redirect::to(&at_page(None)).into_response());
        }
        other => other?,
    };
    let mut rows = Vec::new();
    let mut names = HashMap::new();
    for view in &found.items {
        rows.push(row(app, at, &mut names, view).await?);
    }
    let template = ListPage {
        chrome: &at.person.chrome,
        toast: toast(fields),
        wanted: &wanted,
        channel: word,
        may_make: may_make(app, &at.keeper).await?,
        rows,
        paged: begins.is_some() || found.next.is_some(),
        first: begins.is_some().then(|| at_page(None)),
        next: found.next.as_deref().map(|next| at_page(Some(next))),
    };
    Ok(page(StatusCode::OK, &template))
}

async fn row(
    app: &App,
    at: &At,
    names: &mut HashMap<Scope, String>,
    view: &KeyView,
) -> Result<Row, PanelError> {
    let key = &view.key;
    let chrome = &at.person.chrome;
    let named = match names.get(&key.scope) {
        Some(name) => name.clone(),
        None => {
            let name = whose(app, &at.keeper, &chrome.user, key.scope).await?;
            names.insert(key.scope, name.clone());
            name
        }
    };
    Ok(Row {
        path: path(key.id),
        name: key.name.to_string(),
        access_key: key.user_name().to_owned(),
        is_site: key.scope == Scope::Site,
        channel: labels::channel(key.channel),
        whose: named,
        permission: labels::permission(key.permission),
        created: key.created,
        last_used: view.last_used.as_ref().map(|used| used.at),
        expires: key.expires,
        chip: chip(view, chrome.now),
    })
}
