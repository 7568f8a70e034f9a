//! The plan: the table of what is done with a key, comparisons, listings, and whole plans over stores in memory.

mod cases;
mod choices;
mod clashes;
mod guards;
mod listing;
mod props;
mod restore;
mod same;
mod settle;
mod store;
mod table;
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
