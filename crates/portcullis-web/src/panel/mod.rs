//! The control panel: whole HTML pages, made here, with forms that work without a script.
//!
//! * **Every page is an address**, and every answer to a browser is a whole page or a redirect. Scripts (`assets/js`) swap parts of the
//!   page for the same parts of a freshly made one; no handler knows of it.
//! * **The signature is the rule.** A handler that takes [`Admin`](visitor::Admin) is for admins. Fields of a form are only to be
//!   had from [`Posted`](posted::Posted), which has checked that the form was one of ours.
//! * **Nothing of a stranger is markup.** Templates escape; the headers of [`page`](mod@page) let nothing run that is not a file of ours.
//! * **A secret is on one page**: the answer to the request that made it, which nothing stores.
//! * **Sentences stand in `texts/en`**, looks in `assets/`, markup in `templates/`.

mod account;
mod activity;
mod advice;
mod api_keys;
pub(crate) mod assets;
mod channel_key;
mod connection;
mod connections;
mod cookie;
mod credentials;
mod error;
pub(crate) mod fields;
pub(crate) mod format;
mod groups;
mod identity;
mod join;
mod key_networks;
mod knocks;
mod labels;
mod leak;
mod networks_editor;
mod new_connection;
mod origin;
mod packing;
mod page;
mod people;
mod posted;
mod probe;
mod prove;
mod rotation;
mod security;
mod seen;
mod setups;
mod sign_in;
mod sites;
mod switcher;
mod sync;
mod transfers;
mod usage;
mod visitor;
pub(crate) mod words;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;

use crate::app::App;

pub(crate) use cookie::{csrf_of, session_of, value_of};
pub(crate) use error::not_found;
pub(crate) use new_connection::KeptSecrets;
pub(crate) use origin::is_foreign;
pub(crate) use page::page;

/// The page that an admin comes to after signing in.
pub(crate) const HOME: &str = "/connections";

/// Every page of the panel.
pub(crate) fn router() -> Router<Arc<App>> {
    assets::prepare();
    Router::new()
        .route("/", get(account::start))
        .merge(sign_in::routes())
        .merge(account::routes())
        .merge(activity::routes())
        .merge(knocks::routes())
        .merge(connections::routes())
        .merge(new_connection::routes())
        .merge(connection::routes())
        .merge(credentials::routes())
        .merge(api_keys::routes())
        .merge(people::routes())
        .merge(groups::routes())
        .merge(identity::routes())
        .merge(join::routes())
        .merge(leak::routes())
        .merge(prove::routes())
        .merge(sites::routes())
        .merge(security::routes())
        .merge(advice::routes())
        .merge(usage::routes())
        .merge(transfers::routes())
        .merge(sync::routes())
        .layer(from_fn(origin::same_origin))
        .layer(from_fn(packing::pack_pages))
        .route("/assets/{version}/{*path}", get(assets::serve))
}
