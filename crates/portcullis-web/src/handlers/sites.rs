//! Sites, and acting in one below one's own.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{SiteChange, SiteDraft, SiteView};
use portcullis_domain::SiteId;

use super::{created, ok};
use crate::app::App;
use crate::dto::{ActingIn, Items, SiteIn, SiteNameOut, SiteOut, SitePatch, page_of, request_of};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Admin, Caller, Id, Json, NameQuery, Params};
use crate::problem::{Problem, Result};

/// Your own site and all below it, the oldest first. A key only sees the site that it was made in.
#[utoipa::path(
    get, path = "/api/v1/sites", tag = "sites", operation_id = "listSites", params(NameQuery),
    responses((status = 200, description = "A page of them.", body = Items<SiteOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<NameQuery>,
) -> Result<Response> {
    let page = request_of(query.limit, query.cursor);
    let found = app.control.sites(&admin, query.search.as_deref(), &page).await?;
    ok(&page_of(found, SiteOut::from))
}

/// Make a site below your own or one below it. For people: a key works in one site.
#[utoipa::path(
    post, path = "/api/v1/sites", tag = "sites", operation_id = "createSite", request_body = SiteIn,
    responses((status = 201, description = "Made.", body = SiteOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Json(given): Json<SiteIn>,
) -> Result<Response> {
    let view = app.control.create_site(&admin, &SiteDraft::from(given)).await?;
    let (at, tag) = (format!("/api/v1/sites/{}", view.site.id), etag::of(&view.site));
    Ok(tagged(created(&at, &SiteOut::from(view))?, &tag))
}

/// A site.
#[utoipa::path(
    get, path = "/api/v1/sites/{id}", tag = "sites", operation_id = "getSite",
    params(("id" = String, Path, description = "The site.")),
    responses((status = 200, description = "The site.", body = SiteOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SiteId>,
) -> Result<Response> {
    told(app.control.site(&admin, id).await?)
}

/// Change a site. Its rules can only be tighter than those above it; when this returns they hold, in all sites below it too.
#[utoipa::path(
    patch, path = "/api/v1/sites/{id}", tag = "sites", operation_id = "updateSite",
    params(("id" = String, Path, description = "The site.")), request_body = SitePatch,
    responses((status = 200, description = "The site, as it is now.", body = SiteOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SiteId>,
    seen: IfMatch,
    Json(given): Json<SitePatch>,
) -> Result<Response> {
    let change = SiteChange::from(given);
    let view = app.control.update_site_if(&admin, id, &change, |now| seen.holds(now)).await?;
    told(view.ok_or_else(Problem::changed)?)
}

fn told(view: SiteView) -> Result<Response> {
    let tag = etag::of(&view.site);
    Ok(tagged(ok(&SiteOut::from(view))?, &tag))
}

/// Delete a site in which there is nothing: no site below it, no user, storage, key or group.
#[utoipa::path(
    delete, path = "/api/v1/sites/{id}", tag = "sites", operation_id = "deleteSite",
    params(("id" = String, Path, description = "The site.")),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SiteId>,
    seen: IfMatch,
) -> Result<StatusCode> {
    app.control.delete_site_if(&admin, id, |now| seen.holds(now)).await?.ok_or_else(Problem::changed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Act in another site from now on: admins in one below their own, everybody in their own again. It stands in the audit trail of both.
#[utoipa::path(
    put, path = "/api/v1/sessions/current/site", tag = "sites", operation_id = "switchSite", request_body = ActingIn,
    responses((status = 200, description = "Where you act from now on.", body = SiteNameOut))
)]
pub(crate) async fn switch(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Json(given): Json<ActingIn>,
) -> Result<Response> {
    let site = app.control.switch_site(&who, &given.site).await?;
    ok(&SiteNameOut { id: site.id.to_string(), name: site.name.to_string() })
}
