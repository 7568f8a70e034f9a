//! The records themselves, and how the policy is asked about them.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_domain::{
    Action, BucketName, Channel, CredentialId, DenyReason, KeyId, Link, LinkId, LinkState, LoginName, Person,
    Reach, Request, SessionId, SignIn, Site, SiteId, SiteRules, Storage, StorageId, Subject, Target,
    Timestamp, User, UserId, decide, trial,
};
use portcullis_metadata::SessionRecord;

use super::KeyEntry;
use crate::principal::{Principal, Who};

/// Sites above a site that are looked at; no tree is as deep.
const DEEPEST: usize = 64;

/// A user, and what was shared with them.
#[derive(Debug)]
pub(super) struct PersonEntry {
    pub(super) user: Arc<User>,
    pub(super) reach: Vec<Reach>,
}

impl PersonEntry {
    pub(super) fn as_person(&self) -> Person<'_> {
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
pub(super) struct Records {
    pub(super) sites: HashMap<SiteId, Arc<Site>>,
    pub(super) people: HashMap<UserId, PersonEntry>,
    pub(super) storages: HashMap<StorageId, Arc<Storage>>,
    pub(super) buckets: HashMap<BucketName, StorageId>,
    pub(super) keys: HashMap<KeyId, Arc<KeyEntry>>,
    pub(super) credentials: HashMap<CredentialId, Arc<KeyEntry>>,
    /// By the user names that keys have or had; tombstones among them.
    pub(super) logins: HashMap<(Channel, LoginName), Vec<Arc<KeyEntry>>>,
    pub(super) links: HashMap<LinkId, Arc<Link>>,
    pub(super) sessions: HashMap<SessionId, SessionEntry>,
    /// Grows whenever a session ends, so that one that is just being looked up is not taken for alive.
    pub(super) sessions_ended: u64,
}

impl Records {
    /// A site and those above it, nearest first.
    pub(super) fn line(&self, site: SiteId) -> impl Iterator<Item = &Site> {
        let mut next = self.sites.get(&site);
        let line = std::iter::from_fn(move || {
            let site = next?;
            next = site.parent.and_then(|parent| self.sites.get(&parent));
            Some(&**site)
        });
        line.take(DEEPEST)
    }

    /// What holds in a site. Of a site that is gone nothing does, which no rule makes worse.
    pub(super) fn rules(&self, site: SiteId) -> SiteRules {
        self.line(site).fold(SiteRules::OPEN, |held, site| held.below(site.rules))
    }

    /// Puts a key where there is none of its id.
    pub(super) fn put_key(&mut self, entry: KeyEntry) {
        let entry = Arc::new(entry);
        for credential in entry.credentials() {
            self.credentials.insert(credential, Arc::clone(&entry));
        }
        for login in entry.logins() {
            let named = self.logins.entry((entry.key.channel, login.clone())).or_default();
            if !named.iter().any(|other| other.key.id == entry.key.id) {
                named.push(Arc::clone(&entry));
            }
        }
        self.keys.insert(entry.key.id, entry);
    }

    pub(super) fn take_key(&mut self, id: KeyId) {
        let Some(gone) = self.keys.remove(&id) else { return };
        for credential in gone.credentials() {
            self.credentials.remove(&credential);
        }
        for login in gone.logins() {
            let place = (gone.key.channel, login.clone());
            if let Some(named) = self.logins.get_mut(&place) {
                named.retain(|other| other.key.id != id);
                if named.is_empty() {
                    self.logins.remove(&place);
                }
            }
        }
    }

    pub(super) fn set_link(&mut self, id: LinkId, link: Option<Link>) {
        match link.filter(|link| link.state == LinkState::Active) {
            Some(link) => drop(self.links.insert(id, Arc::new(link))),
            None => drop(self.links.remove(&id)),
        }
    }
}

/// Puts the question to the policy with the records as they are.
pub(super) fn ask(
    records: &Records,
    who: &Principal,
    now: Timestamp,
    action: Action,
    target: Target<'_>,
) -> Result<(), DenyReason> {
    let mut above = Vec::new();
    let subject = subject(records, who, &mut above)?;
    decide(&Request { subject, channel: who.channel(), peer: who.peer(), now, action, target })
}

/// What the networks that are tried out would say.
pub(super) fn tried(
    records: &Records,
    who: &Principal,
    now: Timestamp,
    target: Target<'_>,
) -> Option<DenyReason> {
    let mut above = Vec::new();
    let subject = subject(records, who, &mut above).ok()?;
    let (channel, peer) = (who.channel(), who.peer());
    trial(&Request { subject, channel, peer, now, action: Action::Enter, target })
}

fn subject<'a>(
    records: &'a Records,
    who: &'a Principal,
    above: &'a mut Vec<SiteId>,
) -> Result<Subject<'a>, DenyReason> {
    Ok(match who.who() {
        Who::Key { id, generation, .. } => {
            let entry = records.keys.get(&id).ok_or(DenyReason::KeyDeleted)?;
            let owner = entry.owner().and_then(|user| records.people.get(&user)).map(PersonEntry::as_person);
            if who.shown().is_some_and(|shown| !entry.key.public_keys.contains(shown)) {
                return Err(DenyReason::CredentialsReplaced);
            }
            let replaced = entry.replaced(generation);
            Subject::Key { key: &entry.key, owner, narrowing: who.narrowing(), replaced }
        }
        Who::Session { id, user, expires } => {
            let session = records.sessions.get(&id).ok_or(DenyReason::SessionExpired)?;
            let person = records.people.get(&user).ok_or(DenyReason::UserDisabled)?.as_person();
            let site = session.site.unwrap_or(person.user.site);
            above.extend(records.line(site).skip(1).map(|site| site.id));
            let (second_factor, rule) = (session.second_factor, records.rules(site).second_factor);
            let sign_in = SignIn { expires, site, above, second_factor, rule };
            Subject::Session { person, sign_in }
        }
        Who::Link(id) => Subject::Link(records.links.get(&id).ok_or(DenyReason::LinkEnded)?),
        Who::Run => Subject::Run(who.pass().ok_or(DenyReason::OutOfScope)?),
    })
}

/// Whether a reason is about who asks, whatever they ask for.
pub(super) const fn is_of_the_subject(reason: DenyReason) -> bool {
    match reason {
        DenyReason::KeyDeleted
        | DenyReason::KeyExpired
        | DenyReason::KeyDisabled
        | DenyReason::WrongChannel
        | DenyReason::KeyNetwork
        | DenyReason::UserDisabled
        | DenyReason::SessionExpired
        | DenyReason::CredentialsReplaced
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
        | DenyReason::StoragePaused
        | DenyReason::StorageS3Off
        | DenyReason::StorageNetwork
        | DenyReason::StoragePermission => false,
    }
}
