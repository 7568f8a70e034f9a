//! Proofs: of the right to administer a site, and of the right to look after what is one's own.

use portcullis_domain::{Action, DenyReason, SiteId, UserId};
use portcullis_metadata::ActivityKind;

use crate::principal::Principal;
use crate::{Access, AccessError, Denial, SiteAdmin};

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::SiteAdmin {}
    impl Sealed for super::Oneself {}
}

/// What a proof tells of whoever has it. Sealed: the two proofs of this crate are all there are.
pub trait Proof: sealed::Sealed + Sync {
    /// The principal whose proof this is.
    fn principal(&self) -> &Principal;
    /// Who acts, in the words of the audit trail: `user:ada`, or `key:` and the key's id.
    fn actor(&self) -> &str;
    /// The site that this proof is for.
    fn site(&self) -> SiteId;
}

impl Proof for SiteAdmin {
    fn principal(&self) -> &Principal {
        Self::principal(self)
    }
    fn actor(&self) -> &str {
        Self::actor(self)
    }
    fn site(&self) -> SiteId {
        Self::site(self)
    }
}

/// Proof that a principal is somebody who may look after what is their own: their password, factors, sessions, and, where the
/// site lets them, keys. It says nothing of storages or of others. To be asked for anew with every request.
#[derive(Clone, Debug)]
pub struct Oneself {
    who: Principal,
    user: UserId,
    home: SiteId,
    actor: String,
}

impl Oneself {
    /// The person.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }
}

impl Proof for Oneself {
    fn principal(&self) -> &Principal {
        &self.who
    }
    fn actor(&self) -> &str {
        &self.actor
    }
    /// The person's own site, wherever they act.
    fn site(&self) -> SiteId {
        self.home
    }
}

impl Access {
    /// Proof that the principal may look after what is their own: any living sign-in, also one without the second factor that
    /// the site asks for, or a user's REST key with the permission `full`.
    ///
    /// # Errors
    /// [`AccessError::Denied`] as the policy says of the principal itself, or with `WrongCredentialKind`;
    /// [`AccessError::Unavailable`].
    pub fn oneself(&self, who: &Principal) -> Result<Oneself, AccessError> {
        self.heard()?;
        let (now, directory) = (self.now(), &self.inner().directory);
        let who = self.alive(who.clone(), now)?;
        let user = who.user_id().and_then(|id| directory.user(id));
        let Some(user) = user.filter(|_| directory.is_oneself(&who)) else {
            return Err(self.refuse_principal(&who, "oneself", None, Denial::WrongCredentialKind));
        };
        self.count(&who, None, ActivityKind::Used, Action::Administer.as_str());
        let actor = self.actor_of(&who);
        Ok(Oneself { user: user.id, home: user.site, actor, who })
    }

    /// Refuses a session without the second factor that the site asks for: what it may do for its own account ends where
    /// somebody gains a right by it, as by a key.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with [`DenyReason::SecondFactorNeeded`].
    pub fn require_second_factor(&self, who: &Principal) -> Result<(), AccessError> {
        if self.inner().directory.misses_second_factor(who) {
            let denial = Denial::Policy(DenyReason::SecondFactorNeeded);
            return Err(self.refuse_principal(who, "own_keys", None, denial));
        }
        Ok(())
    }

    /// The site to which the person behind this principal belongs; none for keys that are nobody's and for links.
    #[must_use]
    pub fn home_site(&self, who: &Principal) -> Option<SiteId> {
        who.user_id().and_then(|id| self.inner().directory.user(id)).map(|user| user.site)
    }
}
