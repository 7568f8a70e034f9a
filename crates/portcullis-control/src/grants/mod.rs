//! Sharing a storage, or a part of one, with people and groups of the site.
//!
//! What people and their keys may do follows at once, also for transfers under way.

mod draft;
mod reach;
mod status;

use portcullis_access::SiteAdmin;
use portcullis_domain::{GrantId, Grantee, GroupId, StorageGrant, StorageId, UserId};
use portcullis_metadata::{GrantFilter, GrantRow, Page, PageRequest};

use crate::audit::Deed;
use crate::check::Check;
use crate::{ATTEMPTS, Control, ControlError, Result};

pub use draft::{GrantChange, GrantDraft, GranteeDraft};
pub use reach::OwnStorage;
pub use status::ShareStatus;
pub(crate) use status::Shares;

/// Which grants to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantQuery {
    /// Only those of this storage.
    pub storage: Option<StorageId>,
    /// Only those to this person, not through a group.
    pub user: Option<UserId>,
    /// Only those to this group.
    pub group: Option<GroupId>,
}

/// A grant after a change, and what it ended.
#[derive(Clone, Debug)]
pub struct ChangedGrant {
    /// The grant.
    pub row: GrantRow,
    /// How many transfers under way on this node were cut.
    pub cut: u32,
}

impl Control {
    /// One page of what is shared in the admin's site, the oldest first.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn grants(
        &self,
        admin: &SiteAdmin,
        query: GrantQuery,
        page: &PageRequest,
    ) -> Result<Page<GrantRow>> {
        let GrantQuery { storage, user, group } = query;
        let filter = GrantFilter { site: admin.site(), storage, user, group };
        Ok(self.metadata.grants_page(&filter, page).await?)
    }

    /// A grant of the admin's site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn grant(&self, admin: &SiteAdmin, id: GrantId) -> Result<GrantRow> {
        let grant = self.find_grant(admin, id).await?;
        self.named(admin, grant).await
    }

    async fn find_grant(&self, admin: &SiteAdmin, id: GrantId) -> Result<StorageGrant> {
        let found = self.metadata.grant(id).await?;
        found.filter(|grant| grant.site == admin.site()).ok_or(ControlError::NotFound)
    }

    /// A grant with the names of what it is about.
    async fn named(&self, admin: &SiteAdmin, grant: StorageGrant) -> Result<GrantRow> {
        let storage = self.metadata.storage(grant.storage).await?.ok_or(ControlError::NotFound)?;
        let grantee_name = match grant.grantee {
            Grantee::User(id) => self.user(admin, id).await?.user.username.to_string(),
            Grantee::Group(id) => self.find_group(admin, id).await?.name.to_string(),
        };
        Ok(GrantRow { grant, grantee_name, storage_name: storage.name })
    }

    /// Shares a storage of the admin's site, or a part of it, with a person or a group of the site. When this returns, they reach it.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], also for what is of another site; [`ControlError::Conflict`] if the same part is shared with them
    /// already; [`ControlError::Metadata`]; [`ControlError::Access`] if it is shared but that could not be put in force here.
    pub async fn create_grant(&self, admin: &SiteAdmin, draft: &GrantDraft) -> Result<GrantRow> {
        let mut check = Check::default();
        let what = draft::read(&mut check, draft);
        let storage = self.storage_to_share(admin, &mut check, &draft.storage).await?;
        let grantee = self.grantee(admin, &mut check, &draft.grantee).await?;
        let read = (|| {
            let (prefix, permission) = what?;
            Some(StorageGrant {
                id: GrantId::generate(),
                site: admin.site(),
                storage: storage?,
                grantee: grantee?,
                prefix,
                permission,
                created: self.access.now(),
            })
        })();
        let row = self.named(admin, check.finish(read)?).await?;
        let what = in_words(&row);
        let deed = deed_of("create_grant", &row, &what);
        self.carry_out(admin, deed, self.metadata.create_grant(&row.grant)).await?;
        self.apply_grantee(row.grant.grantee).await?;
        Ok(row)
    }

    async fn storage_to_share(
        &self,
        admin: &SiteAdmin,
        check: &mut Check,
        text: &str,
    ) -> Result<Option<StorageId>> {
        let found = match text.parse() {
            Ok(id) => self.find_storage(admin, id).await,
            Err(_) => Err(ControlError::NotFound),
        };
        match found {
            Ok(storage) => Ok(Some(storage.id)),
            Err(ControlError::NotFound) => {
                check.problem("storage", "there is no such storage in this site");
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    async fn grantee(
        &self,
        admin: &SiteAdmin,
        check: &mut Check,
        draft: &GranteeDraft,
    ) -> Result<Option<Grantee>> {
        let (found, field) = match draft {
            GranteeDraft::User(text) => {
                let found = match text.parse() {
                    Ok(id) => self.user(admin, id).await.map(|row| Grantee::User(row.user.id)),
                    Err(_) => Err(ControlError::NotFound),
                };
                (found, "user")
            }
            GranteeDraft::Group(text) => {
                let found = match text.parse() {
                    Ok(id) => self.find_group(admin, id).await.map(|group| Grantee::Group(group.id)),
                    Err(_) => Err(ControlError::NotFound),
                };
                (found, "group")
            }
        };
        match found {
            Ok(grantee) => Ok(Some(grantee)),
            Err(ControlError::NotFound) => {
                check.problem(field, format!("there is no such {field} in this site"));
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Changes what is shared. When this returns, the change holds: for new requests, and for those under way.
    ///
    /// # Errors
    /// As [`Self::update_grant_if`].
    pub async fn update_grant(
        &self,
        admin: &SiteAdmin,
        id: GrantId,
        change: &GrantChange,
    ) -> Result<ChangedGrant> {
        self.update_grant_if(admin, id, change, |_| true).await?.ok_or(ControlError::Stale)
    }

    /// Changes what is shared, but only if it still is as whoever decided on the change saw it; none, and nothing is changed, if it is
    /// not.
    ///
    /// # Errors
    /// [`ControlError::Invalid`]; [`ControlError::NotFound`]; [`ControlError::Conflict`] if that part is shared with them already;
    /// [`ControlError::Stale`] if others change it all the time; [`ControlError::Metadata`]; [`ControlError::Access`] if the change is
    /// committed but could not be put in force here.
    pub async fn update_grant_if(
        &self,
        admin: &SiteAdmin,
        id: GrantId,
        change: &GrantChange,
        is_as_seen: impl Fn(&StorageGrant) -> bool + Send + Sync,
    ) -> Result<Option<ChangedGrant>> {
        for _ in 0..ATTEMPTS {
            let before = self.find_grant(admin, id).await?;
            if !is_as_seen(&before) {
                return Ok(None);
            }
            let row = self.named(admin, change.apply(before.clone())?).await?;
            let what = in_words(&row);
            let deed = deed_of("update_grant", &row, &what);
            match self.carry_out(admin, deed, self.metadata.update_grant(&before, &row.grant)).await {
                Err(ControlError::Stale) => {}
                Err(other) => return Err(other),
                Ok(()) => {
                    let cut = self.apply_grantee(before.grantee).await?;
                    return Ok(Some(ChangedGrant { row, cut }));
                }
            }
        }
        Err(ControlError::Stale)
    }

    /// Stops sharing; says how many transfers that cut. When this returns, what was reached by it alone is no longer reached.
    ///
    /// # Errors
    /// As [`Self::delete_grant_if`].
    pub async fn delete_grant(&self, admin: &SiteAdmin, id: GrantId) -> Result<u32> {
        self.delete_grant_if(admin, id, |_| true).await?.ok_or(ControlError::Stale)
    }

    /// Stops sharing, but only if it still is as whoever decided on it saw it; none, and nothing is changed, if it is not.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Metadata`]; [`ControlError::Access`] if it is done but could not be put in force
    /// here.
    pub async fn delete_grant_if(
        &self,
        admin: &SiteAdmin,
        id: GrantId,
        is_as_seen: impl Fn(&StorageGrant) -> bool + Send + Sync,
    ) -> Result<Option<u32>> {
        let grant = self.find_grant(admin, id).await?;
        if !is_as_seen(&grant) {
            return Ok(None);
        }
        let row = self.named(admin, grant).await?;
        let what = in_words(&row);
        let deed = deed_of("delete_grant", &row, &what);
        let deleted = self.carry_out(admin, deed, self.metadata.delete_grant(id)).await?;
        let cut = self.apply_grantee(row.grant.grantee).await?;
        if deleted { Ok(Some(cut)) } else { Err(ControlError::NotFound) }
    }

    /// Puts in force what was shared with somebody, or is not any more.
    async fn apply_grantee(&self, grantee: Grantee) -> Result<u32> {
        self.apply_users(&self.metadata.grantees(&grantee).await?).await
    }
}

/// A grant in words, for the audit trail.
fn in_words(row: &GrantRow) -> String {
    let (kind, grant) = match row.grant.grantee {
        Grantee::User(_) => ("user", &row.grant),
        Grantee::Group(_) => ("group", &row.grant),
    };
    format!("{kind} {}: {} on {}/{}", row.grantee_name, grant.permission, row.storage_name, grant.prefix)
}

fn deed_of<'a>(action: &'a str, row: &GrantRow, what: &'a str) -> Deed<'a> {
    Deed { action, storage: Some(row.grant.storage), object: Some(what), ..Deed::default() }
}
