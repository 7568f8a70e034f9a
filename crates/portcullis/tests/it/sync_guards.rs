//! What makes a plan stop and ask, and what it refuses altogether.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::sync_rig::{Rig, Sync, id, many};
use crate::world::ok;

const FILES: usize = 60;

/// Two sides that agree on everything.
fn agreed() -> Rig {
    let rig = Rig::start();
    rig.left().fill(&many("files", FILES, "file"));
    let run = rig.sync().done(&rig.sync().plan(&json!({})));
    assert_eq!(run["kind"], "plan", "{run}");
    assert_eq!(rig.right().tree("").len(), FILES + 1, "the files and the marker");
    rig
}

fn refused(rig: &Rig, plan: &Value, approve: &[&str]) -> String {
    let path = format!("/sync-plans/{}/run", id(plan));
    let body = json!({"approve": approve});
    let (status, answer) = rig.gateway.rest("POST", &path, Some(rig.gateway.token()), Some(&body));
    assert!([409, 422].contains(&status), "{status} {answer}");
    answer.to_string()
}

/// Deletes so many files of the bucket behind the gateway's back.
fn thin_out(rig: &Rig, count: usize) {
    let tree = rig.right().tree("files/");
    tree.keys().take(count).for_each(|key| rig.right().delete(key));
}

#[test]
fn a_bucket_that_is_suddenly_empty() {
    let rig = agreed();
    let before = rig.left().files("");
    thin_out(&rig, FILES);
    let plan = rig.sync().plan(&json!({}));
    let codes = Sync::guards(&plan);
    assert!(codes.contains(&"emptied".to_owned()), "{plan}");
    for guard in plan["guards"].as_array().unwrap() {
        assert!(guard["what"].as_str().unwrap().len() > 20, "{guard}");
        assert!(!guard["press"].as_str().unwrap().is_empty(), "{guard}");
    }
    let told = refused(&rig, &plan, &[]);
    assert!(codes.iter().all(|code| told.contains(code)), "{told}");
    refused(&rig, &plan, &["mass_change"]);
    assert!(rig.left().files("") == before, "nothing happens until somebody says so");
    // Somebody says so; even then it can be taken back.
    let run = rig.sync().ended(&rig.sync().begin(&plan, &json!({"approve": codes})));
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(rig.left().tree("").len(), 0);
    let undone = rig.sync().undone(&run);
    assert_eq!(undone["state"], "done", "{undone}");
    assert!(rig.left().files("") == before);
}

#[test]
fn more_deletions_than_anybody_does_by_hand() {
    let rig = agreed();
    thin_out(&rig, 9);
    let few = rig.sync().plan(&json!({}));
    assert_eq!(few["guards"], json!([]), "nine are fewer than ten");
    thin_out(&rig, 3);
    let plan = rig.sync().plan(&json!({}));
    assert_eq!(Sync::guards(&plan), ["mass_deletion"], "{plan}");
    assert!(plan["guards"][0]["what"].to_string().contains("12"), "{plan}");
    refused(&rig, &plan, &[]);
    assert_eq!(rig.left().tree("").len(), FILES);
    // Whoever knows better sets the limit.
    let plan = rig.sync().plan(&json!({"max_delete_percent": 50}));
    assert_eq!(plan["guards"], json!([]), "{plan}");
    rig.sync().done(&plan);
    assert_eq!(rig.left().tree("").len(), FILES - 12);
}

#[test]
fn more_changes_than_anybody_makes_by_hand() {
    let rig = agreed();
    let before = rig.left().files("");
    for key in rig.right().tree("files/").keys().take(FILES / 2) {
        rig.right().put(key, b"\x93\x17\x00 noise");
    }
    let plan = rig.sync().plan(&json!({}));
    assert_eq!(Sync::guards(&plan), ["mass_change"], "{plan}");
    refused(&rig, &plan, &[]);
    assert!(rig.left().files("") == before);
}

#[test]
fn another_bucket_behind_the_same_connection() {
    let rig = agreed();
    let before = rig.left().files("");
    // Somebody made the bucket anew, with some of what it had and some of something else.
    for key in rig.right().tree("").keys() {
        rig.right().delete(key);
    }
    let (kept, other): (Vec<_>, Vec<_>) = before.iter().enumerate().partition(|(number, _)| number % 2 == 0);
    kept.iter().for_each(|(_, (key, body))| rig.right().put(key, body));
    other.iter().take(5).for_each(|(_, (key, _))| rig.right().put(key, "of another world"));
    let plan = rig.sync().plan(&json!({}));
    assert!(Sync::guards(&plan).contains(&"other_bucket".to_owned()), "{plan}");
    let totals = &plan["totals"];
    // What is missing there was not deleted there, and what differs was not edited there.
    for side in ["storage", "bucket"] {
        assert_eq!(totals["delete"][side]["files"], json!(0), "{plan}");
        assert_eq!(totals["overwrite"][side]["files"], json!(0), "{plan}");
    }
    assert_eq!(totals["conflicts"], json!(5), "{plan}");
    refused(&rig, &plan, &[]);
    assert!(rig.left().files("") == before);
    let codes = Sync::guards(&plan);
    let run = rig.sync().ended(&rig.sync().begin(&plan, &json!({"approve": codes})));
    assert_eq!(run["state"], "done", "{run}");
    let after = rig.left().files("");
    assert!(
        before.values().all(|body| after.values().any(|there| there == body)),
        "all of it is still there"
    );
    // Now this bucket is the one that is known.
    assert_eq!(rig.sync().plan(&json!({}))["guards"], json!([]));
}

#[test]
fn unreachable_is_not_empty() {
    let mut rig = agreed();
    rig.provider.stop();
    let plan = rig.sync().plan(&json!({}));
    assert_eq!(plan["state"], "failed", "{plan}");
    assert!(plan["told"].as_str().unwrap().contains("answer"), "{plan}");
    let path = format!("/sync-plans/{}/run", id(&plan));
    let (status, answer) = rig.gateway.rest("POST", &path, Some(rig.gateway.token()), Some(&json!({})));
    assert_eq!(status, 409, "{answer}");
    assert_eq!(rig.left().tree("").len(), FILES);
    rig.provider.boot();
    let plan = rig.sync().plan(&json!({}));
    assert_eq!((&plan["state"], &plan["totals"]["unchanged"]), (&json!("ready"), &json!(FILES)), "{plan}");
}

#[test]
fn a_server_that_was_put_back_from_an_old_copy() {
    let mut rig = agreed();
    rig.gateway.stop();
    let (data, copy) = (rig.gateway.data_dir(), rig.gateway.dir.path().join("copy"));
    ok(Command::new("cp").arg("-a").arg(&data).arg(&copy));
    rig.gateway.boot();
    // Life goes on: files come and go, and both sides agree on it.
    rig.left().put("files/later.txt", "written later");
    rig.left().put("files/edited.txt", "written later");
    rig.sync().done(&rig.sync().plan(&json!({})));
    rig.right().put("files/edited.txt", "and edited in the bucket");
    rig.sync().done(&rig.sync().plan(&json!({})));
    let there = rig.right().files("files/");
    rig.gateway.stop();
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&copy, &data).unwrap();
    rig.gateway.boot();
    // What the copy knows of the bucket is older than what the bucket knows of it.
    thin_out(&rig, 2);
    let plan = rig.sync().plan(&json!({}));
    assert!(Sync::guards(&plan).contains(&"older_state".to_owned()), "{plan}");
    for side in ["storage", "bucket"] {
        assert_eq!(plan["totals"]["delete"][side]["files"], json!(0), "{plan}");
        assert_eq!(plan["totals"]["overwrite"][side]["files"], json!(0), "{plan}");
    }
    refused(&rig, &plan, &[]);
    let codes = Sync::guards(&plan);
    let run = rig.sync().ended(&rig.sync().begin(&plan, &json!({"approve": codes})));
    assert_eq!(run["state"], "done", "{run}");
    let after = rig.right().files("files/");
    assert!(there.iter().all(|(key, body)| after.get(key) == Some(body)), "nothing of the bucket is gone");
}

#[test]
fn storages_that_are_one_place() {
    let rig = Rig::start();
    let other = rig.connect("Other");
    let second = {
        let form = json!({
            "name": "The same again", "provider": "s3", "preset": "other", "endpoint": rig.provider.s3,
            "bucket": format!("{}/part/", rig.bucket.1.bucket), "access_key_id": rig.bucket.1.access_key,
            "secret_access_key": rig.bucket.1.secret, "share_bucket": true,
        });
        rig.gateway.admin("POST", "/storages", Some(&form))["id"].as_str().unwrap().to_owned()
    };
    let storage = rig.storage.0.as_str();
    for (what, first, second, more) in [
        ("onto itself", storage, storage, json!({})),
        ("a part of itself", storage, storage, json!({"with": {"prefix": "a/"}})),
        ("parts of itself", storage, storage, json!({"prefix": "a/b/", "with": {"prefix": "a/"}})),
        ("two connections, one place", &rig.bucket.0, &second, json!({})),
        (
            "two connections, one place, the other way",
            &second,
            &rig.bucket.0,
            json!({"with": {"prefix": "par"}}),
        ),
    ] {
        let sync = Sync { gateway: &rig.gateway, storage: first, bucket: second };
        let (status, answer) = sync.ask(&more);
        assert_eq!(status, 422, "{what}: {answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().len() > 30, "{what}: {answer}");
    }
    // Parts beside each other, and other buckets, are fine.
    let beside = Sync { gateway: &rig.gateway, storage, bucket: storage };
    rig.left().put("a/one.txt", "one");
    let plan = beside.plan(&json!({"prefix": "a/", "with": {"prefix": "b/"}}));
    beside.done(&plan);
    assert_eq!(rig.left().get("b/one.txt"), Some(b"one".to_vec()));
    let apart = Sync { gateway: &rig.gateway, storage: &rig.bucket.0, bucket: &other.0 };
    assert_eq!(apart.plan(&json!({}))["state"], "ready");
    for (field, wrong) in [
        ("mode", json!("sideways")),
        ("conflicts", json!("dice")),
        ("prefix", json!("\u{1}".repeat(2_000))),
        ("max_delete_percent", json!(101)),
        ("keep_days", json!(0)),
    ] {
        let (status, answer) = rig.sync().ask(&json!({field: wrong}));
        assert_eq!(status, 422, "{field}: {answer}");
        assert!(answer["errors"].to_string().contains(field), "{field}: {answer}");
    }
}

#[test]
fn what_a_side_cannot_take_is_said_before_anything_runs() {
    let rig = Rig::start();
    let form = json!({
        "name": "Deep", "provider": "s3", "preset": "other", "endpoint": rig.provider.s3,
        "bucket": format!("{}/deep/", rig.bucket.1.bucket), "access_key_id": rig.bucket.1.access_key,
        "secret_access_key": rig.bucket.1.secret, "quota_bytes": 1_000, "share_bucket": true,
    });
    let made = rig.gateway.admin("POST", "/storages", Some(&form));
    let sync = Sync { gateway: &rig.gateway, storage: &rig.storage.0, bucket: id(&made) };
    let long = "k".repeat(1_022);
    rig.left().put(&long, "there is no room for a prefix");
    rig.left().put("fits.txt", "a few bytes");
    let plan = sync.plan(&json!({}));
    let actions = sync.actions(&plan);
    assert_eq!(actions[&long], ("leave".to_owned(), "key_refused".to_owned()), "{plan}");
    sync.run(&plan);
    assert_eq!(rig.right().get("deep/fits.txt"), Some(b"a few bytes".to_vec()));
    // More than the quota has room for.
    rig.left().put("large.bin", vec![7; 4_000]);
    let plan = sync.plan(&json!({}));
    let said = Sync::guards(&plan).contains(&"quota".to_owned())
        || sync.actions(&plan).get("large.bin").is_some_and(|(_, reason)| reason == "over_quota");
    assert!(said, "{plan}");
}
