//! Who uses the door now and could not any more.

use portcullis_control::networks::{Client, Clients, is_single};
use portcullis_domain::{Network, Networks, Timestamp};

use super::super::seen::Seen;

/// Somebody who would be refused from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct CutOff {
    pub(in super::super) name: String,
    pub(in super::super) tool: String,
    pub(in super::super) address: Network,
    /// Whether the address is one alone, all of which is refused: it can be let in with one press.
    pub(in super::super) can_be_let_in: bool,
    /// Whether it is so of only some of the addresses.
    pub(in super::super) in_part: bool,
    pub(in super::super) at: Timestamp,
    /// How many requests.
    pub(in super::super) requests: u64,
    /// How many transfers are under way.
    pub(in super::super) transfers: u64,
}

impl From<Client> for CutOff {
    fn from(client: Client) -> Self {
        Self {
            can_be_let_in: is_single(&client.network),
            name: client.key_name,
            tool: client.tool,
            address: client.network,
            in_part: client.in_part,
            at: client.last,
            requests: client.requests,
            transfers: u64::from(client.transfers),
        }
    }
}

/// Those of the clients that come in by the list in force and would not by `after`.
pub(super) fn cut_off(clients: &Clients, after: &Networks) -> Vec<CutOff> {
    clients.preview(after).cut_off.into_iter().map(CutOff::from).collect()
}

/// How many they are.
pub(super) fn count(cut_off: &[CutOff]) -> u64 {
    u64::try_from(cut_off.len()).unwrap_or(u64::MAX)
}

/// What stands for those who would be cut off. Not the moment of the last use: whoever goes on working is still the same.
pub(super) fn warning(cut_off: &[CutOff]) -> Seen {
    let mut lines: Vec<String> =
        cut_off.iter().map(|who| format!("{} {} {}", who.address, who.in_part, who.name)).collect();
    lines.sort_unstable();
    lines.dedup();
    let mut seen = Seen::default();
    lines.iter().for_each(|line| seen.add(line));
    seen
}
