//! Every route of this door, on one page.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode, Uri};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::finish::finish;
use crate::handlers::{audit, file, files, health, keys, me, sessions, storages};
use crate::{openapi, panel};

/// Routes and document, made of the same handlers.
pub(crate) fn routes() -> Routes {
    administration(files(about(OpenApiRouter::with_openapi(openapi::head()))))
}

type Routes = OpenApiRouter<Arc<App>>;

fn about(routes: Routes) -> Routes {
    routes
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(openapi::show))
        .routes(routes!(sessions::create, sessions::list))
        .routes(routes!(sessions::end_current))
        .routes(routes!(me::show))
        .routes(routes!(me::change_password))
}

fn files(routes: Routes) -> Routes {
    routes.routes(routes!(file::get, file::head, file::put, file::delete)).routes(routes!(files::list))
}

fn administration(routes: Routes) -> Routes {
    routes
        .routes(routes!(storages::create, storages::list))
        .routes(routes!(storages::show, storages::update))
        .routes(routes!(storages::test))
        .routes(routes!(storages::test_connection))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::show, keys::update, keys::delete))
        .routes(routes!(keys::rotate))
        .routes(routes!(audit::list))
}

/// The router as it is served.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (router, _) = routes().split_for_parts();
    router.merge(panel::router()).fallback(nothing_here).with_state(app).layer(from_fn(finish))
}

/// An address that is none: in the words of whoever asked.
async fn nothing_here(uri: Uri, headers: HeaderMap) -> Response {
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") && !uri.path().starts_with("/api/") {
        return panel::not_found();
    }
    StatusCode::NOT_FOUND.into_response()
}
