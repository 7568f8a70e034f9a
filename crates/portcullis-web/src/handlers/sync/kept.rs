//! What runs have kept, and putting it back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::KeptQuery;
use portcullis_domain::{KeptId, StorageId, SyncRunId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::planning;
use crate::app::App;
use crate::dto::{KeptListOut, KeptOut, KeptSpaceOut, PlanOut, page_of, request_of};
use crate::extract::{Admin, Id, Limit, Params, from_text};
use crate::handlers::ok;
use crate::problem::Result;

/// Which kept files to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeptVersionsQuery {
    /// Only those in the storage with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only what the run with this id kept.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    run: Option<SyncRunId>,
    /// Only those whose keys contain it.
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

/// What runs kept before they replaced or deleted it, the latest first, and how much there is of it in each storage.
#[utoipa::path(
    get, path = "/api/v1/kept-versions", tag = "sync", operation_id = "listKeptVersions", params(KeptVersionsQuery),
    responses((status = 200, description = "A page of it.", body = KeptListOut))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<KeptVersionsQuery>,
) -> Result<Response> {
    let KeptVersionsQuery { storage, run, search, limit, cursor } = query;
    let found =
        app.control.kept(&admin, KeptQuery { storage, run, search }, &request_of(limit, cursor)).await?;
    let space = app.control.kept_space(&admin).await?.into_iter().map(KeptSpaceOut::from).collect();
    let page = page_of(found, KeptOut::from);
    ok(&KeptListOut { items: page.items, next_cursor: page.next_cursor, space })
}

/// Plan to put a kept file back. It is a plan like any other: it is looked at, and run.
#[utoipa::path(
    post, path = "/api/v1/kept-versions/{id}/restore", tag = "sync", operation_id = "restoreKeptVersion",
    params(("id" = String, Path, description = "What was kept.")),
    responses((status = 202, description = "The plan is being made.", body = PlanOut))
)]
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<KeptId>,
) -> Result<Response> {
    planning(app.control.restore_kept(&admin, id).await?)
}
