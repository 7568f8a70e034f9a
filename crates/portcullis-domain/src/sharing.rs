//! What is shared: with people and groups by grants, with whoever has it by a link.

use crate::permission::words;
use crate::{
    DisplayName, GrantId, GroupId, KeyPrefix, LinkId, Networks, ObjectKey, Permission, SiteId, StorageId,
    Timestamp, UserId,
};

/// Several people of a site under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Identifies the group.
    pub id: GroupId,
    /// The site it belongs to, as all its members do.
    pub site: SiteId,
    /// What it is called; unique in the site, letter case aside.
    pub name: DisplayName,
    /// When it was made.
    pub created: Timestamp,
}

/// With whom something is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grantee {
    /// One person.
    User(UserId),
    /// Everybody in a group, as long as they are.
    Group(GroupId),
}

/// A storage, or a part of one, shared with a person or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageGrant {
    /// Identifies the grant.
    pub id: GrantId,
    /// The site of the storage and of the grantee.
    pub site: SiteId,
    /// The storage.
    pub storage: StorageId,
    /// With whom it is shared.
    pub grantee: Grantee,
    /// The part that is shared; empty for all of it.
    pub prefix: KeyPrefix,
    /// What may be done there: [`Permission::Read`], [`Permission::Write`] or [`Permission::ReadWrite`].
    pub permission: Permission,
    /// When it was made.
    pub created: Timestamp,
}

/// What one grant comes to for one person. Several add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The storage.
    pub storage: StorageId,
    /// The part of it.
    pub prefix: KeyPrefix,
    /// What may be done there.
    pub permission: Permission,
}

/// What a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// One file, there or not.
    File(ObjectKey),
    /// Everything under a prefix; the empty one is the whole storage.
    Folder(KeyPrefix),
}

impl LinkTarget {
    /// The key or the prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::File(key) => key.as_str(),
            Self::Folder(prefix) => prefix.as_str(),
        }
    }
}

words! {
    /// Whether a link still leads anywhere.
    LinkState {
        /// It does.
        Active = "active",
        /// It was ended for good.
        Ended = "ended",
    }
    "active, ended"
}

/// Something shared with whoever has its address. The address holds a secret of which only the hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Identifies the record; not the secret in the address.
    pub id: LinkId,
    /// The site of the storage.
    pub site: SiteId,
    /// The storage.
    pub storage: StorageId,
    /// What a person called it; shown to whoever opens it.
    pub name: DisplayName,
    /// What it leads to.
    pub target: LinkTarget,
    /// [`Permission::Read`] to download, [`Permission::Write`] for a drop box into which files can only be put.
    pub permission: Permission,
    /// From where it may be opened.
    pub networks: Networks,
    /// The first moment at which it leads nowhere.
    pub expires: Option<Timestamp>,
    /// Whether a password is asked for.
    pub has_password: bool,
    /// How many downloads begin in all; none for no limit.
    pub max_downloads: Option<u32>,
    /// How many have begun.
    pub downloads: u32,
    /// Whether it still leads anywhere.
    pub state: LinkState,
    /// When it was made.
    pub created: Timestamp,
}

/// Why a link cannot have this combination of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLinkShape {
    /// A link reads or it takes in; both at once would let one visitor change what another reads.
    #[error("a link is for reading or for uploading: permission read or write")]
    Permission,
    /// What is put in gets names of its own.
    #[error("a link for uploads leads to a folder")]
    UploadToFile,
    /// Uploads are not counted.
    #[error("a limit of downloads is for links that read")]
    LimitOnUpload,
}

impl Link {
    /// Whether the settings make sense together.
    ///
    /// # Errors
    /// Names the first combination that does not.
    pub const fn check_shape(&self) -> Result<(), InvalidLinkShape> {
        match (self.permission, &self.target) {
            (Permission::Read, _) => Ok(()),
            (Permission::Write, LinkTarget::File(_)) => Err(InvalidLinkShape::UploadToFile),
            (Permission::Write, LinkTarget::Folder(_)) if self.max_downloads.is_some() => {
                Err(InvalidLinkShape::LimitOnUpload)
            }
            (Permission::Write, LinkTarget::Folder(_)) => Ok(()),
            (Permission::None | Permission::ReadWrite | Permission::Full, _) => {
                Err(InvalidLinkShape::Permission)
            }
        }
    }
}
