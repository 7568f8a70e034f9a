//! The plan: the table of what is done with a key, comparisons, listings, and whole plans over stores in memory.

#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "a test may fail loudly"
)]

// The attribute makes helper functions count as tests too, in which clippy.toml allows `unwrap`.
#[cfg(test)]
mod cases;
#[cfg(test)]
mod choices;
#[cfg(test)]
mod clashes;
#[cfg(test)]
mod guards;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod props;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod same;
#[cfg(test)]
mod settle;
#[cfg(test)]
mod stale;
#[cfg(test)]
mod store;
#[cfg(test)]
mod table;
#[cfg(test)]
mod world;

/// The table as it was read and agreed to. `cargo run -p portcullis-sync --example judge > crates/portcullis-sync/tests/plan/judge.txt` writes
/// it anew.
const JUDGED: &str = include_str!("judge.txt");

#[test]
fn what_is_done_with_a_key() {
    let now = table::render();
    for (at, (was, is)) in JUDGED.lines().zip(now.lines()).enumerate() {
        assert_eq!(was, is, "line {} of judge.txt; see above for how to write it anew", at + 1);
    }
    assert_eq!(JUDGED.lines().count(), now.lines().count(), "judge.txt has another number of lines");
}
