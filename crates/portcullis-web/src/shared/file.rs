//! Downloads.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use portcullis_access::{Get, GetOptions, GetOutcome, LinkVisit};
use portcullis_domain::{LinkTarget, ObjectKey};
use serde::Deserialize;

use super::begun::{self, Portion};
use super::cookie::Kept;
use super::refused::Refused;
use super::visitor::Visitor;
use crate::app::App;
use crate::extract::{Params, from_text};
use crate::handlers::file::downloaded;
use crate::headers::{self, download};
use crate::problem::Problem;

/// Which file. What others put into addresses, such as where a visitor comes from, means nothing here.
#[derive(Deserialize)]
pub(super) struct FileQuery {
    /// Its name below the folder of the link; none for the file of a link to a file.
    #[serde(default, deserialize_with = "from_text")]
    pub(super) key: Option<String>,
}

/// What an address says, as far as it can be read.
pub(super) type Asked<T> = Result<Params<T>, Problem>;

/// The key of the file that is asked for. It is put together and never resolved: `../` is a part of a name like any other.
pub(super) fn key_of(visit: &LinkVisit, asked: Asked<FileQuery>) -> Result<ObjectKey, Refused> {
    let Params(FileQuery { key }) = asked.map_err(|_| Refused::Nothing)?;
    match (&visit.link.target, key) {
        (LinkTarget::File(own), None) => Ok(own.clone()),
        (LinkTarget::Folder(folder), Some(name)) if !name.is_empty() => {
            ObjectKey::parse(&format!("{folder}{name}")).map_err(|_| Refused::Nothing)
        }
        (LinkTarget::File(_) | LinkTarget::Folder(_), _) => Err(Refused::Nothing),
    }
}

/// `GET /s/{token}/file?key=`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    asked: Asked<FileQuery>,
    given: HeaderMap,
) -> Response {
    try_get(&app, &visitor, asked, &given).await.unwrap_or_else(|refused| visitor.turn_away(refused))
}

async fn try_get(
    app: &App,
    visitor: &Visitor,
    asked: Asked<FileQuery>,
    given: &HeaderMap,
) -> Result<Response, Refused> {
    let visit = visitor.enter_again(app).await?;
    let key = key_of(&visit, asked)?;
    let begun = begun::remembered(app, &visit, &key, visitor.begun.as_deref());
    if begun.is_none() && !app.control.has_downloads_left(&visit).await? {
        return Err(Refused::Nothing);
    }
    let portion = Portion { range: headers::range(given), conditions: headers::read_conditions(given) };
    let Portion { range, conditions } =
        Portion::of(portion, visit.link.max_downloads.is_some(), begun.as_deref());
    let grant =
        app.access.storage_by_id(&visit.principal, visit.link.storage).await?.grant::<Get>(key.clone())?;
    let object = match grant.get(GetOptions { range, conditions, ..GetOptions::default() }).await? {
        GetOutcome::Found(object) => object,
        GetOutcome::NotModified(meta) => {
            return Ok((StatusCode::NOT_MODIFIED, download::validators(&meta)).into_response());
        }
    };
    let from_the_start = object.range.is_none_or(|range| range.first == 0);
    // Before the first byte goes, and after everything that could still say no.
    if from_the_start && !app.control.count_download(&visit).await? {
        return Err(Refused::Nothing);
    }
    let begun = begun::remember(app, &visit, &key, &object.meta.etag).filter(|_| from_the_start);
    let mut response = downloaded(&key, object);
    let headers = response.headers_mut();
    headers.extend(download::for_tools(&key));
    if let Some(cookie) = begun.and_then(|begun| Kept::Begun.set(visitor.token(), &begun, app.is_secure())) {
        headers.append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `HEAD /s/{token}/file?key=`: not a download.
pub(super) async fn head(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    asked: Asked<FileQuery>,
    given: HeaderMap,
) -> Response {
    try_head(&app, &visitor, asked, &given).await.unwrap_or_else(|refused| visitor.turn_away(refused))
}

async fn try_head(
    app: &App,
    visitor: &Visitor,
    asked: Asked<FileQuery>,
    given: &HeaderMap,
) -> Result<Response, Refused> {
    let visit = visitor.enter(app).await?;
    let key = key_of(&visit, asked)?;
    let options = GetOptions { conditions: headers::read_conditions(given), ..GetOptions::default() };
    let grant =
        app.access.storage_by_id(&visit.principal, visit.link.storage).await?.grant::<Get>(key.clone())?;
    match grant.head(&options).await? {
        GetOutcome::Found(meta) => {
            let mut told = download::of_file(&key, &meta);
            told.extend(download::for_tools(&key));
            told.insert(CONTENT_LENGTH, HeaderValue::from(meta.size));
            Ok((told, Body::empty()).into_response())
        }
        GetOutcome::NotModified(meta) => {
            Ok((StatusCode::NOT_MODIFIED, download::validators(&meta)).into_response())
        }
    }
}
