//! The links of a connection: what there is, a new one, the end of one.

mod end;
mod new;
mod row;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use portcullis_access::SiteAdmin;
use portcullis_control::{LinkQuery, PageRequest};
use portcullis_domain::StorageId;

use super::super::error::PanelError;
use super::at::path;
use crate::app::App;

pub(super) use row::LinkRow;

/// As many links are on the page of their connection.
const SHOWN: u32 = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/connections/{id}/links/new", get(new::ask).post(new::make))
        .route("/connections/{id}/links/{link}/end", get(end::ask).post(end::end))
}

/// The part of a connection's page that shows its links.
fn section(storage: StorageId) -> String {
    format!("{}#links", path(storage))
}

/// The links of a connection that were not ended.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The oldest first.
    pub(super) rows: Vec<LinkRow>,
    /// Whether there are more than are shown.
    pub(super) more: bool,
}

impl Links {
    pub(super) async fn load(app: &App, admin: &SiteAdmin, id: StorageId) -> Result<Self, PanelError> {
        let query = LinkQuery { storage: Some(id), only_active: true, search: None };
        let page = app.control.links(admin, query, &PageRequest::first(SHOWN)).await?;
        let now = app.access.now();
        Ok(Self {
            rows: page.items.iter().map(|view| LinkRow::new(view, now)).collect(),
            more: page.next.is_some(),
        })
    }
}
