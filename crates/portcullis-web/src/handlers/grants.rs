//! What is shared with people and groups, and what somebody reaches by it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{GrantChange, GrantDraft, GrantQuery, GrantRow};
use portcullis_domain::{GrantId, GroupId, StorageId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{created, ok};
use crate::app::App;
use crate::dto::{
    ChangedGrantOut, CutOut, GrantIn, GrantOut, GrantPatch, Items, OwnStorageOut, page_of, request_of,
};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Admin, Caller, Id, Json, Limit, Params, from_text};
use crate::problem::{Problem, Result};

/// Which grants to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GrantsQuery {
    /// Only those of the storage with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only those to the person with this id, not through a group.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// Only those to the group with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    group: Option<GroupId>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same filters.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// What is shared with people and groups of the site, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/grants", tag = "grants", operation_id = "listGrants", params(GrantsQuery),
    responses((status = 200, description = "A page of it.", body = Items<GrantOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<GrantsQuery>,
) -> Result<Response> {
    let GrantsQuery { storage, user, group, limit, cursor } = query;
    let page = request_of(limit, cursor);
    let found = app.control.grants(&admin, GrantQuery { storage, user, group }, &page).await?;
    ok(&page_of(found, GrantOut::from))
}

/// Share a storage, or a part of one, with a person or a group of the site. When this returns, they reach it, and so do their keys.
#[utoipa::path(
    post, path = "/api/v1/grants", tag = "grants", operation_id = "createGrant", request_body = GrantIn,
    responses((status = 201, description = "Shared.", body = GrantOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Json(given): Json<GrantIn>,
) -> Result<Response> {
    let row = app.control.create_grant(&admin, &GrantDraft::try_from(given)?).await?;
    let (at, tag) = (format!("/api/v1/grants/{}", row.grant.id), etag::of(&row.grant));
    Ok(tagged(created(&at, &GrantOut::from(row))?, &tag))
}

/// Something that is shared.
#[utoipa::path(
    get, path = "/api/v1/grants/{id}", tag = "grants", operation_id = "getGrant",
    params(("id" = String, Path, description = "The grant.")),
    responses((status = 200, description = "What is shared.", body = GrantOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<GrantId>,
) -> Result<Response> {
    let row: GrantRow = app.control.grant(&admin, id).await?;
    let tag = etag::of(&row.grant);
    Ok(tagged(ok(&GrantOut::from(row))?, &tag))
}

/// Change what is shared. When this returns, the change holds, for transfers under way too.
#[utoipa::path(
    patch, path = "/api/v1/grants/{id}", tag = "grants", operation_id = "updateGrant",
    params(("id" = String, Path, description = "The grant.")), request_body = GrantPatch,
    responses((status = 200, description = "What is shared now, and what the change ended.", body = ChangedGrantOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<GrantId>,
    seen: IfMatch,
    Json(given): Json<GrantPatch>,
) -> Result<Response> {
    let change = GrantChange::from(given);
    let changed = app.control.update_grant_if(&admin, id, &change, |now| seen.holds(now)).await?;
    let changed = changed.ok_or_else(Problem::changed)?;
    let tag = etag::of(&changed.row.grant);
    Ok(tagged(ok(&ChangedGrantOut { grant: changed.row.into(), transfers: changed.cut })?, &tag))
}

/// Stop sharing. When this returns, what was reached by it alone is no longer reached, by transfers under way neither.
#[utoipa::path(
    delete, path = "/api/v1/grants/{id}", tag = "grants", operation_id = "deleteGrant",
    params(("id" = String, Path, description = "The grant.")),
    responses((status = 200, description = "No longer shared, and what that ended.", body = CutOut))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<GrantId>,
    seen: IfMatch,
) -> Result<Response> {
    let cut = app.control.delete_grant_if(&admin, id, |now| seen.holds(now)).await?;
    ok(&CutOut { transfers: cut.ok_or_else(Problem::changed)? })
}

/// Which of one's storages to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnStoragesQuery {
    /// Only those whose name, label or bucket name contains it, upper and lower case alike.
    #[serde(default, deserialize_with = "from_text")]
    search: Option<String>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same search.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// The storages that you, or the key that asks, may enter, and what may be done in which part of them.
#[utoipa::path(
    get, path = "/api/v1/me/storages", tag = "grants", operation_id = "listOwnStorages", params(OwnStoragesQuery),
    responses((status = 200, description = "A page of them, by bucket name.", body = Items<OwnStorageOut>))
)]
pub(crate) async fn own(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<OwnStoragesQuery>,
) -> Result<Response> {
    let page = request_of(query.limit, query.cursor);
    let found = app.control.own_reach(&who, query.search.as_deref(), &page).await?;
    ok(&page_of(found, |own| OwnStorageOut::new(&own, &app.s3_address)))
}
