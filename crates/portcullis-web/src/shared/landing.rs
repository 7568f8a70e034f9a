//! The page of a link.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use portcullis_access::{AccessError, Denial, Get, GetOptions, GetOutcome, LinkVisit};
use portcullis_domain::{LinkTarget, ObjectKey, Permission, Secret, Timestamp};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::cookie::Kept;
use super::file::Asked;
use super::folder::{self, Place};
use super::refused::{Refused, Seen};
use super::tool::Text;
use super::visitor::Visitor;
use super::{address_of, drop_box};
use crate::app::App;
use crate::extract::{Params, from_text, read_body};
use crate::headers::download::name_of;
use crate::panel::fields::Fields;
use crate::panel::words::{self, filters};
use crate::panel::{format, page};

/// What an address says of the page. Whatever else stands in it means nothing.
#[derive(Default, Deserialize)]
pub(super) struct LandingQuery {
    /// The part of a folder.
    #[serde(default, deserialize_with = "from_text")]
    folder: Option<String>,
    /// Where its list goes on.
    #[serde(default, deserialize_with = "from_text")]
    after: Option<String>,
    /// How many files have just arrived in a drop box.
    #[serde(default, deserialize_with = "from_text")]
    received: Option<String>,
}

#[derive(Template)]
#[template(path = "shared_file.html")]
struct FilePage<'a> {
    name: &'a str,
    file: &'a str,
    size: String,
    modified: Timestamp,
    download: String,
    limited: bool,
    expires: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "shared_locked.html")]
struct LockedPage {
    home: String,
    fault: Option<String>,
}

/// `GET /s/{token}`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    asked: Asked<LandingQuery>,
) -> Response {
    match try_show(&app, &visitor, asked).await {
        Ok(response) => response,
        Err(Refused::Locked) if visitor.looks_at == Seen::Pages => locked(&visitor, StatusCode::OK, None),
        Err(refused) => refused.show(visitor.looks_at),
    }
}

/// `GET` of an address to which only forms go.
pub(super) async fn home(visitor: Visitor) -> Response {
    Redirect::to(&visitor.home()).into_response()
}

async fn try_show(app: &App, visitor: &Visitor, asked: Asked<LandingQuery>) -> Result<Response, Refused> {
    let visit = visitor.enter(app).await?;
    let Params(LandingQuery { folder, after, received }) = asked.map_err(|_| Refused::Nothing)?;
    match (&visit.link.target, visit.link.permission) {
        (LinkTarget::Folder(root), Permission::Read) => {
            let place = Place::of(root, folder, after.as_deref()).ok_or(Refused::Nothing)?;
            match visitor.looks_at {
                Seen::Pages => folder::show(app, visitor, &visit, &place).await,
                Seen::Texts => folder_text(app, visitor, &visit, &place).await,
            }
        }
        (LinkTarget::File(key), Permission::Read) => show_file(app, visitor, &visit, key).await,
        (LinkTarget::Folder(_), Permission::Write) => {
            let received = received.and_then(|number| number.parse().ok()).unwrap_or_default();
            drop_box::show(app, visitor, &visit, received).await
        }
        (LinkTarget::File(_), Permission::Write)
        | (_, Permission::None | Permission::ReadWrite | Permission::Full) => Err(Refused::Nothing),
    }
}

async fn show_file(
    app: &App,
    visitor: &Visitor,
    visit: &LinkVisit,
    key: &ObjectKey,
) -> Result<Response, Refused> {
    let at = app.access.storage_by_id(&visit.principal, visit.link.storage).await?;
    let meta = match at.grant::<Get>(key.clone())?.head(&GetOptions::default()).await? {
        GetOutcome::Found(meta) => meta,
        GetOutcome::NotModified(meta) => *meta,
    };
    if visitor.looks_at == Seen::Texts {
        let address = format!("{}/file", address_of(app, visitor.token()));
        let text = Text::default()
            .note(visit.link.name.as_str())
            .note(&format!("{}, {}", name_of(key), format::size(meta.size)))
            .note("curl -OJ with this address downloads it under its name")
            .address(&address);
        return Ok(text.answer(StatusCode::OK));
    }
    let template = FilePage {
        name: visit.link.name.as_str(),
        file: name_of(key),
        size: format::size(meta.size),
        modified: meta.modified,
        download: format!("{}/file", visitor.home()),
        limited: visit.link.max_downloads.is_some(),
        expires: visit.link.expires,
    };
    Ok(page(StatusCode::OK, &template))
}

async fn folder_text(
    app: &App,
    visitor: &Visitor,
    visit: &LinkVisit,
    place: &Place,
) -> Result<Response, Refused> {
    let address = address_of(app, visitor.token());
    let (files, next) = folder::addresses(app, visit, place, &address).await?;
    let mut text = Text::default()
        .note(visit.link.name.as_str())
        .note("one address for each file; curl -OJ with one of them downloads that file under its name");
    for file in &files {
        text = text.address(file);
    }
    if let Some(next) = next {
        text = text.note(&format!("the list goes on at {next}"));
    }
    Ok(text.answer(StatusCode::OK))
}

fn locked(visitor: &Visitor, status: StatusCode, fault: Option<String>) -> Response {
    page(status, &LockedPage { home: visitor.home(), fault })
}

/// `POST /s/{token}`: the password of a link.
pub(super) async fn unlock(State(app): State<Arc<App>>, visitor: Visitor, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Refused::Malformed("Send the password as a form: password=…").show(visitor.looks_at);
    }
    match try_unlock(&app, &visitor, body).await {
        Ok(response) => response,
        Err(Refused::Locked) if visitor.looks_at == Seen::Pages => {
            let fault = words::text("shared.locked.wrong").to_owned();
            locked(&visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(fault))
        }
        Err(refused) => refused.show(visitor.looks_at),
    }
}

async fn try_unlock(app: &App, visitor: &Visitor, body: Body) -> Result<Response, Refused> {
    // A link that asks for nothing opens as it is, and one that is not there stays so.
    match visitor.enter(app).await {
        Ok(_) => return Ok(Redirect::to(&visitor.home()).into_response()),
        Err(Refused::Locked) => {}
        Err(other) => return Err(other),
    }
    let body = read_body(body).await.map_err(Refused::Told)?;
    let body = Zeroizing::new(body.to_vec());
    let password = Secret::foreign(Fields::parse(&body).get("password").to_owned());
    let ticket = match app.access.unlock_link(&visitor.origin(), visitor.token(), &password).await {
        Ok(ticket) => ticket,
        Err(AccessError::Denied(Denial::BadSecret)) => return Err(Refused::Locked),
        Err(other) => return Err(other.into()),
    };
    let mut response = Redirect::to(&visitor.home()).into_response();
    if let Some(cookie) = Kept::Unlocked.set(visitor.token(), &ticket, app.is_secure()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
