//! Every route of this door, on one page.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode, Uri};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::finish::finish;
use crate::handlers::{
    advice, audit, audit_export, audit_sinks, dead_keys, ending, file, files, found, grants, groups, health,
    imports, keys, links, me, networks, overlap, passkeys, prove, refusals, second_factor, sessions, sites,
    storages, sync, transfers, usage, users,
};
use crate::once::once;
use crate::{openapi, panel, shared};

/// Routes and document, made of the same handlers.
pub(crate) fn routes() -> Routes {
    let open = files(about(OpenApiRouter::with_openapi(openapi::head())));
    people(watching(syncing(networks_ahead(administration(open)))))
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
        .routes(routes!(grants::own))
        .routes(routes!(sites::switch))
        .routes(routes!(users::accept))
        .routes(routes!(sessions::confirm))
        .routes(routes!(sessions::passkey_options))
        .routes(routes!(sessions::create_by_passkey))
        .routes(routes!(sessions::end))
        .routes(routes!(second_factor::show, second_factor::begin, second_factor::remove))
        .routes(routes!(second_factor::confirm))
        .routes(routes!(second_factor::new_codes))
        .routes(routes!(passkeys::list, passkeys::add))
        .routes(routes!(passkeys::options))
        .routes(routes!(passkeys::remove))
}

fn files(routes: Routes) -> Routes {
    routes.routes(routes!(file::get, file::head, file::put, file::delete)).routes(routes!(files::list))
}

fn administration(routes: Routes) -> Routes {
    routes
        .routes(routes!(storages::create, storages::list))
        .routes(routes!(storages::show, storages::update, ending::delete))
        .routes(routes!(ending::impact))
        .routes(routes!(ending::attach))
        .routes(routes!(ending::pause, ending::resume))
        .routes(routes!(storages::test))
        .routes(routes!(storages::test_connection))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::show, keys::update, keys::delete))
        .routes(routes!(keys::rotate))
        .routes(routes!(overlap::show, overlap::update, overlap::end))
        .routes(routes!(keys::temporary))
        .routes(routes!(prove::prove))
        .routes(routes!(links::create, links::list))
        .routes(routes!(links::show, links::update, links::end))
}

/// What was done, what is under way, and what could be better.
fn watching(routes: Routes) -> Routes {
    routes
        .routes(routes!(advice::list))
        .routes(routes!(advice::taken))
        .routes(routes!(advice::show))
        .routes(routes!(advice::take))
        .routes(routes!(advice::undo))
        .routes(routes!(usage::show))
        .routes(routes!(transfers::list))
        .routes(routes!(transfers::cut))
        .routes(routes!(audit::list))
        .routes(routes!(refusals::explain))
        .routes(routes!(refusals::fix))
        .routes(routes!(dead_keys::list))
        .routes(routes!(dead_keys::of_key))
        .routes(routes!(audit_export::export))
        .routes(routes!(audit_export::public_key))
        .routes(routes!(audit_sinks::list))
}

/// Two storages that are planned together, run, and taken back.
fn syncing(routes: Routes) -> Routes {
    use sync::{actions, events, jobs, kept, plans, runs};
    routes
        .routes(routes!(plans::create))
        .routes(routes!(plans::list))
        .routes(routes!(plans::show, plans::discard))
        .routes(routes!(actions::list))
        .routes(routes!(actions::export))
        .routes(routes!(plans::choose))
        .routes(routes!(plans::run))
        .routes(routes!(runs::list))
        .routes(routes!(runs::show))
        .routes(routes!(events::watch))
        .routes(routes!(runs::steps))
        .routes(routes!(runs::pause))
        .routes(routes!(runs::resume))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::restore))
        .routes(routes!(kept::list))
        .routes(routes!(kept::restore))
        .routes(routes!(jobs::create, jobs::list))
        .routes(routes!(jobs::show, jobs::update, jobs::delete))
        .routes(routes!(jobs::run))
}

/// Networks before they hold.
fn networks_ahead(routes: Routes) -> Routes {
    routes
        .routes(routes!(networks::preview_of_key))
        .routes(routes!(networks::show_of_key, networks::begin_on_key, networks::end_on_key))
        .routes(routes!(networks::enforce_on_key))
        .routes(routes!(networks::preview_of_storage))
        .routes(routes!(networks::show_of_storage, networks::begin_on_storage, networks::end_on_storage))
        .routes(routes!(networks::enforce_on_storage))
}

fn people(routes: Routes) -> Routes {
    routes
        .routes(routes!(sites::create, sites::list))
        .routes(routes!(sites::show, sites::update, sites::delete))
        .routes(routes!(imports::accounts))
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::show, users::update))
        .routes(routes!(users::reset))
        .routes(routes!(users::sessions, users::end_sessions))
        .routes(routes!(groups::create, groups::list))
        .routes(routes!(groups::show, groups::update, groups::delete))
        .routes(routes!(groups::members))
        .routes(routes!(groups::add_member, groups::remove_member))
        .routes(routes!(grants::create, grants::list))
        .routes(routes!(grants::show, grants::update, grants::delete))
}

/// The router as it is served.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (router, _) = routes().split_for_parts();
    let routes = router
        .merge(panel::router())
        .merge(shared::router())
        .merge(found::router())
        .merge(crate::files::router())
        .merge(crate::dav::router())
        .merge(crate::soap::router())
        .fallback(nothing_here)
        .with_state(Arc::clone(&app));
    // In front of all routes, since a call that is repeated is answered by another of them.
    Router::new().fallback_service(routes).layer(from_fn_with_state(app, once)).layer(from_fn(finish))
}

/// An address that is none: in the words of whoever asked.
async fn nothing_here(uri: Uri, headers: HeaderMap) -> Response {
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") && !uri.path().starts_with("/api/") {
        return panel::not_found();
    }
    StatusCode::NOT_FOUND.into_response()
}
