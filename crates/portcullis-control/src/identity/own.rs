//! What people who have signed in do with their identity at the provider.

use portcullis_access::{AccessError, Denial, Oneself, Principal};

use super::{Arrived, IdentityError, Purpose};
use crate::audit::Deed;
use crate::{Control, ControlError, Result};

impl Control {
    /// Ties the person who signed in to the identity with which they came back. They sign in by it from now on.
    ///
    /// # Errors
    /// [`IdentityError::Taken`] if another user is tied to it; [`IdentityError::SomebodyElse`] if another person began this;
    /// [`IdentityError::Late`] if they were sent there for something else; [`ControlError::Metadata`].
    pub async fn link_identity(&self, who: &Principal, arrived: &Arrived) -> Result<(), IdentityError> {
        let me = self.arrived_in_person(who, arrived, Purpose::Link)?;
        let external = arrived.verified.external_id();
        match self.metadata.user_by_external(&external).await? {
            Some(user) if user.id == me.user() => return Ok(()),
            Some(_) => return Err(IdentityError::Taken),
            None => {}
        }
        let what = format!("{} at {}", arrived.verified.subject(), arrived.verified.issuer());
        let deed = Deed { action: "link_identity", object: Some(&what), ..Deed::default() };
        match self.carry_out(&me, deed, self.metadata.set_external(me.user(), Some(&external))).await {
            Err(ControlError::Conflict { field: "external" }) => Err(IdentityError::Taken),
            other => Ok(other?),
        }
    }

    /// Takes note that the person who signed in proved to the provider, just now, who they are.
    ///
    /// # Errors
    /// [`IdentityError::SomebodyElse`] if it is somebody else; [`IdentityError::Late`] if they were sent there for something else;
    /// [`ControlError::Metadata`].
    pub async fn confirm_by_identity(&self, who: &Principal, arrived: &Arrived) -> Result<(), IdentityError> {
        self.arrived_in_person(who, arrived, Purpose::Confirm)?;
        let origin = crate::sessions::origin_of(who);
        let proved = match self.access.prove_external(&origin, &arrived.verified).await {
            Err(AccessError::NotFound) => return Err(IdentityError::SomebodyElse),
            other => other?,
        };
        match self.access.confirm(who, &proved).await {
            Err(AccessError::Denied(Denial::BadSecret)) => Err(IdentityError::SomebodyElse),
            other => Ok(other?),
        }
    }

    fn arrived_in_person(
        &self,
        who: &Principal,
        arrived: &Arrived,
        purpose: Purpose,
    ) -> Result<Oneself, IdentityError> {
        if arrived.purpose != purpose {
            return Err(IdentityError::Late);
        }
        let me = self.in_person(who)?;
        if arrived.user == Some(me.user()) { Ok(me) } else { Err(IdentityError::SomebodyElse) }
    }

    /// The provider to whose identity the person who signed in is tied, by its issuer; none if to none.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a key, [`ControlError::Metadata`].
    pub async fn own_identity(&self, who: &Principal) -> Result<Option<String>> {
        let me = self.in_person(who)?;
        let external = self.metadata.external_of(me.user()).await?;
        Ok(external.and_then(|external| external.split_once('\n').map(|(issuer, _)| issuer.to_owned())))
    }

    /// Unties the person who signed in from their identity at the provider.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if there is none; [`ControlError::Invalid`] for `identity` if they could not come in without it;
    /// [`ControlError::ConfirmationNeeded`]; [`AccessError::Denied`] for a key; [`ControlError::Metadata`].
    pub async fn unlink_identity(&self, who: &Principal) -> Result<()> {
        let me = self.in_person(who)?;
        self.require_confirmed(who)?;
        let issuer = self.own_identity(who).await?.ok_or(ControlError::NotFound)?;
        let login = self.metadata.login_of(me.user()).await?.ok_or(ControlError::NotFound)?;
        if login.password_phc.is_none() && login.passkeys == 0 {
            let message = "you have no password and no passkey: without the provider you could not come in";
            return Err(ControlError::invalid("identity", message));
        }
        let deed = Deed { action: "unlink_identity", object: Some(&issuer), ..Deed::default() };
        self.carry_out(&me, deed, self.metadata.set_external(me.user(), None)).await
    }
}
