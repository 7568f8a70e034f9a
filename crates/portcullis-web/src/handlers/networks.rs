//! Networks before they hold: whom a list would keep out, and lists that are tried out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::networks::{TrialChange, TrialView, read_drafts};
use portcullis_control::{KeyChange, StorageChange};
use portcullis_domain::{Key, KeyId, Storage, StorageId, Trial};

use super::ok;
use crate::app::App;
use crate::dto::{EnforceIn, KeyOut, NetworksIn, PreviewOut, StorageOut, TrialOut};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Admin, Id, Json, Keeper, OptionalJson};
use crate::problem::{Problem, Result};

/// Whom a list of networks would keep out if it were that of this key, from the use of the last 30 days. Nothing is changed.
#[utoipa::path(
    post, path = "/api/v1/keys/{id}/networks/preview", tag = "keys", operation_id = "previewKeyNetworks",
    params(("id" = String, Path, description = "The key.")), request_body = NetworksIn,
    responses((status = 200, description = "Who would be refused, and who would come in.", body = PreviewOut))
)]
pub(crate) async fn preview_of_key(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    Json(given): Json<NetworksIn>,
) -> Result<Response> {
    let drafts = given.drafts();
    let clients = keeper.clients(&app.control, id).await?;
    ok(&PreviewOut::new(&clients, &drafts, &read_drafts(&drafts)?))
}

/// Whom a list of networks would keep out if it were that of this storage, from the use of the last 30 days. Nothing is changed. People
/// who signed in and links are not among them.
#[utoipa::path(
    post, path = "/api/v1/storages/{id}/networks/preview", tag = "storages", operation_id = "previewStorageNetworks",
    params(("id" = String, Path, description = "The storage.")), request_body = NetworksIn,
    responses((status = 200, description = "Who would be refused, and who would come in.", body = PreviewOut))
)]
pub(crate) async fn preview_of_storage(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
    Json(given): Json<NetworksIn>,
) -> Result<Response> {
    let drafts = given.drafts();
    let clients = app.control.clients_of_storage(&admin, id).await?;
    ok(&PreviewOut::new(&clients, &drafts, &read_drafts(&drafts)?))
}

/// The networks that are tried out on a key, and what they would have refused so far. 404 if none are.
#[utoipa::path(
    get, path = "/api/v1/keys/{id}/trial", tag = "keys", operation_id = "getKeyTrial",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 200, description = "How the trial goes.", body = TrialOut))
)]
pub(crate) async fn show_of_key(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
) -> Result<Response> {
    told(keeper.trial(&app.control, id).await?)
}

/// Try networks out on a key, in place of any that are tried now: what they would refuse is counted and not refused.
#[utoipa::path(
    put, path = "/api/v1/keys/{id}/trial", tag = "keys", operation_id = "beginKeyTrial",
    params(("id" = String, Path, description = "The key.")), request_body = NetworksIn,
    responses((status = 200, description = "The trial.", body = TrialOut))
)]
pub(crate) async fn begin_on_key(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    Json(given): Json<NetworksIn>,
) -> Result<Response> {
    let change = KeyChange { trial: Some(TrialChange::Begin(given.drafts())), ..KeyChange::default() };
    keeper.update_if(&app.control, id, &change, |_| true).await?.ok_or_else(Problem::changed)?;
    told(keeper.trial(&app.control, id).await?)
}

/// End what is tried out on a key. The networks in force stay as they are.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}/trial", tag = "keys", operation_id = "endKeyTrial",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 204, description = "Nothing is tried out."))
)]
pub(crate) async fn end_on_key(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    seen: IfMatch,
) -> Result<StatusCode> {
    let change = KeyChange { trial: Some(TrialChange::End), ..KeyChange::default() };
    let ended =
        keeper.update_if(&app.control, id, &change, |key| is_meant(&seen, None, key.trial.as_ref())).await?;
    ended.ok_or_else(Problem::changed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put the networks that are tried out on a key in force, and end the trial. When this returns, they hold, for transfers under way too.
#[utoipa::path(
    post, path = "/api/v1/keys/{id}/trial/enforce", tag = "keys", operation_id = "enforceKeyTrial",
    params(("id" = String, Path, description = "The key.")), request_body = Option<EnforceIn>,
    responses((status = 200, description = "The key, as it is now.", body = KeyOut))
)]
pub(crate) async fn enforce_on_key(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    seen: IfMatch,
    OptionalJson(given): OptionalJson<EnforceIn>,
) -> Result<Response> {
    let EnforceIn { since, confirm_lockout } = given;
    let change = KeyChange { trial: Some(TrialChange::Enforce), confirm_lockout, ..KeyChange::default() };
    let is_as_seen = |key: &Key| is_meant(&seen, since.as_deref(), key.trial.as_ref());
    let view = keeper.update_if(&app.control, id, &change, is_as_seen).await?;
    let view = view.ok_or_else(Problem::changed)?;
    let tag = etag::of(&view.key);
    Ok(tagged(ok(&KeyOut::from(view))?, &tag))
}

/// The networks that are tried out on a storage, and what they would have refused so far. 404 if none are.
#[utoipa::path(
    get, path = "/api/v1/storages/{id}/trial", tag = "storages", operation_id = "getStorageTrial",
    params(("id" = String, Path, description = "The storage.")),
    responses((status = 200, description = "How the trial goes.", body = TrialOut))
)]
pub(crate) async fn show_of_storage(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
) -> Result<Response> {
    told(app.control.trial_of_storage(&admin, id).await?)
}

/// Try networks out on a storage, in place of any that are tried now: what they would refuse is counted and not refused.
#[utoipa::path(
    put, path = "/api/v1/storages/{id}/trial", tag = "storages", operation_id = "beginStorageTrial",
    params(("id" = String, Path, description = "The storage.")), request_body = NetworksIn,
    responses((status = 200, description = "The trial.", body = TrialOut))
)]
pub(crate) async fn begin_on_storage(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
    Json(given): Json<NetworksIn>,
) -> Result<Response> {
    let change =
        StorageChange { trial: Some(TrialChange::Begin(given.drafts())), ..StorageChange::default() };
    app.control.update_storage(&admin, id, &change).await?;
    told(app.control.trial_of_storage(&admin, id).await?)
}

/// End what is tried out on a storage. The networks in force stay as they are.
#[utoipa::path(
    delete, path = "/api/v1/storages/{id}/trial", tag = "storages", operation_id = "endStorageTrial",
    params(("id" = String, Path, description = "The storage.")),
    responses((status = 204, description = "Nothing is tried out."))
)]
pub(crate) async fn end_on_storage(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
    seen: IfMatch,
) -> Result<StatusCode> {
    let change = StorageChange { trial: Some(TrialChange::End), ..StorageChange::default() };
    let is_as_seen = |storage: &Storage| is_meant(&seen, None, storage.trial.as_ref());
    let ended = app.control.update_storage_if(&admin, id, &change, is_as_seen).await?;
    ended.ok_or_else(Problem::changed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put the networks that are tried out on a storage in force, and end the trial. When this returns, they hold, for transfers under way
/// too.
#[utoipa::path(
    post, path = "/api/v1/storages/{id}/trial/enforce", tag = "storages", operation_id = "enforceStorageTrial",
    params(("id" = String, Path, description = "The storage.")), request_body = Option<EnforceIn>,
    responses((status = 200, description = "The storage, as it is now.", body = StorageOut))
)]
pub(crate) async fn enforce_on_storage(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
    seen: IfMatch,
    OptionalJson(given): OptionalJson<EnforceIn>,
) -> Result<Response> {
    let change = StorageChange { trial: Some(TrialChange::Enforce), ..StorageChange::default() };
    let is_as_seen = |storage: &Storage| is_meant(&seen, given.since.as_deref(), storage.trial.as_ref());
    let view = app.control.update_storage_if(&admin, id, &change, is_as_seen).await?;
    super::storages::told_with(&app, view.ok_or_else(Problem::changed)?)
}

fn told(view: Option<TrialView>) -> Result<Response> {
    let view = view.ok_or_else(Problem::not_found)?;
    let tag = etag::of(&view.trial);
    Ok(tagged(ok(&TrialOut::from(view))?, &tag))
}

/// Whether the trial that runs is the one that is meant; if none is named any is, and so is none.
fn is_meant(seen: &IfMatch, since: Option<&str>, trial: Option<&Trial>) -> bool {
    let tag = match trial {
        Some(trial) => seen.holds(trial),
        None => matches!(seen, IfMatch::Unsaid),
    };
    tag && since.is_none_or(|since| trial.is_some_and(|trial| trial.since.to_string() == since))
}
