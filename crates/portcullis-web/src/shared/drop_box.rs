//! A box into which files are dropped, and which tells nothing of what is in it.
//!
//! Nothing that is there is replaced, listed or named, and the answer is the same whether a name was taken.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use futures_util::{TryStreamExt as _, stream};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use portcullis_access::{
    Body as FileBody, BodyFault, ContentHeaders, LinkVisit, Put, PutOptions, StorageAccess,
};
use portcullis_domain::{KeyPrefix, LinkTarget, ObjectKey, Permission, Timestamp};
use tokio::sync::Mutex;

use super::file::{Asked, FileQuery};
use super::form::Form;
use super::refused::{Refused, Seen};
use super::tool::Text;
use super::visitor::Visitor;
use super::{address_of, name};
use crate::app::App;
use crate::extract::Params;
use crate::headers;
use crate::panel::page;
use crate::panel::words::{self, filters};

/// The most files in one form.
const MOST_FILES: u64 = 200;
/// The longest content type that is kept with a file, in bytes.
const LONGEST_KIND: usize = 255;

#[derive(Template)]
#[template(path = "shared_drop_box.html")]
struct DropBoxPage<'a> {
    name: &'a str,
    upload: String,
    /// How many files have just arrived.
    received: u64,
    fault: Option<String>,
    expires: Option<Timestamp>,
}

/// The page of a drop box.
pub(super) async fn show(
    app: &App,
    visitor: &Visitor,
    visit: &LinkVisit,
    received: u64,
) -> Result<Response, Refused> {
    // A storage that takes nothing at the moment has no box.
    let at = app.access.storage_by_id(&visit.principal, visit.link.storage).await?;
    let probe = key_below(folder_of(visit)?, "name")?;
    if !at.permits::<Put>(&probe) {
        return Err(Refused::Nothing);
    }
    if visitor.looks_at == Seen::Texts {
        let address = address_of(app, visitor.token());
        let text = Text::default()
            .note(visit.link.name.as_str())
            .note("files can be put in here: curl -F 'file=@NAME' with this address")
            .address(&format!("{address}/upload"));
        return Ok(text.answer(StatusCode::OK));
    }
    Ok(shown(visitor, visit, StatusCode::OK, received.min(MOST_FILES), None))
}

fn shown(
    visitor: &Visitor,
    visit: &LinkVisit,
    status: StatusCode,
    received: u64,
    fault: Option<String>,
) -> Response {
    let template = DropBoxPage {
        name: visit.link.name.as_str(),
        upload: format!("{}/upload", visitor.home()),
        received,
        fault,
        expires: visit.link.expires,
    };
    page(status, &template)
}

/// The folder of a drop box.
fn folder_of(visit: &LinkVisit) -> Result<&KeyPrefix, Refused> {
    match (&visit.link.target, visit.link.permission) {
        (LinkTarget::Folder(folder), Permission::Write) => Ok(folder),
        (LinkTarget::Folder(_) | LinkTarget::File(_), _) => Err(Refused::Nothing),
    }
}

fn key_below(folder: &KeyPrefix, name: &str) -> Result<ObjectKey, Refused> {
    ObjectKey::parse(&format!("{folder}{name}")).map_err(|_| Refused::Malformed(NAME))
}

const NAME: &str =
    "A file needs a name of 1 to 255 bytes, without slashes, control characters and text-direction marks.";

/// `PUT /s/{token}/file?key=`: one file, for tools and scripts.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    asked: Asked<FileQuery>,
    request: Request,
) -> Response {
    try_put(&app, &visitor, asked, request).await.unwrap_or_else(|refused| refused.show(Seen::Texts))
}

async fn try_put(
    app: &App,
    visitor: &Visitor,
    asked: Asked<FileQuery>,
    request: Request,
) -> Result<Response, Refused> {
    let visit = visitor.enter(app).await?;
    let folder = folder_of(&visit)?;
    let Params(query) = asked.map_err(Refused::Told)?;
    let name = query.key.as_deref().and_then(name::of_address).ok_or(Refused::Malformed(NAME))?;
    let (parts, body) = request.into_parts();
    let conditions = headers::write_conditions(&parts.headers).map_err(Refused::Told)?;
    if !conditions.is_empty() {
        return Err(Refused::Malformed("A drop box takes no conditions: they would tell what is there."));
    }
    let options = PutOptions {
        length: headers::length(&parts.headers).map_err(Refused::Told)?,
        content: headers::content(&parts.headers),
        digests: headers::digests(&parts.headers).map_err(Refused::Told)?,
        ..PutOptions::default()
    };
    let at = app.access.storage_by_id(&visit.principal, visit.link.storage).await?;
    let grant = at.grant::<Put>(key_below(folder, name)?)?;
    let stream = body.into_data_stream().map_err(|_| BodyFault::Disconnected);
    grant.put(FileBody::Stream(Box::pin(stream)), options).await?;
    Ok(Text::default().note("received").answer(StatusCode::CREATED))
}

/// `POST /s/{token}/upload`: the files of a form.
pub(super) async fn post(State(app): State<Arc<App>>, visitor: Visitor, request: Request) -> Response {
    let visit = match visitor.enter(&app).await {
        Ok(visit) => visit,
        Err(refused) => return visitor.turn_away(refused),
    };
    let mut received = 0;
    match try_post(&app, &visit, request, &mut received).await {
        Ok(()) if visitor.looks_at == Seen::Pages => {
            Redirect::to(&format!("{}?received={received}", visitor.home())).into_response()
        }
        Ok(()) => {
            Text::default().note(&words::count("shared.received", received)).answer(StatusCode::CREATED)
        }
        Err(refused @ (Refused::Malformed(_) | Refused::NoRoom | Refused::TooLarge))
            if visitor.looks_at == Seen::Pages =>
        {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            shown(&visitor, &visit, status, received, Some(fault_of(&refused)))
        }
        Err(refused) => visitor.turn_away(refused),
    }
}

fn fault_of(refused: &Refused) -> String {
    if let Refused::Malformed(NAME) = refused {
        return words::text("shared.drop.name").to_owned();
    }
    if let Refused::Malformed(NONE) = refused {
        return words::text("shared.drop.none").to_owned();
    }
    refused.detail()
}

const NONE: &str = "The form holds no file: curl -F 'file=@NAME' sends one.";

async fn try_post(app: &App, visit: &LinkVisit, request: Request, received: &mut u64) -> Result<(), Refused> {
    let folder = folder_of(visit)?;
    let at = app.access.storage_by_id(&visit.principal, visit.link.storage).await?;
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let form = Form::new(kind, body).ok_or(Refused::Malformed("Send files as multipart/form-data."))?;
    let form = Arc::new(Mutex::new(form));
    loop {
        let field = form.lock().await.next_field().await;
        let field = field.map_err(|_| Refused::Malformed("The form ended too early, or is none."))?;
        let Some(field) = field else { break };
        // A field that is no file, and the one that a browser sends when none was chosen.
        let Some(filename) = field.filename.filter(|filename| !filename.is_empty()) else { continue };
        if *received == MOST_FILES {
            return Err(Refused::TooLarge);
        }
        let name = name::of_upload(&filename).ok_or(Refused::Malformed(NAME))?;
        store(&at, key_below(folder, name)?, field.content_type, Arc::clone(&form)).await?;
        *received += 1;
    }
    if *received == 0 { Err(Refused::Malformed(NONE)) } else { Ok(()) }
}

/// Stores the present part of the form.
async fn store(
    at: &StorageAccess,
    key: ObjectKey,
    content_type: Option<String>,
    form: Arc<Mutex<Form>>,
) -> Result<(), Refused> {
    let grant = at.grant::<Put>(key)?;
    let pieces = stream::try_unfold(form, |form| async move {
        let piece = form.lock().await.next_piece().await?;
        Ok(piece.map(|piece| (piece, form)))
    });
    let plain =
        |kind: &String| kind.len() <= LONGEST_KIND && kind.bytes().all(|b| (b' '..=b'~').contains(&b));
    let content = ContentHeaders { content_type: content_type.filter(plain), ..ContentHeaders::default() };
    grant.put(FileBody::Stream(Box::pin(pieces)), PutOptions { content, ..PutOptions::default() }).await?;
    Ok(())
}
