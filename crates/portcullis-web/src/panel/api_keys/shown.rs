//! The page that shows what authenticates new keys, once.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::setups::{Setup, for_rest};
use portcullis_control::{CreatedKey, CreatedKeys};
use portcullis_domain::{Channel, Timestamp};

use super::super::channel_key::DoorsShown;
use super::super::labels;
use super::super::page::{Chrome, page};
use super::super::setups;
use super::super::words::filters;
use super::HOME;
use super::at::path;
use crate::app::App;

#[derive(Template)]
#[template(path = "api_key_shown.html")]
struct ShownPage<'a> {
    chrome: &'a Chrome,
    name: &'a str,
    permission: &'static str,
    expires: Option<Timestamp>,
    /// The token of the REST key, if there is one.
    bearer: Option<String>,
    /// Access Key and Secret Key of the S3 key, if there is one.
    s3: Option<(&'a str, &'a str)>,
    /// Whether a secret is told at all: nobody is told one that they chose.
    told: bool,
    /// Addresses, user name and secret, for a channel with user names.
    doors: Option<DoorsShown>,
    s3_address: &'a str,
    setups: Vec<Setup>,
    /// The page that proves the key.
    prove: String,
    next: String,
}

/// The page with the secrets of new keys: the answer to the request that made them, and to no other.
pub(super) fn show(app: &App, chrome: &Chrome, made: &CreatedKeys) -> Response {
    let first = &made.key;
    let key = &first.view.key;
    let rest = (key.channel == Channel::Rest).then_some(first);
    let s3 = made.s3.as_ref().or_else(|| (key.channel == Channel::S3).then_some(first));
    let secret = |made: &CreatedKey| made.secret.as_ref().map(|secret| secret.reveal().to_owned());
    let bearer = rest.and_then(|made| Some(format!("{}.{}", made.view.key.credential, secret(made)?)));
    let of = s3.unwrap_or(first);
    let mut setups = setups::of_several(app, &of.view.key, of.secret.as_ref());
    if let Some(bearer) = &bearer {
        let known = |tool: &str| setups.iter().any(|setup| setup.tool == tool);
        let more: Vec<_> = for_rest(bearer).into_iter().filter(|setup| !known(setup.tool)).collect();
        setups.extend(more);
    }
    let template = ShownPage {
        chrome,
        name: key.name.as_str(),
        permission: labels::permission(key.permission),
        expires: key.expires,
        bearer,
        s3: s3.and_then(|made| Some((made.view.key.credential.as_str(), made.secret.as_ref()?.reveal()))),
        told: first.secret.is_some(),
        doors: DoorsShown::of(app, key, None, first.secret.as_ref()),
        s3_address: &app.s3_address,
        setups,
        prove: format!("/keys/{}/prove", of.view.key.id),
        next: path(key.id),
    };
    page(StatusCode::OK, &template)
}

/// The page for a form that was sent before.
pub(super) fn already(chrome: &Chrome) -> Response {
    page(StatusCode::CONFLICT, &AlreadyPage { chrome, next: HOME })
}

#[derive(Template)]
#[template(path = "api_key_already.html")]
struct AlreadyPage<'a> {
    chrome: &'a Chrome,
    next: &'a str,
}
