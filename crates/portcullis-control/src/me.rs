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
        Ok(Me { site, user, key, admin })
    }
}
