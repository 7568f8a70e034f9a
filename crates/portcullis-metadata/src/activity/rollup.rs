//! The counters in memory, before they are written: bounded whatever comes.
//!
//! What is too much to tell apart is put together, never left out: first the programs, then the addresses to networks that hold
//! them all. So whatever is concluded from the counters about where a key is used from holds for every request there was.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher as _};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portcullis_domain::{KeyId, StorageId, Timestamp};

use super::{ActivityCount, ActivityKind, ActivityOf, FolderOf};

/// Different rows of a key in an hour after which programs are no longer told apart, and after which networks are not.
const TOOLS: usize = 48;
const ADDRESSES: usize = 96;
const NETWORKS: usize = 192;
/// The same for those who did not prove that they hold the key: anybody makes those rows.
const STRANGERS: usize = 24;
/// Different rows of all keys in an hour; then every key's are put together.
const MOST: usize = 400_000;
/// Folders of a key in a day.
const FOLDERS: usize = 32;
/// How deep a folder is told apart.
const DEPTH: usize = 3;
/// How many characters of a program's name are kept.
const TOOL: usize = 40;
const OTHER: &str = "other";

/// One request, admitted or refused.
#[derive(Clone, Copy, Debug)]
pub struct Noted<'a> {
    /// The key.
    pub key: KeyId,
    /// The storage, if it is known.
    pub storage: Option<StorageId>,
    /// From where.
    pub peer: IpAddr,
    /// What the client calls itself.
    pub tool: &'a str,
    /// Whether it was done.
    pub kind: ActivityKind,
    /// What was done, or why not.
    pub what: &'static str,
    /// With which of the key's credentials.
    pub generation: u32,
    /// Bytes of files that went with it; requests that only add bytes are counted as none.
    pub bytes: u64,
    /// Whether somebody showed the key's secret. Who did not is counted coarsely.
    pub proved: bool,
}

/// A request as it comes, to find its row again without a text to be made.
type Shape = (KeyId, Option<StorageId>, IpAddr, u64, ActivityKind, &'static str, u32, bool);

/// Shapes whose row is known; the others are looked up the long way.
const SHAPES: usize = 8192;

#[derive(Debug, Default)]
struct State {
    rows: Vec<(ActivityOf, ActivityCount)>,
    /// Where in the rows.
    at: HashMap<ActivityOf, usize>,
    shapes: HashMap<Shape, usize>,
    /// Requests in each folder of a storage in which a key worked.
    folders: HashMap<(KeyId, StorageId), BTreeMap<String, u64>>,
    hour: i64,
    /// What each key had in this hour, by hash; true for who proved that they hold the key.
    seen: HashMap<(KeyId, bool), HashSet<u64>>,
    total: usize,
    day: i64,
    seen_folders: HashMap<(KeyId, StorageId), HashSet<String>>,
    /// Folders of earlier days that are not taken yet.
    earlier: BTreeMap<FolderOf, u64>,
}

/// The counters of this process since they were last taken.
#[derive(Debug, Default)]
pub struct Rollup(Mutex<State>);

impl Rollup {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request.
    pub fn note(&self, now: Timestamp, noted: &Noted<'_>) {
        self.state().add(now, noted, 1);
    }

    /// Adds bytes to a request that was counted before.
    pub fn note_bytes(&self, now: Timestamp, noted: &Noted<'_>) {
        self.state().add(now, noted, 0);
    }

    /// Counts that a key worked on this object, or on what is under this prefix.
    pub fn note_place(&self, now: Timestamp, key: KeyId, storage: StorageId, place: &str) {
        self.state().add_folder(now, key, storage, place);
    }

    /// Takes everything that was counted; if it cannot be written, [`Rollup::put_back`].
    #[must_use]
    pub fn take(&self) -> (BTreeMap<ActivityOf, ActivityCount>, BTreeMap<FolderOf, u64>) {
        let mut state = self.state();
        state.at.clear();
        state.shapes.clear();
        state.turn_day_over();
        (std::mem::take(&mut state.rows).into_iter().collect(), std::mem::take(&mut state.earlier))
    }

    /// Adds what was taken and could not be written. Past the bound for one hour, what came from several places is put together.
    pub fn put_back(&self, rows: BTreeMap<ActivityOf, ActivityCount>, folders: BTreeMap<FolderOf, u64>) {
        let mut state = self.state();
        for (of, count) in rows {
            // Without room it is put together as far as can be, with no address left out.
            let of = if state.rows.len() >= MOST { coarsest(&of) } else { of };
            state.merge(of, count);
        }
        for (of, requests) in folders {
            if state.earlier.len() >= MOST {
                break;
            }
            *state.earlier.entry(of).or_default() += requests;
        }
    }
}

impl State {
    fn add(&mut self, now: Timestamp, noted: &Noted<'_>, requests: u64) {
        let hour = now.seconds().div_euclid(3600);
        if hour != self.hour {
            self.hour = hour;
            self.seen.clear();
            self.shapes.clear();
            self.total = 0;
        }
        let new = ActivityCount { requests, bytes: noted.bytes, first: now, last: now };
        let Noted { key, storage, peer, tool, kind, what, generation, proved, .. } = *noted;
        let shape = (key, storage, peer, hash_of(&tool), kind, what, generation, proved);
        if let Some(count) = self.shapes.get(&shape).and_then(|at| self.rows.get_mut(*at)) {
            add_up(&mut count.1, new);
            return;
        }
        let of = self.bounded(hour, noted);
        let at = self.merge(of, new);
        if self.shapes.len() < SHAPES {
            self.shapes.insert(shape, at);
        }
    }

    /// The finest row for this request that there is still room for.
    fn bounded(&mut self, hour: i64, noted: &Noted<'_>) -> ActivityOf {
        let Noted { key, storage, peer, tool, kind, what, generation, proved, .. } = *noted;
        let seen = self.seen.entry((key, proved)).or_default();
        let full = self.total >= MOST;
        let (tools, addresses, networks) =
            if proved { (TOOLS, ADDRESSES, NETWORKS) } else { (STRANGERS, STRANGERS, 2 * STRANGERS) };
        let steps = [
            (tools, tool_of(tool), network_of(peer, Width::Address)),
            (addresses, OTHER.to_owned(), network_of(peer, Width::Address)),
            (networks, OTHER.to_owned(), network_of(peer, Width::Network)),
        ];
        let of = ActivityOf {
            key,
            hour,
            storage,
            network: network_of(peer, Width::Anywhere),
            tool: OTHER.to_owned(),
            kind,
            what,
            generation,
        };
        for (most, tool, network) in steps {
            let finer = ActivityOf { tool, network, ..of.clone() };
            let hash = hash_of(&finer);
            if seen.contains(&hash) {
                return finer;
            }
            if seen.len() < most && !full {
                seen.insert(hash);
                self.total += 1;
                return finer;
            }
        }
        of
    }

    fn merge(&mut self, of: ActivityOf, new: ActivityCount) -> usize {
        if let Some((at, (_, count))) = self.at.get(&of).and_then(|at| Some((*at, self.rows.get_mut(*at)?))) {
            add_up(count, new);
            return at;
        }
        let at = self.rows.len();
        self.at.insert(of.clone(), at);
        self.rows.push((of, new));
        at
    }

    fn add_folder(&mut self, now: Timestamp, key: KeyId, storage: StorageId, place: &str) {
        let day = now.seconds().div_euclid(86_400);
        if day != self.day {
            self.turn_day_over();
            self.seen_folders.clear();
            self.day = day;
        }
        let mut folder = folder_of(place);
        let counts = self.folders.entry((key, storage)).or_default();
        if let Some(requests) = counts.get_mut(folder) {
            *requests += 1;
            return;
        }
        let seen = self.seen_folders.entry((key, storage)).or_default();
        while !folder.is_empty() && !seen.contains(folder) && seen.len() >= FOLDERS {
            folder = parent_of(folder);
        }
        if !seen.contains(folder) {
            seen.insert(folder.to_owned());
        }
        *counts.entry(folder.to_owned()).or_default() += 1;
    }

    /// Puts the folders of the day that is counted with those to be taken.
    fn turn_day_over(&mut self) {
        let day = self.day;
        for ((key, storage), counts) in std::mem::take(&mut self.folders) {
            for (folder, requests) in counts {
                *self.earlier.entry(FolderOf { key, day, storage, folder }).or_default() += requests;
            }
        }
    }
}

/// The row that stands for all of a key's rows that differ only in where from and with what.
fn coarsest(of: &ActivityOf) -> ActivityOf {
    let network = if of.network.contains(':') { "::/0" } else { "0.0.0.0/0" };
    ActivityOf { network: network.to_owned(), tool: OTHER.to_owned(), ..of.clone() }
}

fn add_up(count: &mut ActivityCount, new: ActivityCount) {
    count.requests = count.requests.saturating_add(new.requests);
    count.bytes = count.bytes.saturating_add(new.bytes);
    count.first = count.first.min(new.first);
    count.last = count.last.max(new.last);
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hash = DefaultHasher::new();
    value.hash(&mut hash);
    hash.finish()
}

enum Width {
    Address,
    Network,
    Anywhere,
}

/// As [`portcullis_domain::Network`] reads it.
fn network_of(peer: IpAddr, width: Width) -> String {
    match (peer.to_canonical(), width) {
        (peer, Width::Address) => peer.to_string(),
        (IpAddr::V4(v4), Width::Network) => {
            let [a, b, ..] = v4.octets();
            format!("{a}.{b}.0.0/16")
        }
        (IpAddr::V6(v6), Width::Network) => {
            let [a, b, ..] = v6.segments();
            format!("{a:x}:{b:x}::/32")
        }
        (IpAddr::V4(_), Width::Anywhere) => "0.0.0.0/0".to_owned(),
        (IpAddr::V6(_), Width::Anywhere) => "::/0".to_owned(),
    }
}

/// A program's name without its version: `rclone/v1.75.1` is `rclone`, `S3 Browser 11.2` is `S3 Browser`.
fn tool_of(tool: &str) -> String {
    let name = tool.split(['/', '(', ';']).next().unwrap_or_default();
    let is_version = |word: &&str| !word.starts_with(|c: char| c.is_ascii_digit());
    let name: Vec<&str> = name.split_ascii_whitespace().take_while(is_version).collect();
    let name: String = name.join(" ").chars().take(TOOL).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

/// The folder in which this lies, not deeper than is told apart; with its slash.
fn folder_of(place: &str) -> &str {
    let end = place.match_indices('/').take(DEPTH).last().map_or(0, |(at, _)| at + 1);
    place.get(..end).unwrap_or_default()
}

fn parent_of(folder: &str) -> &str {
    let inner = folder.strip_suffix('/').unwrap_or(folder);
    let end = inner.rfind('/').map_or(0, |at| at + 1);
    inner.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::Network;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn noted(peer: IpAddr, tool: &str) -> Noted<'_> {
        Noted {
            key: KeyId::from_u128(1),
            storage: None,
            peer,
            tool,
            kind: ActivityKind::Used,
            what: "get",
            generation: 0,
            bytes: 1,
            proved: true,
        }
    }

    #[test]
    fn programs_without_their_versions() {
        for (said, kept) in [
            ("rclone/v1.75.1", "rclone"),
            ("aws-cli/2.30.1 md/awscrt#0.27", "aws-cli"),
            ("S3 Browser 11.2", "S3 Browser"),
            ("Cyberduck/9.2.3 (Mac OS X/14.0)", "Cyberduck"),
            ("", "unnamed"),
            ("7zip", "unnamed"),
        ] {
            assert_eq!(tool_of(said), kept, "{said}");
        }
    }

    #[test]
    fn folders_as_deep_as_they_are_told_apart() {
        for (place, folder) in
            [("a", ""), ("a/b", "a/"), ("a/b/c/d/e", "a/b/c/"), ("/x", "/"), ("a//b", "a//")]
        {
            assert_eq!(folder_of(place), folder);
        }
        assert_eq!((parent_of("a/b/"), parent_of("a/"), parent_of("a//")), ("a/", "", "a/"));
    }

    #[test]
    fn strangers_make_few_rows() {
        let rollup = Rollup::default();
        for n in 0..5_000u32 {
            let tool = format!("tool{n}");
            rollup.note(
                NOW,
                &Noted { proved: false, ..noted(IpAddr::V4(n.wrapping_mul(77_777).into()), &tool) },
            );
        }
        let (rows, _) = rollup.take();
        assert!(rows.len() <= 2 * STRANGERS + 2, "{}", rows.len());
        assert_eq!(rows.values().map(|count| count.requests).sum::<u64>(), 5_000);
    }

    #[test]
    fn what_there_is_no_room_for_is_put_together() {
        let of = |network: &str| ActivityOf {
            key: KeyId::from_u128(1),
            hour: 1,
            storage: None,
            network: network.to_owned(),
            tool: "rclone".to_owned(),
            kind: ActivityKind::Used,
            what: "get",
            generation: 0,
        };
        let rows = ["192.0.2.7", "203.0.113.0/24", "2001:db8::1"].map(|network| coarsest(&of(network)));
        assert_eq!(rows[0], rows[1]);
        let networks = rows.map(|of| (of.network, of.tool));
        assert_eq!(networks[0], ("0.0.0.0/0".to_owned(), OTHER.to_owned()));
        assert_eq!(networks[2].0, "::/0");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_every_address_lies_in_a_network(
            requests in prop::collection::vec((any::<u32>(), 0u8..60, "[a-c]{1,2}(/[a-d]{1,2}){0,4}"), 1..600),
        ) {
            let rollup = Rollup::default();
            let storage = StorageId::from_u128(2);
            for (peer, tool, place) in &requests {
                let tool = format!("tool{tool}x");
                rollup.note(NOW, &noted(IpAddr::V4((*peer).into()), &tool));
                rollup.note_place(NOW, KeyId::from_u128(1), storage, place);
            }
            let (rows, folders) = rollup.take();
            prop_assert!(rows.len() <= NETWORKS + 1 && folders.len() <= FOLDERS + 1);
            let count = u64::try_from(requests.len()).unwrap();
            prop_assert_eq!(rows.values().map(|count| count.requests).sum::<u64>(), count);
            prop_assert_eq!(folders.values().sum::<u64>(), count);
            let networks: Vec<Network> = rows.keys().map(|of| Network::parse(&of.network).unwrap()).collect();
            for (peer, _, place) in &requests {
                let peer = IpAddr::V4((*peer).into());
                prop_assert!(networks.iter().any(|network| network.holds(peer)));
                prop_assert!(folders.keys().any(|of| place.starts_with(&of.folder)));
            }
        }
    }
}
