//! `kill -9` at any moment: what was acknowledged is there, counters are exact, nothing is left over.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_backend::builtin::{BuiltinBackend, Store, StoreOptions};
use portcullis_backend::{
    Backend, BackendErrorKind, Body, CompletedPart, CopyOptions, DeleteOptions, PartOptions, PutOptions,
    UploadOptions,
};
use portcullis_domain::{Overwrite, SystemClock};

use super::world::{STORAGE, data, get, key, recount};

/// Tells a child what to do: its seed.
const ROLE: &str = "role-crash";

const ROUNDS: u64 = 10;
const TASKS: u64 = 8;
const KEYS: u64 = 4;

/// Numbers that look like chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }
}

/// What is done to a key, and which bytes it has afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Stored: length and seed of the bytes, and what happens to those before.
    Put(usize, u64, bool),
    /// Stored in two parts; length of the second, and seed.
    Parts(usize, u64),
    /// Copied onto itself, which changes no bytes.
    Touch,
    /// Removed, or made a previous version.
    Delete(bool),
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(length, seed, keep) => write!(f, "put {length} {seed} {keep}"),
            Self::Parts(length, seed) => write!(f, "parts {length} {seed} -"),
            Self::Touch => write!(f, "touch - - -"),
            Self::Delete(keep) => write!(f, "delete - - {keep}"),
        }
    }
}

impl FromStr for Deed {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').collect();
        if words.len() != 4 {
            return Err(text.to_owned());
        }
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let length = || usize::try_from(number(1)).unwrap();
        match words[0] {
            "put" => Ok(Self::Put(length(), number(2), words[3] == "true")),
            "parts" => Ok(Self::Parts(length(), number(2))),
            "touch" => Ok(Self::Touch),
            "delete" => Ok(Self::Delete(words[3] == "true")),
            _ => Err(text.to_owned()),
        }
    }
}

impl Deed {
    fn random(chance: &mut Chance) -> Self {
        let length = |chance: &mut Chance| {
            let most = [100, 8192, 9000, 100_000, 600_000][usize::try_from(chance.below(5)).unwrap()];
            usize::try_from(chance.below(most)).unwrap()
        };
        match chance.below(40) {
            0 => Self::Parts(length(chance), chance.below(1 << 40)),
            1..6 => Self::Touch,
            6..12 => Self::Delete(chance.below(2) == 0),
            _ => Self::Put(length(chance), chance.below(1 << 40), chance.below(4) == 0),
        }
    }

    /// The bytes at a key after this, from those before.
    fn after(self, before: Option<&Bytes>) -> Option<Bytes> {
        match self {
            Self::Put(length, seed, _) => Some(data(length, seed)),
            Self::Parts(length, seed) => Some([data(5 << 20, seed), data(length, seed + 1)].concat().into()),
            Self::Touch => before.cloned(),
            Self::Delete(_) => None,
        }
    }

    async fn make(self, backend: &BuiltinBackend, at: &str) {
        let key = key(at);
        match self {
            Self::Put(length, seed, keep) => {
                let overwrite = keep.then_some(Overwrite::KeepPrevious);
                let options = PutOptions { overwrite, ..PutOptions::default() };
                backend.put(&key, Body::Full(data(length, seed)), options).await.unwrap();
            }
            Self::Parts(length, seed) => {
                let upload = backend.create_upload(&key, UploadOptions::default()).await.unwrap();
                let mut named = Vec::new();
                for (number, bytes) in [(1, data(5 << 20, seed)), (2, data(length, seed + 1))] {
                    let (body, options) = (Body::Full(bytes), PartOptions::default());
                    let part = backend.upload_part(&key, &upload, number, body, options).await.unwrap();
                    named.push(CompletedPart { number, etag: part.etag.to_string(), checksum: None });
                }
                backend.complete_upload(&key, &upload, &named, Default::default()).await.unwrap();
            }
            Self::Touch => match backend.copy(&key, &key, CopyOptions::default()).await {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind, BackendErrorKind::NotFound),
            },
            Self::Delete(keep_previous) => {
                let options = DeleteOptions { keep_previous, ..DeleteOptions::default() };
                backend.delete(&key, &options).await.unwrap();
            }
        }
    }
}

/// Runs as a process of its own until it is killed; otherwise there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_child() {
    let Ok(seed) = std::fs::read_to_string(ROLE) else { return };
    let seed: u64 = seed.parse().unwrap();
    let options = StoreOptions { grace: Duration::from_millis(50), ..StoreOptions::default() };
    let store = Store::open(Path::new("store"), options, Arc::new(SystemClock)).unwrap();
    let backend = store.backend(STORAGE).await.unwrap();
    println!();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let backend = Arc::clone(&backend);
        tasks.spawn(async move {
            let mut chance = Chance(seed.wrapping_mul(TASKS + 1) + task + 1);
            loop {
                let at = format!("task {task}/folder {}/key", chance.below(KEYS));
                let deed = Deed::random(&mut chance);
                println!("begin|{at}|{deed}");
                deed.make(&backend, &at).await;
                println!("end|{at}|{deed}");
            }
        });
    }
    tasks.spawn(async move {
        loop {
            store.housekeep().await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    tasks.join_next().await.unwrap().unwrap();
}

/// What a key may hold: one thing, or, if something was under way, one of two.
type Allowed = BTreeMap<String, Vec<Option<Bytes>>>;

/// Starts a child, kills it after it has said so many lines, and notes what it said.
fn run_and_kill(directory: &Path, seed: u64, lines: usize, allowed: &mut Allowed) {
    std::fs::write(directory.join(ROLE), seed.to_string()).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "builtin::crash::crash_child", "--nocapture"])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = 0;
    let mut note = |line: String| {
        let Some((word, rest)) = line.split_once('|') else { return false };
        // The last line may be cut off.
        let Some((at, deed)) = rest.split_once('|') else { return false };
        let Ok(deed) = deed.parse::<Deed>() else { return false };
        let states = allowed.entry(at.to_owned()).or_insert_with(|| vec![None]);
        let after = deed.after(states[0].as_ref());
        match word {
            "begin" => states.push(after),
            _ => *states = vec![after],
        }
        true
    };
    for line in output.by_ref() {
        said += usize::from(note(line.unwrap()));
        if said == lines {
            child.kill().unwrap();
            break;
        }
    }
    assert_eq!(said, lines, "the child ended by itself");
    // What was said before the kill but not read yet.
    for line in output.map_while(Result::ok) {
        note(line);
    }
    child.wait().unwrap();
}

async fn check(directory: &Path, allowed: &mut Allowed, context: &str) {
    let options = StoreOptions { grace: Duration::ZERO, ..StoreOptions::default() };
    let store = Store::open(&directory.join("store"), options, Arc::new(SystemClock)).unwrap();
    let backend = store.backend(STORAGE).await.unwrap();
    for (at, states) in allowed.iter_mut() {
        let found = match get(&backend, at).await {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                assert_eq!(error.kind, BackendErrorKind::NotFound, "{context}, {at}");
                None
            }
        };
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map(Bytes::len);
        let lengths: Vec<_> = states.iter().map(length).collect();
        assert!(
            states.contains(&found),
            "{context}, {at}: {:?} instead of one of {lengths:?}",
            length(&found)
        );
        *states = vec![found];
    }
    for _ in 0..8 {
        store.housekeep().await.unwrap();
    }
    let recount = recount(&directory.join("store").join(STORAGE.to_string()));
    assert_eq!(recount.usage, backend.usage().await.unwrap(), "{context}");
    assert!(recount.discarded.is_empty(), "{context}");
    assert_eq!(recount.known, recount.referred, "{context}");
    assert_eq!(recount.files, recount.referred, "{context}");
    drop(backend);
    store.close().await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut entropy = [0; 8];
    getrandom::fill(&mut entropy).unwrap();
    let mut chance = Chance(u64::from_be_bytes(entropy) | 1);
    let mut allowed = Allowed::new();
    for round in 0..ROUNDS {
        let (seed, lines) = (chance.below(1 << 32), usize::try_from(1 + chance.below(800)).unwrap());
        let context = format!("round {round}, seed {seed}, killed after {lines} lines");
        println!("{context}");
        run_and_kill(directory.path(), seed, lines, &mut allowed);
        check(directory.path(), &mut allowed, &context).await;
    }
}
