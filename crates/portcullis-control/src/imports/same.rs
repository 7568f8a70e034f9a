//! Whether an account is what was imported before.

use std::collections::HashMap;

use portcullis_access::{AccessError, Denial, SiteAdmin};
use portcullis_domain::{KeyState, LoginName, Secret};
use portcullis_metadata::ImportedAccount;

use super::between::place;
use super::read::{Account, AccountKey, place_of};
use crate::check::Check;
use crate::{Control, Result};

impl Account {
    /// Its secrets, each once, with the first key that has it.
    pub(super) fn distinct_secrets(&self) -> impl Iterator<Item = (&AccountKey, &Secret)> {
        self.keys.iter().enumerate().filter_map(|(at, key)| {
            let secret = key.secret.as_ref()?;
            let earlier = self.keys.iter().take(at).any(|other| other.secret.as_ref() == Some(secret));
            (!earlier).then_some((key, secret))
        })
    }
}

/// In which fields an account is not what was imported, and what was; secrets aside.
pub(super) fn differences(account: &Account, noted: &ImportedAccount) -> Vec<(String, String)> {
    let mut differ = Vec::new();
    let mut same = |holds: bool, field: &str, was: Option<String>| {
        if !holds {
            let was = was.map_or_else(|| "nothing".to_owned(), |was| format!("\"{was}\""));
            let why = format!(
                "was imported with {was}; an import changes nothing that is there, so leave it as it was"
            );
            differ.push((field.to_owned(), why));
        }
    };
    same(account.parent == noted.parent, "parent", noted.parent.clone());
    same(account.name == noted.name, "name", Some(noted.name.to_string()));
    same(account.created == noted.created, "created", Some(noted.created.to_string()));
    // A storage that is called as its account is told with that.
    let as_accounts = account.storage_name == account.name && noted.storage_name == noted.name;
    let storage = noted.storage_name.to_string();
    same(as_accounts || account.storage_name == noted.storage_name, "storage", Some(storage));
    let networks = noted.networks.entries().iter().map(|entry| entry.network.to_string()).collect::<Vec<_>>();
    let networks = (!networks.is_empty()).then(|| networks.join(" "));
    same(account.networks == noted.networks, "networks", networks);
    same(account.expires == noted.expires, "expires_at", noted.expires.map(|end| end.to_string()));
    for key in &account.keys {
        let Some(had) = noted.keys.iter().find(|had| had.channel == key.channel) else { continue };
        let place = place_of(key.channel);
        let login = had.login.as_ref().map(LoginName::to_string);
        same(key.login == had.login, &format!("{place}.user_name"), login);
        let secret = had.chosen.then(|| "another secret".to_owned());
        same(key.secret.is_some() == had.chosen, &format!("{place}.secret"), secret);
    }
    differ
}

impl Control {
    /// Notes where a secret is not the one that was imported. Keys that were given other credentials since, or are gone, are not looked at.
    pub(super) async fn compare_secrets(
        &self,
        admin: &SiteAdmin,
        check: &mut Check,
        accounts: &[Option<Account>],
        noted: &HashMap<String, ImportedAccount>,
    ) -> Result<()> {
        for (at, account) in accounts.iter().enumerate() {
            let Some(account) = account else { continue };
            let Some(noted) = noted.get(&account.id) else { continue };
            for (key, secret) in account.distinct_secrets() {
                let had = noted.keys.iter().find(|had| had.channel == key.channel && had.chosen);
                let Some(had) = had else { continue };
                let untouched =
                    |key: &portcullis_domain::Key| key.generation == 0 && key.state == KeyState::Active;
                if !self.metadata.key(had.id).await?.as_ref().is_some_and(untouched) {
                    continue;
                }
                match self.access.mint_chosen(admin, had.id, secret).await {
                    Err(AccessError::Denied(Denial::OldSecret)) => {}
                    Err(other) => return Err(other.into()),
                    Ok(_) => check.problem(
                        format!("{}.{}.secret", place(at), place_of(key.channel)),
                        "was imported with another secret; to change it, give the key new credentials",
                    ),
                }
            }
        }
        Ok(())
    }
}
