//! Old credentials of a key that work for a while beside the new.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::OverlapChange;
use portcullis_domain::KeyId;

use super::ok;
use crate::app::App;
use crate::dto::{KeyOut, OverlapPatch, OverlapStatusOut};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Id, Json, Keeper};
use crate::problem::{Problem, Result};

/// Until when the old credentials of a key work, and who has moved to the new. 404 if none work beside its present ones.
#[utoipa::path(
    get, path = "/api/v1/keys/{id}/overlap", tag = "keys", operation_id = "getOverlap",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 200, description = "The old credentials, and who uses them.", body = OverlapStatusOut))
)]
pub(crate) async fn show(State(app): State<Arc<App>>, keeper: Keeper, Id(id): Id<KeyId>) -> Result<Response> {
    let view = keeper.overlap(&app.control, id).await?;
    let tag = etag::of(&view.overlap);
    Ok(tagged(ok(&OverlapStatusOut::from(view))?, &tag))
}

/// Let the old credentials of a key end at another moment, at most 30 days after they were replaced.
#[utoipa::path(
    patch, path = "/api/v1/keys/{id}/overlap", tag = "keys", operation_id = "moveOverlap",
    params(("id" = String, Path, description = "The key.")), request_body = OverlapPatch,
    responses((status = 200, description = "The old credentials, as they are now.", body = OverlapStatusOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    seen: IfMatch,
    Json(given): Json<OverlapPatch>,
) -> Result<Response> {
    let change = OverlapChange::from(given);
    let view = keeper.move_overlap_if(&app.control, id, &change, |now| seen.holds(now)).await?;
    let view = view.ok_or_else(Problem::changed)?;
    let tag = etag::of(&view.overlap);
    Ok(tagged(ok(&OverlapStatusOut::from(view))?, &tag))
}

/// Stop the old credentials of a key now. When this returns, nothing is admitted under them, and transfers under way under them have
/// ended.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}/overlap", tag = "keys", operation_id = "endOverlap",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 200, description = "The key, as it is now, and what ended.", body = KeyOut))
)]
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    seen: IfMatch,
) -> Result<Response> {
    let ended = keeper.end_overlap_if(&app.control, id, |now| seen.holds(now)).await?;
    ok(&KeyOut::from(ended.ok_or_else(Problem::changed)?))
}
