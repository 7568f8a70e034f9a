//! Calls that are made once, however often they are sent: a client whose connection broke sends its call again under the same
//! name, and learns what became of the first.

use std::time::Duration;

use portcullis_access::Principal;
use portcullis_metadata::Claim;
use sha2::{Digest as _, Sha256};

use crate::{Control, Result};

/// How long a call is remembered.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// A call that its caller named, so that it is not made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedCall {
    key: [u8; 32],
    request: [u8; 32],
}

/// What is known of a call that comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precedent {
    /// Nothing: it is to be made now, and then [finished](Control::finish_call) or [dropped](Control::drop_call).
    None,
    /// The same call came before and is not done, or was broken off by the end of the server.
    UnderWay,
    /// The same call was made, with what was said of it then.
    Made(String),
    /// The name stands for a call with another body.
    Other,
}

impl NamedCall {
    /// The call to `method` and `path` with this body that the caller named `name`. The names of different callers, sites, methods
    /// and paths have nothing to do with each other; those of a person are the same in all their sessions.
    #[must_use]
    pub fn new(who: &Principal, method: &str, path: &str, name: &str, body: &[u8]) -> Self {
        let caller = match (who.key_id(), who.user_id()) {
            (Some(key), _) => format!("key {key}"),
            (None, Some(user)) => format!("user {user}"),
            (None, None) => "nobody".to_owned(),
        };
        let mut hash = Sha256::new();
        let site = who.site().to_string();
        for part in ["portcullis call", &site, &caller, method, path, name] {
            // With their lengths, no two lists of parts come to the same bytes.
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        Self { key: hash.finalize().into(), request: Sha256::digest(body).into() }
    }
}

impl Control {
    /// Claims a call for this request, on whichever node; of many at the same time, exactly one is told [`Precedent::None`].
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn claim_call(&self, call: &NamedCall) -> Result<Precedent> {
        Ok(match self.metadata.claim_call(&call.key, &call.request, self.access.now()).await? {
            Claim::New => Precedent::None,
            Claim::Same { location: None } => Precedent::UnderWay,
            Claim::Same { location: Some(told) } => Precedent::Made(told),
            Claim::Other => Precedent::Other,
        })
    }

    /// Remembers for 24 hours what is to be said of a call that was made.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata); the call then counts as under way.
    pub async fn finish_call(&self, call: &NamedCall, told: &str) -> Result<()> {
        Ok(self.metadata.finish_call(&call.key, told).await?)
    }

    /// Forgets a call that failed, so that it may be made again under the same name.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata); the call then counts as under way.
    pub async fn drop_call(&self, call: &NamedCall) -> Result<()> {
        Ok(self.metadata.drop_call(&call.key).await?)
    }
}
