//! Groups: people of a site under one name, with whom things are shared at once.

use portcullis_access::SiteAdmin;
use portcullis_domain::{DisplayName, Group, GroupId, User, UserId};
use portcullis_metadata::{GroupRow, Page, PageRequest};

use crate::audit::Deed;
use crate::check::{Check, set};
use crate::paging::page_of;
use crate::{ATTEMPTS, Control, ControlError, Result};

/// A group to be made, as somebody filled it in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupDraft {
    /// What to call it; unique in the site, upper and lower case alike.
    pub name: String,
}

/// What to change of a group; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// What to call it.
    pub name: Option<String>,
}

impl Control {
    /// One page of the groups of the admin's site, by name; of a search those whose name contains it.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn groups(
        &self,
        admin: &SiteAdmin,
        search: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<GroupRow>> {
        Ok(self.metadata.groups_page(admin.site(), search, page).await?)
    }

    /// A group of the admin's site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn group(&self, admin: &SiteAdmin, id: GroupId) -> Result<GroupRow> {
        let group = self.find_group(admin, id).await?;
        let members = self.metadata.members_of(id).await?.len();
        Ok(GroupRow { group, members: u32::try_from(members).unwrap_or(u32::MAX) })
    }

    /// The record of a group of the admin's site.
    pub(crate) async fn find_group(&self, admin: &SiteAdmin, id: GroupId) -> Result<Group> {
        let found = self.metadata.group(id).await?;
        found.filter(|group| group.site == admin.site()).ok_or(ControlError::NotFound)
    }

    /// Makes a group, with nobody in it.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], [`ControlError::Conflict`] for a name that is taken, [`ControlError::Metadata`].
    pub async fn create_group(&self, admin: &SiteAdmin, draft: &GroupDraft) -> Result<GroupRow> {
        let mut check = Check::default();
        let name: Option<DisplayName> = check.parse("name", &draft.name);
        let name = check.finish(name)?;
        let group = Group { id: GroupId::generate(), site: admin.site(), name, created: self.access.now() };
        let deed = Deed { action: "create_group", object: Some(group.name.as_str()), ..Deed::default() };
        self.carry_out(admin, deed, self.metadata.create_group(&group)).await?;
        Ok(GroupRow { group, members: 0 })
    }

    /// Changes a group.
    ///
    /// # Errors
    /// As [`Self::update_group_if`].
    pub async fn update_group(
        &self,
        admin: &SiteAdmin,
        id: GroupId,
        change: &GroupChange,
    ) -> Result<GroupRow> {
        self.update_group_if(admin, id, change, |_| true).await?.ok_or(ControlError::Stale)
    }

    /// Changes a group, but only if it still is as whoever decided on the change saw it; none, and nothing is changed, if it is not.
    ///
    /// # Errors
    /// [`ControlError::Invalid`]; [`ControlError::NotFound`]; [`ControlError::Conflict`] for a name that is taken;
    /// [`ControlError::Stale`] if others change it all the time; [`ControlError::Metadata`].
    pub async fn update_group_if(
        &self,
        admin: &SiteAdmin,
        id: GroupId,
        change: &GroupChange,
        is_as_seen: impl Fn(&Group) -> bool + Send + Sync,
    ) -> Result<Option<GroupRow>> {
        for _ in 0..ATTEMPTS {
            let before = self.find_group(admin, id).await?;
            if !is_as_seen(&before) {
                return Ok(None);
            }
            let (mut check, mut after) = (Check::default(), before.clone());
            if let Some(name) = &change.name {
                set(&mut after.name, check.parse("name", name));
            }
            let after = check.finish(Some(after))?;
            let what = format!("{} → {}", before.name, after.name);
            let deed = Deed { action: "update_group", object: Some(&what), ..Deed::default() };
            match self.carry_out(admin, deed, self.metadata.update_group(&before, &after)).await {
                Err(ControlError::Stale) => {}
                Err(other) => return Err(other),
                Ok(()) => return self.group(admin, id).await.map(Some),
            }
        }
        Err(ControlError::Stale)
    }

    /// Deletes a group with all that was shared with it; says how many transfers that cut. When this returns, what its members reached
    /// by it they no longer reach.
    ///
    /// # Errors
    /// As [`Self::delete_group_if`].
    pub async fn delete_group(&self, admin: &SiteAdmin, id: GroupId) -> Result<u32> {
        self.delete_group_if(admin, id, |_| true).await?.ok_or(ControlError::Stale)
    }

    /// Deletes a group as [`Self::delete_group`] does, but only if it still is as whoever decided on it saw it; none, and it stays, if it
    /// is not.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Metadata`]; [`ControlError::Access`] if it is deleted but that could not be put in
    /// force here.
    pub async fn delete_group_if(
        &self,
        admin: &SiteAdmin,
        id: GroupId,
        is_as_seen: impl Fn(&Group) -> bool + Send + Sync,
    ) -> Result<Option<u32>> {
        let group = self.find_group(admin, id).await?;
        if !is_as_seen(&group) {
            return Ok(None);
        }
        let deed = Deed { action: "delete_group", object: Some(group.name.as_str()), ..Deed::default() };
        let affected = self.carry_out(admin, deed, self.metadata.delete_group(id)).await?;
        self.apply_users(&affected).await.map(Some)
    }

    /// One page of who is in a group, in the order in which they came into the site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn members_of_group(
        &self,
        admin: &SiteAdmin,
        id: GroupId,
        page: &PageRequest,
    ) -> Result<Page<User>> {
        self.find_group(admin, id).await?;
        let mut members = self.metadata.members_of(id).await?;
        members.sort_by_key(|user| user.id);
        page_of(members, |user| user.id.to_string(), page)
    }

    /// Puts a person into a group; false if they were in it. When this returns, they reach what is shared with it.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if the site has no such group or no such person; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if it is done but could not be put in force here.
    pub async fn add_to_group(&self, admin: &SiteAdmin, group: GroupId, user: UserId) -> Result<bool> {
        let what = self.membership(admin, group, user).await?;
        let deed = Deed { action: "add_to_group", object: Some(&what), ..Deed::default() };
        let added = self.carry_out(admin, deed, self.metadata.add_member(group, user)).await?;
        self.apply_users(&[user]).await?;
        Ok(added)
    }

    /// Takes a person out of a group; says how many transfers that cut. When this returns, what they reached by it alone they no longer
    /// reach.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if the site has no such group, no such person, or they are not in it; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if it is done but could not be put in force here.
    pub async fn remove_from_group(&self, admin: &SiteAdmin, group: GroupId, user: UserId) -> Result<u32> {
        let what = self.membership(admin, group, user).await?;
        let deed = Deed { action: "remove_from_group", object: Some(&what), ..Deed::default() };
        let removed = self.carry_out(admin, deed, self.metadata.remove_member(group, user)).await?;
        let cut = self.apply_users(&[user]).await?;
        if removed { Ok(cut) } else { Err(ControlError::NotFound) }
    }

    /// A person and a group of the admin's site, in words.
    async fn membership(&self, admin: &SiteAdmin, group: GroupId, user: UserId) -> Result<String> {
        let group = self.find_group(admin, group).await?;
        let row = self.user(admin, user).await?;
        Ok(format!("{}: {}", group.name, row.user.username))
    }
}
