//! What is under way on each channel when a right goes: it ends within a second, the receipt counts it, and nothing of a cut upload is a file.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::held::{FIRST, Held, Kind, LARGE, begin};
use super::rig::{self, Secure, stored};
use crate::http::Signed;
use crate::world::{Access, World};

/// The longest that a right outlives the call that takes it away; the answer to that call waits for it.
const AT_ONCE: Duration = Duration::from_secs(1);
/// What a busy machine may add to a client's seeing it.
const SLACK: Duration = Duration::from_secs(2);

/// Takes a right away; the receipt.
pub(crate) type Cause = (&'static str, fn(&World, &Access) -> Value);

fn path(key: &Access) -> String {
    format!("/keys/{}", key.key_id)
}

pub(crate) const CAUSES: [Cause; 4] = [
    ("deleted", |world, key| world.admin("DELETE", &path(key), None)),
    ("disabled", |world, key| world.admin("PATCH", &path(key), Some(&json!({"permission": "none"})))),
    ("another network", |world, key| {
        world.admin("PATCH", &path(key), Some(&json!({"networks": ["203.0.113.0/24"]})))
    }),
    ("rotated", |world, key| world.admin("POST", &format!("{}/rotate", path(key)), Some(&json!({})))),
];

/// Waits until all that was sent has come. Of an upload in parts the last is then under way; before that the one before it may be on its
/// way to the disk, and is a transfer too.
fn settled(world: &World, key: &Access, held: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    let mut before = None;
    loop {
        let list = world.admin("GET", "/transfers", None);
        let own = list["items"].as_array().unwrap().iter().filter(|item| item["key"] == key.key_id.as_str());
        let seen: Vec<_> = own.map(|item| (item["action"] == "put", item["bytes"].as_u64())).collect();
        let whole = Some(FIRST as u64);
        let last = seen.iter().all(|(puts, bytes)| !puts || *bytes <= Some(1 << 20) || *bytes == whole);
        if seen.len() == held && last && before.as_ref() == Some(&seen) {
            return;
        }
        assert!(Instant::now() < end, "{held} transfers are to be under way: {list}");
        before = Some(seen);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn every_transfer_ends_with_its_right() {
    let world = rig::plain_with(&["--max-connections-per-address", "4000"]);
    let (storage, _) = world.storage("Cut");
    let s3 = world.key(&storage, "read_write");
    assert_eq!(Signed::new(&world, &s3).zeroes("large", LARGE as u64).status, 200);
    let before = stored(&world, &s3);
    for (what, cause) in CAUSES {
        for channel in ["http", "ftp", "web-service"] {
            let key = rig::key(&world, &storage, channel, "read_write");
            let other = rig::key(&world, &storage, channel, "read_write");
            let kinds = Kind::ALL.into_iter().filter(|kind| kind.channel() == channel);
            let held: Vec<(Kind, Held)> = kinds
                .clone()
                .map(|kind| (kind, begin(kind, &world, &key, &format!("up-{kind:?}"))))
                .collect();
            let mut kept: Vec<(Kind, Held)> =
                kinds.map(|kind| (kind, begin(kind, &world, &other, &format!("kept-{kind:?}")))).collect();
            settled(&world, &key, held.len());
            let asked = Instant::now();
            let receipt = cause(&world, &key)["receipt"].clone();
            assert!(asked.elapsed() < AT_ONCE + SLACK, "{what}: {:?}", asked.elapsed());
            assert_eq!(receipt["transfers_cut"], held.len(), "{channel} {what}: {receipt}");
            assert_eq!(receipt["unfinished"], 0, "{channel} {what}: {receipt}");
            assert!(receipt["last_byte_us"].as_u64().unwrap() < 1_000_000, "{channel} {what}: {receipt}");
            for (kind, held) in held {
                held.was_cut()
                    .unwrap_or_else(|seen| panic!("{kind:?} went on after its key was {what}: {seen}"));
            }
            assert!(asked.elapsed() < AT_ONCE + 2 * SLACK, "{channel} {what}: {:?}", asked.elapsed());
            for (kind, held) in &mut kept {
                assert!(held.goes_on(), "{kind:?} of another key was cut off when one was {what}");
            }
            drop(kept);
            assert_eq!(stored(&world, &s3), before, "{channel} {what}: something of a cut upload is there");
        }
    }
}

#[test]
fn who_may_still_read_goes_on_reading() {
    let world = rig::plain_with(&["--max-connections-per-address", "4000"]);
    let (storage, _) = world.storage("Cut");
    let s3 = world.key(&storage, "read_write");
    assert_eq!(Signed::new(&world, &s3).zeroes("large", LARGE as u64).status, 200);
    for channel in ["http", "ftp", "web-service"] {
        let key = rig::key(&world, &storage, channel, "read_write");
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.channel() == channel);
        // A session of SFTP is cut with what it holds; its uploads and downloads here are sessions of their own.
        let (up, down): (Vec<_>, Vec<_>) = kinds
            .map(|kind| (kind, begin(kind, &world, &key, &format!("up-{kind:?}"))))
            .partition(|(kind, _)| kind.uploads());
        let read = json!({"permission": "read"});
        settled(&world, &key, up.len() + down.len());
        let receipt = world.admin("PATCH", &path(&key), Some(&read))["receipt"].clone();
        assert_eq!(receipt["transfers_cut"], up.len(), "{channel}: {receipt}");
        for (kind, held) in up {
            held.was_cut()
                .unwrap_or_else(|seen| panic!("{kind:?} went on though its key may only read: {seen}"));
        }
        for (kind, mut held) in down {
            assert!(held.goes_on(), "{kind:?} was cut off though its key may still read");
        }
    }
}

/// A client that takes its time, over TLS; when and how it ended.
fn slowly(world: &World, key: &Access, words: &[&str]) -> std::process::Child {
    let mut curl = rig::curl(world, key);
    curl.args(["--ssl-reqd", "--limit-rate", "400k"]).args(words);
    curl.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap()
}

#[test]
fn ftp_inside_tls_and_real_clients_are_cut_off_too() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Cut");
    let key = rig::key(world, &storage, "ftp", "read_write");
    let local = rig::file(world, "large", LARGE);
    let large = local.to_str().unwrap();
    let doors = [
        format!("ftp://{}", world.ftp.as_deref().unwrap()),
        format!("ftps://{}", world.ftps.as_deref().unwrap()),
    ];
    crate::world::ok(
        rig::curl(world, &key)
            .args(["--ssl-reqd", "--upload-file", large])
            .arg(format!("{}/large", doors[0])),
    );
    let mut clients = Vec::new();
    for (number, door) in doors.iter().enumerate() {
        clients.push(slowly(world, &key, &[&format!("{door}/large")]));
        clients.push(slowly(world, &key, &["--upload-file", large, &format!("{door}/up-{number}")]));
    }
    // All of them are under way.
    let end = Instant::now() + Duration::from_secs(30);
    let under_way = || {
        let list = world.admin("GET", "/transfers", None);
        list["items"].as_array().unwrap().iter().filter(|item| item["key"] == key.key_id.as_str()).count()
    };
    while under_way() < clients.len() {
        if Instant::now() > end {
            let told: Vec<_> = clients
                .into_iter()
                .map(|mut client| {
                    let ended = client.try_wait().unwrap();
                    client.kill().unwrap();
                    (ended, String::from_utf8(client.wait_with_output().unwrap().stderr).unwrap())
                })
                .collect();
            panic!("not all are under way: {told:?}\n{}", world.admin("GET", "/transfers", None));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let asked = Instant::now();
    let receipt = world.admin("DELETE", &path(&key), None)["receipt"].clone();
    assert_eq!(receipt["transfers_cut"], clients.len(), "{receipt}");
    for client in &mut clients {
        let status = loop {
            if let Some(status) = client.try_wait().unwrap() {
                break status;
            }
            assert!(asked.elapsed() < Duration::from_secs(15), "a client goes on");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(!status.success());
    }
    assert!(asked.elapsed() < AT_ONCE + 2 * SLACK, "{:?}", asked.elapsed());
    let s3 = world.key(&storage, "read");
    assert_eq!(stored(world, &s3), [("large".to_owned(), LARGE as u64)]);
}
