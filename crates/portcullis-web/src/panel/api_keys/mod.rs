//! Keys for programs, channel by channel. Those of people and of the whole site have their pages here, keys of storages beside their
//! connections; the list has them all.
//!
//! Admins look after all of the site, everybody else after their own, on the same pages: which it is, the [`Keeper`] knows.

mod at;
mod delete;
mod generate;
mod key;
mod list;
mod new;
mod row;
mod sections;
mod settings;
mod shown;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use portcullis_control::ControlError;
use portcullis_domain::{Scope, UserId};

use super::error::PanelError;
use super::words;
use crate::app::App;
use crate::extract::Keeper;

/// The list.
const HOME: &str = "/api-keys";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(HOME, get(list::list))
        .route("/api-keys/new", get(new::ask).post(new::make))
        .route("/api-keys/{id}", get(key::show))
        .route("/api-keys/{id}/settings", get(at::home).post(settings::change))
        .route("/api-keys/{id}/networks", get(at::home).post(sections::networks))
        .route("/api-keys/{id}/public-keys", get(at::home).post(sections::public_keys))
        .route("/api-keys/{id}/mail", get(at::home).post(sections::mail))
        .route("/api-keys/{id}/generate", get(generate::ask).post(generate::make))
        .route("/api-keys/{id}/overlap/stop", get(at::home).post(sections::stop_old))
        .route("/api-keys/{id}/overlap/extend", get(at::home).post(sections::extend_old))
        .route("/api-keys/{id}/delete", get(delete::ask).post(delete::delete))
}

/// Whether somebody may make keys here, or get other credentials for one.
async fn may_make(app: &App, keeper: &Keeper) -> Result<bool, PanelError> {
    use portcullis_access::Proof as _;
    match keeper {
        Keeper::Admin(_) => Ok(true),
        Keeper::Own(me) => Ok(app.control.key_rules(me.site()).await?.members_make_keys),
    }
}

/// For whom a key is, in words: the name of a user, that of a storage, or the whole site.
async fn whose(app: &App, keeper: &Keeper, own: &str, scope: Scope) -> Result<String, PanelError> {
    match (scope, keeper) {
        (Scope::User(user), Keeper::Admin(_)) => user_name(app, keeper, user).await,
        (Scope::User(_), Keeper::Own(_)) => Ok(own.to_owned()),
        (Scope::Storage(storage), Keeper::Admin(admin)) => {
            match app.control.storage(admin, storage).await {
                Ok(found) => Ok(found.storage.name.to_string()),
                // Deleted since its keys were read.
                Err(ControlError::NotFound) => Ok(String::new()),
                Err(error) => Err(error.into()),
            }
        }
        (Scope::Site, _) | (Scope::Storage(_), Keeper::Own(_)) => {
            Ok(words::text("api_keys.whole_site").to_owned())
        }
    }
}

async fn user_name(app: &App, keeper: &Keeper, user: UserId) -> Result<String, PanelError> {
    let Keeper::Admin(admin) = keeper else { return Err(PanelError::NotFound) };
    Ok(app.control.user(admin, user).await?.user.username.to_string())
}
