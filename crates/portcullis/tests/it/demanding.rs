//! A day of a demanding user: many slow transfers on two nodes are cut, keys get other credentials while their clients work, a
//! connection ends, and the trail says all of it and shows when it was tampered with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::http::Signed;
use crate::slow::{DOWNLOAD, Outcome, Slow};
use crate::world::{Access, World, ok, refused};

const KEYS: usize = 50;
const REVOKED: usize = 25;
const ROTATED: usize = 10;
/// Downloads and uploads of each key on each node.
const EACH: usize = 5;

#[test]
fn the_day_of_a_demanding_user() {
    let Some(cluster) = Cluster::start("demanding", 2) else { return };
    let storages: Vec<String> = (0..5).map(|n| cluster.storage(&format!("Files {n}"))).collect();
    let keys: Vec<Access> =
        (0..KEYS).map(|n| cluster.key(&storages[n % 5], &format!("Client {n:02}"))).collect();
    for key in keys.iter().take(5) {
        assert_eq!(Signed::new(&cluster.nodes[0], key).zeroes("large", DOWNLOAD).status, 200);
    }
    let (revoked, kept) = keys.split_at(REVOKED);
    cut_off_exactly(&cluster, &keys, revoked.len());
    rotate_while_clients_work(&cluster, &kept[..ROTATED]);
    end_a_connection(&cluster, &storages[0], kept);
    the_trail_shows_what_was_done_to_it(&cluster.nodes[1]);
}

/// 1,000 transfers, half of whose keys are deleted: the receipts name as many as were cut, and nobody else notices.
fn cut_off_exactly(cluster: &Cluster, keys: &[Access], revoked: usize) {
    let mut transfers = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        for (node, world) in cluster.nodes.iter().enumerate() {
            let signed = Signed::new(world, key);
            for nth in 0..EACH {
                transfers.push((number, Slow::download(&signed, "large")));
                transfers.push((number, Slow::upload(&signed, &format!("up-{number}-{node}-{nth}"))));
            }
        }
    }
    assert_eq!(transfers.len(), 1_000);
    let own = 2 * EACH * cluster.nodes.len();
    let mut answered = BTreeMap::new();
    for (number, key) in keys.iter().enumerate().take(revoked) {
        let told = cluster.nodes[0].admin("DELETE", &format!("/keys/{}", key.key_id), None);
        answered.insert(number, Instant::now());
        let receipt = &told["receipt"];
        assert_eq!(receipt["transfers_cut"], json!(own), "{told}");
        let nodes = receipt["nodes"].as_array().unwrap();
        assert!(nodes.len() == 2 && nodes.iter().all(|node| node["answered"] == true), "{told}");
        // Nothing is admitted under it, by the node that was asked at once, by the other when the receipt says so.
        for world in &cluster.nodes {
            let answer = Signed::new(world, key).call("GET", &format!("/{}/large", key.bucket), "", &[], b"");
            assert_eq!((answer.status, answer.code().as_str()), (403, "InvalidAccessKeyId"));
        }
    }
    let mut cut = 0;
    transfers.iter().for_each(|(_, transfer)| transfer.go());
    for (number, transfer) in transfers {
        match transfer.outcome() {
            Outcome::Cut(_) => {
                assert!(number < revoked, "client {number} was cut off and nobody asked for it");
                cut += 1;
            }
            Outcome::WentOn => {
                assert!(number >= revoked, "client {number} went on after its key was deleted")
            }
        }
    }
    assert_eq!(cut, revoked * own, "the receipts and the clients say the same");
}

/// Two clients for each key. Each goes over to the new pair in its own time, and no request of either fails.
fn rotate_while_clients_work(cluster: &Cluster, keys: &[Access]) {
    let [first, second] = &cluster.nodes[..] else { panic!("two nodes") };
    let works = |world: &World, key: &Access| {
        let answer = Signed::new(world, key).call("HEAD", &format!("/{}/large", key.bucket), "", &[], b"");
        assert!([200, 404].contains(&answer.status), "{}: {}", key.access_key, answer.status);
    };
    for key in keys {
        works(first, key);
        works(second, key);
        let asked = json!({"overlap_seconds": 3600, "keep_access_key": false, "reason": "routine"});
        let told = first.admin("POST", &format!("/keys/{}/rotate", key.key_id), Some(&asked));
        let fresh = Access {
            access_key: told["key"]["access_key"].as_str().unwrap().to_owned(),
            secret: told["secret"].as_str().unwrap().to_owned(),
            ..key.clone()
        };
        for world in [first, second] {
            works(world, key);
            works(world, &fresh);
        }
        let path = format!("/keys/{}/overlap", key.key_id);
        let overlap = first.admin("GET", &path, None);
        assert_eq!(
            overlap["overlap"]["access_key"].as_str().or(overlap["access_key"].as_str()),
            Some(key.access_key.as_str()),
            "{overlap}"
        );
        first.admin("DELETE", &path, None);
        for world in [first, second] {
            works(world, &fresh);
            let answer = Signed::new(world, key).call("GET", &format!("/{}/large", key.bucket), "", &[], b"");
            assert_eq!((answer.status, answer.code().as_str()), (403, "InvalidAccessKeyId"));
        }
    }
}

/// The page of what a deletion breaks names the keys that no longer work afterwards, and no others.
fn end_a_connection(cluster: &Cluster, storage: &str, keys: &[Access]) {
    let world = &cluster.nodes[0];
    let before: Vec<(String, u16)> =
        keys.iter().map(|key| (key.key_id.clone(), status(world, key))).collect();
    let impact = settled(|| {
        let impact = world.admin("GET", &format!("/storages/{storage}/impact"), None);
        let named = impact["keys"].as_array().unwrap().len();
        (named > 0).then_some(impact)
    });
    let named: BTreeSet<String> = ["keys", "unused_keys"]
        .iter()
        .flat_map(|list| impact[*list].as_array().unwrap())
        .filter(|key| key["ends"] == true)
        .map(|key| key["id"].as_str().unwrap().to_owned())
        .collect();
    let told = world.admin("DELETE", &format!("/storages/{storage}"), Some(&json!({"confirm": "Files 0"})));
    assert_eq!(told["state"], "deleted", "{told}");
    let broken: BTreeSet<String> = keys
        .iter()
        .zip(before)
        .filter(|(key, (_, before))| *before != 403 && status(world, key) == 403)
        .map(|(key, _)| key.key_id.clone())
        .collect();
    let named_and_alive: BTreeSet<String> =
        named.iter().filter(|id| keys.iter().any(|key| key.key_id == **id)).cloned().collect();
    // Of the rotated keys nobody here has the new secret: those that answered are compared.
    assert!(!broken.is_empty() && broken.is_subset(&named_and_alive), "{broken:?} {named:?}");
    let of_storage: BTreeSet<&String> = keys.iter().step_by(5).map(|key| &key.key_id).collect();
    assert_eq!(named_and_alive.iter().collect::<BTreeSet<_>>(), of_storage, "{impact}");
}

fn status(world: &World, key: &Access) -> u16 {
    Signed::new(world, key).call("HEAD", &format!("/{}/large", key.bucket), "", &[], b"").status
}

/// What this gives as soon as it gives something.
fn settled(mut ask: impl FnMut() -> Option<Value>) -> Value {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(value) = ask() {
            return value;
        }
        assert!(Instant::now() < end, "in vain");
        std::thread::yield_now();
    }
}

/// The trail of all that is sound, and no longer is when one byte of it is another.
fn the_trail_shows_what_was_done_to_it(world: &World) {
    let made = world.admin(
        "POST",
        "/keys",
        Some(&json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
    );
    let bearer = made["bearer"].as_str().unwrap();
    let exported = world.scratch("exports").join("trail.jsonl");
    let told = |words: &[&str]| ok(world.command().env("PORTCULLIS_API_KEY", bearer).args(words));
    let key = told(&["audit", "public-key"]).trim().to_owned();
    told(&["audit", "export", "--output", exported.to_str().unwrap()]);
    ok(world.command().args(["audit", "verify", "--public-key", &key]).arg(&exported));
    let mut bytes = fs::read(&exported).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches("\"action\":\"delete_key\"").count(), REVOKED);
    // The letter of a deed in the middle.
    let at = text.len() / 2 + text[text.len() / 2..].find("\"action\":\"").unwrap() + 10;
    bytes[at] ^= 1;
    fs::write(&exported, bytes).unwrap();
    refused(world.command().args(["audit", "verify", "--public-key", &key]).arg(&exported));
}
