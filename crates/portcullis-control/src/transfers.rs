//! What is under way at this moment, on every node, and cutting one of it off.
//!
//! Each node knows its own. The others see what a node writes beside its signs of life, and it writes only while somebody looks.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portcullis_access::{Access, Change, SiteAdmin, System, TransferId, TransferInfo};
use portcullis_domain::{Action, KeyId, SiteId, StorageId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::audit::Deed;
use crate::{Control, ControlError, Done, Result};

/// How often a node writes what is under way there, and counts bytes.
const EVERY: Duration = Duration::from_secs(2);
/// For how long nodes go on writing after somebody looked.
const LOOKED: Duration = Duration::from_secs(10);
/// The most that a node shows to the others, and that are shown of one.
const MOST: usize = 1_000;
/// Keys, people and storages of which the names are looked up for one list.
const NAMED: usize = 200;
/// Over so many counts the rate is taken.
const COUNTS: usize = 3;

/// A transfer under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferView {
    /// Its id, of which there is one on all nodes.
    pub id: String,
    /// The node on which it runs: the process.
    #[serde(default)]
    pub node: String,
    /// That node's machine.
    #[serde(default)]
    pub node_name: String,
    /// Whether that is the node that answers.
    #[serde(skip)]
    pub own_node: bool,
    site: String,
    /// The key under which it runs, if it is a key.
    pub key: Option<String>,
    /// Whose it is: of the person who signed in, or of the key's.
    pub user: Option<String>,
    /// The key's name, if it is found.
    #[serde(skip)]
    pub key_name: Option<String>,
    /// That person's name, if they are found.
    #[serde(skip)]
    pub user_name: Option<String>,
    /// The storage.
    pub storage: String,
    /// The storage's name, if it is found.
    #[serde(skip)]
    pub storage_name: Option<String>,
    /// Whether it is an upload; a download if not.
    pub upload: bool,
    /// The object.
    pub object: String,
    /// The client's address.
    pub address: String,
    /// What the client calls itself.
    pub tool: String,
    /// When it began, in microseconds since 1970.
    started_us: i64,
    /// Bytes so far.
    pub bytes: u64,
    /// Bytes per second over the last seconds.
    pub rate: u64,
}

impl TransferView {
    /// When it began.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        Timestamp::from_micros(self.started_us)
    }

    /// The key under which it runs.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        self.key.as_deref()?.parse().ok()
    }

    /// The storage.
    #[must_use]
    pub fn storage_id(&self) -> Option<StorageId> {
        self.storage.parse().ok()
    }

    /// Whose it is.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        self.user.as_deref()?.parse().ok()
    }

    fn new(info: TransferInfo, rates: &Rates) -> Self {
        Self {
            rate: rates.of(&info),
            id: info.id.to_string(),
            node: String::new(),
            node_name: String::new(),
            own_node: false,
            site: info.site.to_string(),
            key: info.key.map(|id| id.to_string()),
            user: info.user.map(|id| id.to_string()),
            storage: info.storage.to_string(),
            key_name: None,
            user_name: None,
            storage_name: None,
            upload: info.action == Action::Put,
            object: info.object.as_str().to_owned(),
            address: info.peer.to_canonical().to_string(),
            tool: info.tool,
            started_us: info.started.micros(),
            bytes: info.bytes,
        }
    }
}

/// What was counted at one moment.
type Counted = (Instant, HashMap<TransferId, u64>);

/// The bytes of what is under way here, as counted lately.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<VecDeque<Counted>>);

impl Rates {
    fn count(&self, transfers: &[TransferInfo], now: Instant) {
        let counted = transfers.iter().map(|transfer| (transfer.id, transfer.bytes)).collect();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.push_back((now, counted));
        while counts.len() > COUNTS {
            counts.pop_front();
        }
    }

    fn of(&self, transfer: &TransferInfo) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = counts.iter().find_map(|(at, all)| Some((*at, *all.get(&transfer.id)?)));
        // One that is younger than the last count has come all of its way since.
        let (at, bytes) = match (earliest, counts.back()) {
            (Some(known), _) => known,
            (None, Some((at, _))) => (*at, 0),
            (None, None) => return 0,
        };
        let millis = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        transfer.bytes.saturating_sub(bytes).saturating_mul(1_000) / millis
    }
}

impl Control {
    /// The transfers under way in the admin's site on all nodes, the oldest first; of other nodes as they were two seconds ago at the
    /// latest, if somebody looked shortly before, and at most 1,000 of each.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn transfers(&self, admin: &SiteAdmin) -> Result<Vec<TransferView>> {
        let mut all = self.transfers_here(admin.site(), self.access.transfers(admin));
        if self.metadata.node().is_some() {
            self.metadata.note_look(self.access.now()).await?;
            all.extend(self.transfers_elsewhere(admin.site()).await?);
        }
        all.sort_by(|a, b| (a.started_us, &a.id).cmp(&(b.started_us, &b.id)));
        self.name_them(&mut all).await?;
        Ok(all)
    }

    /// Gives the first of them the names of what they belong to.
    async fn name_them(&self, transfers: &mut [TransferView]) -> Result<()> {
        let (mut keys, mut users, mut storages) = (HashMap::new(), HashMap::new(), HashMap::new());
        for transfer in transfers {
            if let Some(id) = transfer.key_id().filter(|id| keys.contains_key(id) || keys.len() < NAMED) {
                if let Entry::Vacant(place) = keys.entry(id) {
                    place.insert(self.metadata.key(id).await?.map(|key| key.name.to_string()));
                }
                transfer.key_name = keys.get(&id).cloned().flatten();
            }
            if let Some(id) = transfer.user_id().filter(|id| users.contains_key(id) || users.len() < NAMED) {
                if let Entry::Vacant(place) = users.entry(id) {
                    place.insert(self.metadata.user(id).await?.map(|user| user.username.to_string()));
                }
                transfer.user_name = users.get(&id).cloned().flatten();
            }
            let storage = transfer.storage_id();
            if let Some(id) = storage.filter(|id| storages.contains_key(id) || storages.len() < NAMED) {
                if let Entry::Vacant(place) = storages.entry(id) {
                    let found = self.metadata.storage(id).await?;
                    place.insert(found.map(|storage| storage.name.to_string()));
                }
                transfer.storage_name = storages.get(&id).cloned().flatten();
            }
        }
        Ok(())
    }

    fn transfers_here(&self, site: SiteId, infos: Vec<TransferInfo>) -> Vec<TransferView> {
        let (id, name) = self.metadata.node().unwrap_or_default();
        let view = |info| TransferView {
            node: id.to_owned(),
            node_name: name.to_owned(),
            own_node: true,
            ..TransferView::new(info, &self.rates)
        };
        infos.into_iter().filter(|info| info.site == site).map(view).collect()
    }

    async fn transfers_elsewhere(&self, site: SiteId) -> Result<Vec<TransferView>> {
        let (site, mut all) = (site.to_string(), Vec::new());
        for shown in self.metadata.shown_transfers(self.access.lease()).await? {
            // Of a node of another version that writes it otherwise, nothing is shown.
            let transfers: Vec<TransferView> = serde_json::from_str(&shown.json).unwrap_or_default();
            let here = transfers.into_iter().filter(|transfer| transfer.site == site).take(MOST);
            all.extend(here.map(|transfer| TransferView {
                node: shown.node.clone(),
                node_name: shown.name.clone(),
                ..transfer
            }));
        }
        Ok(all)
    }

    /// Cuts one transfer off, on whichever node it runs. Whoever sent it may begin it anew.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if no such transfer is known to run in the admin's site; [`ControlError::Metadata`].
    pub async fn cut_transfer(&self, admin: &SiteAdmin, id: &str) -> Result<Done<TransferView>> {
        let wanted: TransferId = id.parse().map_err(|_| ControlError::NotFound)?;
        let known = self.transfers(admin).await?.into_iter().find(|transfer| transfer.id == id);
        let view = known.ok_or(ControlError::NotFound)?;
        let deed = Deed {
            action: "cut_transfer",
            key: view.key_id(),
            storage: view.storage_id(),
            object: Some(&view.object),
        };
        let cutting = self.cutting();
        self.carry_out(admin, deed, self.metadata.cut_transfer(id)).await?;
        let receipt = self.in_force(cutting, admin, deed, &[Change::Transfer(wanted)]).await?;
        Ok(Done { value: view, receipt })
    }

    /// The background work: counts what is under way here, and shows it to the other nodes while somebody looks. Returns after `stop`.
    pub async fn keep_transfers(&self, system: &System, stop: CancellationToken) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = Look::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            self.count_transfers(&self.access, system);
            if self.metadata.node().is_none() {
                continue;
            }
            if let Err(error) = self.show_transfers(system, &mut look).await {
                tracing::debug!(%error, "what is under way is not shown to other nodes");
            }
        }
    }

    fn count_transfers(&self, access: &Access, system: &System) {
        self.rates.count(&access.all_transfers(system), Instant::now());
    }

    /// Writes what is under way here, if somebody looks; clears it if nobody does any more.
    async fn show_transfers(&self, system: &System, look: &mut Look) -> Result<()> {
        let (mark, now) = (self.metadata.last_look().await?, self.access.now());
        if look.goes_on(mark) {
            let transfers = self.access.all_transfers(system).into_iter().take(MOST);
            let views: Vec<_> = transfers.map(|info| TransferView::new(info, &self.rates)).collect();
            if let Ok(json) = serde_json::to_string(&views) {
                self.metadata.show_transfers(&json, now).await?;
                look.shown = true;
            }
        } else if look.shown {
            self.metadata.show_transfers("[]", now).await?;
            look.shown = false;
        }
        Ok(())
    }
}

/// What a node knows of who looks. It goes by its own clock: it notices that the mark of the last look is another one.
#[derive(Default)]
struct Look {
    mark: Option<i64>,
    at: Option<Instant>,
    shown: bool,
}

impl Look {
    fn goes_on(&mut self, mark: Option<i64>) -> bool {
        if mark != self.mark {
            (self.mark, self.at) = (mark, Some(Instant::now()));
        }
        self.at.is_some_and(|at| at.elapsed() < LOOKED)
    }
}
