//! What an import comes to: which accounts are there already, and which are new.

use portcullis_domain::{KeyId, SiteId, StorageId};
use portcullis_metadata::ImportedAccount;

use super::read::Account;
use super::ticket::Ticket;
use super::{AccountState, ImportedKeyView, ImportedView};

/// What is to be made, and what is there already, in the order in which it was given.
pub(super) struct Plan {
    pub(super) accounts: Vec<Found>,
}

/// An account that was looked for.
pub(super) enum Found {
    /// It was imported before.
    Before(Box<Before>),
    /// It is to be made.
    New(Box<New>),
}

/// An account that was imported before.
pub(super) struct Before {
    pub(super) account: Account,
    pub(super) noted: ImportedAccount,
}

/// An account that is to be made.
pub(super) struct New {
    pub(super) account: Account,
    pub(super) site: SiteId,
    pub(super) storage: StorageId,
    /// The site above it.
    pub(super) above: SiteId,
    /// The ids of its keys, in their order.
    pub(super) keys: Vec<KeyId>,
}

impl Plan {
    /// The ids of the accounts that are to be made.
    pub(super) fn new_ones(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().filter_map(|found| match found {
            Found::New(new) => Some(new.account.id.as_str()),
            Found::Before(_) => None,
        })
    }

    /// The ids of those that this import makes or made.
    pub(super) fn made_by(&self, import: &str) -> impl Iterator<Item = &str> {
        self.accounts.iter().filter_map(move |found| match found {
            Found::New(new) => Some(new.account.id.as_str()),
            Found::Before(before) => (before.noted.import == import).then_some(before.account.id.as_str()),
        })
    }

    /// Whether there is nothing to be made.
    pub(super) fn is_empty(&self) -> bool {
        self.new_ones().next().is_none()
    }

    /// Whether secrets are to be generated.
    pub(super) fn generates(&self) -> bool {
        self.accounts.iter().any(|found| match found {
            Found::New(new) => new.account.keys.iter().any(|key| key.secret.is_none()),
            Found::Before(_) => false,
        })
    }
}

impl Before {
    pub(super) fn view(self) -> ImportedView {
        let keys = self.noted.keys.into_iter().map(|key| ImportedKeyView {
            id: Some(key.id),
            channel: key.channel,
            login: key.login.map(|login| login.to_string()),
            credential: None,
            chosen: key.chosen,
            secret: None,
        });
        ImportedView {
            id: self.account.id,
            parent: self.account.parent,
            name: self.account.name,
            created: self.account.created,
            state: AccountState::Unchanged,
            site: Some(self.noted.site),
            storage: Some(self.noted.storage),
            bucket: None,
            import: Some(self.noted.import),
            keys: keys.collect(),
        }
    }
}

impl New {
    /// As it would be, with the secrets that it would have.
    pub(super) fn view(self, ticket: &Ticket) -> ImportedView {
        let id = self.account.id;
        let keys = self.account.keys.into_iter().map(|key| ImportedKeyView {
            id: None,
            channel: key.channel,
            login: key.login.map(|login| login.to_string()),
            credential: Some(ticket.credential(&id, key.channel)),
            chosen: key.secret.is_some(),
            secret: key.secret.is_none().then(|| ticket.secret(&id, key.channel)),
        });
        let keys = keys.collect();
        ImportedView {
            id,
            parent: self.account.parent,
            name: self.account.name,
            created: self.account.created,
            state: AccountState::New,
            site: None,
            storage: None,
            bucket: None,
            import: None,
            keys,
        }
    }
}
