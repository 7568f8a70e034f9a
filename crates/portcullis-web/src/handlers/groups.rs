//! Groups.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{GroupChange, GroupDraft, GroupRow};
use portcullis_domain::{GroupId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{created, ok};
use crate::app::App;
use crate::dto::{CutOut, GroupIn, GroupOut, GroupPatch, Items, MemberOut, page_of, request_of};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Admin, Id, Ids, Json, Limit, NameQuery, Params, from_text};
use crate::problem::{Problem, Result};

/// The groups of the site, by name.
#[utoipa::path(
    get, path = "/api/v1/groups", tag = "groups", operation_id = "listGroups", params(NameQuery),
    responses((status = 200, description = "A page of them.", body = Items<GroupOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<NameQuery>,
) -> Result<Response> {
    let page = request_of(query.limit, query.cursor);
    let found = app.control.groups(&admin, query.search.as_deref(), &page).await?;
    ok(&page_of(found, GroupOut::from))
}

/// Make a group, with nobody in it.
#[utoipa::path(
    post, path = "/api/v1/groups", tag = "groups", operation_id = "createGroup", request_body = GroupIn,
    responses((status = 201, description = "Made.", body = GroupOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Json(given): Json<GroupIn>,
) -> Result<Response> {
    let row = app.control.create_group(&admin, &GroupDraft::from(given)).await?;
    let (at, tag) = (format!("/api/v1/groups/{}", row.group.id), etag::of(&row.group));
    Ok(tagged(created(&at, &GroupOut::from(row))?, &tag))
}

/// A group.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}", tag = "groups", operation_id = "getGroup",
    params(("id" = String, Path, description = "The group.")),
    responses((status = 200, description = "The group.", body = GroupOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<GroupId>,
) -> Result<Response> {
    told(app.control.group(&admin, id).await?)
}

/// Change a group.
#[utoipa::path(
    patch, path = "/api/v1/groups/{id}", tag = "groups", operation_id = "updateGroup",
    params(("id" = String, Path, description = "The group.")), request_body = GroupPatch,
    responses((status = 200, description = "The group, as it is now.", body = GroupOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<GroupId>,
    seen: IfMatch,
    Json(given): Json<GroupPatch>,
) -> Result<Response> {
    let change = GroupChange::from(given);
    let row = app.control.update_group_if(&admin, id, &change, |now| seen.holds(now)).await?;
    told(row.ok_or_else(Problem::changed)?)
}

fn told(row: GroupRow) -> Result<Response> {
    let tag = etag::of(&row.group);
    Ok(tagged(ok(&GroupOut::from(row))?, &tag))
}

/// Delete a group with all that was shared with it. When this returns, what was reached by it alone is no longer reached, by transfers
/// under way neither.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}", tag = "groups", operation_id = "deleteGroup",
    params(("id" = String, Path, description = "The group.")),
    responses((status = 200, description = "Deleted, and what that ended.", body = CutOut))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<GroupId>,
    seen: IfMatch,
) -> Result<Response> {
    let cut = app.control.delete_group_if(&admin, id, |now| seen.holds(now)).await?;
    ok(&CutOut { transfers: cut.ok_or_else(Problem::changed)? })
}

/// Which members to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MembersQuery {
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// Who is in a group, in the order in which they came into the site.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/members", tag = "groups", operation_id = "listGroupMembers",
    params(("id" = String, Path, description = "The group."), MembersQuery),
    responses((status = 200, description = "A page of them.", body = Items<MemberOut>))
)]
pub(crate) async fn members(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<GroupId>,
    Params(query): Params<MembersQuery>,
) -> Result<Response> {
    let page = request_of(query.limit, query.cursor);
    ok(&page_of(app.control.members_of_group(&admin, id, &page).await?, MemberOut::from))
}

/// Put a person into a group. When this returns, they reach what is shared with it.
#[utoipa::path(
    put, path = "/api/v1/groups/{id}/members/{user}", tag = "groups", operation_id = "addGroupMember",
    params(("id" = String, Path, description = "The group."), ("user" = String, Path, description = "The person.")),
    responses((status = 204, description = "They are in it."))
)]
pub(crate) async fn add_member(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Ids(group, user): Ids<GroupId, UserId>,
) -> Result<StatusCode> {
    app.control.add_to_group(&admin, group, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a person out of a group. When this returns, what they reached by it alone they no longer reach, by transfers under way neither.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}/members/{user}", tag = "groups", operation_id = "removeGroupMember",
    params(("id" = String, Path, description = "The group."), ("user" = String, Path, description = "The person.")),
    responses((status = 200, description = "They are no longer in it, and what that ended.", body = CutOut))
)]
pub(crate) async fn remove_member(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Ids(group, user): Ids<GroupId, UserId>,
) -> Result<Response> {
    ok(&CutOut { transfers: app.control.remove_from_group(&admin, group, user).await? })
}
