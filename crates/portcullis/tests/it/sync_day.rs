//! The day on which a bucket with 10,000 files and a storage with 10,000 others are brought together, with the power failing twice, and
//! the day after, on which all of it is taken back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sync_rig::{Files, Rig, Sync, id, many};

const EACH: usize = 10_000;
const CONFLICTS: usize = 500;

/// What both sides hold at first: 500 keys are the same, their bytes are not.
fn sides() -> (Files, Files) {
    let (mut storage, mut bucket) = (
        many("storage", EACH - CONFLICTS, "of the storage"),
        many("bucket", EACH - CONFLICTS, "of the bucket"),
    );
    storage.extend(many("shared", CONFLICTS, "the storage's idea of"));
    bucket.extend(many("shared", CONFLICTS, "the bucket's idea of"));
    assert_eq!((storage.len(), bucket.len()), (EACH, EACH));
    (storage, bucket)
}

#[test]
fn ten_thousand_and_ten_thousand_with_two_power_cuts_and_the_way_back() {
    let mut rig = Rig::start();
    let (storage, bucket) = sides();
    rig.left().fill(&storage);
    rig.right().fill(&bucket);

    let plan = rig.sync().plan(&json!({}));
    the_plan_says_it(&rig, &plan);
    let run = rig.sync().begin(&plan, &json!({"in_flight": 8}));
    let path = format!("/sync-runs/{}", id(&run));
    let mut done = 0;
    for share in [30, 70] {
        let seen = rig.sync().until(&path, |run| {
            assert!(
                run["state"] == "waiting" || run["state"] == "running",
                "too late for a power cut: {run}"
            );
            run["files_done"].as_u64().unwrap() * 100 > run["files_total"].as_u64().unwrap() * share
        });
        assert!(seen["files_done"].as_u64().unwrap() >= done, "{seen}");
        rig.gateway.kill();
        rig.gateway.boot();
        // Nobody does anything for it to go on, and what was done counts as done.
        let seen = rig.sync().until(&path, |run| run["files_done"].as_u64().unwrap() > done);
        done = seen["files_done"].as_u64().unwrap();
    }
    let ended = rig.sync().ended(&run);
    assert_eq!(ended["state"], "done", "{ended}");
    assert_eq!((&ended["changed"], &ended["failed"]), (&json!(0), &json!(0)), "{ended}");
    both_are_as_the_plan_said(&rig, &storage, &bucket);
    let again = rig.sync().plan(&json!({}));
    assert_eq!(again["totals"]["unchanged"], json!(2 * EACH), "{again}");
    assert_eq!(rig.sync().actions(&again).len(), 0, "{again}");

    // The way back, with one more power cut on it.
    let back = rig.gateway.admin("POST", &format!("{path}/restore"), Some(&json!({})));
    let back = rig.sync().planned(&back);
    assert_eq!((&back["kind"], &back["state"]), (&json!("restore"), &json!("ready")), "{back}");
    let restore = rig.sync().begin(&back, &json!({"approve": Sync::guards(&back)}));
    let path = format!("/sync-runs/{}", id(&restore));
    rig.sync().until(&path, |run| {
        assert!(run["state"] == "waiting" || run["state"] == "running", "too late for a power cut: {run}");
        run["files_done"].as_u64().unwrap() > 4_000
    });
    rig.gateway.kill();
    rig.gateway.boot();
    let ended = rig.sync().ended(&restore);
    assert_eq!(ended["state"], "done", "{ended}");
    assert!(rig.left().files("") == storage, "the storage is not byte for byte what it was");
    assert!(rig.right().files("") == bucket, "the bucket is not byte for byte what it was");
    // What was agreed on is forgotten too: the first plan comes again.
    let first = rig.sync().plan(&json!({}));
    the_plan_says_it(&rig, &first);
}

/// The figures, and a line for each file.
fn the_plan_says_it(rig: &Rig, plan: &Value) {
    assert_eq!(plan["state"], "ready", "{plan}");
    let (totals, other) = (&plan["totals"], EACH - CONFLICTS);
    assert_eq!(totals["write"]["storage"]["files"], json!(other), "{totals}");
    assert_eq!(totals["write"]["bucket"]["files"], json!(other), "{totals}");
    assert_eq!(totals["keep_both"]["files"], json!(CONFLICTS), "{totals}");
    assert_eq!(totals["conflicts"], json!(CONFLICTS), "{totals}");
    assert_eq!(totals["delete"]["bucket"]["files"], json!(0), "{totals}");
    let open = rig.sync().all(&format!("/sync-plans/{}/actions?reason=conflict_new_new", id(plan)));
    assert_eq!(open.len(), CONFLICTS);
    let csv = format!("/sync-plans/{}/actions.csv", id(plan));
    let (status, csv) = rig.gateway.rest("GET", &csv, Some(rig.gateway.token()), None);
    let csv = csv.as_str().unwrap();
    assert_eq!(
        (status, csv.lines().count()),
        (200, 1 + 2 * other + CONFLICTS),
        "{}",
        csv.lines().next().unwrap()
    );
    assert!(csv.contains("shared/00/00000.txt") && csv.contains("conflict_new_new"));
}

/// Every file of either side is on both, and of what conflicted there are two.
fn both_are_as_the_plan_said(rig: &Rig, storage: &Files, bucket: &Files) {
    let (left, right) = (rig.left().files(""), rig.right().files(""));
    assert_eq!(left.len(), 2 * EACH);
    assert!(left == right, "both sides are the same");
    let mut copies = BTreeSet::new();
    for (key, body) in &left {
        if let Some(own) = bucket.get(key).or_else(|| storage.get(key)) {
            assert!(own == body, "{key} is as it was");
        } else {
            assert!(key.starts_with("shared/") && key.contains("conflict"), "{key}");
            copies.insert(body.clone());
        }
    }
    let meant: BTreeSet<Vec<u8>> =
        storage.iter().filter(|(key, _)| key.starts_with("shared/")).map(|(_, body)| body.clone()).collect();
    assert!(copies == meant, "the storage's version of each conflict has another name");
}
