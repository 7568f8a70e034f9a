//! Who still knocks: attempts with keys that do not open.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{AttemptQuery, AttemptReason};
use portcullis_domain::KeyId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::ok;
use crate::app::App;
use crate::dto::{AttemptsOut, Items, page_of, request_of};
use crate::extract::{Admin, Id, Keeper, Limit, Params, from_text};
use crate::problem::Result;

/// Which attempts to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttemptsQuery {
    /// Only those refused for this: `old_secret` (the true secret of a key that was deleted or has another one now), `expired`, `disabled`,
    /// `network`, `closed` (the storage is paused, deleted, or closed to S3), `dead` (the access key of a deleted or replaced key without
    /// its secret), `wrong_secret`.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    reason: Option<AttemptReason>,
    /// Only those with this in the key's name, its access key, the address or the program, upper and lower case alike.
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

/// Who still knocks: the attempts of the last 30 days with keys that do not open, put together by key, address, program and reason,
/// those with the latest first. Deleted keys are among them.
#[utoipa::path(
    get, path = "/api/v1/dead-keys", tag = "keys", operation_id = "listDeadKeys", params(AttemptsQuery),
    responses((status = 200, description = "A page of them.", body = Items<AttemptsOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<AttemptsQuery>,
) -> Result<Response> {
    let AttemptsQuery { reason, search, limit, cursor } = query;
    let page = request_of(limit, cursor);
    let found = app.control.attempts(&admin, &AttemptQuery { reason, search }, &page).await?;
    ok(&page_of(found, AttemptsOut::from))
}

/// The attempts of the last 30 days with one key that were refused, the latest first: the first 200 that differ. For admins a deleted key
/// is found too.
#[utoipa::path(
    get, path = "/api/v1/keys/{id}/knocks", tag = "keys", operation_id = "listKnocks",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 200, description = "All of them.", body = Items<AttemptsOut>))
)]
pub(crate) async fn of_key(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
) -> Result<Response> {
    let found = keeper.attempts(&app.control, id).await?;
    ok(&Items { items: found.into_iter().map(AttemptsOut::from).collect(), next_cursor: None })
}
