//! Who may decide about people: not a key that is narrower than a person, and nobody about the last admin.

use portcullis_access::{AccessError, AuditEntry, Denial, SiteAdmin};
use portcullis_domain::{Role, User, UserState};

use crate::{Control, ControlError, Result};

impl Control {
    /// Refuses a key that is bound to networks or ends: a person is bound to neither, and whoever has such a key could make one.
    pub(super) async fn may_make_people(&self, admin: &SiteAdmin, action: &'static str) -> Result<()> {
        let Some(own) = admin.key() else { return Ok(()) };
        let own = self.metadata.key(own).await?.ok_or(ControlError::NotFound)?;
        if own.networks.is_anywhere() && own.expires.is_none() {
            return Ok(());
        }
        let reason = "wider_than_own";
        let entry = AuditEntry { action, key: None, storage: None, object: None, allowed: false, reason };
        self.access.audit(admin, entry);
        Err(AccessError::Denied(Denial::WrongCredentialKind).into())
    }

    /// Refuses a change after which nobody would administer the topmost site. The sites below can be administered from there.
    pub(super) async fn keep_an_admin(&self, before: &User, after: &User) -> Result<()> {
        if !is_lost(before, after) || !self.is_first_site(before).await? {
            return Ok(());
        }
        if self.metadata.count_active_admins(before.site).await? > 1 {
            return Ok(());
        }
        Err(no_admin_left(before, after))
    }

    async fn is_first_site(&self, user: &User) -> Result<bool> {
        Ok(self.metadata.site(user.site).await?.is_some_and(|site| site.parent.is_none()))
    }
}

fn is_lost(before: &User, after: &User) -> bool {
    let administers = |user: &User| user.role == Role::Admin && user.state == UserState::Active;
    administers(before) && !administers(after)
}

pub(super) fn no_admin_left(before: &User, after: &User) -> ControlError {
    let field = if before.role == after.role { "state" } else { "role" };
    ControlError::invalid(field, "nobody would be left to run the installation; make another admin first")
}
