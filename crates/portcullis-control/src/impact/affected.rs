//! Keys and programs that would notice.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use portcullis_access::SiteAdmin;
use portcullis_domain::{Key, KeyId, KeyState, Scope, StorageId, Timestamp, UserId};
use portcullis_metadata::{ActivityRow, KeyFilter, PageRequest};

use crate::{Control, KeyStatus, Result};

/// Keys that are told of, and own keys that are looked at.
const KEYS: usize = 500;
/// Programs of a key that are told of; the others are counted.
const CLIENTS: usize = 20;
/// What stands beside every other use: it says that the storage was entered, and counts for nothing by itself.
const ENTER: &str = "enter";

/// A program at an address that used a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedClient {
    /// The program, without its version.
    pub tool: String,
    /// Its address, or a network of several that were too many to tell apart.
    pub network: String,
    /// How many requests.
    pub requests: u64,
    /// Bytes of files, up and down.
    pub bytes: u64,
    /// When it came last.
    pub last: Timestamp,
}

/// A key that would notice.
#[derive(Clone, Debug)]
pub struct AffectedKey {
    /// The record.
    pub key: Key,
    /// Whether it works today.
    pub status: KeyStatus,
    /// Whose it is, if it is a person's.
    pub owner: Option<String>,
    /// Whether it is for this storage alone: then it is deleted with it. Otherwise it loses the storage and works on elsewhere.
    pub own: bool,
    /// The programs that used it, the latest first; a few of them.
    pub clients: Vec<AffectedClient>,
    /// How many more there are.
    pub more_clients: usize,
    /// Requests of all of them.
    pub requests: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// When the storage was last opened with it; for a key that did not, when it was last used at all, if ever.
    pub last: Option<Timestamp>,
}

/// Somebody who was refused because the storage was paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knock {
    /// The key's name.
    pub key: String,
    /// Its access key id, or its name at sign-in.
    pub credential: String,
    /// The program.
    pub tool: String,
    /// Its address, or a network of several.
    pub network: String,
    /// How often.
    pub requests: u64,
    /// When last.
    pub last: Timestamp,
}

pub(super) struct Gathered {
    pub(super) keys: Vec<AffectedKey>,
    pub(super) unused: Vec<AffectedKey>,
    pub(super) has_more: bool,
}

#[derive(Default)]
struct Sum {
    clients: BTreeMap<(String, String), (u64, u64, Timestamp)>,
    requests: u64,
    bytes: u64,
    last: Timestamp,
}

impl Sum {
    fn add(&mut self, row: ActivityRow) {
        // To enter is part of every other request.
        let requests = if row.what == ENTER { 0 } else { row.count.requests };
        self.requests = self.requests.saturating_add(requests);
        self.bytes = self.bytes.saturating_add(row.count.bytes);
        self.last = self.last.max(row.count.last);
        let client = self.clients.entry((row.tool, row.network)).or_default();
        client.0 = client.0.saturating_add(requests);
        client.1 = client.1.saturating_add(row.count.bytes);
        client.2 = client.2.max(row.count.last);
    }

    fn into_clients(self) -> (Vec<AffectedClient>, usize) {
        let mut clients: Vec<_> = self
            .clients
            .into_iter()
            .map(|((tool, network), (requests, bytes, last))| AffectedClient {
                tool,
                network,
                requests,
                bytes,
                last,
            })
            .collect();
        clients.sort_by_key(|client| Reverse(client.last));
        let more = clients.len().saturating_sub(CLIENTS);
        clients.truncate(CLIENTS);
        (clients, more)
    }
}

/// The keys of these uses, and the storage's own keys that have none.
pub(super) async fn gather(
    control: &Control,
    admin: &SiteAdmin,
    storage: StorageId,
    used: Vec<ActivityRow>,
) -> Result<Gathered> {
    let mut sums: HashMap<KeyId, Sum> = HashMap::new();
    for row in used {
        sums.entry(row.key).or_default().add(row);
    }
    let (own, mut has_more) = own_keys(control, admin, storage).await?;
    let mut names = Names::default();
    let (mut keys, mut unused) = (Vec::new(), Vec::new());
    for key in own {
        match sums.remove(&key.id) {
            Some(sum) => keys.push(names.affected(control, key, sum).await?),
            None => unused.push(names.affected(control, key, Sum::default()).await?),
        }
    }
    // Those of people and of the site. A deleted one notices nothing.
    let mut others: Vec<(KeyId, Sum)> = sums.into_iter().collect();
    others.sort_by_key(|(_, sum)| Reverse(sum.last));
    has_more |= others.len() > KEYS;
    for (id, sum) in others.into_iter().take(KEYS) {
        let found = control.metadata.key(id).await?;
        if let Some(key) = found.filter(|key| key.state == KeyState::Active && key.site == admin.site()) {
            keys.push(names.affected(control, key, sum).await?);
        }
    }
    keys.sort_by_key(|affected| Reverse(affected.last));
    fill_last_use(control, &mut unused).await?;
    Ok(Gathered { keys, unused, has_more })
}

/// The keys for this storage alone, and whether there are more.
async fn own_keys(control: &Control, admin: &SiteAdmin, storage: StorageId) -> Result<(Vec<Key>, bool)> {
    let filter = KeyFilter { storage: Some(storage), ..KeyFilter::of(admin.site()) };
    let limit = u32::try_from(KEYS).unwrap_or(PageRequest::MAX);
    let page = control.metadata.keys(&filter, &PageRequest::first(limit)).await?;
    Ok((page.items, page.next.is_some()))
}

async fn fill_last_use(control: &Control, keys: &mut [AffectedKey]) -> Result<()> {
    let ids: Vec<_> = keys.iter().map(|affected| affected.key.id).collect();
    let uses = control.metadata.last_use(&ids).await?;
    for affected in keys {
        affected.last = uses.iter().find(|used| used.key == affected.key.id).map(|used| used.at);
    }
    Ok(())
}

/// Names of people, each looked up once.
#[derive(Default)]
struct Names(HashMap<UserId, Option<String>>);

impl Names {
    async fn affected(&mut self, control: &Control, key: Key, sum: Sum) -> Result<AffectedKey> {
        let owner = match key.scope {
            Scope::User(user) => self.of(control, user).await?,
            Scope::Storage(_) | Scope::Site => None,
        };
        let (requests, bytes, last) = (sum.requests, sum.bytes, sum.last);
        let (clients, more_clients) = sum.into_clients();
        Ok(AffectedKey {
            status: KeyStatus::of(&key, control.access.now()),
            owner,
            own: matches!(key.scope, Scope::Storage(_)),
            last: (!clients.is_empty()).then_some(last),
            clients,
            more_clients,
            requests,
            bytes,
            key,
        })
    }

    async fn of(&mut self, control: &Control, user: UserId) -> Result<Option<String>> {
        if let Some(known) = self.0.get(&user) {
            return Ok(known.clone());
        }
        let name = control.metadata.user(user).await?.map(|user| user.username.to_string());
        self.0.insert(user, name.clone());
        Ok(name)
    }
}

/// Refusals, put together by key, program and address.
pub(super) async fn knocks(control: &Control, refused: Vec<ActivityRow>) -> Result<Vec<Knock>> {
    let mut together: BTreeMap<(KeyId, String, String), (u64, Timestamp)> = BTreeMap::new();
    for row in refused {
        let sum = together.entry((row.key, row.tool, row.network)).or_default();
        *sum = (sum.0.saturating_add(row.count.requests), sum.1.max(row.count.last));
    }
    let mut latest: Vec<_> = together.into_iter().collect();
    latest.sort_by_key(|(_, (_, last))| Reverse(*last));
    latest.truncate(KEYS);
    let mut known: HashMap<KeyId, Option<Key>> = HashMap::new();
    let mut all = Vec::new();
    for ((id, tool, network), (requests, last)) in latest {
        if let Entry::Vacant(unknown) = known.entry(id) {
            unknown.insert(control.metadata.key(id).await?);
        }
        let Some(Some(key)) = known.get(&id) else { continue };
        let (name, credential) = (key.name.to_string(), key.credential.to_string());
        all.push(Knock { key: name, credential, tool, network, requests, last });
    }
    Ok(all)
}
