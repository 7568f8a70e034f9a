//! The places to which the audit trail is sent on.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::ok;
use crate::app::App;
use crate::dto::SinksOut;
use crate::extract::Admin;
use crate::problem::Result;

/// The places to which the audit trail is sent on, and how it is with them.
///
/// They are set up in the server's configuration. For the admins of the topmost site; for others there is no such thing.
#[utoipa::path(
    get, path = "/api/v1/audit-sinks", tag = "audit", operation_id = "listAuditSinks",
    responses((status = 200, description = "All of them.", body = SinksOut))
)]
pub(crate) async fn list(State(app): State<Arc<App>>, Admin(admin): Admin) -> Result<Response> {
    ok(&SinksOut::from(app.control.audit_sinks(&admin).await?))
}
