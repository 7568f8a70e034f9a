//! Links that share something with whoever has their address.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{LinkChange, LinkDraft, LinkQuery};
use portcullis_domain::{LinkId, StorageId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{created, ok, told_once};
use crate::app::App;
use crate::dto::{CreatedLinkOut, Items, LinkIn, LinkOut, LinkPatch, page_of, request_of};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Admin, Id, Json, Limit, Params, from_text};
use crate::problem::{Problem, Result};
use crate::shared;

/// Which links to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LinksQuery {
    /// Only those to the storage with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only those whose name, or what they lead to, contains it, upper and lower case alike.
    #[serde(default, deserialize_with = "from_text")]
    search: Option<String>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same filters.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// The links of the site, the oldest first, those that were ended among them.
#[utoipa::path(
    get, path = "/api/v1/share-links", tag = "share links", operation_id = "listShareLinks", params(LinksQuery),
    responses((status = 200, description = "A page of them.", body = Items<LinkOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<LinksQuery>,
) -> Result<Response> {
    let LinksQuery { storage, search, limit, cursor } = query;
    let wanted = LinkQuery { storage, search, only_active: false };
    let found = app.control.links(&admin, wanted, &request_of(limit, cursor)).await?;
    ok(&page_of(found, LinkOut::from))
}

/// Make a link. Its address is in this answer and in no other, ever.
///
/// Whoever has the address gets what the link allows, from where it allows it: to download a file or what is in a folder, or to put
/// files into a folder without learning what is there.
#[utoipa::path(
    post, path = "/api/v1/share-links", tag = "share links", operation_id = "createShareLink", request_body = LinkIn,
    responses((status = 201, description = "Made. Store the address now.", body = CreatedLinkOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Json(given): Json<LinkIn>,
) -> Result<Response> {
    let made = app.control.create_link(&admin, &LinkDraft::try_from(given)?).await?;
    let at = format!("/api/v1/share-links/{}", made.view.link.id);
    let tag = etag::of(&made.view.link);
    let url = shared::address(&app, &made.token);
    let out = CreatedLinkOut { link: made.view.into(), url };
    Ok(tagged(told_once(created(&at, &out)?), &tag))
}

/// A link.
#[utoipa::path(
    get, path = "/api/v1/share-links/{id}", tag = "share links", operation_id = "getShareLink",
    params(("id" = String, Path, description = "The link.")),
    responses((status = 200, description = "The link, without its address.", body = LinkOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<LinkId>,
) -> Result<Response> {
    let view = app.control.link(&admin, id).await?;
    let tag = etag::of(&view.link);
    Ok(tagged(ok(&LinkOut::from(view))?, &tag))
}

/// Change a link. When this returns, the change holds, for transfers under way too. What was ended stays so.
#[utoipa::path(
    patch, path = "/api/v1/share-links/{id}", tag = "share links", operation_id = "updateShareLink",
    params(("id" = String, Path, description = "The link.")), request_body = LinkPatch,
    responses((status = 200, description = "The link, as it is now.", body = LinkOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<LinkId>,
    seen: IfMatch,
    Json(given): Json<LinkPatch>,
) -> Result<Response> {
    let changed =
        app.control.update_link_if(&admin, id, &LinkChange::from(given), |now| seen.holds(now)).await?;
    let view = changed.ok_or_else(Problem::changed)?;
    let tag = etag::of(&view.link);
    Ok(tagged(ok(&LinkOut::from(view))?, &tag))
}

/// End a link for good. When this returns, its address leads nowhere, and transfers of its visitors have ended.
#[utoipa::path(
    delete, path = "/api/v1/share-links/{id}", tag = "share links", operation_id = "endShareLink",
    params(("id" = String, Path, description = "The link.")),
    responses((status = 204, description = "Ended. It can still be looked at."))
)]
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<LinkId>,
    seen: IfMatch,
) -> Result<StatusCode> {
    app.control.end_link_if(&admin, id, |now| seen.holds(now)).await?.ok_or_else(Problem::changed)?;
    Ok(StatusCode::NO_CONTENT)
}
