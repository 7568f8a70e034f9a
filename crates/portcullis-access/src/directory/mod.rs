//! The directory: every site, user, storage and key in memory, so that each decision is one step and never stale by accident.
//!
//! Records are replaced one by one as they change. All reads of one decision happen under one lock.

mod key_entry;
mod records;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use portcullis_domain::{
    Action, BucketName, Channel, CredentialId, DataEvents, DenyReason, Key, KeyId, KeyPrefix, KeyState, Link,
    LinkId, ObjectKey, Overwrite, Permission, Person, Reach, SessionId, Site, SiteId, Storage, StorageId,
    Target, Timestamp, User, UserId,
};
use portcullis_metadata::{Metadata, MetadataError, RetiredSecret, SessionRecord, StoredSecret};

use crate::principal::{Principal, Who};
pub(crate) use key_entry::{Generation, KeyEntry, Name, Pair};
pub(crate) use records::SessionEntry;
use records::{PersonEntry, Records, ask, is_of_the_subject, tried};

/// What of a storage a decision is about.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    Whole,
    Prefix(&'a KeyPrefix),
    Object(&'a ObjectKey),
}

impl<'a> Part<'a> {
    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Self::Whole => None,
            Self::Prefix(prefix) => Some(prefix.as_str()),
            Self::Object(key) => Some(key.as_str()),
        }
    }
}

/// The directory of this node.
#[derive(Debug, Default)]
pub(crate) struct Directory(RwLock<Records>);

impl Directory {
    fn read(&self) -> RwLockReadGuard<'_, Records> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Records> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads everything from the database, and then replaces everything at once. Sessions that were seen stay.
    pub(crate) async fn load(&self, metadata: &Metadata) -> Result<(), MetadataError> {
        let mut fresh = Records::default();
        for site in metadata.sites().await? {
            fresh.sites.insert(site.id, Arc::new(site));
        }
        for user in metadata.all_users().await? {
            fresh.people.insert(user.id, PersonEntry { user: Arc::new(user), reach: Vec::new() });
        }
        for (user, reach) in metadata.all_reach().await? {
            if let Some(person) = fresh.people.get_mut(&user) {
                person.reach.push(reach);
            }
        }
        for link in metadata.all_links().await? {
            fresh.set_link(link.id, Some(link));
        }
        for storage in metadata.all_storages().await? {
            fresh.buckets.insert(storage.bucket.clone(), storage.id);
            fresh.storages.insert(storage.id, Arc::new(storage));
        }
        let mut retired: HashMap<KeyId, Vec<RetiredSecret>> = HashMap::new();
        for old in metadata.all_retired_secrets().await? {
            retired.entry(old.key).or_default().push(old);
        }
        for (key, stored) in metadata.all_keys().await? {
            let retired = retired.remove(&key.id).unwrap_or_default();
            fresh.put_key(KeyEntry::new(key, stored, retired));
        }
        let mut records = self.write();
        fresh.sessions = std::mem::take(&mut records.sessions);
        fresh.sessions_ended = records.sessions_ended;
        *records = fresh;
        Ok(())
    }

    pub(crate) fn set_site(&self, id: SiteId, site: Option<Site>) {
        let mut records = self.write();
        match site {
            Some(site) => drop(records.sites.insert(id, Arc::new(site))),
            None => drop(records.sites.remove(&id)),
        }
    }

    pub(crate) fn set_user(&self, id: UserId, user: Option<(User, Vec<Reach>)>) {
        let mut records = self.write();
        match user {
            Some((user, reach)) => {
                records.people.insert(id, PersonEntry { user: Arc::new(user), reach });
            }
            None => drop(records.people.remove(&id)),
        }
    }

    pub(crate) fn set_link(&self, id: LinkId, link: Option<Link>) {
        self.write().set_link(id, link);
    }

    pub(crate) fn set_storage(&self, id: StorageId, storage: Option<Storage>) {
        let mut records = self.write();
        match storage {
            Some(storage) => {
                records.buckets.insert(storage.bucket.clone(), id);
                records.storages.insert(id, Arc::new(storage));
            }
            None => {
                if let Some(gone) = records.storages.remove(&id) {
                    records.buckets.remove(&gone.bucket);
                }
            }
        }
    }

    /// Replaces a key; signing keys made of it go with the old entry, unless nothing changed.
    pub(crate) fn set_key(&self, id: KeyId, key: Option<(Key, StoredSecret, Vec<RetiredSecret>)>) {
        let mut records = self.write();
        if let (Some(known), Some((key, stored, retired))) = (records.keys.get(&id), &key)
            && known.is_same(key, stored, retired)
        {
            return;
        }
        records.take_key(id);
        if let Some((key, stored, retired)) = key {
            records.put_key(KeyEntry::new(key, stored, retired));
        }
    }

    /// Ends all sessions of this user that were seen here but for those that are `left`, which are taken as they are now.
    pub(crate) fn keep_sessions(&self, user: UserId, left: &[SessionRecord]) {
        let mut records = self.write();
        records.sessions.retain(|id, entry| {
            let Some(session) = left.iter().find(|session| session.id == *id) else {
                return entry.user != user;
            };
            *entry = SessionEntry::from(session);
            true
        });
        records.sessions_ended = records.sessions_ended.wrapping_add(1);
    }

    pub(crate) fn end_session(&self, id: SessionId) {
        let mut records = self.write();
        records.sessions.remove(&id);
        records.sessions_ended = records.sessions_ended.wrapping_add(1);
    }

    pub(crate) fn purge_sessions(&self, now: Timestamp) {
        self.write().sessions.retain(|_, entry| entry.expires > now);
    }

    pub(crate) fn session(&self, id: SessionId) -> Option<SessionEntry> {
        self.read().sessions.get(&id).copied()
    }

    /// How many sessions have ended; ask before a session is looked up in the database.
    pub(crate) fn sessions_ended(&self) -> u64 {
        self.read().sessions_ended
    }

    /// Takes a session that the database knows for alive; false if any session ended since `ended` was asked.
    pub(crate) fn admit_session(&self, session: &SessionRecord, ended: u64) -> bool {
        {
            let records = self.read();
            if records.sessions_ended != ended {
                return false;
            }
            if records.sessions.contains_key(&session.id) {
                return true;
            }
        }
        let mut records = self.write();
        if records.sessions_ended != ended {
            return false;
        }
        records.sessions.insert(session.id, SessionEntry::from(session));
        true
    }

    /// The key that has or had this public half, whatever its state.
    pub(crate) fn by_credential(&self, credential: CredentialId) -> Option<Arc<KeyEntry>> {
        self.read().credentials.get(&credential).map(Arc::clone)
    }

    /// The key that is called so on this channel, else the one that was until lately, else one that was once. A public half is of one key
    /// on all channels.
    pub(crate) fn named(&self, channel: Channel, name: &Name, now: Timestamp) -> Option<Arc<KeyEntry>> {
        let login = match name {
            Name::Credential(id) => return self.by_credential(*id),
            Name::Login(login) => login,
        };
        let records = self.read();
        let named = records.logins.get(&(channel, login.clone()))?;
        let alive = |entry: &&Arc<KeyEntry>| entry.key.state == KeyState::Active;
        let present = named.iter().find(|entry| alive(entry) && entry.is_called(name));
        let lately = || named.iter().find(|entry| entry.working(name, now).next().is_some());
        present.or_else(lately).or(named.last()).map(Arc::clone)
    }

    pub(crate) fn user(&self, id: UserId) -> Option<Arc<User>> {
        self.read().people.get(&id).map(|person| Arc::clone(&person.user))
    }

    /// Asks something of a person as they are now.
    pub(crate) fn with_person<T>(&self, id: Option<UserId>, ask: impl FnOnce(Option<Person<'_>>) -> T) -> T {
        let records = self.read();
        ask(id.and_then(|id| records.people.get(&id)).map(PersonEntry::as_person))
    }

    pub(crate) fn key(&self, id: KeyId) -> Option<Arc<KeyEntry>> {
        self.read().keys.get(&id).map(Arc::clone)
    }

    pub(crate) fn all_keys(&self) -> Vec<Arc<KeyEntry>> {
        self.read().keys.values().map(Arc::clone).collect()
    }

    pub(crate) fn link(&self, id: LinkId) -> Option<Arc<Link>> {
        self.read().links.get(&id).map(Arc::clone)
    }

    /// Whether `site` lies in the tree below `above`, or is it.
    pub(crate) fn is_below(&self, site: SiteId, above: SiteId) -> bool {
        self.read().line(site).any(|site| site.id == above)
    }

    pub(crate) fn storage_named(&self, bucket: &BucketName) -> Option<Arc<Storage>> {
        let records = self.read();
        records.storages.get(records.buckets.get(bucket)?).map(Arc::clone)
    }

    pub(crate) fn storage(&self, id: StorageId) -> Option<Arc<Storage>> {
        self.read().storages.get(&id).map(Arc::clone)
    }

    /// Storages of a site, by bucket name.
    pub(crate) fn storages_of(&self, site: SiteId) -> Vec<Arc<Storage>> {
        let mut all: Vec<_> =
            self.read().storages.values().filter(|s| s.site == site).map(Arc::clone).collect();
        all.sort_unstable_by(|a, b| a.bucket.cmp(&b.bucket));
        all
    }

    /// Whether this principal's uploads leave what exists as it is: those of a drop box.
    pub(crate) fn only_creates(&self, who: &Principal) -> bool {
        match who.who() {
            Who::Key { id, .. } => self
                .read()
                .keys
                .get(&id)
                .is_some_and(|entry| entry.key.effective_overwrite() == Overwrite::CreateOnly),
            Who::Session { .. } | Who::Run => false,
            Who::Link(_) => true,
        }
    }

    /// Whether the principal may look after what is their own: somebody who signed in, or their key for everything.
    pub(crate) fn is_oneself(&self, who: &Principal) -> bool {
        match who.who() {
            Who::Session { .. } => true,
            Who::Key { id, owner, .. } => {
                let records = self.read();
                let full = |entry: &Arc<KeyEntry>| entry.key.permission == Permission::Full;
                owner.is_some() && !who.is_temporary() && records.keys.get(&id).is_some_and(full)
            }
            Who::Link(_) | Who::Run => false,
        }
    }

    /// Whether the principal is a session without the second factor that the site acted in asks for.
    pub(crate) fn misses_second_factor(&self, who: &Principal) -> bool {
        let Who::Session { id, user, .. } = who.who() else { return false };
        let records = self.read();
        let (Some(session), Some(person)) = (records.sessions.get(&id), records.people.get(&user)) else {
            return true;
        };
        let rules = records.rules(session.site.unwrap_or(person.user.site));
        !session.second_factor && rules.second_factor.asks(person.user.role)
    }

    /// Whether the principal is still one: not deleted, expired, switched off, on the wrong channel or elsewhere.
    pub(crate) fn alive(&self, who: &Principal, now: Timestamp) -> Result<(), DenyReason> {
        match ask(&self.read(), who, now, Action::Enter, Target::Site(who.site())) {
            Ok(()) => Ok(()),
            Err(reason) if is_of_the_subject(reason) => Err(reason),
            // What is refused about the site as a place says nothing of the subject.
            Err(_) => Ok(()),
        }
    }

    /// Whether the principal may administer their site.
    pub(crate) fn administers(&self, who: &Principal, now: Timestamp) -> Result<(), DenyReason> {
        ask(&self.read(), who, now, Action::Administer, Target::Site(who.site()))
    }

    /// The decision about a storage; gives the storage as it is now.
    pub(crate) fn decide(
        &self,
        who: &Principal,
        now: Timestamp,
        action: Action,
        id: StorageId,
        part: Part<'_>,
    ) -> Result<Arc<Storage>, DenyReason> {
        let records = self.read();
        let storage = records.storages.get(&id).ok_or(DenyReason::StorageDetached)?;
        let target = match part {
            Part::Whole => Target::Storage(storage),
            Part::Prefix(prefix) => Target::Prefix(storage, prefix),
            Part::Object(key) => Target::Object(storage, key),
        };
        ask(&records, who, now, action, target)?;
        Ok(Arc::clone(storage))
    }

    /// What the networks that are tried out would refuse of what is allowed, at a storage or in administration.
    pub(crate) fn trial(
        &self,
        who: &Principal,
        now: Timestamp,
        storage: Option<&Storage>,
    ) -> Option<DenyReason> {
        let of_key = matches!(who.who(), Who::Key { .. });
        if storage.is_none_or(|storage| storage.trial.is_none()) && !of_key {
            return None;
        }
        tried(&self.read(), who, now, storage.map_or(Target::Site(who.site()), Target::Storage))
    }

    /// Which uses of files a site writes down.
    pub(crate) fn data_events(&self, site: SiteId) -> DataEvents {
        self.read().rules(site).data_events
    }
}
