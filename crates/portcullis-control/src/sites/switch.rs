//! Acting in a site below one's own.

use portcullis_access::{AccessError, Denial, Principal};
use portcullis_domain::{Role, Site};

use super::tree::Tree;
use crate::audit::Deed;
use crate::{Control, ControlError, Result};

impl Control {
    /// Makes a sign-in act in another site: an admin's in one below their own, anybody's in their own again. Requests that were
    /// authenticated before go on where they were. It stands in the trails of both sites and of the person's own.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `site` if there is none that the person may act in; [`AccessError::Denied`] for a key, which works
    /// where it was made; [`ControlError::Metadata`].
    pub async fn switch_site(&self, who: &Principal, site: &str) -> Result<Site> {
        let (Some(_), Some(user)) = (who.session_id(), who.user_id()) else {
            return Err(AccessError::Denied(Denial::WrongCredentialKind).into());
        };
        let user = self.metadata.user(user).await?.ok_or(ControlError::NotFound)?;
        let tree = Tree::new(self.metadata.sites().await?, user.site, user.role == Role::Admin);
        let wanted = site.parse().ok().and_then(|id| tree.seen(id));
        let no_site = || ControlError::invalid("site", "there is no such site in which you may act");
        let wanted = wanted.ok_or_else(no_site)?;
        let mut concerned = vec![user.site, wanted.id, who.site()];
        concerned.sort_unstable();
        concerned.dedup();
        let what = format!("{} ({})", wanted.name, wanted.id);
        let deed = Deed { action: "switch_site", object: Some(&what), ..Deed::default() };
        let actor = format!("user:{}", user.username);
        let switched = self.access.switch_site(who, wanted.id);
        match self.carry_out_by((&concerned, who, &actor), deed, switched).await {
            Ok(()) => Ok(wanted.clone()),
            Err(ControlError::Access(AccessError::NotFound)) => Err(no_site()),
            Err(other) => Err(other),
        }
    }
}
