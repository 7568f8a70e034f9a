//! A connection's own page and the pages of its credentials: what there is, and one form for each thing that can be changed.
//!
//! Each form goes to its own address, changes one thing, and comes back with a redirect. A form that cannot be accepted comes back as the
//! whole page with what was typed. Every form carries what it was made from ([`Seen`](super::seen::Seen)).

mod at;
mod ending;
mod forms;
mod key_delete;
mod key_networks;
mod key_page;
mod key_row;
mod key_settings;
mod links;
mod networks;
mod page;
pub(super) mod provider;
mod quota;
mod rights;
mod settings;
mod sharing;
mod subject;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub(super) use at::key_path;
pub(super) use ending::DETACHED;
pub(super) use key_row::{Chip, chip};
pub(super) use quota::typed as typed_size;

pub(super) fn routes() -> Router<Arc<App>> {
    // Whoever comes to a form's address by hand is led to the page that has the form.
    Router::new()
        .route("/connections/{id}", get(page::show))
        .route("/connections/{id}/name", get(at::home).post(settings::rename))
        .route("/connections/{id}/permission", get(at::home).post(settings::permission))
        .route("/connections/{id}/networks", get(at::home).post(networks::edit))
        .route("/connections/{id}/s3-access", get(at::home).post(settings::s3_access))
        .route("/connections/{id}/sharing", get(at::home).post(sharing::share))
        .route("/connections/{id}/sharing/{grant}", get(at::home).post(sharing::change))
        .route("/connections/{id}/quota", get(at::home).post(quota::set))
        .route("/connections/{id}/provider/test", get(at::home).post(provider::test))
        .route("/connections/{id}/provider/credentials", get(provider::ask).post(provider::replace))
        .merge(links::routes())
        .merge(ending::routes())
        .route("/connections/{id}/keys/{key}", get(key_page::show))
        .route("/connections/{id}/keys/{key}/name", get(at::key_home).post(key_settings::rename))
        .route("/connections/{id}/keys/{key}/permission", get(at::key_home).post(key_settings::permission))
        .route("/connections/{id}/keys/{key}/networks", get(at::key_home).post(key_networks::edit))
        .route("/connections/{id}/keys/{key}/expiry", get(at::key_home).post(key_settings::expiry))
        .route("/connections/{id}/keys/{key}/public-keys", get(at::key_home).post(key_settings::public_keys))
        .route("/connections/{id}/keys/{key}/mail", get(at::key_home).post(key_settings::mail))
        .route("/connections/{id}/keys/{key}/overlap/stop", get(at::key_home).post(key_settings::stop_old))
        .route(
            "/connections/{id}/keys/{key}/overlap/extend",
            get(at::key_home).post(key_settings::extend_old),
        )
        .route("/connections/{id}/keys/{key}/delete", get(key_delete::ask).post(key_delete::delete))
}
