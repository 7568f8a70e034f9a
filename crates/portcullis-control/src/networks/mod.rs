//! The brain of the editor of allowed networks: from what somebody typed or pasted to a list, with a word on everything that is
//! not as it seems, and whom the list would keep out. Pure but for `preview`, which reads who that is: no I/O, bounded input, and
//! what is not understood is refused with what was probably meant.

mod clients;
mod cover;
mod explain;
mod ipv4;
mod preview;
mod reach;
mod split;
#[cfg(test)]
mod tests;
mod trial;

use std::fmt;
use std::net::IpAddr;

use portcullis_domain::{Network, NetworkEntry, Networks};

use crate::NetworkDraft;
pub use clients::{Client, Clients, NetworksPreview, WINDOW_DAYS};
pub use cover::is_single;
use cover::meet;
pub(crate) use explain::require_some;
use explain::understand;
pub use reach::{Reach, reach};
use split::{Piece, pieces};
pub use trial::{TrialChange, TrialView, read as read_drafts};

/// The longest text that is read, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// The longest note that is kept, in characters.
pub const MAX_NOTE: usize = 200;

/// What a text says, entry by entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The entries in their order, those that were refused too.
    pub entries: Vec<Entry>,
    /// What is wrong with the text as a whole; then there are no entries.
    pub problem: Option<String>,
}

/// One entry of a list, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was typed, without the note; cut to 100 characters.
    pub typed: String,
    /// What it is, in a person's words: at most [`MAX_NOTE`] characters, no control characters, may be empty.
    pub note: String,
    /// Whether it can be used.
    pub outcome: Outcome,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It can be used as `network`, the canonical form.
    Accepted {
        /// What is meant.
        network: Network,
        /// What a person should know of it.
        remarks: Vec<Remark>,
    },
    /// It cannot.
    Refused(Refusal),
}

/// What a person should know of an entry that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// The address before the slash was not the first of its network.
    HostBits,
    /// An IPv4 address was written inside IPv6; it is the same.
    Ipv4InIpv6,
    /// The same network stands further up; it is kept once.
    DuplicateOf(Network),
    /// Another entry lets in all of it already.
    CoveredBy(Network),
    /// Another entry further up lets in a part of it.
    Overlaps(Network),
    /// Addresses that only exist inside a local network.
    Private,
    /// Addresses of the machine on which the server runs.
    ThisMachine,
    /// The note was longer than [`MAX_NOTE`] characters and was cut.
    NoteCut,
}

/// Why an entry cannot be used, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, without an end mark.
    pub message: String,
    /// What was probably meant; would be accepted.
    pub suggestion: Option<Network>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.suggestion {
            Some(network) => write!(f, "{}; did you mean {network}?", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Entry {
    fn new(piece: Piece) -> Self {
        let Piece { typed, note } = piece;
        let (note, note_was_cut) = tidy(&note);
        let mut outcome = match understand(&typed) {
            Ok((network, remarks)) => Outcome::Accepted { network, remarks },
            Err(refusal) => Outcome::Refused(refusal),
        };
        if let (Outcome::Accepted { remarks, .. }, true) = (&mut outcome, note_was_cut) {
            remarks.push(Remark::NoteCut);
        }
        Self { typed: typed.chars().take(100).collect(), note, outcome }
    }

    /// The network, if the entry was accepted.
    #[must_use]
    pub fn network(&self) -> Option<Network> {
        match self.outcome {
            Outcome::Accepted { network, .. } => Some(network),
            Outcome::Refused(_) => None,
        }
    }

    /// Everything there is to say of it, each a sentence without an end mark; nothing for an entry that is plainly right.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        match &self.outcome {
            Outcome::Accepted { network, remarks } => {
                remarks.iter().map(|remark| remark.text(&self.typed, network)).collect()
            }
            Outcome::Refused(refusal) => vec![refusal.to_string()],
        }
    }
}

impl Remark {
    /// In words.
    fn text(self, typed: &str, network: &Network) -> String {
        match self {
            Self::HostBits => format!("{typed} means {network}"),
            Self::Ipv4InIpv6 => format!("{typed} is the IPv4 form {network} written inside IPv6"),
            Self::DuplicateOf(other) => format!("{other} is in the list already; it is kept once"),
            Self::CoveredBy(other) => format!("{other} lets in all of {network} already"),
            Self::Overlaps(other) => format!("{other} lets in a part of {network} already"),
            Self::Private => format!(
                "{network} is private: it only lets in who reaches the server from inside the same local network"
            ),
            Self::ThisMachine => format!("{network} only lets in programs on the server's own machine"),
            Self::NoteCut => format!("the note was cut to {MAX_NOTE} characters"),
        }
    }
}

impl Reading {
    /// Whether everything can be used as it stands; remarks do not count.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problem.is_none() && self.entries.iter().all(|entry| entry.network().is_some())
    }

    /// What was accepted, each network once.
    #[must_use]
    pub fn networks(&self) -> Networks {
        // Within the limit: what is past it was refused.
        Networks::new(self.accepted().collect()).unwrap_or_default()
    }

    /// What was accepted, each network once, for a draft.
    #[must_use]
    pub fn drafts(&self) -> Vec<NetworkDraft> {
        let draft = |entry: &NetworkEntry| NetworkDraft {
            network: entry.network.to_string(),
            note: entry.note.clone(),
        };
        self.networks().entries().iter().map(draft).collect()
    }

    fn accepted(&self) -> impl Iterator<Item = NetworkEntry> {
        self.entries
            .iter()
            .filter_map(|entry| Some(NetworkEntry { network: entry.network()?, note: entry.note.clone() }))
    }
}

/// Reads a list from text: entries stand apart by commas, semicolons, white space or line ends. `#` begins a note for its line,
/// and so do a tab or two spaces, if what follows is no address.
#[must_use]
pub fn read(text: &str) -> Reading {
    if text.len() > MAX_TEXT {
        let most = MAX_TEXT / 1024;
        let problem = format!(
            "that is more than {most} KiB; paste a shorter list, of at most {} networks",
            Networks::MAX
        );
        return Reading { entries: Vec::new(), problem: Some(problem) };
    }
    let mut entries: Vec<Entry> = pieces(text).into_iter().map(Entry::new).collect();
    refuse_too_many(&mut entries);
    compare(&mut entries);
    Reading { entries, problem: None }
}

/// Reads one row of the editor. What other rows say is not looked at.
#[must_use]
pub fn read_one(network: &str, note: &str) -> Entry {
    Entry::new(Piece { typed: split::unwrapped(network).to_owned(), note: note.to_owned() })
}

/// Reads rows that were typed one by one, at most as many as a list may hold twice, with what they have to do with each other.
#[must_use]
pub fn read_all(rows: &[NetworkDraft]) -> Vec<Entry> {
    let mut entries: Vec<Entry> =
        rows.iter().take(2 * Networks::MAX).map(|row| read_one(&row.network, &row.note)).collect();
    compare(&mut entries);
    entries
}

/// Whether the list lets this address in; the empty list lets everybody in.
#[must_use]
pub fn includes(list: &Networks, address: IpAddr) -> bool {
    list.admit(address)
}

/// The first entry that lets this address in.
#[must_use]
pub fn holder(list: &Networks, address: IpAddr) -> Option<&NetworkEntry> {
    list.entries().iter().find(|entry| entry.network.holds(address))
}

/// The list as text, one entry a line; [`read`] gives the same list back, but for entries that it refuses: any address.
#[must_use]
pub fn to_text(list: &Networks) -> String {
    let mut text = String::new();
    for NetworkEntry { network, note } in list.entries() {
        text.push_str(&network.to_string());
        if !note.is_empty() {
            text.push_str("  # ");
            text.push_str(note);
        }
        text.push('\n');
    }
    text
}

fn refuse_too_many(entries: &mut [Entry]) {
    let mut known: Vec<Network> = Vec::new();
    for entry in entries {
        let Some(network) = entry.network().filter(|network| !known.contains(network)) else { continue };
        if known.len() < Networks::MAX {
            known.push(network);
        } else {
            let message = format!("a list holds at most {} networks", Networks::MAX);
            entry.outcome = Outcome::Refused(Refusal { message, suggestion: None });
        }
    }
}

/// Notes what the entries have to do with each other.
fn compare(entries: &mut [Entry]) {
    let all: Vec<Option<Network>> = entries.iter().map(Entry::network).collect();
    for (at, entry) in entries.iter_mut().enumerate() {
        let Outcome::Accepted { network, remarks } = &mut entry.outcome else { continue };
        let network = *network;
        let before = || all.iter().take(at).flatten();
        let covers = |other: &&Network| **other != network && other.holds_all_of(&network);
        let overlaps = |other: &&Network| !network.holds_all_of(other) && meet(&network, other);
        let remark = if before().any(|other| *other == network) {
            Some(Remark::DuplicateOf(network))
        } else if let Some(other) = all.iter().flatten().find(covers) {
            Some(Remark::CoveredBy(*other))
        } else {
            before().find(overlaps).map(|other| Remark::Overlaps(*other))
        };
        remarks.extend(remark);
    }
}

/// A note without control characters, and whether it had to be cut.
fn tidy(note: &str) -> (String, bool) {
    let plain: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.trim();
    let cut: String = plain.chars().take(MAX_NOTE).collect();
    let was_cut = cut.len() < plain.len();
    (cut.trim_end().to_owned(), was_cut)
}
