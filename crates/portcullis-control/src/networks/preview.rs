//! Reads who uses a key or a storage from where: for the preview of a list, and for how a trial goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::{Oneself, Proof, SiteAdmin, TransferInfo};
use portcullis_domain::{
    DenyReason, Key, KeyId, Network, Networks, Scope, StorageId, StorageState, Timestamp, Trial, UserId,
};
use portcullis_metadata::{ActivityKind, ActivityRow};

use super::clients::{Client, Clients, Seen, WINDOW_DAYS};
use super::trial::{Counted, CountedOf, TrialView, result};
use crate::keys::KeyStatus;
use crate::{Control, Result};

/// The most rows that are looked at; the latest are.
const MOST: u32 = 20_000;
/// What stands in the counters for coming in, beside whatever is done then.
const ENTER: &str = "enter";

/// Which list is looked at.
#[derive(Clone, Copy)]
enum Of<'a> {
    Key(&'a Key),
    Storage(StorageId),
}

impl Control {
    /// Who used a key in the last [`WINDOW_DAYS`], and who was refused for their address.
    ///
    /// # Errors
    /// [`crate::ControlError::NotFound`], [`crate::ControlError::Metadata`].
    pub async fn clients_of_key(&self, admin: &SiteAdmin, id: KeyId) -> Result<Clients> {
        self.key_clients(admin, None, id, self.access.transfers(admin)).await
    }

    /// The same of a key of the person who asks. Their transfers under way are counted as use, but not told apart.
    ///
    /// # Errors
    /// As [`Control::clients_of_key`]; [`crate::ControlError::NotFound`] for the key of somebody else, too.
    pub async fn clients_of_own_key(&self, me: &Oneself, id: KeyId) -> Result<Clients> {
        self.key_clients(me, Some(me.user()), id, Vec::new()).await
    }

    /// Who used any key at a storage in the last [`WINDOW_DAYS`], and who was refused for their address. People who signed in and
    /// links are not among them: their use is not counted.
    ///
    /// # Errors
    /// [`crate::ControlError::NotFound`], [`crate::ControlError::Metadata`].
    pub async fn clients_of_storage(&self, admin: &SiteAdmin, id: StorageId) -> Result<Clients> {
        let storage = self.find_storage(admin, id).await?;
        self.access.written(admin).await;
        let mut clients = self.read_clients(Of::Storage(id), self.access.transfers(admin)).await?;
        clients.before = storage.networks;
        clients.asker = admin.key().map(|_| admin.principal().peer());
        Ok(clients)
    }

    async fn key_clients(
        &self,
        proof: &impl Proof,
        only: Option<UserId>,
        id: KeyId,
        transfers: Vec<TransferInfo>,
    ) -> Result<Clients> {
        let key = self.find_key(proof, only, id).await?;
        self.access.written(proof).await;
        let mut clients = self.read_clients(Of::Key(&key), transfers).await?;
        let who = proof.principal();
        clients.asker = (who.key_id() == Some(id)).then(|| who.peer());
        clients.before = key.networks;
        Ok(clients)
    }

    /// How the trial on a key goes; none if nothing is tried out on it.
    ///
    /// # Errors
    /// [`crate::ControlError::NotFound`], [`crate::ControlError::Metadata`].
    pub async fn trial_of_key(&self, admin: &SiteAdmin, id: KeyId) -> Result<Option<TrialView>> {
        self.key_trial(admin, None, id).await
    }

    /// The same of a key of the person who asks.
    ///
    /// # Errors
    /// As [`Control::trial_of_key`]; [`crate::ControlError::NotFound`] for the key of somebody else, too.
    pub async fn trial_of_own_key(&self, me: &Oneself, id: KeyId) -> Result<Option<TrialView>> {
        self.key_trial(me, Some(me.user()), id).await
    }

    /// How the trial on a storage goes; none if nothing is tried out on it.
    ///
    /// # Errors
    /// [`crate::ControlError::NotFound`], [`crate::ControlError::Metadata`].
    pub async fn trial_of_storage(&self, admin: &SiteAdmin, id: StorageId) -> Result<Option<TrialView>> {
        let Some(trial) = self.find_storage(admin, id).await?.trial else { return Ok(None) };
        self.access.written(admin).await;
        self.read_trial(Of::Storage(id), trial).await.map(Some)
    }

    async fn key_trial(
        &self,
        proof: &impl Proof,
        only: Option<UserId>,
        id: KeyId,
    ) -> Result<Option<TrialView>> {
        let key = self.find_key(proof, only, id).await?;
        let Some(trial) = key.trial.clone() else { return Ok(None) };
        self.access.written(proof).await;
        self.read_trial(Of::Key(&key), trial).await.map(Some)
    }

    async fn rows(&self, of: Of<'_>, kind: ActivityKind, since: Timestamp) -> Result<Vec<ActivityRow>> {
        let mut rows = match of {
            Of::Key(key) => self.metadata.activity_of_key(key.id, Some(kind), since, MOST).await?,
            Of::Storage(id) => self.metadata.activity_of_storage(id, Some(kind), since, MOST).await?,
        };
        // The hour in which the time begins counts whole; who was last here before it does not.
        rows.retain(|row| row.count.last >= since);
        Ok(rows)
    }

    async fn read_clients(&self, of: Of<'_>, transfers: Vec<TransferInfo>) -> Result<Clients> {
        let now = self.access.now();
        let since = now.before(Duration::from_secs(u64::from(WINDOW_DAYS) * 24 * 60 * 60));
        let mut used = self.rows(of, ActivityKind::Used, since).await?;
        let mut refused = self.rows(of, ActivityKind::Refused, since).await?;
        let full = usize::try_from(MOST).unwrap_or(usize::MAX);
        let has_more = used.len().max(refused.len()) >= full;
        let reason = match of {
            Of::Key(_) => DenyReason::KeyNetwork,
            Of::Storage(_) => DenyReason::StorageNetwork,
        };
        refused.retain(|row| row.what == reason.as_str());
        // Coming in is counted beside every deed.
        for row in used.iter_mut().filter(|row| row.what == ENTER) {
            row.count.requests = 0;
        }
        let mut others = Others { control: self, of, known: HashMap::new() };
        let mut seen = others.seen(used).await?;
        let refused = others.seen(refused).await?;
        for transfer in transfers {
            others.add_transfer(&mut seen, transfer, now).await?;
        }
        Ok(Clients { seen, refused, has_more, ..Clients::default() })
    }

    async fn read_trial(&self, of: Of<'_>, trial: Trial) -> Result<TrialView> {
        let used = self.rows(of, ActivityKind::Used, trial.since).await?;
        let tried = self.rows(of, ActivityKind::Tried, trial.since).await?;
        let full = usize::try_from(MOST).unwrap_or(usize::MAX);
        let has_more = used.len().max(tried.len()) >= full;
        let mut others = Others { control: self, of, known: HashMap::new() };
        let mut counted = Vec::new();
        for row in used.into_iter().chain(tried) {
            let counts = match (row.kind, row.what.as_str()) {
                (ActivityKind::Tried, _) => CountedOf::Shadow,
                (ActivityKind::Used | ActivityKind::Refused, ENTER) => CountedOf::Entries,
                (ActivityKind::Used | ActivityKind::Refused, _) => CountedOf::Deeds,
            };
            if let Some(seen) = others.client(row).await? {
                counted.push(Counted { client: seen.client, of: counts });
            }
        }
        Ok(result(trial, &counted, has_more))
    }
}

/// What is known of the other side of the clients that are looked at: of a key's its storages, of a storage's its keys.
struct Others<'a> {
    control: &'a Control,
    of: Of<'a>,
    /// None for keys that do not work anyway.
    known: HashMap<(KeyId, Option<StorageId>), Option<Bound>>,
}

/// The name of a key, and the list that binds it as well.
type Bound = (String, Arc<Networks>);

impl Others<'_> {
    async fn seen(&mut self, rows: Vec<ActivityRow>) -> Result<Vec<Seen>> {
        let mut seen = Vec::new();
        for row in rows {
            seen.extend(self.client(row).await?);
        }
        Ok(seen)
    }

    async fn client(&mut self, row: ActivityRow) -> Result<Option<Seen>> {
        let ActivityRow { key, storage, network, tool, count, .. } = row;
        let Ok(network) = Network::parse(&network) else { return Ok(None) };
        let Some((key_name, also_bound)) = self.bound(key, storage).await? else { return Ok(None) };
        let client = Client {
            key,
            key_name,
            network,
            tool,
            requests: count.requests,
            first: count.first,
            last: count.last,
            transfers: 0,
            in_part: false,
        };
        Ok(Some(Seen { client, also_bound }))
    }

    async fn bound(&mut self, key: KeyId, storage: Option<StorageId>) -> Result<Option<Bound>> {
        if let Some(known) = self.known.get(&(key, storage)) {
            return Ok(known.clone());
        }
        let (metadata, now) = (&self.control.metadata, self.control.access.now());
        let works = |key: &Key| KeyStatus::of(key, now) == KeyStatus::Active;
        let found = match self.of {
            Of::Key(own) => {
                // A key for one storage can do nothing elsewhere: that it was shown at all counts as a try there.
                let at = match own.scope {
                    Scope::Storage(id) => Some(id),
                    Scope::User(_) | Scope::Site => storage,
                };
                let bound = match at {
                    Some(id) => {
                        let found = metadata.storage(id).await?;
                        found.filter(|at| at.state == StorageState::Active).map(|at| at.networks)
                    }
                    None => Some(Networks::anywhere()),
                };
                bound.filter(|_| works(own)).map(|bound| (own.name.to_string(), Arc::new(bound)))
            }
            Of::Storage(_) => {
                let living = metadata.key(key).await?.filter(works);
                living.map(|key| (key.name.to_string(), Arc::new(key.networks)))
            }
        };
        self.known.insert((key, storage), found.clone());
        Ok(found)
    }

    /// Counts a transfer under way with whoever does it.
    async fn add_transfer(
        &mut self,
        seen: &mut Vec<Seen>,
        transfer: TransferInfo,
        now: Timestamp,
    ) -> Result<()> {
        let Some(key) = transfer.key else { return Ok(()) };
        let concerned = match self.of {
            Of::Key(own) => own.id == key,
            Of::Storage(id) => transfer.storage == id,
        };
        let Some((key_name, also_bound)) = (match concerned {
            true => self.bound(key, Some(transfer.storage)).await?,
            false => None,
        }) else {
            return Ok(());
        };
        let Ok(network) = Network::parse(&transfer.peer.to_string()) else { return Ok(()) };
        let same = |seen: &&mut Seen| {
            let client = &seen.client;
            client.key == key && client.network == network && transfer.tool.starts_with(&client.tool)
        };
        if let Some(known) = seen.iter_mut().find(same) {
            known.client.transfers = known.client.transfers.saturating_add(1);
            known.client.last = now;
            return Ok(());
        }
        let tool = transfer.tool;
        let (first, last) = (transfer.started, now);
        let client =
            Client { key, key_name, network, tool, requests: 0, first, last, transfers: 1, in_part: false };
        seen.push(Seen { client, also_bound });
        Ok(())
    }
}
