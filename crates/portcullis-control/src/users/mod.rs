//! People: let in, looked at, listed, changed.

mod authority;
mod draft;
mod end;
mod invitations;

use portcullis_access::{Change, SiteAdmin};
use portcullis_domain::{Role, User, UserId, UserState};
use portcullis_metadata::{NewUser, Page, PageRequest, UserRow};

use crate::audit::Deed;
use crate::receipt::UploadsOf;
use crate::{ATTEMPTS, Control, ControlError, Result};

pub use draft::{UserChange, UserDraft};
pub use end::{Ended, ResetUser};
pub use invitations::{INVITATION_LIFETIME, InvitationView, NewInvitation};

/// Which people to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// Only those whose name contains it, upper and lower case alike.
    pub search: Option<String>,
    /// Only those in this role.
    pub role: Option<Role>,
    /// Only those in this state.
    pub state: Option<UserState>,
}

/// A person who was just let in.
#[derive(Debug)]
pub struct CreatedUser {
    /// The person.
    pub row: UserRow,
    /// For who got no password: by which they choose one. Told this once.
    pub invitation: Option<NewInvitation>,
}

/// A person after a change, and what it ended.
#[derive(Clone, Debug)]
pub struct ChangedUser {
    /// The person.
    pub row: UserRow,
    /// What ended.
    pub ended: Ended,
}

impl Control {
    /// One page of the people of the admin's site, by name.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn users(
        &self,
        admin: &SiteAdmin,
        query: UserQuery,
        page: &PageRequest,
    ) -> Result<Page<UserRow>> {
        let UserQuery { search, role, state } = query;
        let query = portcullis_metadata::UserQuery { site: admin.site(), search, role, state };
        Ok(self.metadata.users_page(&query, page).await?)
    }

    /// A person of the admin's site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn user(&self, admin: &SiteAdmin, id: UserId) -> Result<UserRow> {
        let found = self.metadata.user_row(id).await?;
        found.filter(|row| row.user.site == admin.site()).ok_or(ControlError::NotFound)
    }

    /// Lets a person into the admin's site: with a password, or by an invitation with which they choose one.
    ///
    /// # Errors
    /// [`ControlError::Invalid`]; [`ControlError::Conflict`] for a name that somebody has, in whichever site;
    /// [`ControlError::ConfirmationNeeded`] for an admin; [`portcullis_access::AccessError::Denied`] for a key that is bound to networks
    /// or ends; [`ControlError::Metadata`]; [`ControlError::Access`]. If it fails after the person was made, they are there and can be
    /// reset.
    pub async fn create_user(&self, admin: &SiteAdmin, draft: &UserDraft) -> Result<CreatedUser> {
        let (username, role) = draft.check()?;
        self.may_make_people(admin, "create_user").await?;
        if role == Role::Admin {
            self.require_confirmed(admin.principal())?;
        }
        let password_phc = match &draft.password {
            Some(password) => Some(self.access.hash_password(password).await?),
            None => None,
        };
        let state = if password_phc.is_some() { UserState::Active } else { UserState::Invited };
        let what = format!("{username} ({role}, {state})");
        let deed = Deed { action: "create_user", object: Some(&what), ..Deed::default() };
        let created = self.access.now();
        let new = NewUser { site: admin.site(), username, role, state, password_phc, created };
        let user = self.carry_out(admin, deed, self.metadata.create_user(new)).await?;
        let invitation = match state {
            UserState::Invited => Some(self.new_invitation(user.id).await?),
            UserState::Active | UserState::Disabled => None,
        };
        self.access.applied(Change::User(user.id)).await?;
        Ok(CreatedUser { row: self.user(admin, user.id).await?, invitation })
    }

    /// Changes a person's role, keeps them out or lets them in again. When this returns the change holds: of who is kept out, the
    /// sign-ins have ended, no key of theirs is admitted, and transfers under way have ended.
    ///
    /// # Errors
    /// As [`Self::update_user_if`].
    pub async fn update_user(
        &self,
        admin: &SiteAdmin,
        id: UserId,
        change: &UserChange,
    ) -> Result<ChangedUser> {
        self.update_user_if(admin, id, change, |_| true).await?.ok_or(ControlError::Stale)
    }

    /// Changes a person as [`Self::update_user`] does, but only if they still are as whoever decided on the change saw them; none, and
    /// nothing is changed, if they are not.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], also for the last admin of the topmost site and for what somebody would take from themselves;
    /// [`ControlError::NotFound`]; [`ControlError::ConfirmationNeeded`]; [`portcullis_access::AccessError::Denied`] for a key that would
    /// let somebody do more than itself; [`ControlError::Stale`] if others change them all the time; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if the change is committed but could not be put in force here.
    pub async fn update_user_if(
        &self,
        admin: &SiteAdmin,
        id: UserId,
        change: &UserChange,
        is_as_seen: impl Fn(&User) -> bool + Send + Sync,
    ) -> Result<Option<ChangedUser>> {
        for _ in 0..ATTEMPTS {
            match self.try_update_user(admin, id, change, &is_as_seen).await {
                Err(ControlError::Stale) => {}
                other => return other,
            }
        }
        Err(ControlError::Stale)
    }

    async fn try_update_user(
        &self,
        admin: &SiteAdmin,
        id: UserId,
        change: &UserChange,
        is_as_seen: &(dyn Fn(&User) -> bool + Send + Sync),
    ) -> Result<Option<ChangedUser>> {
        let alone = self.changing.lock().await;
        let row = self.user(admin, id).await?;
        let before = &row.user;
        if !is_as_seen(before) {
            return Ok(None);
        }
        let after = change.apply(&row, admin.user() == Some(id))?;
        if after == *before {
            return Ok(Some(ChangedUser { row, ended: Ended::default() }));
        }
        let (other_role, comes_in) = (after.role != before.role, before.state == UserState::Disabled);
        if other_role || after.state == UserState::Disabled {
            self.require_confirmed(admin.principal())?;
        }
        if comes_in || (other_role && after.role == Role::Admin) {
            self.may_make_people(admin, "update_user").await?;
        }
        self.keep_an_admin(before, &after).await?;
        let what = what_changes(before, &after);
        let deed = Deed { action: "update_user", object: Some(&what), ..Deed::default() };
        match self.carry_out(admin, deed, self.metadata.update_user(before, &after)).await {
            // On another node somebody took the role from another admin at the same moment.
            Err(ControlError::Conflict { field: "last_admin" }) => {
                return Err(authority::no_admin_left(before, &after));
            }
            outcome => outcome?,
        }
        let ended = match after.state {
            UserState::Disabled => self.end_all_of(id).await?,
            UserState::Active | UserState::Invited => self.apply_user(id).await?,
        };
        if after.state == UserState::Disabled {
            self.give_up_uploads(admin, UploadsOf::User(id)).await;
        }
        drop(alone);
        Ok(Some(ChangedUser { row: self.user(admin, id).await?, ended }))
    }
}

/// A change in words, for the audit trail.
fn what_changes(before: &User, after: &User) -> String {
    let mut what = before.username.to_string();
    if before.role != after.role {
        what.push_str(&format!("; role: {} → {}", before.role, after.role));
    }
    if before.state != after.state {
        what.push_str(&format!("; state: {} → {}", before.state, after.state));
    }
    what
}
