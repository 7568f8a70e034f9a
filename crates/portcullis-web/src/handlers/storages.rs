//! Storages.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{Done, Order, ProbeOptions, StorageChange, StorageDraft, StorageQuery, StorageView};
use portcullis_domain::StorageId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{created, ok};
use crate::app::App;
use crate::dto::{
    ConnectionIn, Items, StepOut, StorageIn, StorageOut, StoragePatch, TestIn, TestOut, page_of, request_of,
};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Admin, Id, Json, Limit, OptionalJson, Params, from_text};
use crate::problem::{Problem, Result};

/// Which storages to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StoragesQuery {
    /// Only those whose name, label or bucket name contains it, upper and lower case alike.
    #[serde(default, deserialize_with = "from_text")]
    search: Option<String>,
    /// `created_at` (the oldest first) or `name`.
    #[serde(default, deserialize_with = "from_text")]
    #[param(default = "created_at")]
    sort: Option<String>,
    /// `active`, or `detached`: those that were set aside with their files, the oldest first.
    #[serde(default, deserialize_with = "from_text")]
    #[param(default = "active")]
    state: Option<String>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same search and order.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// The storages of the site.
#[utoipa::path(
    get, path = "/api/v1/storages", tag = "storages", operation_id = "listStorages", params(StoragesQuery),
    responses((status = 200, description = "A page of them.", body = Items<StorageOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<StoragesQuery>,
) -> Result<Response> {
    let order = match query.sort.as_deref() {
        None | Some("created_at") => Order::Created,
        Some("name") => Order::Name,
        Some(_) => return Err(Problem::invalid_field("sort", "created_at or name")),
    };
    let page = request_of(query.limit, query.cursor);
    let now = app.access.now();
    match query.state.as_deref() {
        None | Some("active") => {}
        Some("detached") => {
            let found = app.control.detached_storages(&admin, query.search.as_deref(), &page).await?;
            return ok(&page_of(found, |detached| StorageOut::detached(detached, &app.s3_address, now)));
        }
        Some(_) => return Err(Problem::invalid_field("state", "active or detached")),
    }
    let found = app.control.storages(&admin, StorageQuery { search: query.search, order }, &page).await?;
    ok(&page_of(found, |view| StorageOut::new(view, &app.s3_address, now)))
}

/// Make a storage. It cannot be reached from outside until there is a key for it.
#[utoipa::path(
    post, path = "/api/v1/storages", tag = "storages", operation_id = "createStorage", request_body = StorageIn,
    responses((status = 201, description = "Made.", body = StorageOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Json(given): Json<StorageIn>,
) -> Result<Response> {
    let view = app.control.create_storage(&admin, &StorageDraft::from(given)).await?;
    let at = format!("/api/v1/storages/{}", view.storage.id);
    let tag = etag::of(&view.storage);
    Ok(tagged(created(&at, &StorageOut::new(view, &app.s3_address, app.access.now()))?, &tag))
}

/// A storage.
#[utoipa::path(
    get, path = "/api/v1/storages/{id}", tag = "storages", operation_id = "getStorage",
    params(("id" = String, Path, description = "The storage.")),
    responses((status = 200, description = "The storage, as it is now.", body = StorageOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
) -> Result<Response> {
    told(&app, app.control.storage(&admin, id).await?)
}

/// Change a storage. When this returns, the change holds, for transfers under way too.
#[utoipa::path(
    patch, path = "/api/v1/storages/{id}", tag = "storages", operation_id = "updateStorage",
    params(("id" = String, Path, description = "The storage.")), request_body = StoragePatch,
    responses((status = 200, description = "The storage, as it is now.", body = StorageOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
    seen: IfMatch,
    Json(mut given): Json<StoragePatch>,
) -> Result<Response> {
    if let Some((access_key_id, secret)) = given.take_credentials()? {
        // What does not stand in the record cannot have changed it: the condition is looked at before, and again below.
        if !seen.holds(&app.control.storage(&admin, id).await?.storage) {
            return Err(Problem::changed());
        }
        app.control.replace_provider_credentials(&admin, id, &access_key_id, &secret).await?;
    }
    let change = StorageChange::from(given);
    let view = app.control.update_storage_if(&admin, id, &change, |now| seen.holds(now)).await?;
    told_with(&app, view.ok_or_else(Problem::changed)?)
}

pub(super) fn told(app: &App, view: StorageView) -> Result<Response> {
    let tag = etag::of(&view.storage);
    Ok(tagged(ok(&StorageOut::new(view, &app.s3_address, app.access.now()))?, &tag))
}

pub(super) fn told_with(app: &App, done: Done<StorageView>) -> Result<Response> {
    let tag = etag::of(&done.storage);
    let (value, receipt) = (done.value, &done.receipt);
    let out = StorageOut::new(value, &app.s3_address, app.access.now()).with_receipt(receipt);
    Ok(tagged(ok(&out)?, &tag))
}

/// Try a storage out, step by step. A step that fails is a finding; the status is 200 all the same.
#[utoipa::path(
    post, path = "/api/v1/storages/{id}/test", tag = "storages", operation_id = "testStorage",
    params(("id" = String, Path, description = "The storage.")), request_body = Option<TestIn>,
    responses((status = 200, description = "What each step found.", body = TestOut))
)]
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
    OptionalJson(given): OptionalJson<TestIn>,
) -> Result<Response> {
    let steps = app.control.test_storage(&admin, id, ProbeOptions { write: given.write_probe }).await?;
    ok(&TestOut { steps: steps.into_iter().map(StepOut::from).collect() })
}

/// Try a connection that is not a storage yet. Nothing is kept; without the write probe nothing is written at the provider.
#[utoipa::path(
    post, path = "/api/v1/storages/test-connection", tag = "storages", operation_id = "testConnection",
    request_body = ConnectionIn,
    responses((status = 200, description = "What each step found.", body = TestOut))
)]
pub(crate) async fn test_connection(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Json(given): Json<ConnectionIn>,
) -> Result<Response> {
    let write = given.write_probe;
    let steps = app.control.test_connection(&admin, &StorageDraft::from(given), write).await?;
    ok(&TestOut { steps: steps.into_iter().map(StepOut::from).collect() })
}
