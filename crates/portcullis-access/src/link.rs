//! Whoever has the address of a link.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{Link, LinkId, Secret};

use crate::audit::Suspect;
use crate::authenticate::throttled;
use crate::principal::{Origin, Principal, Who};
use crate::session::LONGEST_PASSWORD;
use crate::{Access, AccessError, Denial};

/// For how long a link stays open for somebody who gave its password.
const UNLOCKED: Duration = Duration::from_secs(12 * 3600);
const STATE: &str = "unlocked link";

/// Somebody at a link.
#[derive(Clone, Debug)]
pub struct LinkVisit {
    /// Who they are: the link. Rights come from grants, as everybody's.
    pub principal: Principal,
    /// The link as it is now.
    pub link: Arc<Link>,
}

/// A link that was found, with what it takes to open it.
struct Found {
    visit: LinkVisit,
    password_phc: Option<String>,
}

impl Access {
    /// Who shows this token. `unlocked` is what [`Access::unlock_link`] gave.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] for every token that opens nothing, or not from there; [`AccessError::Denied`] with `LinkLocked`
    /// if a password is asked for; [`AccessError::Throttled`], [`AccessError::Metadata`], [`AccessError::Unavailable`].
    pub async fn authenticate_link(
        &self,
        origin: Origin<'_>,
        token: &str,
        unlocked: Option<&str>,
    ) -> Result<LinkVisit, AccessError> {
        let Found { visit, password_phc } = self.find_link(&origin, token).await?;
        if let Some(password_phc) = password_phc {
            let expected = state_of(visit.link.id, &password_phc);
            let shown = unlocked.and_then(|text| self.open_state(STATE, text));
            // Sealed and opened by us: it is compared with what it should say, not with a secret.
            if shown.is_none_or(|shown| shown.as_slice() != expected.as_bytes()) {
                return Err(AccessError::Denied(Denial::LinkLocked));
            }
        }
        Ok(visit)
    }

    /// Opens a link with its password; what it gives is shown with the next requests for twelve hours, or until the password is
    /// another.
    ///
    /// # Errors
    /// As [`Access::authenticate_link`]; [`AccessError::Denied`] with `BadSecret` for a wrong password.
    pub async fn unlock_link(
        &self,
        origin: &Origin<'_>,
        token: &str,
        password: &Secret,
    ) -> Result<String, AccessError> {
        let Found { visit, password_phc } = self.find_link(origin, token).await?;
        let inner = self.inner();
        let attempt = inner.throttle.attempt(origin.peer, "link", &visit.link.id.to_string());
        let has_failed = inner.throttle.admit(&attempt, self.now()).map_err(throttled)?;
        let _place = inner.passwords.queue()?;
        let stored = password_phc.as_deref().filter(|_| password.reveal().len() <= LONGEST_PASSWORD);
        if !inner.passwords.verify(stored, password.reveal()).await? {
            inner.throttle.failed(&attempt, self.now());
            return Err(self.refuse_principal(&visit.principal, "unlock_link", None, Denial::BadSecret));
        }
        if has_failed {
            inner.throttle.succeeded(&attempt);
        }
        self.seal_state(
            STATE,
            state_of(visit.link.id, &password_phc.unwrap_or_default()).as_bytes(),
            UNLOCKED,
        )
    }

    async fn find_link(&self, origin: &Origin<'_>, token: &str) -> Result<Found, AccessError> {
        self.heard()?;
        let (inner, now) = (self.inner(), self.now());
        let attempt = inner.throttle.attempt(origin.peer, "link token", token);
        let known = match Self::hash_token(token) {
            Some(hash) => inner.metadata.link_by_token(&hash).await?,
            None => None,
        };
        let Some((link, password_phc)) = known else {
            inner.throttle.admit_unknown(&attempt, now).map_err(throttled)?;
            inner.throttle.failed(&attempt, now);
            drop(self.refuse_stranger(origin, Suspect::nobody(), Denial::UnknownKey, Denial::UnknownKey));
            return Err(AccessError::NotFound);
        };
        let principal = Principal::new(Who::Link(link.id), link.site, origin);
        let principal = self.alive(principal, now).map_err(|_| AccessError::NotFound)?;
        let link = inner.directory.link(link.id).ok_or(AccessError::NotFound)?;
        Ok(Found { visit: LinkVisit { principal, link }, password_phc })
    }
}

fn state_of(link: LinkId, password_phc: &str) -> String {
    format!("{link} {password_phc}")
}
