//! Accounts as somebody filled them in.

use std::fmt;

use portcullis_domain::{Channel, Secret};

use crate::NetworkDraft;

/// Accounts to be imported, as somebody filled them in.
#[derive(Clone, Default)]
pub struct AccountsDraft {
    /// The accounts, in any order.
    pub accounts: Vec<AccountDraft>,
    /// Whether to tell only what would be made.
    pub dry_run: bool,
    /// The ticket of a dry run of the same accounts.
    pub ticket: Option<String>,
}

impl fmt::Debug for AccountsDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AccountsDraft");
        shown.field("accounts", &self.accounts).field("dry_run", &self.dry_run).finish_non_exhaustive()
    }
}

/// An account to be imported, as somebody filled it in.
#[derive(Clone, Debug, Default)]
pub struct AccountDraft {
    /// Its id in the other system.
    pub id: String,
    /// What it is called, and its site will be.
    pub name: String,
    /// When it was made there: a day, or a moment in RFC 3339.
    pub created: String,
    /// The id there of the master account that it belongs to; none for a master account.
    pub parent: Option<String>,
    /// What to call the storage for its files; as the account if left out.
    pub storage: Option<String>,
    /// From where its keys may be used; anywhere if empty.
    pub networks: Vec<NetworkDraft>,
    /// When its keys end; never if left out.
    pub expires_at: Option<String>,
    /// Credentials for all its channels.
    pub credentials: CredentialsDraft,
    /// Credentials for single channels.
    pub channels: Vec<(Channel, CredentialsDraft)>,
}

/// Credentials that are brought along; what is left out is generated.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CredentialsDraft {
    /// A user name.
    pub login: Option<String>,
    /// A secret.
    pub secret: Option<Secret>,
}

impl CredentialsDraft {
    pub(super) fn is_empty(&self) -> bool {
        self.login.is_none() && self.secret.is_none()
    }
}

impl fmt::Debug for CredentialsDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsDraft").field("login", &self.login).finish_non_exhaustive()
    }
}
