//! People of the site, and the invitations by which they come in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{UserChange, UserDraft, UserQuery};
use portcullis_domain::{Role, UserId, UserState};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{created, ok, told_of_user, told_once};
use crate::app::App;
use crate::dto::{
    AcceptIn, AcceptedOut, ChangedUserOut, CreatedUserOut, EndedOut, InvitationOut, Items, ResetIn, ResetOut,
    SessionOut, UserIn, UserOut, UserPatch, page_of, request_of,
};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Admin, Id, Json, Limit, OptionalJson, Params, Stranger, from_text};
use crate::problem::{Problem, Result};

/// Which people to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersQuery {
    /// Only those whose name contains it, upper and lower case alike.
    #[serde(default, deserialize_with = "from_text")]
    search: Option<String>,
    /// Only those in this role: `admin` or `member`.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    role: Option<Role>,
    /// Only those in this state: `active`, `disabled` or `invited`.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    state: Option<UserState>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same filters.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// The people of the site, by name.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users", operation_id = "listUsers", params(UsersQuery),
    responses((status = 200, description = "A page of them.", body = Items<UserOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<UsersQuery>,
) -> Result<Response> {
    let UsersQuery { search, role, state, limit, cursor } = query;
    let page = request_of(limit, cursor);
    let found = app.control.users(&admin, UserQuery { search, role, state }, &page).await?;
    ok(&page_of(found, UserOut::from))
}

/// Let a person into the site. Without a password they are invited: the answer has a link, told this once and good for seven days, by
/// which they choose one.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "users", operation_id = "createUser", request_body = UserIn,
    responses((status = 201, description = "Let in.", body = CreatedUserOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Json(given): Json<UserIn>,
) -> Result<Response> {
    let made = app.control.create_user(&admin, &UserDraft::from(given)).await?;
    let (at, tag) = (format!("/api/v1/users/{}", made.row.user.id), etag::of(&made.row.user));
    let invitation =
        made.invitation.as_ref().map(|invitation| InvitationOut::new(invitation, &app.web_address));
    let has_secret = invitation.is_some();
    let answer = tagged(created(&at, &CreatedUserOut { user: made.row.into(), invitation })?, &tag);
    Ok(if has_secret { told_once(answer) } else { told_of_user(answer) })
}

/// A person of the site.
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "users", operation_id = "getUser",
    params(("id" = String, Path, description = "The person.")),
    responses((status = 200, description = "The person.", body = UserOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<UserId>,
) -> Result<Response> {
    let row = app.control.user(&admin, id).await?;
    let tag = etag::of(&row.user);
    Ok(tagged(ok(&UserOut::from(row))?, &tag))
}

/// Change a person's role, keep them out or let them in again. When this returns, of who is kept out every sign-in has ended, no key is
/// admitted, and transfers under way have ended.
#[utoipa::path(
    patch, path = "/api/v1/users/{id}", tag = "users", operation_id = "updateUser",
    params(("id" = String, Path, description = "The person.")), request_body = UserPatch,
    responses((status = 200, description = "The person, as they are now, and what ended.", body = ChangedUserOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<UserId>,
    seen: IfMatch,
    Json(given): Json<UserPatch>,
) -> Result<Response> {
    let change = UserChange::from(given);
    let changed = app.control.update_user_if(&admin, id, &change, |now| seen.holds(now)).await?;
    let changed = changed.ok_or_else(Problem::changed)?;
    let tag = etag::of(&changed.row.user);
    Ok(tagged(ok(&ChangedUserOut { user: changed.row.into(), ended: changed.ended.into() })?, &tag))
}

/// Take a person's password away. It stops at once and their sign-ins end; by the link in the answer, told this once and good for seven
/// days, they choose another. Their keys go on.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/reset", tag = "users", operation_id = "resetUser",
    params(("id" = String, Path, description = "The person.")), request_body = Option<ResetIn>,
    responses((status = 200, description = "Reset.", body = ResetOut))
)]
pub(crate) async fn reset(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<UserId>,
    seen: IfMatch,
    OptionalJson(given): OptionalJson<ResetIn>,
) -> Result<Response> {
    let reset = app.control.reset_user_if(&admin, id, given.second_factor, |now| seen.holds(now)).await?;
    let reset = reset.ok_or_else(Problem::changed)?;
    let invitation = InvitationOut::new(&reset.invitation, &app.web_address);
    Ok(told_once(ok(&ResetOut { invitation, ended: reset.ended.into() })?))
}

/// The sign-ins of a person that have not run out, the newest first.
#[utoipa::path(
    get, path = "/api/v1/users/{id}/sessions", tag = "users", operation_id = "listUserSessions",
    params(("id" = String, Path, description = "The person.")),
    responses((status = 200, description = "The sign-ins.", body = Items<SessionOut>))
)]
pub(crate) async fn sessions(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<UserId>,
) -> Result<Response> {
    let sessions = app.control.sessions_of_user(&admin, id).await?;
    let items = sessions.into_iter().map(|session| SessionOut::new(session, admin.principal())).collect();
    ok(&Items { items, next_cursor: None })
}

/// End all sign-ins of a person, with the transfers under way under them. Their keys go on.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}/sessions", tag = "users", operation_id = "endUserSessions",
    params(("id" = String, Path, description = "The person.")),
    responses((status = 200, description = "What ended.", body = EndedOut))
)]
pub(crate) async fn end_sessions(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<UserId>,
) -> Result<Response> {
    ok(&EndedOut::from(app.control.end_sessions_of_user(&admin, id).await?))
}

/// Take up an invitation: choose the password to sign in with. It works once, and signs nobody in.
#[utoipa::path(
    post, path = "/api/v1/invitations/accept", tag = "users", operation_id = "acceptInvitation", security(()),
    request_body = AcceptIn,
    responses((status = 200, description = "Taken up; sign in now.", body = AcceptedOut))
)]
pub(crate) async fn accept(
    State(app): State<Arc<App>>,
    stranger: Stranger,
    Json(given): Json<AcceptIn>,
) -> Result<Response> {
    let AcceptIn { token, password } = given;
    let user = app.control.accept_invitation(stranger.origin(), &token.0, &password.0).await?;
    ok(&AcceptedOut { username: user.username.to_string() })
}
