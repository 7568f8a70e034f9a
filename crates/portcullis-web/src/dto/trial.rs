//! Whom a list of networks keeps out: before it is saved, and while it is tried out.

use portcullis_control::NetworkDraft;
use portcullis_control::networks::{self, Client, Clients, TrialView, is_single};
use portcullis_domain::{Networks, Trial};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::network::{NetworkIn, NotedNetwork, drafts, noted};

/// A list that is looked at, or tried out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NetworkList)]
pub(crate) struct NetworksIn {
    /// From where; anywhere if empty.
    networks: Vec<NetworkIn>,
}

impl NetworksIn {
    pub(crate) fn drafts(self) -> Vec<NetworkDraft> {
        drafts(self.networks)
    }
}

/// Somebody who uses a key from somewhere.
#[derive(Serialize, ToSchema)]
#[schema(as = Client)]
pub(crate) struct ClientOut {
    /// The key's id.
    key: String,
    /// What a person called the key.
    key_name: String,
    /// From where: an address, or a network of several that were too many to tell apart.
    #[schema(example = "203.0.113.7")]
    address: String,
    /// Whether `address` is a network of several.
    several: bool,
    /// Whether it is so of only some of its addresses.
    in_part: bool,
    /// The program, without its version.
    #[schema(example = "rclone")]
    tool: String,
    /// How many requests.
    requests: u64,
    /// When the first that counts.
    #[schema(format = DateTime)]
    first_seen: String,
    /// When the last.
    #[schema(format = DateTime)]
    last_seen: String,
    /// How many transfers are under way.
    transfers: u32,
}

impl From<Client> for ClientOut {
    fn from(client: Client) -> Self {
        let Client { key, key_name, network, tool, requests, first, last, transfers, in_part } = client;
        Self {
            key: key.to_string(),
            key_name,
            address: network.to_string(),
            several: !is_single(&network),
            in_part,
            tool,
            requests,
            first_seen: first.to_string(),
            last_seen: last.to_string(),
            transfers,
        }
    }
}

/// An entry of a list that is looked at.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewedNetwork)]
pub(crate) struct EntryOut {
    /// As it will be stored.
    #[schema(example = "203.0.113.0/24")]
    network: String,
    /// What it is, in a person's words.
    note: String,
    /// What there is to say of it: host bits that were cleared, that another entry covers it, that it is private.
    remarks: Vec<String>,
    /// When somebody last came in from there; null if nobody did in the time that is looked at.
    #[schema(format = DateTime)]
    last_seen: Option<String>,
}

/// Whom a list would keep out.
#[derive(Serialize, ToSchema)]
#[schema(as = NetworksPreview)]
pub(crate) struct PreviewOut {
    /// Who came in and could not any more, the latest first.
    cut_off: Vec<ClientOut>,
    /// Who came in and still could.
    kept: Vec<ClientOut>,
    /// Who was refused for their address, and could come in.
    let_in: Vec<ClientOut>,
    /// How many days back use counts.
    window_days: u16,
    /// Whether the key that asks could not come in any more from where it asks.
    cuts_off_asker: bool,
    /// Whether there were more clients than are looked at.
    has_more: bool,
    /// The list entry by entry.
    entries: Vec<EntryOut>,
}

impl PreviewOut {
    pub(crate) fn new(clients: &Clients, given: &[NetworkDraft], after: &Networks) -> Self {
        let preview = clients.preview(after);
        let out = |list: Vec<Client>| list.into_iter().map(ClientOut::from).collect();
        Self {
            cut_off: out(preview.cut_off),
            kept: out(preview.kept),
            let_in: out(preview.let_in),
            window_days: networks::WINDOW_DAYS,
            cuts_off_asker: preview.cuts_off_asker,
            has_more: preview.has_more,
            entries: entries(clients, given),
        }
    }
}

/// The entries with what there is to say of each; one that stands there twice is there twice, and says so.
fn entries(clients: &Clients, given: &[NetworkDraft]) -> Vec<EntryOut> {
    let read = networks::read_all(given);
    let out = |entry: networks::Entry| {
        let network = entry.network()?;
        Some(EntryOut {
            network: network.to_string(),
            remarks: entry.messages(),
            last_seen: clients.last_seen(&network).map(|at| at.to_string()),
            note: entry.note,
        })
    };
    read.into_iter().filter_map(out).collect()
}

/// Networks that are tried out: what they would refuse is counted, and not refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrialSettings)]
pub(crate) struct TrialSettingsOut {
    /// What is tried.
    networks: Vec<NotedNetwork>,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
}

impl From<&Trial> for TrialSettingsOut {
    fn from(trial: &Trial) -> Self {
        Self { networks: noted(&trial.networks), since: trial.since.to_string() }
    }
}

/// How a trial goes. Requests are counted by the hour: those of the first hour may have come before the trial began.
#[derive(Serialize, ToSchema)]
#[schema(as = Trial)]
pub(crate) struct TrialOut {
    /// What is tried.
    networks: Vec<NotedNetwork>,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// Whom it would have refused, the latest first.
    refused: Vec<ClientOut>,
    /// How many requests that were.
    refused_requests: u64,
    /// Whom it would have let in all the same.
    admitted: Vec<ClientOut>,
    /// How many requests that were.
    admitted_requests: u64,
    /// Whether there were more clients than are looked at.
    has_more: bool,
}

impl From<TrialView> for TrialOut {
    fn from(view: TrialView) -> Self {
        let sum = |list: &[Client]| list.iter().map(|client| client.requests).sum();
        let out = |list: Vec<Client>| list.into_iter().map(ClientOut::from).collect();
        Self {
            networks: noted(&view.trial.networks),
            since: view.trial.since.to_string(),
            refused_requests: sum(&view.refused),
            admitted_requests: sum(&view.admitted),
            refused: out(view.refused),
            admitted: out(view.admitted),
            has_more: view.has_more,
        }
    }
}

/// How a trial is put in force.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = EnforceTrial)]
pub(crate) struct EnforceIn {
    /// The `since` of the trial that is meant: nothing is done if another one runs.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) since: Option<String>,
    /// Without it, a key that takes from itself the address from which it asks is refused.
    pub(crate) confirm_lockout: bool,
}
