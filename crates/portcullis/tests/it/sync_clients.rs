//! Other people and their tools, while storages are brought together and afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use serde_json::json;

use crate::clients::aws;
use crate::first_files::{rclone, rclone_config};
use crate::sync_rig::{Rig, Seat, id, many};
use crate::world::{ok, refused};

#[test]
fn whoever_writes_meanwhile_loses_nothing() {
    let rig = Rig::start();
    rig.left().fill(&many("shared", 400, "agreed"));
    rig.sync().done(&rig.sync().plan(&json!({})));
    rig.left().fill(&many("shared", 400, "edited in the storage, as"));
    let plan = rig.sync().plan(&json!({"max_change_percent": 100}));
    // Two people with their tools, each with a bucket key and files of the same names.
    let (by_rclone, by_aws) = (rig.provider.scratch("rclone-files"), rig.provider.scratch("aws-files"));
    for (number, key) in many("shared", 400, "").keys().enumerate() {
        let (dir, who) = if number % 2 == 0 { (&by_rclone, "rclone") } else { (&by_aws, "aws") };
        let path = dir.join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{who} wrote this as {number}")).unwrap();
    }
    let config = rclone_config(&rig.provider, &rig.bucket.1, "writer");
    let gate = format!("gate:{}", rig.bucket.1.bucket);
    let run = rig.sync().begin(&plan, &json!({"in_flight": 4}));
    let mut writers = [
        rclone("rclone", &config)
            .args(["copy", "--ignore-times"])
            .arg(&by_rclone)
            .arg(&gate)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
        aws(&rig.provider, &rig.bucket.1)
            .args(["s3", "cp", "--recursive", "--only-show-errors"])
            .arg(&by_aws)
            .arg(format!("s3://{}", rig.bucket.1.bucket))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    ];
    let ended = rig.sync().ended(&run);
    assert!(["done", "partial"].contains(&ended["state"].as_str().unwrap()), "{ended}");
    assert_eq!(ended["failed"], json!(0), "{ended} {}", rig.sync().steps(&ended));
    assert!(writers.iter_mut().all(|writer| writer.wait().unwrap().success()));
    // Whatever anybody wrote is in the bucket: the tools never overwrite each other, and the run only what it had seen.
    let there: BTreeSet<Vec<u8>> = rig.right().files("shared/").into_values().collect();
    for (dir, who) in [(&by_rclone, "rclone"), (&by_aws, "aws")] {
        for number in 0..400 {
            let body = format!("{who} wrote this as {number}").into_bytes();
            let theirs = (number % 2 == 0) == (who == "rclone");
            assert_eq!(there.contains(&body), theirs, "{}: {number}", dir.display());
        }
    }
    // The next plan brings everything together: each key that both wrote has two names now.
    let next = rig.sync().plan(&json!({"max_change_percent": 100}));
    let run = rig.sync().ended(&rig.sync().begin(&next, &json!({})));
    assert_eq!(run["state"], "done", "{run} {}", rig.sync().steps(&run));
    let (left, right) = (rig.left().files(""), rig.right().files("shared/"));
    assert!(left == right, "both sides are the same");
    let bodies: BTreeSet<&Vec<u8>> = left.values().collect();
    assert!(there.iter().all(|body| bodies.contains(body)), "and nothing of it is gone");
}

#[test]
fn what_is_reserved_is_nobodys_to_see() {
    let rig = Rig::start();
    rig.right().fill(&many("files", 12, "file"));
    rig.left().put("files/00/00000.txt", "another");
    let run = rig.sync().done(&rig.sync().plan(&json!({"conflicts": "storage"})));
    let hidden: Vec<String> = rig.right().tree(".portcullis/").into_keys().collect();
    assert!(hidden.iter().any(|key| key.starts_with(".portcullis/kept/")), "{hidden:?}");
    assert!(hidden.iter().any(|key| key.starts_with(".portcullis/pair-")), "{hidden:?}");

    // Through the gateway nobody sees it, whatever their key may do.
    let key = rig.gateway.key(&rig.bucket.0, "read_write");
    let seat = Seat::new(&rig.gateway, &key);
    assert_eq!(seat.tree("").len(), 12);
    assert_eq!(seat.tree(".portcullis/").len(), 0);
    assert_eq!(seat.tree(".port").len(), 0);
    let listed = Seat::new(&rig.gateway, &key).call("GET", "", "delimiter=%2F&list-type=2", &[]);
    assert_eq!(listed.0, 200);
    for name in &hidden {
        assert_eq!(seat.get(name), None, "{name}");
        assert_eq!(seat.call("HEAD", name, "", &[]).0, 404, "{name}");
        let (status, code) = seat.call("PUT", name, "", &[]);
        assert!(status == 403 || status == 400, "{name}: {status} {code}");
        let (status, code) = seat.call("POST", name, "uploads=", &[]);
        assert!(status == 403 || status == 400, "{name}: {status} {code}");
        seat.call("DELETE", name, "", &[]);
        let source = format!("/{}/{name}", key.bucket);
        let (status, code) = seat.call("PUT", "stolen", "", &[("x-amz-copy-source", &source)]);
        assert_eq!(status, 404, "{name}: {code}");
    }
    let config = rclone_config(&rig.gateway, &key, "through");
    let gate = format!("gate:{}", key.bucket);
    let listed = ok(rclone("rclone", &config).args(["lsf", "-R"]).arg(&gate));
    assert!(!listed.contains(".portcullis"), "{listed}");
    let told = refused(rclone("rclone", &config).arg("touch").arg(format!("{gate}/.portcullis/mine")));
    assert!(told.contains("40"), "{told}");
    // Emptied by its owner, the bucket keeps what the run had kept: it can still be taken back.
    ok(rclone("rclone", &config).arg("delete").arg(&gate));
    let still: Vec<String> = rig.right().tree(".portcullis/").into_keys().collect();
    assert_eq!(still, hidden);
    let shown = rig.sync().all(&format!("/kept-versions?run={}", id(&run)));
    assert_eq!(shown.len(), 1, "{shown:?}");
    // A member's search does not find it either.
    let usage = rig.gateway.admin("GET", &format!("/storages/{}", rig.bucket.0), None);
    assert!(!usage.to_string().contains(".portcullis"), "{usage}");
}

#[test]
fn names_that_nobody_would_choose() {
    let rig = Rig::start();
    let odd = [
        "plain.txt",
        "with space",
        " leading",
        "trailing ",
        "a//b",
        "/slash",
        "a/",
        "a",
        "a/b",
        ".",
        "..",
        "a/../b",
        "%41",
        "a%2Fb",
        "a+b",
        "a&b=c?d#e",
        "back\\slash",
        "tab\there",
        "line\nbreak",
        "del\u{7f}",
        "quote\"'",
        "<xml>&amp;",
        "ünï çødé",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{1f600}",
        "\u{202e}right to left",
        "CON",
        "*?|",
        "UPPER",
        "upper",
        "\u{1}control",
        "x (conflict storage 20200101-000000Z 00000000).txt",
    ];
    for (number, key) in odd.iter().enumerate() {
        let side = if number % 2 == 0 { rig.left() } else { rig.right() };
        side.put(key, format!("the file {key:?}"));
    }
    let long = format!("{}.txt", "long".repeat(254));
    rig.left().put(&long, "ours");
    rig.right().put(&long, "theirs");
    rig.left().put("x.tar.gz", "ours");
    rig.right().put("x.tar.gz", "theirs");
    let before = [rig.left().files(""), rig.right().files("")];
    let plan = rig.sync().plan(&json!({}));
    assert_eq!(plan["totals"]["conflicts"], json!(2), "{plan}");
    let run = rig.sync().done(&plan);
    let [left, right] = [rig.left().files(""), rig.right().files("")];
    assert!(left == right, "{:?}\n{:?}", left.keys(), right.keys());
    assert_eq!(left.len(), odd.len() + 4);
    for key in odd {
        assert_eq!(left.get(key), Some(&format!("the file {key:?}").into_bytes()), "{key:?}");
    }
    assert!(left.keys().all(|key| key.len() <= 1024));
    assert!(
        left.keys().any(|key| key.starts_with("x (conflict storage ") && key.ends_with(".tar.gz"))
            || left.keys().any(|key| key.starts_with("x.tar (conflict")),
        "{:?}",
        left.keys()
    );
    assert_eq!(rig.sync().undone(&run)["state"], "done");
    let after = [rig.left().files(""), rig.right().files("")];
    assert!(after == before, "{:?} {:?}", after[0].keys(), after[1].keys());
}
