//! The audit trail of a running server, exported and verified without one.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::{World, ok, refused};

struct Case {
    world: World,
    bearer: String,
    key: String,
    exported: PathBuf,
}

impl Case {
    /// A server on which things were done, and an export of it.
    fn new() -> Self {
        let world = World::start();
        let made = world.admin(
            "POST",
            "/keys",
            Some(&json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
        );
        let bearer = made["bearer"].as_str().unwrap().to_owned();
        for n in 0..5 {
            let (storage, _) = world.storage(&format!("Storage {n}"));
            world.key(&storage, "read");
        }
        assert_eq!(world.rest("GET", "/me", Some("nonsense"), None).0, 401);
        let exported = world.scratch("exports").join("trail.jsonl");
        let mut case = Self { world, bearer, key: String::new(), exported };
        case.key = case.told(&["audit", "public-key"]).trim().to_owned();
        case.told(&["audit", "export", "--output", case.exported.to_str().unwrap()]);
        case
    }

    fn told(&self, words: &[&str]) -> String {
        ok(self.world.command().env("PORTCULLIS_API_KEY", &self.bearer).args(words))
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.exported).unwrap().split_inclusive('\n').map(str::to_owned).collect()
    }

    /// What `verify` says of a file with these lines.
    fn fault(&self, lines: &[String]) -> String {
        let path = self.exported.with_file_name("tampered.jsonl");
        fs::write(&path, lines.concat()).unwrap();
        refused(self.world.command().args(["audit", "verify", "--public-key", &self.key]).arg(path))
    }

    fn clean(&self, path: &Path) -> Value {
        let mut command = self.world.command();
        command.args(["audit", "verify", "--json", "--public-key", &self.key]).arg(path);
        serde_json::from_str(&ok(&mut command)).unwrap()
    }
}

#[test]
fn an_export_is_clean_and_any_change_is_found() {
    let mut case = Case::new();
    // Verifying needs no server.
    case.world.stop();
    let summary = case.clean(&case.exported);
    let entries = summary["entries"].as_u64().unwrap();
    assert!(entries >= 12, "{summary}");
    assert_eq!((&summary["first_seq"], &summary["last_seq"]), (&json!(1), &json!(entries)));
    let told = ok(case.world.command().args(["audit", "verify"]).arg(&case.exported));
    assert!(told.contains(&format!("{entries} entries, seq 1 to {entries}, 1 checkpoints, clean")), "{told}");
    assert!(told.contains(&case.key), "{told}");

    let good = case.lines();
    let place =
        |seq: u64| good.iter().position(|line| line.starts_with(&format!("{{\"seq\":{seq},"))).unwrap();
    let tampered = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = good.clone();
        change(&mut lines);
        case.fault(&lines)
    };
    let flipped = tampered(&|lines| {
        let line = &mut lines[place(7)];
        *line = line.replacen("\"allowed\":true", "\"allowed\":false", 1);
    });
    assert!(flipped.contains("changed: entry 7"), "{flipped}");
    let missing = tampered(&|lines| drop(lines.remove(place(7))));
    assert!(missing.contains("missing: entries 7 to 7"), "{missing}");
    let swapped = tampered(&|lines| lines.swap(place(7), place(8)));
    assert!(swapped.contains("reordered: entry 7 stands after entry 8"), "{swapped}");
    let cut = tampered(&|lines| lines.truncate(place(9)));
    assert!(cut.contains("truncated") && cut.contains("the last entry that is there is 8"), "{cut}");
    let beheaded = tampered(&|lines| drop(lines.drain(1..4)));
    assert!(beheaded.contains("missing: entries 1 to 3"), "{beheaded}");
    let forged = tampered(&|lines| {
        // The tail is cut, and the end says that the chain ends there.
        let entry: Value = serde_json::from_str(&lines[place(8)]).unwrap();
        let end = lines.last().unwrap();
        let old: Value = serde_json::from_str(end).unwrap();
        let new = end.replacen(&format!("\"seq\":{entries}"), "\"seq\":8", 1).replacen(
            old["hash"].as_str().unwrap(),
            entry["hash"].as_str().unwrap(),
            1,
        );
        lines.truncate(place(9));
        lines.push(new);
    });
    assert!(forged.contains("signature: the checkpoint at entry 8"), "{forged}");
    let one_bit = tampered(&|lines| lines[0] = lines[0].replacen("\"first_seq\":1", "\"first_seq\":3", 1));
    assert!(one_bit.contains("changed"), "{one_bit}");
    let other_key = refused(
        case.world.command().args(["audit", "verify", "--public-key", &"0".repeat(64)]).arg(&case.exported),
    );
    assert!(other_key.contains("was signed with the key"), "{other_key}");
}

#[test]
fn exports_of_every_kind() {
    let case = Case::new();
    let existing = refused(
        case.world
            .command()
            .env("PORTCULLIS_API_KEY", &case.bearer)
            .args(["audit", "export", "-o"])
            .arg(&case.exported),
    );
    assert!(existing.contains("does not exist yet"), "{existing}");
    let csv = case.told(&["audit", "export", "--format", "csv"]);
    assert!(csv.starts_with("at,request_id,site,") && csv.contains(",create_storage,"), "{csv}");
    let extract = case.told(&["audit", "--request-id", "none", "export"]);
    assert_eq!(extract, "");
    let path = case.exported.with_file_name("extract");
    fs::write(&path, &csv).unwrap();
    let told = refused(case.world.command().args(["audit", "verify"]).arg(&path));
    assert!(told.contains("no copy of an audit trail"), "{told}");
    let strangers = case.told(&["audit", "export", "--unassigned"]);
    fs::write(&path, &strangers).unwrap();
    let summary = case.clean(&path);
    assert!(summary["entries"].as_u64().unwrap() >= 1 && summary["site"].is_null(), "{summary}");
    let told = refused(case.world.command().env("PORTCULLIS_API_KEY", &case.bearer).args([
        "audit",
        "export",
        "--unassigned",
        "--format",
        "csv",
    ]));
    assert!(told.contains("unassigned"), "{told}");
    // The list is what it was.
    assert!(case.told(&["audit", "--limit", "5"]).starts_with("TIME"));
}

#[test]
fn what_else_is_known_is_hashed_too() {
    let case = Case::new();
    let (storage, _) = case.world.storage("Known");
    let key = case.world.key(&storage, "read");
    let elsewhere = crate::world::Access { bucket: format!("{}-not", key.bucket), ..key };
    assert_eq!(crate::proxies::download(&case.world, &elsewhere, &[]), "403");
    let path = case.exported.with_file_name("detail.jsonl");
    case.told(&["audit", "export", "--output", path.to_str().unwrap()]);
    case.clean(&path);
    let good = fs::read_to_string(&path).unwrap();
    let detail = format!("\"detail\":\"bucket={}\"", elsewhere.bucket);
    assert!(good.contains(&detail), "{good}");
    for forged in ["\"detail\":\"bucket=another\"", "\"detail\":\"\""] {
        fs::write(&path, good.replacen(&detail, forged, 1)).unwrap();
        let told =
            refused(case.world.command().args(["audit", "verify", "--public-key", &case.key]).arg(&path));
        assert!(told.contains("changed") || told.contains("line"), "{told}");
    }
    fs::write(&path, good.replacen(&format!(",{detail}"), "", 1)).unwrap();
    let told = refused(case.world.command().args(["audit", "verify", "--public-key", &case.key]).arg(&path));
    assert!(told.contains("changed: entry"), "{told}");
    let csv = case.told(&["audit", "export", "--format", "csv"]);
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().ends_with(",reason,detail"), "{csv}");
    assert!(lines.any(|line| line.ends_with(&format!(",bucket={}", elsewhere.bucket))), "{csv}");
}

#[test]
fn entries_go_after_the_configured_days() {
    let mut world = World::start_with(&["--audit-retention-days", "1"]);
    for n in 0..3 {
        world.storage(&format!("Old {n}"));
    }
    world.stop();
    // As if all of it had happened two days ago.
    let database = rusqlite::Connection::open(world.data_dir().join("portcullis.db")).unwrap();
    let days = 2i64 * 24 * 60 * 60 * 1_000_000;
    let old = database.execute("UPDATE audit SET at_us = at_us - ?1", [days]).unwrap();
    drop(database);
    assert!(old >= 3);
    world.boot();
    world.storage("New");
    let key = world.admin("GET", "/audit-events/public-key", None);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let exported = loop {
        let exported = world.admin("GET", "/audit-events/export", None).as_str().unwrap().to_owned();
        if !exported.contains("Old 2") {
            break exported;
        }
        assert!(std::time::Instant::now() < end, "{exported}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    assert!(exported.contains("\"New\""), "{exported}");
    let path = world.scratch("exports").join("trail.jsonl");
    fs::write(&path, &exported).unwrap();
    let mut command = world.command();
    command
        .args(["audit", "verify", "--json", "--public-key", key["public_key"].as_str().unwrap()])
        .arg(&path);
    let summary: Value = serde_json::from_str(&ok(&mut command)).unwrap();
    assert_eq!(
        summary["first_seq"].as_u64(),
        summary["removed_up_to"].as_u64().map(|seq| seq + 1),
        "{summary}"
    );
}
