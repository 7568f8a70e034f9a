//! The end of storages, and what goes before: what hangs on them, and to switch them off for a while.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_domain::StorageId;

use super::ok;
use crate::app::App;
use crate::dto::{DeletionIn, EndedStorageOut, ImpactOut, PauseIn, PauseOut, StorageOut};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Admin, Id, Json};
use crate::problem::{Problem, Result};

/// What would end with a storage, and which keys, tools and people would notice, by what was done there in the last 30 days.
///
/// The provider is not asked for anything.
#[utoipa::path(
    get, path = "/api/v1/storages/{id}/impact", tag = "storages", operation_id = "getStorageImpact",
    params(("id" = String, Path, description = "The storage.")),
    responses((status = 200, description = "What hangs on it.", body = ImpactOut))
)]
pub(crate) async fn impact(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
) -> Result<Response> {
    let impact = app.control.storage_impact(&admin, id).await?;
    ok(&ImpactOut::new(impact, &app.s3_address))
}

/// Delete a connection for good. When this returns, nothing reaches the storage any more, and its transfers have ended.
///
/// Its own keys are deleted with it, links into it end, and nobody has a share of it any more. The provider's credentials are erased;
/// the bucket there and its files stay as they are, and the provider is not asked for anything. A storage of the embedded store keeps its
/// files too: it is detached, and an admin can attach it again.
#[utoipa::path(
    delete, path = "/api/v1/storages/{id}", tag = "storages", operation_id = "deleteStorage",
    params(("id" = String, Path, description = "The storage.")), request_body = DeletionIn,
    responses((status = 200, description = "What ended with it.", body = EndedStorageOut))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
    seen: IfMatch,
    Json(given): Json<DeletionIn>,
) -> Result<Response> {
    let done = app.control.delete_storage_if(&admin, id, &given.confirm, |now| seen.holds(now)).await?;
    ok(&EndedStorageOut::from(done.ok_or_else(Problem::changed)?))
}

/// Attach a detached storage again: its files and its bucket name are those it had. There are no keys for it.
#[utoipa::path(
    post, path = "/api/v1/storages/{id}/attach", tag = "storages", operation_id = "attachStorage",
    params(("id" = String, Path, description = "A detached storage.")),
    responses((status = 200, description = "The storage, as it is now.", body = StorageOut))
)]
pub(crate) async fn attach(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
) -> Result<Response> {
    let view = app.control.attach_storage(&admin, id).await?;
    let tag = etag::of(&view.storage);
    Ok(tagged(ok(&StorageOut::new(view, &app.s3_address, app.access.now()))?, &tag))
}

/// Switch a storage off for a while, for everybody but the people who run the site. It comes back by itself.
///
/// When this returns, its transfers have ended. Whoever knocks meanwhile is told by [the impact](#/storages/getStorageImpact).
#[utoipa::path(
    post, path = "/api/v1/storages/{id}/pause", tag = "storages", operation_id = "pauseStorage",
    params(("id" = String, Path, description = "The storage.")), request_body = PauseIn,
    responses((status = 200, description = "Switched off.", body = PauseOut))
)]
pub(crate) async fn pause(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
    Json(given): Json<PauseIn>,
) -> Result<Response> {
    let done = app.control.pause_storage(&admin, id, given.minutes).await?;
    ok(&PauseOut::new(done.storage.paused_until, app.access.now(), &done.receipt))
}

/// Switch a storage on again before its pause is over. One that is on stays so.
#[utoipa::path(
    delete, path = "/api/v1/storages/{id}/pause", tag = "storages", operation_id = "resumeStorage",
    params(("id" = String, Path, description = "The storage.")),
    responses((status = 200, description = "Switched on.", body = PauseOut))
)]
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
) -> Result<Response> {
    let done = app.control.resume_storage(&admin, id).await?;
    ok(&PauseOut::new(done.storage.paused_until, app.access.now(), &done.receipt))
}
