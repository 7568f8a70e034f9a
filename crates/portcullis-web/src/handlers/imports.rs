//! Accounts of another system.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::AccountsDraft;

use super::ok;
use crate::app::App;
use crate::dto::{ImportIn, ImportOut};
use crate::extract::{Admin, LargeJson};
use crate::problem::Result;

/// Import accounts of another system, all of them or none: master accounts become sites below the one that you act in, sub-accounts
/// sites below their master, each with a built-in storage. Master accounts from before 2023-06-06 get a key of each of the
/// channels `ftp`, `http`, `email` and `web-service`; others begin without an active channel.
///
/// Send it with `dry_run` first. That tells what would be made, with the secrets that will be generated, and a `ticket`. Keep the
/// secrets, then send the same accounts with the ticket: that makes them and tells no secret. It may be sent again, also when its answer was
/// lost: accounts that are there are left as they are. For people: a key works in one site. The body has at most 8 MiB.
#[utoipa::path(
    post, path = "/api/v1/imports/accounts", tag = "sites", operation_id = "importAccounts", request_body = ImportIn,
    responses((status = 200, description = "What was made, or would be. Of a dry run, keep the secrets before you go on.", body = ImportOut))
)]
pub(crate) async fn accounts(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    LargeJson(given): LargeJson<ImportIn>,
) -> Result<Response> {
    let draft = AccountsDraft::from(given);
    let dry_run = draft.dry_run;
    let imported = app.control.import_accounts(&admin, &draft).await?;
    ok(&ImportOut::of(imported, dry_run))
}
