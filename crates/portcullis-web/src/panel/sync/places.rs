//! Storages to choose from, and the two sides as pages show them.

use portcullis_access::SiteAdmin;
use portcullis_control::{Order, PageRequest, SideView, Sides, StorageQuery};
use portcullis_domain::StorageId;

use super::super::error::PanelError;
use super::super::{labels, words};
use crate::app::App;

/// A storage to choose.
pub(in super::super) struct Place {
    pub(in super::super) id: String,
    pub(in super::super) name: String,
    pub(in super::super) provider: &'static str,
}

/// The storages of the site by their names, the first thousand, and these whatever their names are.
pub(in super::super) async fn places(
    app: &App,
    admin: &SiteAdmin,
    named: &[&str],
) -> Result<Vec<Place>, PanelError> {
    let query = StorageQuery { search: None, order: Order::Name };
    let found = app.control.storages(admin, query, &PageRequest::first(PageRequest::MAX)).await?;
    let place = |storage: &portcullis_domain::Storage| Place {
        id: storage.id.to_string(),
        name: storage.name.to_string(),
        provider: labels::provider(storage.connection.provider),
    };
    let mut places: Vec<Place> = found.items.iter().map(|view| place(&view.storage)).collect();
    if found.next.is_some() {
        for id in named.iter().filter_map(|id| id.parse::<StorageId>().ok()) {
            let there = places.iter().any(|place| place.id == id.to_string());
            if !there && let Ok(view) = app.control.storage(admin, id).await {
                places.push(place(&view.storage));
            }
        }
    }
    Ok(places)
}

/// One of the two sides as pages show it.
#[derive(Clone, Debug)]
pub(super) struct SideLine {
    pub(super) name: String,
    /// The part of it that is meant; empty for all of it.
    pub(super) prefix: String,
    /// Its page, as long as it has one.
    pub(super) path: Option<String>,
}

impl SideLine {
    pub(super) fn of(side: &SideView) -> Self {
        let name = if side.name.is_empty() { words::text("sync.gone").to_owned() } else { side.name.clone() };
        Self {
            name,
            prefix: side.prefix.as_str().to_owned(),
            path: side.active.then(|| format!("/connections/{}", side.id)),
        }
    }
}

/// Both sides in one line.
pub(super) fn between(sides: &Sides<SideView>) -> String {
    let side = |side: &SideView| match side.prefix.as_str() {
        "" => side.name.clone(),
        prefix => format!("{}/{prefix}", side.name),
    };
    words::fill("sync.between", &[&side(&sides.storage), &side(&sides.bucket)])
}
