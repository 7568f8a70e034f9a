//! What administration needs of the trusted core: proof of the right to it, new secrets, and a view of what is under way.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use portcullis_domain::{
    Action, Channel, CredentialId, KeyId, ObjectKey, Secret, SiteId, StorageId, Timestamp, UserId,
};
use portcullis_metadata::{ActivityKind, StoredSecret};
use zeroize::Zeroizing;

use crate::access::System;
use crate::account::Proof;
use crate::authenticate::hash_of;
use crate::principal::Principal;
use crate::vault::Purpose;
use crate::watch::{Transfer, TransferId};
use crate::{Access, AccessError, Denial};

/// How many of a key's latest secrets a chosen one must differ from.
const EARLIER: usize = 4;

/// Proof that a principal administered its site a moment ago. To be asked for anew with every request.
#[derive(Clone, Debug)]
pub struct SiteAdmin {
    who: Principal,
    actor: String,
}

impl SiteAdmin {
    /// The site, the only one that this proof is for.
    #[must_use]
    pub fn site(&self) -> SiteId {
        self.who.site()
    }

    /// Who acts, in the words of the audit trail: `user:ada`, or `key:` and the key's id.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The user who acts, or to whom the key that acts belongs.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.who.user_id()
    }

    /// The key that acts, if a key does.
    #[must_use]
    pub fn key(&self) -> Option<KeyId> {
        self.who.key_id()
    }

    /// The principal whose proof this is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.who
    }
}

/// A new credential. The secret is shown once and wiped; what is stored gives nothing away.
pub struct Minted {
    /// The public half.
    pub credential: CredentialId,
    /// The secret half, for the one answer that shows it.
    pub secret: Secret,
    /// What to store of it, with the record of the key that it was minted for and no other.
    pub stored: StoredSecret,
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minted").field("credential", &self.credential).finish_non_exhaustive()
    }
}

/// A body that is under way on this node.
#[derive(Clone, Debug)]
pub struct TransferInfo {
    /// Its id, of which there is one on all nodes.
    pub id: TransferId,
    /// The site in which it runs.
    pub site: SiteId,
    /// The key under which it runs, if it is a key.
    pub key: Option<KeyId>,
    /// The person who signed in, or to whom the key belongs.
    pub user: Option<UserId>,
    /// The storage.
    pub storage: StorageId,
    /// Up ([`Action::Put`]) or down ([`Action::Get`]).
    pub action: Action,
    /// The object.
    pub object: ObjectKey,
    /// The client's address.
    pub peer: IpAddr,
    /// What the client calls itself.
    pub tool: String,
    /// When it began.
    pub started: Timestamp,
    /// Bytes so far.
    pub bytes: u64,
}

impl Access {
    /// Proof that the principal administers its site.
    ///
    /// # Errors
    /// [`AccessError::Denied`] as the policy says, [`AccessError::Unavailable`].
    pub fn admin(&self, who: &Principal) -> Result<SiteAdmin, AccessError> {
        self.heard()?;
        let (now, directory) = (self.now(), &self.inner().directory);
        directory
            .administers(who, now)
            .map_err(|reason| self.refuse_principal(who, "administer", None, Denial::Policy(reason)))?;
        self.inner().last_used.note(who, now);
        self.count(who, None, ActivityKind::Used, Action::Administer.as_str());
        if let Some(reason) = directory.trial(who, now, None) {
            self.count(who, None, ActivityKind::Tried, reason.as_str());
        }
        Ok(SiteAdmin { who: who.clone(), actor: self.actor_of(who) })
    }

    /// A principal in the words of the audit trail.
    pub(crate) fn actor_of(&self, who: &Principal) -> String {
        let user = who.session_id().and_then(|_| self.inner().directory.user(who.user_id()?));
        user.map_or_else(|| who.actor(), |user| format!("user:{}", user.username))
    }

    /// A new credential for the key with this id. The secret of an S3 key is sealed, because signatures need it, and that
    /// of a web service key, because password digests (WS-Security) do; that of any other is hashed.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `SecondFactorNeeded`; [`AccessError::Unavailable`] if the system gives no random numbers.
    pub fn mint(&self, proof: &impl Proof, key: KeyId, channel: Channel) -> Result<Minted, AccessError> {
        let (credential, secret) = (fresh_credential()?, fresh_secret()?);
        let stored = self.store_secret(proof, key, channel, &secret)?;
        Ok(Minted { credential, secret, stored })
    }

    /// What to store of a generated secret, with the record of the key with this id and no other.
    ///
    /// # Errors
    /// As [`Access::mint`].
    pub fn store_secret(
        &self,
        proof: &impl Proof,
        key: KeyId,
        channel: Channel,
        secret: &Secret,
    ) -> Result<StoredSecret, AccessError> {
        self.require_second_factor(proof.principal())?;
        Ok(match channel {
            Channel::S3 | Channel::WebService => {
                StoredSecret::Sealed(self.seal(Purpose::KeySecret(key), secret.reveal().as_bytes())?)
            }
            Channel::Rest | Channel::Http | Channel::Ftp | Channel::Email => {
                StoredSecret::Hash(hash_of(secret.reveal()))
            }
        })
    }

    /// New credentials with a secret that a person chose: the public half, and what to store of the secret, for any channel on which
    /// it is sent as it is.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with `SecondFactorNeeded`, with `OldSecret` for one that this key has or had lately, or with `Malformed` for
    /// one that is empty, longer than 1,024 bytes or of the form of a generated one; [`AccessError::Throttled`]; [`AccessError::Unavailable`] if the system gives no random numbers or no memory.
    pub async fn mint_chosen(
        &self,
        proof: &impl Proof,
        key: KeyId,
        secret: &Secret,
    ) -> Result<(CredentialId, StoredSecret), AccessError> {
        self.require_second_factor(proof.principal())?;
        if Secret::parse(secret.reveal()).is_ok() {
            return Err(AccessError::Denied(Denial::Malformed));
        }
        let passwords = &self.inner().passwords;
        let _place = passwords.queue()?;
        let entry = self.inner().directory.key(key);
        for pair in entry.iter().flat_map(|entry| entry.known()).take(EARLIER) {
            if let StoredSecret::Stretched(phc) = pair.stored
                && passwords.verify(Some(phc), secret.reveal()).await?
            {
                return Err(AccessError::Denied(Denial::OldSecret));
            }
        }
        Ok((fresh_credential()?, StoredSecret::Stretched(self.hash_password(secret).await?)))
    }

    /// A secret for an address that is given to somebody, a link or an invitation, and what to store of it.
    ///
    /// # Errors
    /// [`AccessError::Unavailable`] if the system gives no random numbers.
    pub fn mint_token(&self) -> Result<(Secret, [u8; 32]), AccessError> {
        let secret = fresh_secret()?;
        let stored = hash_of(secret.reveal());
        Ok((secret, stored))
    }

    /// What is stored of a token that somebody shows; none if it has the form of none.
    #[must_use]
    pub fn hash_token(text: &str) -> Option<[u8; 32]> {
        Secret::parse(text).ok().map(|token| hash_of(token.reveal()))
    }

    /// The bodies under way on this node in the admin's site, oldest first.
    #[must_use]
    pub fn transfers(&self, admin: &SiteAdmin) -> Vec<TransferInfo> {
        let mut own = self.under_way();
        own.retain(|transfer| transfer.site == admin.site());
        own
    }

    /// The bodies under way on this node, oldest first.
    #[must_use]
    pub fn all_transfers(&self, _: &System) -> Vec<TransferInfo> {
        self.under_way()
    }

    fn under_way(&self) -> Vec<TransferInfo> {
        let mut all = self.inner().watch.all();
        all.sort_unstable_by_key(|transfer| transfer.id);
        let info = |transfer: Arc<Transfer>| TransferInfo {
            id: transfer.id,
            site: transfer.who.site(),
            key: transfer.who.key_id(),
            user: transfer.who.user_id(),
            storage: transfer.storage,
            action: transfer.action,
            object: transfer.object.clone(),
            peer: transfer.who.peer(),
            tool: transfer.who.tool().to_owned(),
            started: transfer.started,
            bytes: transfer.bytes.load(Ordering::Relaxed),
        };
        all.into_iter().map(info).collect()
    }
}

/// Bytes of chance.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), AccessError> {
    getrandom::fill(bytes).map_err(|_| AccessError::Unavailable)
}

/// A public half of chance.
pub(crate) fn fresh_credential() -> Result<CredentialId, AccessError> {
    let mut entropy = [0u8; 16];
    fill(&mut entropy)?;
    Ok(CredentialId::from_entropy(entropy))
}

/// A number of chance.
pub(crate) fn fresh_number() -> Result<u64, AccessError> {
    let mut entropy = [0u8; 8];
    fill(&mut entropy)?;
    Ok(u64::from_be_bytes(entropy))
}

/// A secret of chance.
pub(crate) fn fresh_secret() -> Result<Secret, AccessError> {
    let mut entropy = Zeroizing::new([0u8; 32]);
    fill(&mut *entropy)?;
    Ok(Secret::from_entropy(&entropy))
}
