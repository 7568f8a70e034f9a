//! Who asks: by HTTP Basic, or by the header `Security` of the envelope.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::request::Parts;
use portcullis_access::{Access, Denial, Origin, Principal};
use portcullis_domain::{Channel, Secret};

use super::fault::{Code, Fault, Result};
use super::security::{Security, Shown};
use crate::app::App;
use crate::channel::basic_pair;
use crate::extract::Stranger;

/// How wrong a client's clock may be.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// Somebody of whom nothing is known but where they come from.
pub(super) struct Caller {
    stranger: Stranger,
}

impl Caller {
    /// Where a request comes from.
    ///
    /// # Errors
    /// A fault if the proxy in front does not tell whom it passes on.
    pub(super) fn of(parts: &Parts) -> Result<Self> {
        let unreadable = |_| {
            Fault::new(
                Code::InvalidRequest,
                "The proxy in front of this server does not tell the client's address in a readable way.",
            )
        };
        Ok(Self { stranger: Stranger::of(parts).map_err(unreadable)? })
    }

    fn origin(&self) -> Origin<'_> {
        Origin { channel: Channel::WebService, ..self.stranger.origin() }
    }

    fn refuse(&self, access: &Access, denial: Denial) -> Fault {
        Fault::of_entry(access.refuse(self.origin(), None, denial))
    }

    /// The key that the header `Authorization` shows; none if there is no such header.
    ///
    /// # Errors
    /// The one fault of everybody who is not let in; `Throttled`, `Unavailable`.
    pub(super) async fn by_header(&self, app: &App, parts: &Parts) -> Result<Option<Principal>> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        let Some(pair) = basic_pair(parts) else { return Err(self.refuse(&app.access, Denial::Malformed)) };
        let (name, secret) = pair.split_once(':').unwrap_or((&pair, ""));
        let secret = Secret::foreign(secret.to_owned());
        let known = app.access.authenticate_password(self.origin(), name, &secret).await;
        known.map(Some).map_err(Fault::of_entry)
    }

    /// The key of this request: the one that is known already, or the one that the envelope shows.
    ///
    /// # Errors
    /// As [`Self::by_header`].
    pub(super) async fn decide(
        &self,
        app: &App,
        known: Option<Principal>,
        security: Security,
    ) -> Result<Principal> {
        let access = &app.access;
        if let Some(at) = security.expires.filter(|expires| *expires < access.now().before(SKEW)) {
            return Err(self.refuse(access, Denial::RequestExpired { at }));
        }
        let known = match (known, security.shown) {
            (Some(known), None) => return Ok(known),
            (None, None) => return Err(self.refuse(access, Denial::NoCredentials)),
            // Two answers to who asks: neither is believed.
            (Some(_), Some(_)) => return Err(self.refuse(access, Denial::Malformed)),
            (None, Some(Shown::Text { name, secret })) => {
                access.authenticate_password(self.origin(), &name, &secret).await
            }
            (None, Some(Shown::Digest { name, digest })) => {
                access.authenticate_digest(self.origin(), &name, &digest).await
            }
        };
        known.map_err(Fault::of_entry)
    }
}
