//! What is under way, and cutting it off.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_access::TransferId;

use super::ok;
use crate::app::App;
use crate::dto::{DeletedOut, Items, TransferOut};
use crate::extract::{Admin, Id};
use crate::problem::Result;

/// The files on their way up or down at this moment in the site, on every node, the oldest first; at most 1,000 of each other node,
/// as they were two seconds ago. The first look at other nodes after a pause may find them empty.
#[utoipa::path(
    get, path = "/api/v1/transfers", tag = "transfers", operation_id = "listTransfers",
    responses((status = 200, description = "All of them.", body = Items<TransferOut>))
)]
pub(crate) async fn list(State(app): State<Arc<App>>, Admin(admin): Admin) -> Result<Response> {
    let items = app.control.transfers(&admin).await?.into_iter().map(TransferOut::from).collect();
    ok(&Items { items, next_cursor: None })
}

/// Cut one of them off, on whichever node it is. Its key goes on: whoever sent it may begin it anew.
#[utoipa::path(
    delete, path = "/api/v1/transfers/{id}", tag = "transfers", operation_id = "cutTransfer",
    params(("id" = String, Path, description = "The transfer.")),
    responses((status = 200, description = "Cut off.", body = DeletedOut))
)]
pub(crate) async fn cut(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<TransferId>,
) -> Result<Response> {
    let done = app.control.cut_transfer(&admin, &id.to_string()).await?;
    ok(&DeletedOut::from(&done.receipt))
}
