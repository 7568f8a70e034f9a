//! From a user name and a digest of its secret to a principal: WS-Security's UsernameToken.

use std::fmt;
use std::time::Duration;

use portcullis_domain::Timestamp;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::audit::Suspect;
use crate::authenticate::{entry_principal, throttled};
use crate::bearer::{Shown, told};
use crate::directory::Name;
use crate::principal::{Origin, Principal};
use crate::{Access, AccessError, Denial};

/// How far the clock of a client may be off, either way. A digest is worth something for twice as long, and claims of it are
/// remembered for a day.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// A password digest as a client sends it (OASIS Web Services Security, Username Token Profile 1.1, 3.1):
/// SHA-1 of the nonce, the text of its creation time and the secret.
pub struct UsernameDigest {
    /// Chance that the client made for this message, decoded; 1 to 64 bytes.
    pub nonce: Vec<u8>,
    /// When, exactly as it was sent: RFC 3339, years with four digits.
    pub created: String,
    /// The digest, decoded.
    pub digest: [u8; 20],
}

impl fmt::Debug for UsernameDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsernameDigest").field("created", &self.created).finish_non_exhaustive()
    }
}

impl UsernameDigest {
    pub(crate) fn is_of(&self, secret: &[u8]) -> bool {
        let made = Sha1::new().chain_update(&self.nonce).chain_update(&self.created).chain_update(secret);
        let made: [u8; 20] = made.finalize().into();
        made.ct_eq(&self.digest).into()
    }

    /// When it was made. Nonce and time are hashed one after the other with nothing between them: only one form of time is taken, or
    /// the end of a nonce could pass for its beginning, and a message that was seen for another one.
    fn created(&self) -> Option<Timestamp> {
        let (year, rest) = self.created.split_at_checked(4)?;
        let strict = year.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with('-');
        let taken = strict && (1..=64).contains(&self.nonce.len());
        if taken { self.created.parse().ok() } else { None }
    }
}

impl Access {
    /// Authenticates a key of the channel for web services by its user name and a digest of its generated secret. Each is taken once, on
    /// whichever node. Secrets that people chose are not kept in a form from which digests are made: their keys are refused.
    ///
    /// # Errors
    /// As [`Access::authenticate_password`]; [`AccessError::Metadata`] if it cannot be known whether it was used before.
    pub async fn authenticate_digest(
        &self,
        origin: Origin<'_>,
        name: &str,
        digest: &UsernameDigest,
    ) -> Result<Principal, AccessError> {
        self.heard()?;
        let (inner, now, named) = (self.inner(), self.now(), Name::parse(name));
        let attempt = self.attempt(&origin, name, named.as_ref());
        let has_failed = inner.throttle.admit(&attempt, now).map_err(throttled)?;
        let (entry, generation) =
            self.recognised(&origin, (name, named), Shown::Digest(digest), &attempt, now)?;
        let refuse = |found, detail| {
            inner.throttle.failed(&attempt, now);
            let suspect = Suspect { generation, detail, ..Suspect::key(&entry.key) };
            Err(self.refuse_stranger(&origin, suspect, found, Denial::BadSecret))
        };
        let Some(created) = digest.created() else { return refuse(Denial::Malformed, String::new()) };
        if created.since(now).max(now.since(created)) > SKEW {
            let off = created.seconds().saturating_sub(now.seconds());
            return refuse(Denial::TimeSkew { server: now }, format!("skew_seconds={off}"));
        }
        let parts = [b"portcullis username digest\0".as_slice(), entry.key.id.as_bytes(), &digest.nonce];
        if !inner.metadata.claim_once(&Sha256::digest(parts.concat()).into(), now).await? {
            return refuse(Denial::Replayed, String::new());
        }
        let who = entry_principal(&entry, generation, None, &origin);
        let let_in = self.let_in(who, &attempt, has_failed, self.now());
        let_in.map_err(|error| told(origin.channel, error))
    }
}
