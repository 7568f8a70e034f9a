//! Allowed networks as text: what it says, entry by entry, while it is being typed.

use std::net::IpAddr;

use portcullis_control::networks::{self, Entry, Outcome, Reading};
use portcullis_domain::Networks;

use super::super::words;

/// As many entries as are shown one by one.
const SHOWN: usize = 50;

/// What a text says, as its page shows it.
#[derive(Debug)]
pub(in super::super) struct ListText {
    /// What is wrong with the text as a whole.
    pub(in super::super) problem: Option<String>,
    /// The first of its entries.
    pub(in super::super) entries: Vec<EntryView>,
    /// How many more there are.
    pub(in super::super) more: u64,
    /// Whether it has no entry at all, so that everybody may come in.
    pub(in super::super) is_empty: bool,
    /// How many addresses it lets in, in words.
    pub(in super::super) reach: String,
    /// The address from which the request comes.
    pub(in super::super) own: IpAddr,
    /// Whether the list lets it in.
    pub(in super::super) holds_own: bool,
}

/// One entry.
#[derive(Debug)]
pub(in super::super) struct EntryView {
    pub(in super::super) typed: String,
    /// What it means, if it can be used.
    pub(in super::super) network: Option<String>,
    pub(in super::super) note: String,
    /// What there is to say of it, in sentences.
    pub(in super::super) messages: Vec<String>,
    /// What was probably meant, if it cannot be used: its number in the list, and the network.
    pub(in super::super) meant: Option<(usize, String)>,
}

impl ListText {
    pub(in super::super) fn of(reading: &Reading, own: IpAddr) -> Self {
        let list = reading.networks();
        let more = reading.entries.len().saturating_sub(SHOWN);
        let is_empty = reading.entries.is_empty() && reading.problem.is_none();
        Self {
            problem: reading.problem.as_deref().map(sentence),
            entries: reading.entries.iter().enumerate().take(SHOWN).map(EntryView::of).collect(),
            more: u64::try_from(more).unwrap_or(u64::MAX),
            is_empty,
            reach: networks::reach(&list).to_string(),
            own: own.to_canonical(),
            // A list of which nothing can be used lets in nobody, and is not the empty one.
            holds_own: is_empty || !list.is_anywhere() && networks::includes(&list, own),
        }
    }

    /// Whether any of the entries lets somebody in.
    pub(in super::super) fn has_any(&self) -> bool {
        self.entries.iter().any(|entry| entry.network.is_some())
    }
}

impl EntryView {
    fn of((at, entry): (usize, &Entry)) -> Self {
        let meant = match &entry.outcome {
            Outcome::Accepted { .. } => None,
            Outcome::Refused(refusal) => refusal.suggestion.map(|network| (at, network.to_string())),
        };
        let messages = match &entry.outcome {
            // The suggestion stands on a button of its own.
            Outcome::Refused(refusal) => vec![sentence(&refusal.message)],
            Outcome::Accepted { .. } => entry.messages().iter().map(|message| sentence(message)).collect(),
        };
        Self {
            typed: entry.typed.clone(),
            network: entry.network().map(|network| network.to_string()),
            note: entry.note.clone(),
            messages,
            meant,
        }
    }
}

/// The text with one's own address at its end, unless the list lets it in already.
pub(super) fn with_own(text: &str, own: IpAddr) -> String {
    let list = networks::read(text).networks();
    if !list.is_anywhere() && networks::includes(&list, own) {
        return text.to_owned();
    }
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{separator}{}  # {}", own.to_canonical(), words::text("terms.networks.mine.note"))
}

/// The text with what was meant in place of the entry with this number, one entry a line.
pub(super) fn put_right(text: &str, at: usize) -> String {
    let reading = networks::read(text);
    if reading.problem.is_some() {
        return text.to_owned();
    }
    let line = |(number, entry): (usize, &Entry)| {
        let meant = match &entry.outcome {
            Outcome::Refused(refusal) if number == at => refusal.suggestion,
            Outcome::Refused(_) | Outcome::Accepted { .. } => None,
        };
        let network = meant.map_or_else(|| entry.typed.clone(), |network| network.to_string());
        if entry.note.is_empty() { network } else { format!("{network}  # {}", entry.note) }
    };
    reading.entries.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// What is wrong with the text, for the summary: the first few of its wrong entries.
pub(super) fn faults(reading: &Reading) -> Vec<String> {
    const MOST: usize = 5;
    let wrong = reading.entries.iter().filter(|entry| entry.network().is_none()).take(MOST);
    let told = wrong.map(|entry| sentence(&format!("{}: {}", entry.typed, entry.messages().join("; "))));
    reading.problem.as_deref().map(sentence).into_iter().chain(told).collect()
}

/// A message with a capital letter, unless it begins with an address or a name, and an end mark.
pub(in super::super) fn sentence(message: &str) -> String {
    let first_word = message.split(' ').next().unwrap_or_default();
    let is_word = first_word.chars().all(char::is_alphabetic);
    let mut letters = message.chars();
    let first = letters.next().filter(|_| is_word).map(|first| first.to_uppercase().to_string());
    let end = if message.ends_with(['.', '?', '!']) { "" } else { "." };
    match first {
        Some(first) => format!("{first}{}{end}", letters.as_str()),
        None => format!("{message}{end}"),
    }
}

/// The networks that bind a key, its own or else its storage's.
pub(super) fn binding<'a>(storage: &'a Networks, key: &'a Networks) -> &'a Networks {
    if key.is_anywhere() { storage } else { key }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 61));

    fn view(text: &str) -> ListText {
        ListText::of(&networks::read(text), OWN)
    }

    #[test]
    fn what_was_meant_takes_the_place_of_what_was_typed() {
        let text = "203.0.113/24  # office\n10.0.0.1, nas.example";
        let seen = view(text);
        assert_eq!(seen.entries.len(), 3);
        assert_eq!(seen.entries[0].meant, Some((0, "203.0.113.0/24".to_owned())));
        assert_eq!(seen.entries[2].meant, None);
        let right = put_right(text, 0);
        assert_eq!(right, "203.0.113.0/24  # office\n10.0.0.1\nnas.example");
        // Neither a right entry nor one without a suggestion nor one that is not there can be put right.
        for at in [1, 2, 9] {
            assert_eq!(put_right(text, at), "203.0.113/24  # office\n10.0.0.1\nnas.example");
        }
        assert_eq!(faults(&networks::read(text)).len(), 2);
    }

    #[test]
    fn own_address_is_added_once() {
        let one = with_own("", OWN);
        assert!(one.starts_with("192.0.2.61  # "), "{one}");
        assert_eq!(with_own(&one, OWN), one);
        assert_eq!(with_own("192.0.2.0/24", OWN), "192.0.2.0/24");
        let two = with_own("10.0.0.1", OWN);
        assert!(view(&two).holds_own && two.starts_with("10.0.0.1\n192.0.2.61"), "{two}");
        let mapped = IpAddr::V6(std::net::Ipv4Addr::new(192, 0, 2, 61).to_ipv6_mapped());
        assert!(with_own("", mapped).starts_with("192.0.2.61 "));
    }

    #[test]
    fn nothing_typed_is_anywhere_and_rubbish_is_not() {
        assert!(view(" \n ").is_empty && view("").holds_own);
        let rubbish = view("everywhere!");
        assert!(!rubbish.is_empty && !rubbish.has_any() && !rubbish.holds_own);
        let many = "1 ".repeat(80);
        assert_eq!((view(&many).entries.len(), view(&many).more), (50, 30));
    }

    #[test]
    fn sentences() {
        assert_eq!(sentence("names cannot be used"), "Names cannot be used.");
        assert_eq!(sentence("fe80::1 means x; did you mean y?"), "fe80::1 means x; did you mean y?");
    }
}
