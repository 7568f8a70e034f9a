//! Sites and the people in them.

use crate::permission::words;
use crate::{DisplayName, SiteId, Timestamp, UserId, Username};

/// A tenant: users, storages, keys and settings. Nothing crosses from one site to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Identifies the site.
    pub id: SiteId,
    /// The site above it, if it is a child.
    pub parent: Option<SiteId>,
    /// What a person called it.
    pub name: DisplayName,
    /// When it was made.
    pub created: Timestamp,
}

words! {
    /// What a person is in their site.
    Role {
        /// Runs the site: every storage, every key, every user of it.
        Admin = "admin",
        /// Reaches what was shared with them.
        Member = "member",
    }
    "admin, member"
}

words! {
    /// Whether a person may come in.
    UserState {
        /// May.
        Active = "active",
        /// May not, nor may their keys.
        Disabled = "disabled",
    }
    "active, disabled"
}

/// A person, in exactly one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identifies the person.
    pub id: UserId,
    /// The site they belong to.
    pub site: SiteId,
    /// The number in the bucket names of the storages they make.
    pub number: u32,
    /// Their name at sign-in, unique in the installation.
    pub username: Username,
    /// What they are in the site.
    pub role: Role,
    /// Whether they may come in.
    pub state: UserState,
    /// When the record was made.
    pub created: Timestamp,
}
