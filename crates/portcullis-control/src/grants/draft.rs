//! What somebody filled in for sharing a storage, and what it becomes.

use portcullis_domain::{KeyPrefix, Permission, StorageGrant};

use crate::Result;
use crate::check::{Check, set};

/// With whom something is to be shared, as somebody filled it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GranteeDraft {
    /// The id of a person.
    User(String),
    /// The id of a group.
    Group(String),
}

/// A storage, or a part of one, to be shared, as somebody filled it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantDraft {
    /// The id of the storage.
    pub storage: String,
    /// With whom.
    pub grantee: GranteeDraft,
    /// The part that is shared; all of it if left out.
    pub prefix: Option<String>,
    /// `read`, `write` or `read_write`.
    pub permission: String,
}

/// What to change of a grant; what is left out stays. Storage and grantee never change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantChange {
    /// The part that is shared; the empty text is all of it.
    pub prefix: Option<String>,
    /// `read`, `write` or `read_write`.
    pub permission: Option<String>,
}

/// What is shared, before it is known with whom.
pub(super) fn read(check: &mut Check, draft: &GrantDraft) -> Option<(KeyPrefix, Permission)> {
    let prefix = check.parse_or("prefix", draft.prefix.as_deref(), KeyPrefix::default());
    let permission = permission(check, &draft.permission);
    prefix.zip(permission)
}

fn permission(check: &mut Check, text: &str) -> Option<Permission> {
    let permission = check.parse("permission", text)?;
    let right = matches!(permission, Permission::Read | Permission::Write | Permission::ReadWrite);
    check.require(right, "permission", "read, write or read_write; to share nothing, delete the grant");
    right.then_some(permission)
}

impl GrantChange {
    pub(super) fn apply(&self, mut grant: StorageGrant) -> Result<StorageGrant> {
        let mut check = Check::default();
        if let Some(prefix) = &self.prefix {
            set(&mut grant.prefix, check.parse("prefix", prefix));
        }
        if let Some(text) = &self.permission {
            set(&mut grant.permission, permission(&mut check, text));
        }
        check.finish(Some(grant))
    }
}
