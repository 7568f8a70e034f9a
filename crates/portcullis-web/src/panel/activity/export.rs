//! The audit trail as a file, for whoever is signed in.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::visitor::Admin;
use super::wanted::Wanted;
use crate::app::App;
use crate::handlers::audit_export::{Format, file};

/// `GET /activity/export?format=&request_id=&key=&storage=&verdict=`
pub(super) async fn export(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let Ok(format) = fields.get("format").parse::<Format>() else {
        return PanelError::Malformed.show(&person.chrome);
    };
    let made = file(&app, admin, format, Wanted::of(&fields).query(), false).await;
    made.unwrap_or_else(|_| PanelError::Unavailable.show(&person.chrome))
}
