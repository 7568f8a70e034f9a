//! Why something was refused, and what changes that.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::FixDraft;

use super::ok;
use crate::app::App;
use crate::dto::{FixIn, RefusalOut};
use crate::extract::{Admin, Id, Json};
use crate::problem::Result;

/// Explain why the request with this id was refused: the rule, what it saw, whether the same request would be admitted now, and what to
/// change for that. Every refusal tells its id: S3 clients show it as `RequestId`, here it is the header `x-request-id`.
#[utoipa::path(
    get, path = "/api/v1/audit-events/{request_id}/explanation", tag = "audit", operation_id = "explainRefusal",
    params(("request_id" = String, Path, description = "The id of the request.")),
    responses((status = 200, description = "The explanation.", body = RefusalOut))
)]
pub(crate) async fn explain(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(request_id): Id<String>,
) -> Result<Response> {
    ok(&RefusalOut::from(app.control.explain_refusal(&admin, &request_id).await?))
}

/// Make the change that the explanation offers, if it still does. It is made as any other change of that setting: what a call
/// that changes the key, storage or link would be refused for, this is too.
#[utoipa::path(
    post, path = "/api/v1/audit-events/{request_id}/fix", tag = "audit", operation_id = "fixRefusal",
    params(("request_id" = String, Path, description = "The id of the request.")), request_body = FixIn,
    responses((status = 200, description = "Made. The explanation as it is now.", body = RefusalOut))
)]
pub(crate) async fn fix(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(request_id): Id<String>,
    Json(given): Json<FixIn>,
) -> Result<Response> {
    let explained = app.control.fix_refusal(&admin, &request_id, &FixDraft::from(given)).await?;
    ok(&RefusalOut::from(explained))
}
