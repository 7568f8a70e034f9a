//! Accounts of another system become sites.

mod accounts;
mod together;

use portcullis_access::{Origin, SiteAdmin};
use portcullis_control::{
    AccountDraft, AccountState, AccountsDraft, ControlError, CredentialsDraft, Imported, ImportedView,
    KeyQuery, NetworkDraft, PageRequest,
};
use portcullis_domain::{Channel, Secret, SiteId};

use crate::world::{World, origin, secret};

pub(super) const CHANNELS: [Channel; 4] = [Channel::Ftp, Channel::Http, Channel::Email, Channel::WebService];
pub(super) const CHOSEN: &str = "blue cup on a shelf";

pub(super) fn master(id: &str, name: &str, created: &str) -> AccountDraft {
    AccountDraft {
        id: id.to_owned(),
        name: name.to_owned(),
        created: created.to_owned(),
        ..AccountDraft::default()
    }
}

pub(super) fn sub(id: &str, name: &str, created: &str, parent: &str) -> AccountDraft {
    AccountDraft { parent: Some(parent.to_owned()), ..master(id, name, created) }
}

/// An old master with two sub-accounts, one of them old too, and a new master.
pub(super) fn family() -> Vec<AccountDraft> {
    vec![
        sub("8", "Harbour", "2020-02-02", "7"),
        master("7", "Northwind", "2021-03-31"),
        sub("9", "Pier", "2024-01-01", "7"),
        master("10", "Southwind", "2023-06-06"),
    ]
}

pub(super) fn chosen(login: &str, text: &str) -> CredentialsDraft {
    CredentialsDraft { login: Some(login.to_owned()), secret: Some(secret(text)) }
}

pub(super) fn anywhere(network: &str) -> Vec<NetworkDraft> {
    vec![NetworkDraft { network: network.to_owned(), note: String::new() }]
}

impl World {
    pub(super) async fn dry(
        &self,
        admin: &SiteAdmin,
        accounts: Vec<AccountDraft>,
    ) -> Result<Imported, ControlError> {
        let draft = AccountsDraft { accounts, dry_run: true, ticket: None };
        self.control.import_accounts(admin, &draft).await
    }

    pub(super) async fn with(
        &self,
        admin: &SiteAdmin,
        accounts: Vec<AccountDraft>,
        ticket: Option<String>,
    ) -> Result<Imported, ControlError> {
        self.control.import_accounts(admin, &AccountsDraft { accounts, dry_run: false, ticket }).await
    }

    /// A dry run and what it told, made: first the dry run's answer.
    pub(super) async fn import(&self, accounts: Vec<AccountDraft>) -> (Imported, Imported) {
        let told = self.dry(&self.admin, accounts.clone()).await.unwrap();
        let made = self.with(&self.admin, accounts, told.ticket.clone()).await.unwrap();
        (told, made)
    }

    pub(super) async fn opens(&self, channel: Channel, name: &str, text: &Secret) -> bool {
        let from = Origin { channel, ..origin("192.0.2.1") };
        self.access.authenticate_password(from, name, text).await.is_ok()
    }

    pub(super) async fn keys_in(&self, site: SiteId) -> Vec<Channel> {
        let admin = self.admin_in(site).await;
        let page = self.control.keys(&admin, KeyQuery::default(), &PageRequest::first(100)).await.unwrap();
        page.items.iter().map(|view| view.key.channel).collect()
    }

    pub(super) async fn site_count(&self) -> usize {
        self.metadata.sites().await.unwrap().len()
    }
}

pub(super) fn states(imported: &Imported) -> Vec<AccountState> {
    imported.accounts.iter().map(|account| account.state).collect()
}

pub(super) fn of<'a>(imported: &'a Imported, id: &str) -> &'a ImportedView {
    imported.accounts.iter().find(|account| account.id == id).unwrap()
}
