//! Who looks at a page.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::Method;
use http::request::Parts;
use portcullis_access::{Principal, SiteAdmin};
use portcullis_control::ControlError;

use super::account::{SECOND_FACTOR, is_open_without_factor};
use super::cookie::{csrf_of, session_of};
use super::error::PanelError;
use super::fields::Fields;
use super::page::{Chrome, receipt_of};
use super::switcher::Switcher;
use crate::app::App;
use crate::extract::Stranger;

/// Somebody who has signed in.
pub(super) struct Person {
    pub(super) who: Principal,
    /// What frames every page for them.
    pub(super) chrome: Chrome,
    /// Their address, as networks are checked against it.
    pub(super) peer: IpAddr,
    /// Whether their site asks for a second factor that they did not show.
    pub(super) second_factor_needed: bool,
}

impl FromRequestParts<Arc<App>> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let stranger =
            Stranger::from_request_parts(parts, app).await.map_err(|_| PanelError::Failed.into_response())?;
        let Some(token) = session_of(&parts.headers, app.is_secure()) else { return Err(to_sign_in(parts)) };
        // A key is not a person: its token has a dot, a session's has none.
        if token.contains('.') {
            return Err(to_sign_in(parts));
        }
        let csrf = csrf_of(token);
        let who = match app.access.authenticate_bearer(stranger.origin(), token).await {
            Ok(who) => who,
            Err(portcullis_access::AccessError::Denied(_)) => return Err(to_sign_in(parts)),
            Err(error) => return Err(PanelError::from(ControlError::from(error)).into_response()),
        };
        let me = app.control.me(&who).await.map_err(|error| PanelError::from(error).into_response())?;
        let peer = who.peer();
        let second_factor_needed = me.sign_in.is_some_and(|sign_in| sign_in.second_factor_needed);
        if second_factor_needed && !is_open_without_factor(parts.uri.path()) {
            return Err(Redirect::to(SECOND_FACTOR).into_response());
        }
        let mut chrome = Chrome::new(app, &me, csrf, parts.uri.path());
        chrome.receipt = receipt_of(&Fields::parse(parts.uri.query().unwrap_or_default().as_bytes()));
        if second_factor_needed {
            chrome.sites = Switcher::back(app, &who);
        } else if me.admin
            && let Ok(admin) = app.access.admin(&who)
        {
            let sites = Switcher::of(app, &admin).await;
            chrome.sites = sites.map_err(|error| PanelError::from(error).show(&chrome))?;
        }
        Ok(Self { who, chrome, peer, second_factor_needed })
    }
}

/// The sign-in page, which leads back here if that is a page and not a deed.
fn to_sign_in(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if parts.method != Method::GET || wanted == "/" || wanted.len() > 1_000 {
        return Redirect::to("/sign-in").into_response();
    }
    let next: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    Redirect::to(&format!("/sign-in?next={next}")).into_response()
}

/// Somebody who has signed in and may administer the site.
pub(super) struct Admin {
    /// The proof that `portcullis-control` asks for.
    pub(super) admin: SiteAdmin,
    pub(super) person: Person,
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let person = Person::from_request_parts(parts, app).await?;
        match app.access.admin(&person.who) {
            Ok(admin) => Ok(Self { admin, person }),
            Err(error) => Err(PanelError::from(ControlError::from(error)).show(&person.chrome)),
        }
    }
}
