//! Changing and deleting sites.

use portcullis_access::{Change, SiteAdmin};
use portcullis_domain::{Site, SiteId};
use portcullis_metadata::{KeyFilter, PageRequest, StorageFilter};

use super::tree::Tree;
use super::{SiteChange, SiteView, trails};
use crate::audit::Deed;
use crate::{ATTEMPTS, Control, ControlError, Result};

impl Control {
    /// Changes a site. When this returns, the change holds: for new requests, and for those under way, in it and in all below it.
    ///
    /// # Errors
    /// As [`Self::update_site_if`].
    pub async fn update_site(&self, admin: &SiteAdmin, id: SiteId, change: &SiteChange) -> Result<SiteView> {
        self.update_site_if(admin, id, change, |_| true).await?.ok_or(ControlError::Stale)
    }

    /// Changes a site as [`Self::update_site`] does, but only if it still is as whoever decided on the change saw it; none, and nothing
    /// is changed, if it is not.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], also for a rule that is looser than what holds above; [`ControlError::NotFound`];
    /// [`ControlError::Conflict`] for a name that is taken; [`ControlError::ConfirmationNeeded`] for rules; [`ControlError::Stale`] if
    /// others change it all the time; [`ControlError::Metadata`]; [`ControlError::Access`] if the change is committed but could not be
    /// put in force here.
    pub async fn update_site_if(
        &self,
        admin: &SiteAdmin,
        id: SiteId,
        change: &SiteChange,
        is_as_seen: impl Fn(&Site) -> bool + Send + Sync,
    ) -> Result<Option<SiteView>> {
        for _ in 0..ATTEMPTS {
            match self.try_update_site(admin, id, change, &is_as_seen).await {
                Err(ControlError::Stale) => {}
                other => return other,
            }
        }
        Err(ControlError::Stale)
    }

    async fn try_update_site(
        &self,
        admin: &SiteAdmin,
        id: SiteId,
        change: &SiteChange,
        is_as_seen: &(dyn Fn(&Site) -> bool + Send + Sync),
    ) -> Result<Option<SiteView>> {
        let alone = self.changing.lock().await;
        let tree = self.tree(admin).await?;
        let before = tree.seen(id).ok_or(ControlError::NotFound)?;
        if !is_as_seen(before) {
            return Ok(None);
        }
        let after = change.apply(before.clone(), tree.rules_above(before))?;
        if !change.rules.is_empty() {
            self.require_confirmed(admin.principal())?;
        }
        let what = what_changes(before, &after);
        let deed = Deed { action: "update_site", object: Some(&what), ..Deed::default() };
        let trails = trails(admin, id);
        self.carry_out_in(&trails, admin, deed, self.metadata.update_site(before, &after)).await?;
        self.in_force_everywhere(self.cutting_lately(), &[Change::Site(id)]).await?;
        drop(alone);
        self.site(admin, id).await.map(Some)
    }

    /// Deletes a site in which there is nothing.
    ///
    /// # Errors
    /// As [`Self::delete_site_if`].
    pub async fn delete_site(&self, admin: &SiteAdmin, id: SiteId) -> Result<()> {
        self.delete_site_if(admin, id, |_| true).await?.ok_or(ControlError::Stale)
    }

    /// Deletes a site as [`Self::delete_site`] does, but only if it still is as whoever decided on it saw it; none, and it stays, if it
    /// is not.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::InUse`] if anything is in it; [`portcullis_access::AccessError::Denied`] for a key;
    /// [`ControlError::ConfirmationNeeded`]; [`ControlError::Metadata`]; [`ControlError::Access`] if it is deleted but that could not be
    /// put in force here.
    pub async fn delete_site_if(
        &self,
        admin: &SiteAdmin,
        id: SiteId,
        is_as_seen: impl Fn(&Site) -> bool + Send + Sync,
    ) -> Result<Option<()>> {
        self.refuse_keys(admin, "delete_site")?;
        self.require_confirmed(admin.principal())?;
        let _alone = self.changing.lock().await;
        let tree = self.tree(admin).await?;
        let site = tree.seen(id).ok_or(ControlError::NotFound)?;
        if !is_as_seen(site) {
            return Ok(None);
        }
        let contents = self.contents(&tree, id).await?;
        if !contents.is_empty() {
            return Err(ControlError::InUse(contents.join(", ")));
        }
        let what = format!("{} ({id})", site.name);
        let deed = Deed { action: "delete_site", object: Some(&what), ..Deed::default() };
        let trails = trails(admin, tree.parent(site).unwrap_or_else(|| admin.site()));
        let deleted = self.carry_out_in(&trails, admin, deed, self.metadata.delete_site(id)).await;
        if matches!(deleted, Err(ControlError::InUse(_))) {
            // What was looked for above is not there.
            return Err(ControlError::InUse("traces of what was deleted in it".to_owned()));
        }
        deleted?;
        self.access.applied(Change::Site(id)).await?;
        Ok(Some(()))
    }

    /// What is in a site, in words.
    async fn contents(&self, tree: &Tree, id: SiteId) -> Result<Vec<&'static str>> {
        let one = PageRequest::first(1);
        let mut contents = Vec::new();
        let mut found = |there: bool, word| {
            if there {
                contents.push(word);
            }
        };
        found(tree.has_children(id), "sites below it");
        found(!self.metadata.users(id).await?.is_empty(), "users");
        let storages = self.metadata.storages(&StorageFilter::of(id), &one).await?;
        found(!storages.items.is_empty(), "storages");
        found(!self.metadata.keys(&KeyFilter::of(id), &one).await?.items.is_empty(), "keys");
        found(!self.metadata.groups_page(id, None, &one).await?.items.is_empty(), "groups");
        Ok(contents)
    }
}

/// A change in words, for the audit trail.
fn what_changes(before: &Site, after: &Site) -> String {
    let mut what = format!("{} ({})", before.name, before.id);
    let mut note = |rule: &str, from: String, to: String| {
        if from != to {
            what.push_str(&format!("; {rule}: {from} → {to}"));
        }
    };
    let days = |days: Option<u16>| days.map_or_else(|| "none".to_owned(), |days| days.to_string());
    let (own, new) = (before.rules, after.rules);
    note("name", before.name.to_string(), after.name.to_string());
    note("members_make_keys", own.members_make_keys.to_string(), new.members_make_keys.to_string());
    note("longest_key_days", days(own.longest_key_days), days(new.longest_key_days));
    note("keys_need_networks", own.keys_need_networks.to_string(), new.keys_need_networks.to_string());
    note("idle_key_days", days(own.idle_key_days), days(new.idle_key_days));
    note("second_factor", own.second_factor.to_string(), new.second_factor.to_string());
    note("data_events", own.data_events.to_string(), new.data_events.to_string());
    what
}
