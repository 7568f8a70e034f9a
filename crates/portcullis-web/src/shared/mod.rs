//! What whoever has the address of a link gets to see: a file, a folder, or a box to drop files into.
//!
//! * **The address is the credential.** Its last part is a secret; it goes to no log, to no other site, and into no index. Whoever
//!   brings one is a principal like any other, whose rights come from grants.
//! * **Nowhere looks like nowhere.** An address that never was, one that was ended, has expired, was used up, or is not for the
//!   visitor's network: one answer for all of them.
//! * **No script.** Everything here is links and forms, and for tools without HTML a text that says which call to make.

mod begun;
mod cookie;
mod drop_box;
mod file;
mod folder;
mod form;
mod landing;
mod name;
mod refused;
mod tool;
mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue, REFERRER_POLICY};
use portcullis_domain::Secret;

use crate::app::App;

/// Every page for visitors of links.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/s/{token}", get(landing::show).post(landing::unlock))
        .route("/s/{token}/file", get(file::get).head(file::head).put(drop_box::put))
        .route("/s/{token}/upload", get(landing::home).post(drop_box::post))
        .layer(from_fn(kept_quiet))
}

/// The address of a link, to be told once.
pub(crate) fn address(app: &App, token: &Secret) -> String {
    address_of(app, token.reveal())
}

fn address_of(app: &App, token: &str) -> String {
    format!("{}/s/{token}", app.web_address.trim_end_matches('/'))
}

/// Lets no cache, no index and no other site learn of an address.
async fn kept_quiet(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("x-robots-tag"),
        HeaderValue::from_static("noindex, nofollow, noarchive"),
    );
    response
}
