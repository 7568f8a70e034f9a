//! Who comes to a link.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::{ACCEPT, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use portcullis_access::{LinkVisit, Origin};
use portcullis_domain::Channel;

use super::cookie::Kept;
use super::refused::{Refused, Seen};
use crate::app::App;
use crate::extract::Stranger;
use crate::panel;

/// Somebody with what may be the address of a link.
pub(super) struct Visitor {
    token: String,
    stranger: Stranger,
    /// The password was given before, says their browser.
    unlocked: Option<String>,
    /// A download was begun before, says their browser.
    pub(super) begun: Option<String>,
    /// Whether they look at pages or use a tool.
    pub(super) looks_at: Seen,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let accepts = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let looks_at = if accepts.contains("text/html") { Seen::Pages } else { Seen::Texts };
        let changes = !matches!(parts.method, Method::GET | Method::HEAD);
        if changes && is_foreign(&parts.headers) {
            return Err(Refused::Foreign.show(looks_at));
        }
        let stranger = Stranger::from_request_parts(parts, app).await;
        let stranger =
            stranger.map_err(|_| Refused::Failed("the request has no peer".to_owned()).show(looks_at))?;
        let token = Path::<String>::from_request_parts(parts, app).await;
        let Path(token) = token.map_err(|_| Refused::Nothing.show(looks_at))?;
        let kept = |kept: Kept| kept.read(&parts.headers, app.is_secure()).map(str::to_owned);
        Ok(Self { token, stranger, unlocked: kept(Kept::Unlocked), begun: kept(Kept::Begun), looks_at })
    }
}

/// Whether the browser says that the page of another site made the request: else whoever knows an address could have it used from
/// a network in which they are not. Pages of links name no origin in their forms, because they send no referrer.
fn is_foreign(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        Some(site) => site != b"same-origin" && site != b"none",
        None => {
            let named = headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes() != b"null");
            named && panel::is_foreign(headers)
        }
    }
}

impl Visitor {
    /// The secret part of the address.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The address of the link's page, within this server.
    pub(super) fn home(&self) -> String {
        format!("/s/{}", self.token)
    }

    /// Where the request comes from.
    pub(super) fn origin(&self) -> Origin<'_> {
        Origin { channel: Channel::Http, ..self.stranger.origin() }
    }

    /// The link, if the address leads anywhere at the moment.
    pub(super) async fn enter(&self, app: &App) -> Result<LinkVisit, Refused> {
        Ok(app.control.visit_link(self.origin(), &self.token, self.unlocked.as_deref()).await?)
    }

    /// The same, also for a link that was downloaded as often as it may be.
    pub(super) async fn enter_again(&self, app: &App) -> Result<LinkVisit, Refused> {
        Ok(app.access.authenticate_link(self.origin(), &self.token, self.unlocked.as_deref()).await?)
    }

    /// The answer for whoever does not get what they asked for: a browser is led to the page that asks for the password.
    pub(super) fn turn_away(&self, refused: Refused) -> Response {
        match (refused, self.looks_at) {
            (Refused::Locked, Seen::Pages) => Redirect::to(&self.home()).into_response(),
            (refused, to) => refused.show(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    #[test]
    fn only_our_own_pages_and_tools() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect()
        };
        let host = ("host", "gate.example");
        for ours in [
            &[host][..],
            &[host, ("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[host, ("origin", "https://gate.example")],
            &[host, ("origin", "null")],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert!(!is_foreign(&headers(ours)), "{ours:?}");
        }
        for foreign in [
            &[host, ("sec-fetch-site", "cross-site"), ("origin", "null")][..],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("origin", "https://evil.example")],
        ] {
            assert!(is_foreign(&headers(foreign)), "{foreign:?}");
        }
    }
}
