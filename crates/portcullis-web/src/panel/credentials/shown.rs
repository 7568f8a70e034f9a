//! The page that shows a secret, once.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::CreatedKey;
use portcullis_control::setups::Setup;
use portcullis_domain::{Networks, Storage, Timestamp};

use super::super::channel_key::DoorsShown;
use super::super::labels;
use super::super::page::{Chrome, page};
use super::super::setups;
use super::super::words::{self, filters};
use super::list_text::binding;
use crate::app::App;

/// As many networks as the page names.
pub(in super::super) const SHOWN: usize = 3;

/// How the credentials came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Occasion {
    /// Together with their connection.
    Connected,
    /// For a connection that was there.
    Added,
    /// In place of other credentials.
    Replaced,
}

impl Occasion {
    fn lead(self, name: &str) -> String {
        let text = match self {
            Self::Connected => "credentials.lead.connected",
            Self::Added => "credentials.lead.added",
            Self::Replaced => "credentials.lead.replaced",
        };
        words::fill(text, &[&name])
    }
}

#[derive(Template)]
#[template(path = "credentials.html")]
struct CredentialsPage<'a> {
    chrome: &'a Chrome,
    storage: &'a Storage,
    lead: String,
    permission: &'static str,
    /// Those that bind the credentials; empty for any address.
    networks: &'a Networks,
    /// How many more there are than are shown.
    more_networks: u64,
    /// Whether the connection's own list holds besides.
    bound_twice: bool,
    s3_address: &'a str,
    access_key: &'a str,
    secret: &'a str,
    /// Whether a secret is told at all: nobody is told one that they chose.
    told: bool,
    /// Addresses, user name and secret, for a channel with user names.
    doors: Option<DoorsShown>,
    prefix: &'a str,
    expires: Option<Timestamp>,
    setups: Vec<Setup>,
    /// The page that proves the key.
    prove: String,
    next: String,
}

/// The page with the secret of a key for this storage. It is the answer to the request that made the key, and to no other.
pub(in super::super) fn show(
    app: &App,
    chrome: &Chrome,
    storage: &Storage,
    made: &CreatedKey,
    occasion: Occasion,
) -> Response {
    show_then(app, chrome, storage, made, occasion, None)
}

/// As [`show`]; whoever has stored the secret goes on to this page, or to that of the storage.
pub(in super::super) fn show_then(
    app: &App,
    chrome: &Chrome,
    storage: &Storage,
    made: &CreatedKey,
    occasion: Occasion,
    next: Option<String>,
) -> Response {
    let key = &made.view.key;
    let permission = storage.permission.common(key.permission);
    let networks = binding(&storage.networks, &key.networks);
    let more = networks.entries().len().saturating_sub(SHOWN);
    let template = CredentialsPage {
        chrome,
        storage,
        lead: match (occasion, &made.view.overlap) {
            (Occasion::Replaced, Some(overlap)) => words::fill(
                "credentials.lead.beside",
                &[&storage.name.as_str(), &super::super::format::moment(overlap.until)],
            ),
            (occasion, _) => occasion.lead(storage.name.as_str()),
        },
        permission: labels::permission(permission),
        networks,
        more_networks: u64::try_from(more).unwrap_or(u64::MAX),
        bound_twice: !storage.networks.is_anywhere() && !key.networks.is_anywhere(),
        s3_address: &app.s3_address,
        access_key: key.credential.as_str(),
        secret: made.secret.as_ref().map_or("", |secret| secret.reveal()),
        told: made.secret.is_some(),
        doors: DoorsShown::of(app, key, Some(storage.bucket.as_str()), made.secret.as_ref()),
        prefix: key.prefix.as_str(),
        expires: key.expires,
        setups: setups::of(app, storage, key, made.secret.as_ref()),
        prove: format!("/keys/{}/prove", key.id),
        next: next.unwrap_or_else(|| format!("/connections/{}", storage.id)),
    };
    page(StatusCode::OK, &template)
}

#[derive(Template)]
#[template(path = "credentials_already.html")]
struct AlreadyPage<'a> {
    chrome: &'a Chrome,
    next: &'a str,
}

/// The page for a form that was sent before: nothing is made twice, nothing is shown twice. `next` is where to look for what it made.
pub(in super::super) fn already(chrome: &Chrome, next: &str) -> Response {
    page(StatusCode::CONFLICT, &AlreadyPage { chrome, next })
}
