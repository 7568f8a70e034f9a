//! Who somebody is.

use portcullis_access::Principal;
use portcullis_domain::{Key, Permission, Role, Scope, Site, User};

use crate::{Control, ControlError, Result};

/// What a principal may know of itself.
#[derive(Clone, Debug)]
pub struct Me {
    /// The site it belongs to.
    pub site: Site,
    /// The person who signed in, or to whom the key belongs.
    pub user: Option<User>,
    /// The key, if a key asks.
    pub key: Option<Key>,
    /// Whether it may administer the site.
    pub admin: bool,
    /// The sign-in, if a person asks who signed in.
    pub sign_in: Option<OwnSignIn>,
}

/// What people may know of the sign-in they ask with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnSignIn {
    /// Whether a second factor was shown.
    pub second_factor: bool,
    /// Whether the site asks for one that was not shown: nothing may be done then but to look after one's own account.
    pub second_factor_needed: bool,
    /// Whether they proved who they are in the last ten minutes.
    pub confirmed: bool,
}

impl Control {
    /// Who the principal is. Tells nothing that is not its own.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if it was deleted a moment ago, [`ControlError::Metadata`].
    pub async fn me(&self, who: &Principal) -> Result<Me> {
        let site = self.metadata.site(who.site()).await?.ok_or(ControlError::NotFound)?;
        let user = match who.user_id() {
            Some(id) => Some(self.metadata.user(id).await?.ok_or(ControlError::NotFound)?),
            None => None,
        };
        let key = match who.key_id() {
            Some(id) => Some(self.metadata.key(id).await?.ok_or(ControlError::NotFound)?),
            None => None,
        };
        let role_allows = user.as_ref().is_some_and(|user| user.role == Role::Admin);
        let admin = key.as_ref().map_or(role_allows, |key| {
            key.permission == Permission::Full && (key.scope == Scope::Site || role_allows)
        });
        let sign_in = self.own_sign_in(who, user.as_ref()).await?;
        Ok(Me { site, user, key, admin, sign_in })
    }

    async fn own_sign_in(&self, who: &Principal, user: Option<&User>) -> Result<Option<OwnSignIn>> {
        let (Some(id), Some(user)) = (who.session_id(), user) else { return Ok(None) };
        let sessions = self.metadata.sessions_of(user.id).await?;
        let session = sessions.into_iter().find(|session| session.id == id).ok_or(ControlError::NotFound)?;
        let second_factor = session.second_factor;
        let asks = !second_factor && self.effective_rules(who.site()).await?.second_factor.asks(user.role);
        let confirmed = self.access.is_confirmed(who);
        Ok(Some(OwnSignIn { second_factor, second_factor_needed: asks, confirmed }))
    }
}
