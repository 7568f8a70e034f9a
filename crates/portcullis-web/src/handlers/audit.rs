//! The audit trail.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::AuditQuery;
use portcullis_domain::{KeyId, StorageId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ok;
use crate::app::App;
use crate::dto::{AuditEventOut, Items, page_of, request_of};
use crate::extract::{Admin, Limit, Params, from_text};
use crate::problem::Result;

/// Which entries to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Only those of the request with this id.
    #[serde(default, deserialize_with = "from_text")]
    request_id: Option<String>,
    /// Only those of the key with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    key: Option<KeyId>,
    /// Only those of the storage with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only what was allowed, or only what was not.
    #[serde(default, deserialize_with = "from_text")]
    allowed: Option<bool>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same filters.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// What was done and refused in the site, the newest first.
#[utoipa::path(
    get, path = "/api/v1/audit-events", tag = "audit", operation_id = "listAuditEvents", params(EventsQuery),
    responses((status = 200, description = "A page of it.", body = Items<AuditEventOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<EventsQuery>,
) -> Result<Response> {
    let EventsQuery { request_id, key, storage, allowed: verdict, limit, cursor } = query;
    let page = request_of(limit, cursor);
    let query = AuditQuery { request_id, key, storage, verdict };
    let found = app.control.audit_events(&admin, query, &page).await?;
    ok(&page_of(found, AuditEventOut::from))
}
