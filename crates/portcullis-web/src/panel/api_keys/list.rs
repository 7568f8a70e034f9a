//! The list of keys: channel by channel, or those that are looked for.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::{ControlError, KeyQuery, PageRequest};
use portcullis_domain::Channel;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::labels;
use super::super::page::{Chrome, page, toast};
use super::super::people::{address, after, number, search};
use super::super::words::filters;
use super::at::At;
use super::row::{Group, Row, Rows};
use super::{HOME, may_make};
use crate::app::App;

/// As many are on a page of those that are looked for.
const ROWS: u32 = 50;
/// As many of each channel are shown where all channels are: with six of them a page has no more rows than others.
const OF_EACH: u32 = 8;

/// The channels that there are keys for.
const CHANNELS: [Channel; 6] =
    [Channel::Ftp, Channel::Rest, Channel::Http, Channel::WebService, Channel::Email, Channel::S3];

impl ListPage<'_> {
    /// Channels to filter by: value and name.
    fn channels() -> [(&'static str, &'static str); 6] {
        CHANNELS.map(|channel| (channel.as_str(), labels::channel(channel)))
    }

    /// Whether some are looked for, rather than all shown.
    fn narrows(&self) -> bool {
        self.groups.is_empty()
    }
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
    /// Every channel with its keys, unless some are looked for.
    groups: Vec<Group>,
    /// Those that are looked for.
    rows: Vec<Row>,
    /// How many there are, if all of them are shown.
    count: Option<u64>,
    paged: bool,
    first: Option<String>,
    next: Option<String>,
}

/// `GET /api-keys?q=&channel=&after=&done=`
pub(super) async fn list(State(app): State<Arc<App>>, at: At, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let channel = CHANNELS.into_iter().find(|channel| channel.as_str() == fields.get("channel"));
    let listed = if channel.is_none() && search(&fields).is_empty() && after(&fields).is_none() {
        channels(&app, &at, &fields).await
    } else {
        found(&app, &at, &fields, channel).await
    };
    listed.unwrap_or_else(|error| error.show(&at.person.chrome))
}

/// Every channel with its keys.
async fn channels(app: &App, at: &At, fields: &Fields) -> Result<Response, PanelError> {
    let may_make = may_make(app, &at.keeper).await?;
    let mut rows = Rows::new(app, at);
    let mut groups = Vec::new();
    for channel in CHANNELS {
        let query = KeyQuery { channel: Some(channel), ..KeyQuery::default() };
        let request = PageRequest { limit: OF_EACH, after: None };
        let found = at.keeper.keys(&app.control, query, &request).await?;
        let keys = rows.all(&found.items).await?;
        let more = found.next.is_some();
        groups.push(Group::new(app, channel, &found.items, keys, more, may_make));
    }
    let all = groups.iter().all(|group| group.more.is_none());
    let template = ListPage {
        chrome: &at.person.chrome,
        toast: toast(fields),
        wanted: "",
        channel: "",
        may_make,
        count: all.then(|| groups.iter().map(|group| number(group.rows.len())).sum()),
        groups,
        rows: Vec::new(),
        paged: false,
        first: None,
        next: None,
    };
    Ok(page(StatusCode::OK, &template))
}

/// The keys that are looked for.
async fn found(
    app: &App,
    at: &At,
    fields: &Fields,
    channel: Option<Channel>,
) -> Result<Response, PanelError> {
    let (wanted, begins) = (search(fields), after(fields));
    let query = KeyQuery {
        search: Some(wanted.clone()).filter(|search| !search.is_empty()),
        channel,
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
    let rows = Rows::new(app, at).all(&found.items).await?;
    let template = ListPage {
        chrome: &at.person.chrome,
        toast: toast(fields),
        wanted: &wanted,
        channel: channel.map_or("", Channel::as_str),
        may_make: may_make(app, &at.keeper).await?,
        groups: Vec::new(),
        count: Some(number(rows.len())),
        rows,
        paged: begins.is_some() || found.next.is_some(),
        first: begins.is_some().then(|| at_page(None)),
        next: found.next.as_deref().map(|next| at_page(Some(next))),
    };
    Ok(page(StatusCode::OK, &template))
}
