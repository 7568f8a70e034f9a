//! A randomised check against a model: what a map of keys to bytes would answer.

use std::collections::BTreeMap;

use bytes::Bytes;
use portcullis_domain::Usage;

use super::check::{Outcome, Violation, same, same_bytes};
use super::model::{self, Listing};
use super::store::{Store, data, key};
use crate::{CopyOptions, ListPosition};

/// Told with every failure, so that it can be seen again.
const SEED: u64 = 0x5eed_ca5e;

/// How many calls are made.
const STEPS: usize = 400;

/// Numbers that look like chance: `SplitMix64` (Steele, Lea, Flood 2014).
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not zero.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// One of these.
    fn one_of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// A text of so many letters, few enough of them that texts meet.
    fn text(&mut self, letters: usize) -> String {
        (0..letters).filter_map(|_| self.one_of(&['a', 'b', '/', '/', 'é', ' ', '-'])).collect()
    }
}

type Model = BTreeMap<String, Bytes>;

/// Random writes, deletes, copies and listings have the answers of a map.
pub(super) async fn behaves_like_a_map(store: Store) -> Outcome {
    let mut random = Random::new(SEED);
    let mut model = Model::new();
    for step in 0..STEPS {
        let done = one_step(&store, &mut random, &mut model).await;
        done.map_err(|found| Violation::new(format!("seed {SEED:#x}, step {step}: {found}")))?;
    }
    let usage = expected_usage(&model);
    same("usage at the end", &store.usage().await?, &usage)
}

async fn one_step(store: &Store, random: &mut Random, model: &mut Model) -> Outcome {
    let length = 1 + random.below(6);
    let at = random.text(length);
    match random.below(10) {
        0..=3 => {
            let size = *random.one_of(&[0, 1, 100, 5000, 40_000]).unwrap_or(&0);
            let bytes = data(size, random.next());
            store.put(&at, bytes.clone()).await?;
            model.insert(at, bytes);
            Ok(())
        }
        4 => {
            let existed = store.delete(&at).await?.existed;
            same(format!("deleting {at:?}"), &existed, &model.remove(&at).is_some())
        }
        5 => {
            let known: Vec<_> = model.keys().cloned().collect();
            let Some(from) = random.one_of(&known) else { return Ok(()) };
            store.backend().copy(&key(from)?, &key(&at)?, CopyOptions::default()).await?;
            let bytes = model.get(from).cloned().unwrap_or_default();
            model.insert(at, bytes);
            Ok(())
        }
        6 | 7 => match (store.read(&at).await, model.get(&at)) {
            (Ok(got), Some(bytes)) => same_bytes(format!("reading {at:?}"), &got.bytes, bytes),
            (Err(_), None) => Ok(()),
            (Ok(_), None) => Err(Violation::new(format!("{at:?} is there and should not be"))),
            (Err(error), Some(_)) => Err(error.into()),
        },
        8 => same("usage", &store.usage().await?, &expected_usage(model)),
        _ => list(store, random, model).await,
    }
}

async fn list(store: &Store, random: &mut Random, model: &Model) -> Outcome {
    let length = random.below(3);
    let under = random.text(length);
    let delimiter = *random.one_of(&[None, Some("/"), Some("//"), Some("é"), Some("a/")]).unwrap_or(&None);
    let after = match random.below(3) {
        0 => Some(ListPosition::AfterKey(random.text(3))),
        1 => Some(ListPosition::AfterPrefix(format!("{}/", random.text(1)))),
        _ => None,
    };
    let limit = 1 + random.below(9);
    let listing = Listing { prefix: &under, delimiter, after, limit };
    model::check(store, model.keys().map(String::as_str), listing).await
}

fn expected_usage(model: &Model) -> Usage {
    let size = |bytes: &Bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Usage {
        bytes: model.values().map(size).sum(),
        files: u64::try_from(model.len()).unwrap_or(u64::MAX),
        folders: model::folders(model.keys().map(String::as_str)),
        version_bytes: 0,
        upload_bytes: 0,
    }
}
