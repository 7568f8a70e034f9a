//! What becomes of a key, for everything that both sides and their last agreement can say, under every policy: all of it in one plan,
//! run, and taken back.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sync_rig::{Files, Rig, Seat, id, many};

/// Names of the keys; the numbers are those of the table of states in the documentation of the planner.
const NEW_BUCKET: &str = "01 new in the bucket";
const NEW_STORAGE: &str = "02 new in the storage";
const SAME: &str = "03 the same on both";
const NEW_NEW: &str = "04 new on both.txt";
const NEW_NEW_SAME_SIZE: &str = "05 new on both of one size";
const PARTS: &str = "06 the same, in parts";
const UNTOUCHED: &str = "08 untouched";
const EDIT_BUCKET: &str = "09 edited in the bucket";
const EDIT_STORAGE: &str = "10 edited in the storage";
const CONVERGED: &str = "11 edited to the same";
const EDIT_EDIT: &str = "12 edited on both.tar.gz";
const DEL_BUCKET: &str = "13 deleted in the bucket";
const DEL_STORAGE: &str = "14 deleted in the storage";
const DEL_EDIT: &str = "15 deleted in the storage, edited in the bucket";
const EDIT_DEL: &str = "16 edited in the storage, deleted in the bucket";
const DEL_BOTH: &str = "17 deleted on both";
const LATE_EDIT: &str = "21 edited, and in the bucket after the plan";
const LATE_DELETION: &str = "22 deleted, and edited in the bucket after the plan";
const COMPOSED: &str = "24 caf\u{e9}";
const DECOMPOSED: &str = "24 cafe\u{301}";

const BASE: [&str; 11] = [
    UNTOUCHED,
    EDIT_BUCKET,
    EDIT_STORAGE,
    CONVERGED,
    EDIT_EDIT,
    DEL_BUCKET,
    DEL_STORAGE,
    DEL_EDIT,
    EDIT_DEL,
    DEL_BOTH,
    LATE_EDIT,
];

fn was(key: &str) -> String {
    format!("what both agreed on: {key}")
}

fn ours(key: &str) -> String {
    format!("the storage's own: {key}")
}

fn theirs(key: &str) -> String {
    format!("the bucket's, which is another: {key}")
}

/// Both sides below a prefix of their own, which know of each other, and were changed since.
struct Stage<'a> {
    rig: &'a Rig,
    prefix: String,
}

impl<'a> Stage<'a> {
    fn set(rig: &'a Rig, name: &str, mode: &str) -> Self {
        let stage = Self { rig, prefix: format!("{name}/") };
        let mut base = many(&format!("{name}/padding"), 60, "as ever");
        for key in BASE.iter().chain([&LATE_DELETION]) {
            base.insert(stage.at(key), was(key).into_bytes());
        }
        rig.left().fill(&base);
        rig.right().fill(&base);
        let plan = rig.sync().plan_below(&stage.prefix, &json!({"mode": mode}));
        rig.sync().done(&plan);
        stage.change();
        stage
    }

    fn at(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn change(&self) {
        let (left, right) = (self.rig.left(), self.rig.right());
        let body = vec![b'p'; 6 << 20];
        left.put(&self.at(PARTS), &body);
        right.put_in_parts(&self.at(PARTS), &body, 5 << 20);
        left.put(&self.at(SAME), was(SAME));
        right.put(&self.at(SAME), was(SAME));
        left.put(&self.at(COMPOSED), ours(COMPOSED));
        for key in [NEW_STORAGE, NEW_NEW, EDIT_STORAGE, EDIT_EDIT, EDIT_DEL, LATE_EDIT] {
            left.put(&self.at(key), ours(key));
        }
        left.put(&self.at(NEW_NEW_SAME_SIZE), "AAAA");
        for key in [DEL_STORAGE, DEL_EDIT, DEL_BOTH, LATE_DELETION] {
            left.delete(&self.at(key));
        }
        left.put(&self.at(CONVERGED), "both");
        right.put(&self.at(CONVERGED), "both");
        if self.prefix == "newest/" {
            // Which is younger is what this is about, and two seconds are the least that clocks are trusted with.
            thread::sleep(Duration::from_millis(3_100));
        }
        for key in [DEL_BUCKET, EDIT_DEL, DEL_BOTH] {
            right.delete(&self.at(key));
        }
        right.put(&self.at(DECOMPOSED), theirs(DECOMPOSED));
        // The bucket's are the younger ones.
        for key in [NEW_BUCKET, NEW_NEW, EDIT_BUCKET, EDIT_EDIT, DEL_EDIT] {
            right.put(&self.at(key), theirs(key));
        }
        right.put(&self.at(NEW_NEW_SAME_SIZE), "BBBB");
    }

    /// Somebody writes to the bucket after the plan was made.
    fn come_late(&self) {
        for key in [LATE_EDIT, LATE_DELETION] {
            self.rig.right().put(&self.at(key), theirs(key));
        }
    }

    fn files(&self, seat: Seat<'_>) -> Files {
        let found = seat.files(&self.prefix).into_iter();
        found.map(|(key, body)| (key.strip_prefix(&self.prefix).unwrap().to_owned(), body)).collect()
    }

    fn sides(&self) -> [Files; 2] {
        [self.files(self.rig.left()), self.files(self.rig.right())]
    }
}

/// What is to be at a key on both sides, and what is to be there under another name.
#[derive(Debug)]
struct Expected {
    sides: [Option<String>; 2],
    copy: Option<String>,
}

fn both(body: Option<String>) -> Expected {
    Expected { sides: [body.clone(), body], copy: None }
}

/// How a conflict of what the storage and the bucket have ends.
fn conflict(policy: &str, storage: Option<String>, bucket: Option<String>) -> Expected {
    match policy {
        "ask" => Expected { sides: [storage, bucket], copy: None },
        "storage" => both(storage),
        "bucket" => both(bucket),
        // An edit survives a deletion; of two edits the younger is the bucket's.
        "newest" => both(bucket.or(storage)),
        "keep_both" => {
            let copy = bucket.is_some().then(|| storage.clone()).flatten();
            Expected { copy, ..both(bucket.or(storage)) }
        }
        other => panic!("{other}"),
    }
}

/// The table.
fn expected(policy: &str) -> BTreeMap<&'static str, Expected> {
    let two = |key| conflict(policy, Some(ours(key)), Some(theirs(key)));
    BTreeMap::from([
        (NEW_BUCKET, both(Some(theirs(NEW_BUCKET)))),
        (NEW_STORAGE, both(Some(ours(NEW_STORAGE)))),
        (SAME, both(Some(was(SAME)))),
        (NEW_NEW, two(NEW_NEW)),
        (NEW_NEW_SAME_SIZE, conflict(policy, Some("AAAA".to_owned()), Some("BBBB".to_owned()))),
        (PARTS, both(Some("p".repeat(6 << 20)))),
        (UNTOUCHED, both(Some(was(UNTOUCHED)))),
        (EDIT_BUCKET, both(Some(theirs(EDIT_BUCKET)))),
        (EDIT_STORAGE, both(Some(ours(EDIT_STORAGE)))),
        (CONVERGED, both(Some("both".to_owned()))),
        (EDIT_EDIT, two(EDIT_EDIT)),
        (DEL_BUCKET, both(None)),
        (DEL_STORAGE, both(None)),
        (DEL_EDIT, conflict(policy, None, Some(theirs(DEL_EDIT)))),
        (EDIT_DEL, conflict(policy, Some(ours(EDIT_DEL)), None)),
        (DEL_BOTH, both(None)),
        (COMPOSED, both(Some(ours(COMPOSED)))),
        (DECOMPOSED, both(Some(theirs(DECOMPOSED)))),
    ])
}

fn reasons() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        (NEW_BUCKET, "new_bucket"),
        (NEW_STORAGE, "new_storage"),
        (SAME, "same"),
        (NEW_NEW, "conflict_new_new"),
        (NEW_NEW_SAME_SIZE, "conflict_new_new"),
        (PARTS, "same"),
        (EDIT_BUCKET, "edit_bucket"),
        (EDIT_STORAGE, "edit_storage"),
        (CONVERGED, "converged"),
        (EDIT_EDIT, "conflict_edit_edit"),
        (DEL_BUCKET, "del_bucket"),
        (DEL_STORAGE, "del_storage"),
        (DEL_EDIT, "conflict_del_edit"),
        (EDIT_DEL, "conflict_edit_del"),
        (DEL_BOTH, "del_both"),
        (LATE_EDIT, "edit_storage"),
        (LATE_DELETION, "del_storage"),
        (COMPOSED, "new_storage"),
        (DECOMPOSED, "new_bucket"),
    ])
}

fn check(policy: &str, files: &[Files; 2]) {
    let text =
        |side: usize, key: &str| files[side].get(key).map(|body| String::from_utf8_lossy(body).into_owned());
    let mut copies: Vec<String> = Vec::new();
    for (key, expected) in expected(policy) {
        let found = [text(0, key), text(1, key)];
        assert!(
            found == expected.sides,
            "{policy}: {key}: {found:.200?} instead of {:.200?}",
            expected.sides
        );
        copies.extend(expected.copy);
    }
    for side in files {
        let mut found: Vec<String> = side
            .iter()
            .filter(|(key, _)| key.contains("(conflict"))
            .map(|(_, body)| String::from_utf8_lossy(body).into_owned())
            .collect();
        found.sort();
        copies.sort();
        assert_eq!(found, copies, "{policy}");
    }
}

#[test]
fn every_state_under_every_policy_and_back() {
    let rig = Rig::start();
    for policy in ["keep_both", "newest", "storage", "bucket", "ask"] {
        let stage = Stage::set(&rig, policy, "two_way");
        let plan = rig.sync().plan_below(&stage.prefix, &json!({"conflicts": policy}));
        assert_eq!(plan["guards"], json!([]), "{policy}");
        let actions = rig.sync().actions(&plan);
        for (key, reason) in reasons() {
            let found =
                actions.get(&stage.at(key)).or_else(|| actions.get(key)).map(|(_, reason)| reason.as_str());
            assert_eq!(found, Some(reason), "{policy}: {key}");
        }
        stage.come_late();
        let before = stage.sides();
        let run = rig.sync().run(&plan);
        assert_eq!((&run["state"], &run["changed"]), (&json!("partial"), &json!(2)), "{policy}: {run}");
        let after = stage.sides();
        check(policy, &after);
        for key in [LATE_EDIT, LATE_DELETION] {
            assert!(
                [0, 1].iter().all(|side| before[*side].get(key) == after[*side].get(key)),
                "{policy}: {key}"
            );
        }
        kept_is_shown_and_given_back(&stage, policy, &run);

        // What came in between is a conflict of the next plan.
        let next = rig.sync().plan_below(&stage.prefix, &json!({"conflicts": "ask"}));
        let actions = rig.sync().actions(&next);
        let reason = |key: &str| {
            actions.iter().find(|(found, _)| found.ends_with(key)).map(|(_, (_, reason))| reason.as_str())
        };
        assert_eq!(reason(LATE_EDIT), Some("conflict_edit_edit"), "{policy}");
        assert_eq!(reason(LATE_DELETION), Some("conflict_del_edit"), "{policy}");
        if policy != "ask" {
            assert_eq!(actions.len(), 2, "{policy}: nothing else is left to do: {actions:?}");
        }

        let undone = rig.sync().undone(&run);
        assert_eq!(undone["state"], "done", "{policy}: {undone} {}", rig.sync().steps(&undone));
        assert!(stage.sides() == before, "{policy}: both sides are byte for byte what they were");
    }
}

/// What the run replaced or deleted is listed, with the bytes that it takes; one file alone can be had back.
fn kept_is_shown_and_given_back(stage: &Stage<'_>, policy: &str, run: &Value) {
    let sync = stage.rig.sync();
    let kept = sync.all(&format!("/kept-versions?run={}", id(run)));
    let of = |key: &str| kept.iter().find(|one| one["key"].as_str().unwrap().ends_with(key));
    for key in [EDIT_BUCKET, EDIT_STORAGE, DEL_BUCKET, DEL_STORAGE] {
        assert!(of(key).is_some(), "{policy}: {key} was replaced and is not kept: {kept:?}");
    }
    assert_eq!(of(NEW_NEW).is_some(), policy != "ask", "{policy}: {kept:?}");
    if policy != "newest" {
        return;
    }
    let seat = stage.rig.left();
    let before = seat.get(&stage.at(DEL_BUCKET));
    assert_eq!(before, None);
    let path = format!("/kept-versions/{}/restore", id(of(DEL_BUCKET).unwrap()));
    let plan = sync.planned(&stage.rig.gateway.admin("POST", &path, Some(&json!({}))));
    let alone = sync.done(&plan);
    assert_eq!(seat.get(&stage.at(DEL_BUCKET)), Some(was(DEL_BUCKET).into_bytes()));
    // That is a run like others, and is taken back like others.
    let undone = sync.undone(&alone);
    assert_eq!(undone["state"], "done", "{undone}");
    assert_eq!(seat.get(&stage.at(DEL_BUCKET)), None);
}

#[test]
fn a_source_is_never_written() {
    let rig = Rig::start();
    for mode in ["copy", "mirror"] {
        let stage = Stage::set(&rig, mode, mode);
        let before = stage.sides();
        let plan = rig.sync().plan_below(&stage.prefix, &json!({"mode": mode}));
        let run = rig.sync().done(&plan);
        let [source, target] = stage.sides();
        assert!(source == before[0], "{mode}: the source is as it was");
        let text = |key: &str| target.get(key).map(|body| String::from_utf8_lossy(body).into_owned());
        if mode == "mirror" {
            assert!(target == source, "the target is the source's image");
        } else {
            // What is only in the target stays, and nothing is deleted there.
            assert_eq!(text(NEW_BUCKET), Some(theirs(NEW_BUCKET)));
            assert_eq!(text(DEL_STORAGE), Some(was(DEL_STORAGE)));
            assert_eq!(text(DEL_EDIT), Some(theirs(DEL_EDIT)));
            assert_eq!(text(EDIT_BUCKET), Some(theirs(EDIT_BUCKET)));
            // What is new or changed in the source is there.
            for key in [NEW_STORAGE, NEW_NEW, EDIT_STORAGE, EDIT_EDIT, EDIT_DEL] {
                assert_eq!(text(key), Some(ours(key)), "{key}");
            }
        }
        let undone = rig.sync().undone(&run);
        assert_eq!(undone["state"], "done", "{undone}");
        assert!(stage.sides() == before, "{mode}: both sides are byte for byte what they were");
    }
}

#[test]
fn a_choice_for_a_key_or_a_rule_goes_before_the_policy() {
    let rig = Rig::start();
    for folder in ["letters", "pictures", "rest"] {
        for number in 0..4 {
            let key = format!("{folder}/{number}");
            rig.left().put(&key, ours(&key));
            rig.right().put(&key, theirs(&key));
        }
    }
    let plan = rig.sync().plan(&json!({"conflicts": "ask"}));
    let choose = |choices: Value| {
        let path = format!("/sync-plans/{}/choices", id(&plan));
        rig.gateway.rest("PUT", &path, Some(rig.gateway.token()), Some(&json!({"choices": choices})))
    };
    for (wrong, field) in [
        (json!([{"choice": "storage"}]), "choices"),
        (json!([{"key": "letters/1", "choice": "the best one"}]), "choice"),
        (json!([{"reason": "because", "choice": "storage"}]), "reason"),
    ] {
        let (status, answer) = choose(wrong);
        assert_eq!(status, 422, "{answer}");
        assert!(answer.to_string().contains(field), "{answer}");
    }
    let (status, chosen) = choose(json!([
        {"reason": "conflict_new_new", "choice": "bucket"},
        {"prefix": "letters/", "choice": "storage"},
        {"key": "letters/2", "choice": "skip"},
        {"key": "pictures/3", "choice": "keep_both"},
    ]));
    assert_eq!(status, 200, "{chosen}");
    assert_eq!(chosen["totals"]["overwrite"]["bucket"]["files"], json!(3), "{chosen}");
    assert_eq!(chosen["totals"]["overwrite"]["storage"]["files"], json!(7), "{chosen}");
    assert_eq!(chosen["totals"]["keep_both"]["files"], json!(1), "{chosen}");
    rig.sync().run(&chosen);
    let [left, right] = [rig.left().files(""), rig.right().files("")];
    let at = |files: &Files, key: &str| String::from_utf8(files[key].clone()).unwrap();
    assert_eq!(at(&right, "letters/0"), ours("letters/0"));
    assert_eq!(at(&left, "letters/2"), ours("letters/2"), "skipped");
    assert_eq!(at(&right, "letters/2"), theirs("letters/2"), "skipped");
    assert_eq!(at(&left, "rest/0"), theirs("rest/0"));
    assert_eq!(at(&left, "pictures/3"), theirs("pictures/3"));
    assert_eq!((left.len(), right.len()), (13, 13), "one conflict has two names");
}
