//! Keys, proved.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::ProofDraft;
use portcullis_domain::KeyId;

use super::ok;
use crate::app::App;
use crate::dto::{ProofIn, ProofOut};
use crate::extract::{Id, Keeper, OptionalJson};
use crate::problem::Result;

/// Try a key out, as a tool that has it would, from an address of your choice: list, read, write, delete, another bucket, and outside of its prefix.
/// An S3 key's requests are signed with its own secret and go through the S3 door. A small file is written and deleted again; a key
/// that may write but not delete leaves `.portcullis-proof` behind.
#[utoipa::path(
    post, path = "/api/v1/keys/{id}/prove", tag = "keys", operation_id = "proveKey",
    params(("id" = String, Path, description = "The key.")), request_body = Option<ProofIn>,
    responses((status = 200, description = "What was seen, step by step.", body = ProofOut))
)]
pub(crate) async fn prove(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    OptionalJson(given): OptionalJson<ProofIn>,
) -> Result<Response> {
    let found = keeper.prove(&app.control, id, &ProofDraft::from(given)).await?;
    ok(&ProofOut::from(found))
}
