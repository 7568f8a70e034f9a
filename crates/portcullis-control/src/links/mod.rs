//! Links: what is shared with whoever has an address.
//!
//! The address holds a secret that is told once; what is stored of it is a hash. A link reads, or takes in: never both.

mod authority;
mod draft;
mod visits;

use portcullis_access::{Change, SiteAdmin};
use portcullis_domain::{Link, LinkId, LinkState, Secret, StorageId, Timestamp};
use portcullis_metadata::{LinkFilter, Page, PageRequest};

use crate::audit::Deed;
use crate::{Control, ControlError, Result};

use draft::is_fit;
pub use draft::{LINK_PASSWORD_MAX, LINK_PASSWORD_MIN, LinkChange, LinkDraft, LinkTargetDraft};

/// How often a change is tried that others overtake.
const TRIES: u32 = 3;

/// Which links to list.
#[derive(Clone, Debug, Default)]
pub struct LinkQuery {
    /// Only those to this storage.
    pub storage: Option<StorageId>,
    /// Only those whose name, or what they lead to, contains it, upper and lower case alike.
    pub search: Option<String>,
    /// Only those that were not ended.
    pub only_active: bool,
}

/// Whether a link leads anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStatus {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// It was downloaded as often as it may be.
    Spent,
    /// It was ended for good.
    Ended,
}

impl LinkStatus {
    /// How this link is at that moment.
    #[must_use]
    pub fn of(link: &Link, now: Timestamp) -> Self {
        match link.state {
            LinkState::Ended => Self::Ended,
            LinkState::Active if link.expires.is_some_and(|end| end <= now) => Self::Expired,
            LinkState::Active if is_spent(link) => Self::Spent,
            LinkState::Active => Self::Active,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Spent => "spent",
            Self::Ended => "ended",
        }
    }
}

/// Whether no further download may begin.
fn is_spent(link: &Link) -> bool {
    link.max_downloads.is_some_and(|most| link.downloads >= most)
}

/// A link with how it is. Its address is nowhere to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// The record.
    pub link: Link,
    /// Whether it leads anywhere.
    pub status: LinkStatus,
}

/// A link that was just made, with the secret of its address, which is told this once.
pub struct CreatedLink {
    /// The link.
    pub view: LinkView,
    /// The secret part of the address.
    pub token: Secret,
}

impl std::fmt::Debug for CreatedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedLink").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Control {
    /// Makes a link. The secret of its address is in the answer and nowhere else, ever.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], also for a link that is wider than the key that asks for it; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if no secret could be made, or the link is committed but not in force: then it leads nowhere, and
    /// may be ended.
    pub async fn create_link(&self, admin: &SiteAdmin, draft: &LinkDraft) -> Result<CreatedLink> {
        let link = draft.check(admin.site(), self.access.now())?;
        match self.find_storage(admin, link.storage).await {
            Ok(_) => {}
            Err(ControlError::NotFound) => return Err(ControlError::invalid("storage", draft::NO_STORAGE)),
            Err(other) => return Err(other),
        }
        self.check_link_authority(admin, "create_link", &link, None).await?;
        let phc = self.hash_link_password(draft.password.as_ref()).await?;
        let (token, hash) = self.access.mint_token()?;
        let deed = deed_of("create_link", &link);
        self.carry_out(admin, deed, self.metadata.create_link(&link, &hash, phc.as_deref())).await?;
        self.access.applied(Change::Link(link.id)).await?;
        Ok(CreatedLink { view: self.view_link(link), token })
    }

    async fn hash_link_password(&self, password: Option<&Secret>) -> Result<Option<String>> {
        match password {
            Some(password) => Ok(Some(self.access.hash_password(password).await?)),
            None => Ok(None),
        }
    }

    /// A link of the admin's site, ended or not.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn link(&self, admin: &SiteAdmin, id: LinkId) -> Result<LinkView> {
        Ok(self.view_link(self.find_link(admin, id).await?))
    }

    /// One page of the site's links, the oldest first.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn links(
        &self,
        admin: &SiteAdmin,
        query: LinkQuery,
        page: &PageRequest,
    ) -> Result<Page<LinkView>> {
        let LinkQuery { storage, search, only_active } = query;
        let filter = LinkFilter { storage, search, only_active, ..LinkFilter::of(admin.site()) };
        let found = self.metadata.links_page(&filter, page).await?;
        let items = found.items.into_iter().map(|link| self.view_link(link)).collect();
        Ok(Page { items, next: found.next })
    }

    async fn find_link(&self, admin: &SiteAdmin, id: LinkId) -> Result<Link> {
        let found = self.metadata.link(id).await?;
        found.filter(|link| link.site == admin.site()).ok_or(ControlError::NotFound)
    }

    fn view_link(&self, link: Link) -> LinkView {
        LinkView { status: LinkStatus::of(&link, self.access.now()), link }
    }

    /// Changes a link. When this returns, the change holds: for new visitors, and for transfers under way.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], also for a link that was ended; [`ControlError::NotFound`]; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if the change is committed but could not be put in force here.
    pub async fn update_link(&self, admin: &SiteAdmin, id: LinkId, change: &LinkChange) -> Result<LinkView> {
        self.update_link_if(admin, id, change, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// Changes a link as [`Self::update_link`] does, but only if it still is as whoever decided on the change saw it; none, and
    /// nothing is changed, if it is not.
    ///
    /// # Errors
    /// As [`Self::update_link`].
    pub async fn update_link_if(
        &self,
        admin: &SiteAdmin,
        id: LinkId,
        change: &LinkChange,
        is_as_seen: impl Fn(&Link) -> bool + Send + Sync,
    ) -> Result<Option<LinkView>> {
        let phc = match &change.password {
            Some(given) => Some(self.hash_link_password(given.as_ref().filter(|given| is_fit(given))).await?),
            None => None,
        };
        let password = phc.as_ref().map(Option::as_deref);
        let alone = self.changing.lock().await;
        for _ in 0..TRIES {
            let before = self.find_link(admin, id).await?;
            if !is_as_seen(&before) {
                return Ok(None);
            }
            if before.state == LinkState::Ended {
                return Err(ControlError::invalid("state", "this link was ended for good; make a new one"));
            }
            let link = change.apply(before.clone(), self.access.now())?;
            self.check_link_authority(admin, "update_link", &link, Some(&before)).await?;
            let deed = deed_of("update_link", &link);
            let commit = self.metadata.update_link(&before, &link, password);
            match self.carry_out(admin, deed, commit).await {
                Ok(()) => {
                    self.in_force_everywhere(self.cutting_lately(), &[Change::Link(id)]).await?;
                    drop(alone);
                    return self.link(admin, id).await.map(Some);
                }
                // Somebody downloaded, or another node was quicker.
                Err(ControlError::Stale) => {}
                Err(other) => return Err(other),
            }
        }
        Err(ControlError::Stale)
    }

    /// Ends a link for good. When this returns, its address leads nowhere, and transfers of its visitors have ended. Ending one that
    /// was ended succeeds.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Metadata`]; [`ControlError::Access`] if it is ended but that could not be put in
    /// force here.
    pub async fn end_link(&self, admin: &SiteAdmin, id: LinkId) -> Result<()> {
        self.end_link_if(admin, id, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// Ends a link as [`Self::end_link`] does, but only if it still is as whoever decided on it saw it; none if it is not.
    ///
    /// # Errors
    /// As [`Self::end_link`].
    pub async fn end_link_if(
        &self,
        admin: &SiteAdmin,
        id: LinkId,
        is_as_seen: impl Fn(&Link) -> bool + Send + Sync,
    ) -> Result<Option<()>> {
        let alone = self.changing.lock().await;
        let link = self.find_link(admin, id).await?;
        if !is_as_seen(&link) {
            return Ok(None);
        }
        if link.state == LinkState::Active {
            let deed = deed_of("end_link", &link);
            self.carry_out(admin, deed, self.metadata.end_link(id)).await?;
        }
        // Also for one that was ended: the call before this may have failed halfway.
        self.in_force_everywhere(self.cutting_lately(), &[Change::Link(id)]).await?;
        drop(alone);
        Ok(Some(()))
    }
}

fn deed_of<'a>(action: &'a str, link: &'a Link) -> Deed<'a> {
    Deed { action, key: None, storage: Some(link.storage), object: Some(link.name.as_str()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{DisplayName, KeyPrefix, LinkTarget, Networks, Permission, SiteId};

    #[test]
    fn how_a_link_is() {
        let link = Link {
            id: LinkId::from_u128(1),
            site: SiteId::from_u128(1),
            storage: StorageId::from_u128(1),
            name: DisplayName::parse("link").unwrap(),
            target: LinkTarget::Folder(KeyPrefix::default()),
            permission: Permission::Read,
            networks: Networks::anywhere(),
            expires: Some(Timestamp::from_seconds(10)),
            has_password: false,
            max_downloads: Some(2),
            downloads: 1,
            state: LinkState::Active,
            created: Timestamp::default(),
        };
        let status = |link: &Link, now: i64| LinkStatus::of(link, Timestamp::from_seconds(now)).as_str();
        assert_eq!(status(&link, 9), "active");
        assert_eq!(status(&link, 10), "expired");
        let spent = Link { downloads: 2, ..link.clone() };
        assert_eq!((status(&spent, 9), status(&spent, 10)), ("spent", "expired"));
        let ended = Link { state: LinkState::Ended, ..spent };
        assert_eq!(status(&ended, 10), "ended");
        let unlimited = Link { max_downloads: None, downloads: u32::MAX, expires: None, ..link };
        assert_eq!(status(&unlimited, i64::from(u32::MAX)), "active");
    }
}
