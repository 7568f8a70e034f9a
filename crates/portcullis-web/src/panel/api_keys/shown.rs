//! The page that shows what authenticates new keys, once.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::setups::{S3Setup, Setup, for_rest, for_s3};
use portcullis_control::{CreatedKey, CreatedKeys, DEFAULT_REGION};
use portcullis_domain::{Channel, Timestamp};

use super::super::labels;
use super::super::page::{Chrome, page};
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
    s3_address: &'a str,
    setups: Vec<Setup>,
    /// The page that proves the key.
    prove: String,
    next: String,
}

/// The page with the secrets of new keys: the answer to the request that made them, and to no other.
pub(super) fn show(app: &App, chrome: &Chrome, made: &CreatedKeys) -> Response {
    let first = &made.key;
    let rest = (first.view.key.channel == Channel::Rest).then_some(first);
    let s3 = made.s3.as_ref().or_else(|| (first.view.key.channel == Channel::S3).then_some(first));
    let bearer = rest.map(|made| format!("{}.{}", made.view.key.credential, made.secret.reveal()));
    let mut setups = s3.map(|made| for_s3(&setup(app, made))).unwrap_or_default();
    if let Some(bearer) = &bearer {
        let known = |tool: &str| setups.iter().any(|setup| setup.tool == tool);
        let more: Vec<_> = for_rest(bearer).into_iter().filter(|setup| !known(setup.tool)).collect();
        setups.extend(more);
    }
    let template = ShownPage {
        chrome,
        name: first.view.key.name.as_str(),
        permission: labels::permission(first.view.key.permission),
        expires: first.view.key.expires,
        bearer,
        s3: s3.map(|made| (made.view.key.credential.as_str(), made.secret.reveal())),
        s3_address: &app.s3_address,
        setups,
        prove: format!("/keys/{}/prove", s3.unwrap_or(first).view.key.id),
        next: path(first.view.key.id),
    };
    page(StatusCode::OK, &template)
}

fn setup<'a>(app: &'a App, made: &'a CreatedKey) -> S3Setup<'a> {
    let key = &made.view.key;
    S3Setup {
        s3_address: &app.s3_address,
        region: DEFAULT_REGION,
        bucket: None,
        prefix: &key.prefix,
        access_key: key.credential,
        secret: Some(&made.secret),
        permission: key.permission,
    }
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
