//! Temporary credentials: a part of a key for a while, without a record of their own.
//!
//! The session token is sealed under the master key, so that any node opens it and nobody else makes one. It holds the access
//! key and the secret that go with it, the key they come from, and what is left of that key. The key itself is looked up at every
//! request: with it, and with the credentials that it had when they were made, they end.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::{
    Channel, CredentialId, DenyReason, KeyId, KeyPrefix, KeyState, Narrowing, NetworkEntry, Networks, Scope,
    Secret, Timestamp,
};
use zeroize::Zeroizing;

use crate::admin::{fresh_credential, fresh_secret};
use crate::directory::Generation;
use crate::principal::{Principal, Who};
use crate::vault::Purpose;
use crate::{Access, AccessError, Denial};

/// The longest life of temporary credentials.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// The longest session token that is looked at, in bytes: a key prefix of 1,024 bytes and some hundred networks fit.
const LONGEST_TOKEN: usize = 16 * 1024;
/// The second form names which of the key's credentials; the first is of a time when keys had but one.
const FORMATS: [&str; 2] = ["1", "2"];
const ACTION: &str = "temporary_credentials";

/// Temporary credentials, for the one answer that shows them.
pub struct Temporary {
    /// The public half.
    pub access_key: CredentialId,
    /// The secret half.
    pub secret: Secret,
    /// What has to be shown with every request.
    pub session_token: Secret,
    /// The first moment at which they no longer work.
    pub expires: Timestamp,
}

impl std::fmt::Debug for Temporary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Temporary").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// What a session token says.
pub(crate) struct Claims {
    pub(crate) access_key: CredentialId,
    pub(crate) secret: Secret,
    pub(crate) key: KeyId,
    /// The access key of that key at the time.
    pub(crate) credential: CredentialId,
    /// With which of that key's credentials they end.
    pub(crate) generation: Generation,
    pub(crate) narrowing: Narrowing,
}

impl Claims {
    /// Line by line; the prefix last, since it may hold any character.
    fn write(&self) -> Zeroizing<String> {
        let Self { access_key, secret, key, credential, generation, narrowing } = self;
        let Narrowing { storage, permission, prefix, networks, expires } = narrowing;
        let storage = storage.map(|id| id.to_string()).unwrap_or_default();
        let networks: Vec<_> = networks.entries().iter().map(|entry| entry.network.to_string()).collect();
        Zeroizing::new(format!(
            "2\n{access_key}\n{}\n{key}\n{credential}\n{generation}\n{storage}\n{permission}\n{}\n{}\n{prefix}",
            secret.reveal(),
            expires.micros(),
            networks.join(","),
        ))
    }

    fn read(text: &str) -> Option<Self> {
        let (format, rest) = text.split_once('\n')?;
        let second = FORMATS.iter().position(|known| *known == format)? == 1;
        let mut lines = rest.splitn(if second { 10 } else { 9 }, '\n');
        let mut next = || lines.next();
        let (access_key, secret) = (next()?.parse().ok()?, Secret::parse(next()?).ok()?);
        let (key, credential) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let generation = if second { next()?.parse().ok()? } else { 0 };
        let storage = match next()? {
            "" => None,
            id => Some(id.parse().ok()?),
        };
        let permission = next()?.parse().ok()?;
        let expires = Timestamp::from_micros(next()?.parse().ok()?);
        let networks = next()?.split(',').filter(|text| !text.is_empty());
        let networks: Result<Vec<_>, _> = networks.map(|text| NetworkEntry::parse(text, "")).collect();
        let networks = Networks::new(networks.ok()?).ok()?;
        let prefix = KeyPrefix::parse(next()?).ok()?;
        let narrowing = Narrowing { storage, permission, prefix, networks, expires };
        Some(Self { access_key, secret, key, credential, generation, narrowing })
    }
}

impl Access {
    /// Temporary credentials of an S3 key: nothing is stored of them. Admins make them of any key of their site, people of their
    /// own keys, a key of itself. What exceeds the key is without effect; they end with the key, and after twelve hours at most.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] if there is no such key for this principal; [`AccessError::Denied`] with `WrongCredentialKind` for
    /// a key that is no S3 key and for who came with temporary credentials, or as the policy says of the key;
    /// [`AccessError::Metadata`] if it cannot be written to the audit trail; [`AccessError::Unavailable`].
    pub async fn mint_temporary(
        &self,
        who: &Principal,
        key: KeyId,
        narrowing: &Narrowing,
    ) -> Result<Temporary, AccessError> {
        self.heard()?;
        let (now, directory) = (self.now(), &self.inner().directory);
        let who = self.alive(who.clone(), now)?;
        self.require_second_factor(&who)?;
        let entry = directory.key(key).filter(|entry| entry.key.site == who.site());
        let entry = entry.filter(|entry| entry.key.state == KeyState::Active).ok_or(AccessError::NotFound)?;
        let own = matches!(who.who(), Who::Key { id, .. } if id == key);
        let theirs = who.user_id().map(Scope::User) == Some(entry.key.scope);
        if !(own || theirs && directory.is_oneself(&who)) && directory.administers(&who, now).is_err() {
            return Err(AccessError::NotFound);
        }
        if who.is_temporary() || entry.key.channel != Channel::S3 {
            return Err(self.refuse_principal(&who, ACTION, None, Denial::WrongCredentialKind));
        }
        let expires = narrowing.expires.min(now.after(LONGEST));
        let expires = entry.key.expires.map_or(expires, |end| end.min(expires));
        if expires <= now {
            let reason = Denial::Policy(DenyReason::CredentialsExpired);
            return Err(self.refuse_principal(&who, ACTION, None, reason));
        }
        let generation = match who.who() {
            // What a key makes with credentials that are running out runs out with them.
            Who::Key { id, generation, .. } if id == key => generation,
            Who::Key { .. } | Who::Session { .. } | Who::Link(_) | Who::Run => entry.key.generation,
        };
        let claims = Claims {
            access_key: fresh_credential()?,
            secret: fresh_secret()?,
            key,
            credential: entry.credential(generation),
            generation,
            narrowing: Narrowing { expires, ..narrowing.clone() },
        };
        let sealed = self.seal(Purpose::Temporary, claims.write().as_bytes())?;
        if own {
            // Others than the key itself write it down in their own words before they give it out.
            let what = format!("{} until {}", claims.access_key, claims.narrowing.expires);
            self.inner().metadata.append_audit(&self.done(&who, ACTION, Some(what))).await?;
        }
        Ok(Temporary {
            access_key: claims.access_key,
            expires,
            secret: claims.secret,
            session_token: Secret::foreign(URL_SAFE_NO_PAD.encode(sealed)),
        })
    }

    /// What a session token says, if it is one of this installation.
    pub(crate) fn claims(&self, token: &str) -> Option<Claims> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok().filter(|_| token.len() <= LONGEST_TOKEN)?;
        let plain = self.unseal(Purpose::Temporary, &sealed).ok()?;
        Claims::read(std::str::from_utf8(&plain).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{Permission, StorageId};

    #[test]
    fn claims_are_read_as_they_were_written() {
        let networks = ["203.0.113.0/24", "2001:db8::7"];
        let networks = networks.iter().map(|text| NetworkEntry::parse(text, "").unwrap()).collect();
        let claims = Claims {
            access_key: CredentialId::from_entropy([1; 16]),
            secret: Secret::from_entropy(&[2; 32]),
            key: KeyId::from_u128(3),
            credential: CredentialId::from_entropy([4; 16]),
            generation: 7,
            narrowing: Narrowing {
                storage: Some(StorageId::from_u128(5)),
                permission: Permission::Read,
                prefix: KeyPrefix::parse("with\nline/").unwrap(),
                networks: Networks::new(networks).unwrap(),
                expires: Timestamp::from_seconds(6),
            },
        };
        let again = Claims::read(&claims.write()).unwrap();
        assert_eq!(again.narrowing, claims.narrowing);
        assert_eq!(
            (again.access_key, again.key, again.credential, again.generation),
            (claims.access_key, claims.key, claims.credential, 7)
        );
        assert!(again.secret == claims.secret);
        let open = Narrowing { storage: None, networks: Networks::anywhere(), ..claims.narrowing.clone() };
        let open = Claims { narrowing: open, ..claims };
        assert_eq!(Claims::read(&open.write()).unwrap().narrowing, open.narrowing);
        // As they were written before there was a generation.
        let first = open.write().replacen("2\n", "1\n", 1).replacen("\n7\n", "\n", 1);
        assert_eq!(Claims::read(&first).map(|claims| claims.generation), Some(0));
        for damaged in ["", "2", &open.write().replacen("2\n", "3\n", 1), "1\n1\n1\n1\n1\n1\n1\n1\n1\n"] {
            assert!(Claims::read(damaged).is_none());
        }
    }
}
