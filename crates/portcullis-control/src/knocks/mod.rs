//! Who still knocks: attempts with keys that do not open, put together by key, program, address and reason.
//!
//! What is counted stands in the activity of keys, which many attempts cannot make large; what a single attempt was stands in the
//! audit trail.

mod words;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use portcullis_access::{Oneself, Proof, SiteAdmin};
use portcullis_domain::{
    Channel, CredentialId, DisplayName, Key, KeyId, KeyState, Network, Scope, Storage, StorageId,
    StorageState, Timestamp, UserId,
};
use portcullis_metadata::{Page, PageRequest, RefusalDay, RefusalFilter, RefusalOf, RefusalRow};

use crate::audit::AuditQuery;
use crate::{Control, ControlError, KeyStatus, Result};

pub use words::{AttemptProof, AttemptReason};

/// As many days are looked at, this one included.
pub const ATTEMPT_DAYS: u32 = 30;
const DAY: Duration = Duration::from_hours(24);
/// Keys of which days are read at once.
const KEYS_AT_ONCE: usize = 500;
/// Attempts of one key.
const OF_ONE_KEY: u32 = 200;
/// Entries of the audit trail that are looked through for the latest attempt.
const LOOKED_THROUGH: u32 = 1_000;

/// Which attempts to list.
#[derive(Clone, Debug, Default)]
pub struct AttemptQuery {
    /// Only those that were refused for this.
    pub reason: Option<AttemptReason>,
    /// Only those with this text in the key's name, its access key, the address or the program; letter case does not matter.
    pub search: Option<String>,
}

/// The key of attempts, living or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptKey {
    /// Its id.
    pub id: KeyId,
    /// What it is called.
    pub name: DisplayName,
    /// Its access key; of one that was deleted, the last it had.
    pub credential: CredentialId,
    /// Which protocol it opens.
    pub channel: Channel,
    /// The storage that it is for alone: its id, its name, and whether its connection is still there.
    pub storage: Option<(StorageId, DisplayName, bool)>,
    /// The name of the person whose key it is.
    pub owner: Option<String>,
    /// Whether it works; none if it was deleted.
    pub status: Option<KeyStatus>,
    /// When it was deleted, if it was.
    pub deleted: Option<Timestamp>,
}

/// Attempts that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// The key that was named in them.
    pub key: AttemptKey,
    /// Why they were refused, as a word of the audit trail.
    pub word: String,
    /// Why, put together.
    pub reason: AttemptReason,
    /// From where: an address, or a network of several that were too many to tell apart.
    pub network: String,
    /// What the client calls itself, without its version; `other` for what was too much to tell apart.
    pub tool: String,
    /// The storage of one of them, if one got so far that it is known.
    pub storage: Option<StorageId>,
    /// The first in these days.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// How many in the last 24 hours; the hour in which they begin counts whole.
    pub last_day: u64,
    /// How many in the last 7 days.
    pub last_week: u64,
    /// How many in the last 30 days.
    pub last_month: u64,
    /// How many on each of the last 30 days in UTC, the oldest first, today included.
    pub days: Vec<u64>,
}

impl Control {
    /// A page of the attempts of the last 30 days with keys of the admin's site, those with the latest first. What is tried meanwhile
    /// comes to the front, and is not on later pages.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn attempts(
        &self,
        admin: &SiteAdmin,
        query: &AttemptQuery,
        page: &PageRequest,
    ) -> Result<Page<Attempts>> {
        self.list_attempts(admin, None, query, page).await
    }

    /// The attempts of the last 30 days with one key, living or deleted, the latest first: the first 200 that differ.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for a key that was never one of the site, [`ControlError::Metadata`].
    pub async fn attempts_with_key(&self, admin: &SiteAdmin, id: KeyId) -> Result<Vec<Attempts>> {
        let key = self.metadata.key(id).await?;
        key.filter(|key| key.site == admin.site()).ok_or(ControlError::NotFound)?;
        self.attempts_with(admin, id).await
    }

    /// The same for a key of the person who asks.
    ///
    /// # Errors
    /// As [`Control::attempts_with_key`]; [`ControlError::NotFound`] for the key of somebody else, and for a deleted one, too.
    pub async fn attempts_with_own_key(&self, me: &Oneself, id: KeyId) -> Result<Vec<Attempts>> {
        self.own_key(me, id).await?;
        self.attempts_with(me, id).await
    }

    async fn attempts_with(&self, proof: &impl Proof, id: KeyId) -> Result<Vec<Attempts>> {
        let all = AttemptQuery::default();
        Ok(self.list_attempts(proof, Some(id), &all, &PageRequest::first(OF_ONE_KEY)).await?.items)
    }

    /// The id of the latest request of these attempts; none if the audit trail does not reach back to it.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn latest_attempt(
        &self,
        admin: &SiteAdmin,
        key: KeyId,
        word: &str,
        network: &str,
    ) -> Result<Option<String>> {
        let Ok(network) = Network::parse(network) else { return Ok(None) };
        let query = AuditQuery { key: Some(key), verdict: Some(false), ..AuditQuery::default() };
        let found = self.audit_events(admin, query, &PageRequest::first(LOOKED_THROUGH)).await?.items;
        let is_one = |peer: &str| peer.parse().is_ok_and(|peer| network.holds(peer));
        let latest = found.into_iter().find(|event| event.reason == word && is_one(&event.peer));
        Ok(latest.map(|event| event.request_id))
    }

    async fn list_attempts(
        &self,
        proof: &impl Proof,
        key: Option<KeyId>,
        query: &AttemptQuery,
        page: &PageRequest,
    ) -> Result<Page<Attempts>> {
        self.access.written(proof).await;
        let now = self.access.now();
        let reasons = query.reason.as_ref().map_or(AttemptReason::ALL, std::slice::from_ref);
        let words = reasons.iter().flat_map(|reason| reason.words()).map(|word| (*word).to_owned());
        let filter = RefusalFilter {
            key,
            what: words.collect(),
            search: query.search.clone(),
            ..RefusalFilter::of(proof.site(), first_day(now))
        };
        let found = self.metadata.refusals(&filter, page).await?;
        let rows = found.items;
        let ids: BTreeSet<KeyId> = rows.iter().map(|row| row.of.key).collect();
        let ids: Vec<KeyId> = ids.into_iter().collect();
        let keys = self.attempt_keys(&ids, now).await?;
        let counts = Counts::read(self, &filter, &ids, now).await?;
        let items = rows.into_iter().filter_map(|row| {
            let key = keys.get(&row.of.key)?.clone();
            counts.attempts(key, row)
        });
        Ok(Page { items: items.collect(), next: found.next })
    }

    /// What there is to say of these keys.
    async fn attempt_keys(&self, ids: &[KeyId], now: Timestamp) -> Result<HashMap<KeyId, AttemptKey>> {
        let keys = self.metadata.keys_with_end(ids).await?;
        let (mut storages, mut users) = (HashMap::new(), HashMap::new());
        for (key, _) in &keys {
            match key.scope {
                Scope::Storage(id) if !storages.contains_key(&id) => {
                    storages.insert(id, self.metadata.storage(id).await?);
                }
                Scope::User(id) if !users.contains_key(&id) => {
                    let user = self.metadata.user(id).await?;
                    users.insert(id, user.map(|user| user.username.to_string()));
                }
                Scope::Storage(_) | Scope::User(_) | Scope::Site => {}
            }
        }
        Ok(keys.into_iter().map(|(key, end)| (key.id, described(key, end, &storages, &users, now))).collect())
    }
}

/// The beginning of the first day that is looked at.
fn first_day(now: Timestamp) -> Timestamp {
    let today = now.seconds().div_euclid(86_400);
    Timestamp::from_seconds((today + 1 - i64::from(ATTEMPT_DAYS)) * 86_400)
}

fn described(
    key: Key,
    end: Option<Timestamp>,
    storages: &HashMap<StorageId, Option<Storage>>,
    users: &HashMap<UserId, Option<String>>,
    now: Timestamp,
) -> AttemptKey {
    let (storage, owner) = match key.scope {
        Scope::Storage(id) => (storages.get(&id).and_then(Option::as_ref), None),
        Scope::User(id) => (None, users.get(&id).cloned().flatten()),
        Scope::Site => (None, None),
    };
    let is_there = |storage: &Storage| storage.state == StorageState::Active;
    AttemptKey {
        id: key.id,
        credential: key.credential,
        channel: key.channel,
        storage: storage.map(|storage| (storage.id, storage.name.clone(), is_there(storage))),
        owner,
        status: (key.state == KeyState::Active).then(|| KeyStatus::of(&key, now)),
        deleted: end,
        name: key.name,
    }
}

/// How many attempts there were, by time.
struct Counts {
    today: i64,
    days: HashMap<RefusalOf, Vec<(i64, u64)>>,
    last_day: HashMap<RefusalOf, u64>,
    last_week: HashMap<RefusalOf, u64>,
}

impl Counts {
    async fn read(control: &Control, filter: &RefusalFilter, keys: &[KeyId], now: Timestamp) -> Result<Self> {
        let mut counts = Self {
            today: now.seconds().div_euclid(86_400),
            days: HashMap::new(),
            last_day: HashMap::new(),
            last_week: HashMap::new(),
        };
        let since = |span| RefusalFilter { since: now.before(span), ..filter.clone() };
        let (day, week) = (since(DAY), since(7 * DAY));
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let (days, day, week) = tokio::try_join!(
                control.metadata.refusal_days(filter, keys),
                control.metadata.refusal_days(&day, keys),
                control.metadata.refusal_days(&week, keys),
            )?;
            for RefusalDay { of, day, requests } in days {
                counts.days.entry(of).or_default().push((day, requests));
            }
            add_up(&mut counts.last_day, day);
            add_up(&mut counts.last_week, week);
        }
        Ok(counts)
    }

    fn attempts(&self, key: AttemptKey, row: RefusalRow) -> Option<Attempts> {
        let RefusalRow { of, storage, count } = row;
        let reason = AttemptReason::of(&of.what)?;
        let of_days = self.days.get(&of).map_or(&[][..], Vec::as_slice);
        let first = self.today + 1 - i64::from(ATTEMPT_DAYS);
        let on = |day: i64| of_days.iter().filter(|(at, _)| *at == day).map(|(_, requests)| requests).sum();
        let of_window = |counts: &HashMap<RefusalOf, u64>| counts.get(&of).copied().unwrap_or(0);
        Some(Attempts {
            key,
            reason,
            first: count.first,
            last: count.last,
            last_day: of_window(&self.last_day),
            last_week: of_window(&self.last_week),
            last_month: count.requests,
            days: (first..=self.today).map(on).collect(),
            storage,
            word: of.what,
            network: of.network,
            tool: of.tool,
        })
    }
}

fn add_up(sums: &mut HashMap<RefusalOf, u64>, days: Vec<RefusalDay>) {
    for RefusalDay { of, requests, .. } in days {
        *sums.entry(of).or_default() += requests;
    }
}
