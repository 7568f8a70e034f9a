//! Making what was planned.

use std::collections::HashMap;

use portcullis_access::{Change, SiteAdmin, StoredSecret};
use portcullis_domain::{
    Connection, Key, KeyPrefix, KeyState, Label, MailRules, Networks, OnLeak, Overwrite, Permission, Scope,
    Site, SiteRules, Storage, UserId,
};
use portcullis_metadata::{
    AuditEvent, ImportedAccount, ImportedKey, MetadataError, MetadataErrorKind, NewAccount, NewStorage,
};

use super::plan::{Found, New, Plan};
use super::read::name_of_key;
use super::ticket::Ticket;
use super::{AccountState, Imported, ImportedKeyView, ImportedView};
use crate::audit::Deed;
use crate::{Control, ControlError, DEFAULT_REGION, Result};

impl Control {
    pub(super) async fn make_accounts(
        &self,
        admin: &SiteAdmin,
        plan: Plan,
        ticket: &Ticket,
    ) -> Result<Imported> {
        let owner = self.owner_for(admin).await?;
        let (mut views, mut new) = (Vec::with_capacity(plan.accounts.len()), Vec::new());
        for found in plan.accounts {
            match found {
                Found::Before(before) => views.push(before.view()),
                Found::New(account) => {
                    let made = self.account(admin, &account, owner, ticket).await?;
                    views.push(made_view(&made));
                    new.push(made);
                }
            }
        }
        // Each site after the one above it.
        new.sort_by_key(|new| new.account.parent.is_some());
        let import = ticket.import();
        if !new.is_empty() {
            let storages = self.commit_accounts(admin, new, &import).await?;
            let buckets: HashMap<_, _> =
                storages.into_iter().map(|storage| (storage.id, storage.bucket.to_string())).collect();
            for view in &mut views {
                view.bucket = view.storage.and_then(|id| buckets.get(&id).cloned());
            }
        }
        Ok(Imported { import, ticket: None, accounts: views })
    }

    async fn commit_accounts(
        &self,
        admin: &SiteAdmin,
        new: Vec<NewAccount>,
        import: &str,
    ) -> Result<Vec<Storage>> {
        let keys: usize = new.iter().map(|new| new.keys.len()).sum();
        let what = format!("{} accounts, {keys} keys (import {import})", new.len());
        let deed = Deed { action: "import_accounts", object: Some(&what), ..Deed::default() };
        let mut events = vec![self.event_in(admin.site(), admin.principal(), admin.actor(), deed)];
        let mut changes = Vec::new();
        for account in &new {
            self.note(admin, account, &mut events);
            changes.push(Change::Site(account.site.id));
            changes.push(Change::Storage(account.storage.id));
            changes.extend(account.keys.iter().map(|(key, _)| Change::Key(key.id)));
        }
        let _alone = self.changing.lock().await;
        let done = self.metadata.recording(events, self.metadata.import_accounts(new)).await;
        let storages =
            done.map_err(came_between).inspect_err(|error| self.note_failure(admin, deed, error))?;
        self.access.applied_since(&changes, tokio::time::Instant::now()).await?;
        Ok(storages)
    }

    /// The entries of an account in the trails of the sites that it concerns.
    fn note(&self, admin: &SiteAdmin, new: &NewAccount, events: &mut Vec<AuditEvent>) {
        let NewAccount { account, site, .. } = new;
        let what = format!("{} ({}), account {} of {}", site.name, site.id, account.account, account.created);
        let storage = Some(account.storage);
        let deed = Deed { action: "import_account", storage, object: Some(&what), ..Deed::default() };
        let mut sites = vec![admin.site()];
        sites.extend(site.parent);
        sites.push(site.id);
        sites.dedup();
        let event = |site, deed| self.event_in(site, admin.principal(), admin.actor(), deed);
        events.extend(sites.into_iter().map(|site| event(site, deed)));
        for (key, _) in &new.keys {
            let object = Some(key.name.as_str());
            events.push(event(site.id, Deed { action: "create_key", key: Some(key.id), storage, object }));
        }
    }

    async fn account(
        &self,
        admin: &SiteAdmin,
        new: &New,
        owner: UserId,
        ticket: &Ticket,
    ) -> Result<NewAccount> {
        let (account, now) = (&new.account, self.access.now());
        let site = Site {
            id: new.site,
            parent: Some(new.above),
            name: account.name.clone(),
            rules: SiteRules::OPEN,
            created: now,
        };
        let noted = ImportedAccount {
            into: admin.site(),
            account: account.id.clone(),
            parent: account.parent.clone(),
            site: new.site,
            storage: new.storage,
            name: account.name.clone(),
            storage_name: account.storage_name.clone(),
            created: account.created,
            networks: account.networks.clone(),
            expires: account.expires,
            keys: keys_of(new),
            import: ticket.import(),
            imported: now,
        };
        let keys = self.keys_of_account(admin, new, ticket).await?;
        Ok(NewAccount { account: noted, site, storage: self.storage_of(new, owner), keys })
    }

    fn storage_of(&self, new: &New, owner: UserId) -> NewStorage {
        let connection = Connection::builtin(DEFAULT_REGION.to_owned());
        NewStorage {
            id: new.storage,
            site: new.site,
            owner,
            name: new.account.storage_name.clone(),
            label: Label::suggested_by(&new.account.storage_name),
            provider: connection.provider,
            region: connection.region,
            endpoint: None,
            bucket: None,
            path_style: false,
            provider_credentials: None,
            permission: Permission::ReadWrite,
            networks: Networks::anywhere(),
            s3_access: true,
            quota_bytes: None,
            created: self.access.now(),
        }
    }

    async fn keys_of_account(
        &self,
        admin: &SiteAdmin,
        new: &New,
        ticket: &Ticket,
    ) -> Result<Vec<(Key, StoredSecret)>> {
        let account = &new.account;
        // A secret that several keys have is stretched once.
        let mut stretched = Vec::new();
        let first = new.keys.first().copied();
        for ((_, secret), id) in account.distinct_secrets().zip(first.into_iter().cycle()) {
            stretched.push((secret, self.access.mint_chosen(admin, id, secret).await?.1));
        }
        let mut keys = Vec::new();
        for (key, id) in account.keys.iter().zip(&new.keys) {
            let stored = match &key.secret {
                Some(chosen) => {
                    stretched.iter().find(|(secret, _)| *secret == chosen).map(|(_, stored)| stored.clone())
                }
                None => {
                    let secret = ticket.secret(&account.id, key.channel);
                    Some(self.access.store_secret(admin, *id, key.channel, &secret)?)
                }
            };
            let record = Key {
                id: *id,
                site: new.site,
                credential: ticket.credential(&account.id, key.channel),
                name: name_of_key(key.channel).parse().map_err(|_| ControlError::NotFound)?,
                channel: key.channel,
                scope: Scope::Storage(new.storage),
                permission: Permission::ReadWrite,
                overwrite: Overwrite::Replace,
                networks: account.networks.clone(),
                prefix: KeyPrefix::default(),
                expires: account.expires,
                state: KeyState::Active,
                created: self.access.now(),
                generation: 0,
                on_leak: OnLeak::Disable,
                leaked: None,
                trial: None,
                login: key.login.clone(),
                public_keys: Vec::new(),
                mail: MailRules::default(),
            };
            keys.push((record, stored.ok_or(ControlError::Stale)?));
        }
        Ok(keys)
    }
}

fn keys_of(new: &New) -> Vec<ImportedKey> {
    let keys = new.account.keys.iter().zip(&new.keys);
    let key = keys.map(|(key, id)| ImportedKey {
        id: *id,
        channel: key.channel,
        login: key.login.clone(),
        chosen: key.secret.is_some(),
    });
    key.collect()
}

fn made_view(made: &NewAccount) -> ImportedView {
    let NewAccount { account, site, storage, keys } = made;
    let keys = keys.iter().map(|(key, stored)| ImportedKeyView {
        id: Some(key.id),
        channel: key.channel,
        login: key.login.as_ref().map(ToString::to_string),
        credential: Some(key.credential),
        chosen: matches!(stored, StoredSecret::Stretched(_)),
        secret: None,
    });
    ImportedView {
        id: account.account.clone(),
        parent: account.parent.clone(),
        name: account.name.clone(),
        created: account.created,
        state: AccountState::Made,
        site: Some(site.id),
        storage: Some(storage.id),
        bucket: None,
        import: Some(account.import.clone()),
        keys: keys.collect(),
    }
}

/// Somebody imported the same, or took a name, at the same moment: the next try tells what it was.
fn came_between(error: MetadataError) -> ControlError {
    let between = matches!(error.kind, MetadataErrorKind::Conflict("account" | "name" | "login"));
    if between { ControlError::Stale } else { error.into() }
}
