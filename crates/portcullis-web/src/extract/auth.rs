//! Who asks.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use portcullis_access::{Denial, Origin, Principal, SiteAdmin};
use portcullis_domain::{Channel, Line};
use portcullis_listener::Peer;
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::panel;
use crate::problem::Problem;
use crate::request_id::RequestId;

/// Somebody of whom only the address is known: for signing in.
pub(crate) struct Stranger {
    peer: IpAddr,
    request_id: String,
    tool: String,
    line: Option<Arc<dyn Line>>,
}

impl Stranger {
    pub(crate) fn of(parts: &Parts) -> Result<Self, Problem> {
        // Without an address no network can be checked: an answer must not depend on that having been forgotten.
        let peer = parts.extensions.get::<Peer>().ok_or_else(nobody)?.address;
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let agent =
            parts.headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
        let line = parts.extensions.get().cloned();
        Ok(Self { peer, request_id, tool: agent.unwrap_or_default(), line })
    }

    /// Where the request comes from.
    pub(crate) fn origin(&self) -> Origin<'_> {
        Origin {
            channel: Channel::Rest,
            peer: self.peer,
            request_id: &self.request_id,
            tool: &self.tool,
            line: self.line.as_ref(),
        }
    }
}

impl FromRequestParts<Arc<App>> for Stranger {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &Arc<App>) -> Result<Self, Problem> {
        Self::of(parts)
    }
}

/// Who asks, where that was found out before the handler was reached: it is not asked twice.
#[derive(Clone)]
pub(crate) struct Known(pub(crate) Principal);

/// A proxy that is believed does not tell whom it passes on.
fn nobody() -> Problem {
    let detail = "The proxy in front of this server does not tell the client's address in a readable way.";
    Problem::new(StatusCode::BAD_REQUEST, "unreadable_proxy_header", "Unreadable proxy header", detail)
}

/// Somebody who authenticated: a key or a person who signed in. It says nothing yet of what they may do.
pub(crate) struct Caller(pub(crate) Principal);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if let Some(Known(who)) = parts.extensions.get::<Known>() {
            return Ok(Self(who.clone()));
        }
        let stranger = Stranger::of(parts)?;
        let mut given = parts.headers.get_all(AUTHORIZATION).iter();
        let token = match (given.next(), given.next()) {
            (None, _) => match panel_session(parts, app) {
                Cookie::Session(token) => Some(token),
                Cookie::Forged => {
                    return Err(app.access.refuse(stranger.origin(), None, Denial::Malformed).into());
                }
                Cookie::None => {
                    return Err(app.access.refuse(stranger.origin(), None, Denial::NoCredentials).into());
                }
            },
            (Some(value), None) => value.to_str().ok().and_then(bearer),
            (Some(_), Some(_)) => None,
        };
        let Some(token) = token else {
            return Err(app.access.refuse(stranger.origin(), None, Denial::Malformed).into());
        };
        Ok(Self(app.access.authenticate_bearer(stranger.origin(), token).await?))
    }
}

enum Cookie<'a> {
    None,
    /// With a cookie, but not from one of our own pages.
    Forged,
    Session(&'a str),
}

/// The session of a page of the panel. A browser sends the cookie whoever made the request, so our own pages also send what no
/// other site can: the header `x-csrf-token`.
fn panel_session<'a>(parts: &'a Parts, app: &App) -> Cookie<'a> {
    let Some(token) = panel::session_of(&parts.headers, app.is_secure()) else { return Cookie::None };
    let given = parts.headers.get("x-csrf-token").map_or(&b""[..], |token| token.as_bytes());
    let ours = bool::from(given.ct_eq(panel::csrf_of(token).as_bytes()));
    // A key is never in a cookie: its token has a dot, a session's has none.
    if !ours || panel::is_foreign(&parts.headers) || token.contains('.') {
        return Cookie::Forged;
    }
    Cookie::Session(token)
}

/// The token of a bearer credential (RFC 6750 section 2.1); the scheme's case does not matter (RFC 9110 section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Somebody who may administer the site: the proof that `portcullis-control` asks for.
pub(crate) struct Admin(pub(crate) SiteAdmin);

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Caller(principal) = Caller::from_request_parts(parts, app).await?;
        Ok(Self(app.access.admin(&principal)?))
    }
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn bearer_credentials() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer   abc "), Some("abc"));
        for wrong in ["abc", "Basic abc", "Bearer", "Bearer ", "Bearerabc"] {
            assert_eq!(bearer(wrong), None, "{wrong}");
        }
    }
}
