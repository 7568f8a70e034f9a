//! The directory: every site, user, storage and key in memory, so that each decision is one step and never stale by accident.
//!
//! Records are replaced one by one as they change. All reads of one decision happen under one lock.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use portcullis_domain::{
    Action, BucketName, CredentialId, DenyReason, Key, KeyId, KeyPrefix, Link, LinkId, LinkState, ObjectKey,
    Overwrite, Permission, Person, Reach, Request, Scope, SessionId, SignIn, Site, SiteId, SiteRules,
    Storage, StorageId, Subject, Target, Timestamp, User, UserId, decide,
};
use portcullis_metadata::{Metadata, MetadataError, SessionRecord, StoredSecret};
use portcullis_sigv4::SigningKey;

use crate::principal::{Principal, Who};
use crate::throttle::locked;

/// Sites above a site that are looked at; no tree is as deep.
const DEEPEST: usize = 64;

/// Signing keys that are kept of one key: clients use one region, and two days around midnight.
const SIGNING_KEYS: usize = 4;

/// A key with what is stored of its secret.
pub(crate) struct KeyEntry {
    pub(crate) key: Key,
    pub(crate) stored: StoredSecret,
    signing: Mutex<Vec<(portcullis_sigv4::Scope, SigningKey)>>,
}

impl KeyEntry {
    pub(crate) fn new(key: Key, stored: StoredSecret) -> Self {
        Self { key, stored, signing: Mutex::new(Vec::new()) }
    }

    pub(crate) fn signing_key(&self, scope: &portcullis_sigv4::Scope) -> Option<SigningKey> {
        locked(&self.signing).iter().find(|(known, _)| known == scope).map(|(_, key)| key.clone())
    }

    /// Keeps a signing key that verified a request; the oldest makes room.
    pub(crate) fn keep_signing_key(&self, scope: portcullis_sigv4::Scope, key: SigningKey) {
        let mut signing = locked(&self.signing);
        if signing.iter().any(|(known, _)| *known == scope) {
            return;
        }
        if signing.len() == SIGNING_KEYS {
            signing.remove(0);
        }
        signing.push((scope, key));
    }

    pub(crate) fn owner(&self) -> Option<UserId> {
        match self.key.scope {
            Scope::User(id) => Some(id),
            Scope::Storage(_) | Scope::Site => None,
        }
    }

    fn is_same(&self, key: &Key, stored: &StoredSecret) -> bool {
        let same_secret = match (&self.stored, stored) {
            (StoredSecret::None, StoredSecret::None) => true,
            (StoredSecret::Sealed(a), StoredSecret::Sealed(b)) => a == b,
            (StoredSecret::Hash(a), StoredSecret::Hash(b)) => a == b,
            (StoredSecret::None | StoredSecret::Sealed(_) | StoredSecret::Hash(_), _) => false,
        };
        self.key == *key && same_secret
    }
}

impl fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEntry").field("key", &self.key.id).finish_non_exhaustive()
    }
}

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

/// A user, and what was shared with them.
#[derive(Debug)]
struct PersonEntry {
    user: Arc<User>,
    reach: Vec<Reach>,
}

impl PersonEntry {
    fn as_person(&self) -> Person<'_> {
        Person { user: &self.user, reach: &self.reach }
    }
}

/// A sign-in that was seen on this node and has not ended since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionEntry {
    pub(crate) user: UserId,
    pub(crate) expires: Timestamp,
    /// The site acted in, if not the person's own.
    pub(crate) site: Option<SiteId>,
    pub(crate) second_factor: bool,
    pub(crate) confirmed: Timestamp,
}

impl From<&SessionRecord> for SessionEntry {
    fn from(session: &SessionRecord) -> Self {
        let SessionRecord { user, expires, site, second_factor, confirmed, .. } = *session;
        Self { user, expires, site, second_factor, confirmed }
    }
}

#[derive(Debug, Default)]
struct Records {
    sites: HashMap<SiteId, Arc<Site>>,
    people: HashMap<UserId, PersonEntry>,
    storages: HashMap<StorageId, Arc<Storage>>,
    buckets: HashMap<BucketName, StorageId>,
    keys: HashMap<KeyId, Arc<KeyEntry>>,
    credentials: HashMap<CredentialId, Arc<KeyEntry>>,
    links: HashMap<LinkId, Arc<Link>>,
    sessions: HashMap<SessionId, SessionEntry>,
    /// Grows whenever a session ends, so that one that is just being looked up is not taken for alive.
    sessions_ended: u64,
}

impl Records {
    /// A site and those above it, nearest first.
    fn line(&self, site: SiteId) -> impl Iterator<Item = &Site> {
        let mut next = self.sites.get(&site);
        let line = std::iter::from_fn(move || {
            let site = next?;
            next = site.parent.and_then(|parent| self.sites.get(&parent));
            Some(&**site)
        });
        line.take(DEEPEST)
    }

    /// What holds in a site. Of a site that is gone nothing does, which no rule makes worse.
    fn rules(&self, site: SiteId) -> SiteRules {
        self.line(site).fold(SiteRules::OPEN, |held, site| held.below(site.rules))
    }

    fn set_link(&mut self, id: LinkId, link: Option<Link>) {
        match link.filter(|link| link.state == LinkState::Active) {
            Some(link) => drop(self.links.insert(id, Arc::new(link))),
            None => drop(self.links.remove(&id)),
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
        for (key, stored) in metadata.all_keys().await? {
            let entry = Arc::new(KeyEntry::new(key, stored));
            fresh.credentials.insert(entry.key.credential, Arc::clone(&entry));
            fresh.keys.insert(entry.key.id, entry);
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
    pub(crate) fn set_key(&self, id: KeyId, key: Option<(Key, StoredSecret)>) {
        let mut records = self.write();
        if let (Some(known), Some((key, stored))) = (records.keys.get(&id), &key)
            && known.is_same(key, stored)
        {
            return;
        }
        if let Some(gone) = records.keys.remove(&id) {
            records.credentials.remove(&gone.key.credential);
        }
        if let Some((key, stored)) = key {
            let entry = Arc::new(KeyEntry::new(key, stored));
            records.credentials.insert(entry.key.credential, Arc::clone(&entry));
            records.keys.insert(id, entry);
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

    /// The key that this text names, whatever its state.
    pub(crate) fn by_credential(&self, raw: &str) -> Option<Arc<KeyEntry>> {
        let credential = CredentialId::parse(raw).ok()?;
        self.read().credentials.get(&credential).map(Arc::clone)
    }

    pub(crate) fn user(&self, id: UserId) -> Option<Arc<User>> {
        self.read().people.get(&id).map(|person| Arc::clone(&person.user))
    }

    pub(crate) fn key(&self, id: KeyId) -> Option<Arc<KeyEntry>> {
        self.read().keys.get(&id).map(Arc::clone)
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
            Who::Session { .. } => false,
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
            Who::Link(_) => false,
        }
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
}

/// Puts the question to the policy with the records as they are.
fn ask(
    records: &Records,
    who: &Principal,
    now: Timestamp,
    action: Action,
    target: Target<'_>,
) -> Result<(), DenyReason> {
    let above: Vec<SiteId>;
    let subject = match who.who() {
        Who::Key { id, credential, .. } => {
            let entry = records.keys.get(&id).filter(|entry| entry.key.credential == credential);
            let entry = entry.ok_or(DenyReason::KeyDeleted)?;
            let owner = entry.owner().and_then(|user| records.people.get(&user)).map(PersonEntry::as_person);
            Subject::Key { key: &entry.key, owner, narrowing: who.narrowing() }
        }
        Who::Session { id, user, expires } => {
            let session = records.sessions.get(&id).ok_or(DenyReason::SessionExpired)?;
            let person = records.people.get(&user).ok_or(DenyReason::UserDisabled)?.as_person();
            let site = session.site.unwrap_or(person.user.site);
            above = records.line(site).skip(1).map(|site| site.id).collect();
            let (second_factor, rule) = (session.second_factor, records.rules(site).second_factor);
            let sign_in = SignIn { expires, site, above: &above, second_factor, rule };
            Subject::Session { person, sign_in }
        }
        Who::Link(id) => Subject::Link(records.links.get(&id).ok_or(DenyReason::LinkEnded)?),
    };
    decide(&Request { subject, channel: who.channel(), peer: who.peer(), now, action, target })
}

/// Whether a reason is about who asks, whatever they ask for.
const fn is_of_the_subject(reason: DenyReason) -> bool {
    match reason {
        DenyReason::KeyDeleted
        | DenyReason::KeyExpired
        | DenyReason::KeyDisabled
        | DenyReason::WrongChannel
        | DenyReason::KeyNetwork
        | DenyReason::UserDisabled
        | DenyReason::SessionExpired
        | DenyReason::CredentialsExpired
        | DenyReason::LinkEnded
        | DenyReason::LinkExpired
        | DenyReason::LinkNetwork => true,
        DenyReason::OtherSite
        | DenyReason::OutOfScope
        | DenyReason::OutsidePrefix
        | DenyReason::KeyPermission
        | DenyReason::NotGranted
        | DenyReason::GrantPermission
        | DenyReason::SecondFactorNeeded
        | DenyReason::LinkPermission
        | DenyReason::StorageDetached
        | DenyReason::StorageS3Off
        | DenyReason::StorageNetwork
        | DenyReason::StoragePermission => false,
    }
}
