//! What is under way when a right goes: it ends, on every node, and the receipt says so. Also where a node does not hear of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::http::Signed;
use crate::slow::{DOWNLOAD, Outcome, Slow};
use crate::world::{Access, World};

/// A node decides nothing when it has not heard of changes for so long.
const LEASE: Duration = Duration::from_secs(5);
/// What a timer, a look at the database and a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

/// Downloads and uploads of a key that have begun and wait.
fn slow(world: &World, key: &Access, each: usize) -> Vec<Slow> {
    let signed = Signed::new(world, key);
    let up = (0..each).map(|nth| Slow::upload(&signed, &format!("up-{}-{nth}", world.pid())));
    let down = (0..each).map(|_| Slow::download(&signed, "large"));
    up.chain(down).collect()
}

fn with_large(world: &World, key: &Access) {
    assert_eq!(Signed::new(world, key).zeroes("large", DOWNLOAD).status, 200);
}

/// When each of them saw that it was cut off; none may have gone on.
fn cut(transfers: Vec<Slow>) -> Vec<Instant> {
    transfers.iter().for_each(Slow::go);
    let outcomes = transfers.into_iter().map(Slow::outcome);
    outcomes
        .map(|outcome| match outcome {
            Outcome::Cut(at) => at,
            Outcome::WentOn => panic!("a transfer went on after its key was gone"),
        })
        .collect()
}

fn went_on(transfers: Vec<Slow>) -> bool {
    transfers.iter().for_each(Slow::go);
    transfers.into_iter().all(|transfer| transfer.outcome() == Outcome::WentOn)
}

fn refused(world: &World, key: &Access) -> (u16, String) {
    let answer = Signed::new(world, key).call("GET", &format!("/{}/large", key.bucket), "", &[], b"");
    (answer.status, answer.code())
}

fn delete(world: &World, key: &Access) -> Value {
    world.admin("DELETE", &format!("/keys/{}", key.key_id), None)["receipt"].clone()
}

#[test]
fn receipts_say_what_clients_saw() {
    let world = World::start_with(&["--max-connections-per-address", "4000"]);
    let (bucket, _) = world.storage("Files");
    let [gone, kept, off, narrowed] = [0; 4].map(|_| world.key(&bucket, "read_write"));
    with_large(&world, &gone);
    let [by_gone, by_kept, by_off] = [&gone, &kept, &off].map(|key| slow(&world, key, 8));
    let (down, up) = (Slow::download(&Signed::new(&world, &narrowed), "large"), slow(&world, &narrowed, 2));
    let receipt = delete(&world, &gone);
    assert_eq!(receipt["transfers_cut"], 16, "{receipt}");
    assert_eq!(receipt["unfinished"], 0, "{receipt}");
    assert!(receipt["last_byte_us"].as_u64().unwrap() < 1_000_000, "{receipt}");
    assert!(receipt["summary"].as_str().unwrap().contains("16 transfers cut"), "{receipt}");
    assert_eq!(refused(&world, &gone), (403, "InvalidAccessKeyId".to_owned()));
    assert_eq!(cut(by_gone).len(), 16);
    let disabled = json!({"permission": "none"});
    let receipt = world.admin("PATCH", &format!("/keys/{}", off.key_id), Some(&disabled))["receipt"].clone();
    assert_eq!(receipt["transfers_cut"], 16, "{receipt}");
    assert_eq!(cut(by_off).len(), 16);
    // Who may still read goes on reading.
    let read = json!({"permission": "read"});
    let receipt = world.admin("PATCH", &format!("/keys/{}", narrowed.key_id), Some(&read))["receipt"].clone();
    assert_eq!(receipt["transfers_cut"], 2, "{receipt}");
    assert!(went_on(vec![down]));
    drop(up);
    assert!(went_on(by_kept));
    let trail = world.admin("GET", "/audit-events?limit=200", None).to_string();
    assert!(trail.contains("transfers=16 uploads=0 last_byte_us="), "{trail}");
}

#[test]
fn uploads_in_parts_are_given_up_with_their_key() {
    let world = World::start();
    let (bucket, _) = world.storage("Files");
    let [gone, rotated] = [0; 2].map(|_| world.key(&bucket, "read_write"));
    let begin = |key: &Access| {
        let path = format!("/{}/parts-of-{}", key.bucket, key.access_key);
        let begun = Signed::new(&world, key).call("POST", &path, "uploads=", &[], b"");
        assert_eq!(begun.status, 200, "{}", begun.text());
    };
    begin(&gone);
    begin(&gone);
    begin(&rotated);
    let told = world.admin("POST", &format!("/keys/{}/rotate", rotated.key_id), Some(&json!({})));
    assert_eq!(told["receipt"]["uploads_aborted"], 0, "{told}");
    assert_eq!(delete(&world, &gone)["uploads_aborted"], 2);
    let other = world.key(&bucket, "read_write");
    let left = Signed::new(&world, &other).call("GET", &format!("/{}", other.bucket), "uploads=", &[], b"");
    assert_eq!(left.text().matches("<UploadId>").count(), 1, "{}", left.text());
}

#[test]
fn one_transfer_is_cut_off_by_hand() {
    let world = World::start();
    let (bucket, _) = world.storage("Files");
    let key = world.key(&bucket, "read_write");
    with_large(&world, &key);
    let (first, second) = (slow(&world, &key, 1), slow(&world, &key, 1));
    let list = world.admin("GET", "/transfers", None);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "{list}");
    let down = items.iter().find(|item| item["action"] == "get").unwrap();
    assert_eq!((down["object"].as_str(), down["key"].as_str()), (Some("large"), Some(key.key_id.as_str())));
    let id = down["id"].as_str().unwrap();
    let told = world.admin("DELETE", &format!("/transfers/{id}"), None);
    assert_eq!(told["receipt"]["transfers_cut"], 1, "{told}");
    assert_eq!(world.rest("DELETE", &format!("/transfers/{id}"), Some(world.token()), None).0, 404);
    let transfers: Vec<Slow> = first.into_iter().chain(second).collect();
    transfers.iter().for_each(Slow::go);
    let went = transfers.into_iter().map(Slow::outcome).filter(|outcome| *outcome == Outcome::WentOn);
    assert_eq!(went.count(), 3);
}

fn signal(world: &World, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(world.pid()).unwrap()).unwrap(), signal).unwrap();
}

/// Reads what there is until nothing comes for a while, or to the end; how much, and whether that was the end.
fn drain(stream: &mut TcpStream, quiet: Duration) -> (u64, bool) {
    stream.set_read_timeout(Some(quiet)).unwrap();
    let (mut came, mut piece) = (0, vec![0; 1 << 20]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (came, true),
            Ok(read) => came += u64::try_from(read).unwrap(),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                return (came, false);
            }
            Err(_) => return (came, true),
        }
    }
}

#[test]
fn a_node_that_was_frozen_hands_out_nothing_more() {
    let Some(cluster) = Cluster::start("frozen", 3) else { return };
    let storage = cluster.storage("Files");
    let key = cluster.key(&storage, "Client");
    let [first, second, frozen] = &cluster.nodes[..] else { panic!("three nodes") };
    with_large(first, &key);
    let elsewhere = slow(second, &key, 3);
    let mut held = Signed::new(frozen, &key).open("GET", "large", 0);
    let mut begun = vec![0; 1 << 10];
    held.read_exact(&mut begun).unwrap();
    signal(frozen, Signal::STOP);
    // What its kernel held came without it.
    drain(&mut held, Duration::from_millis(500));
    let asked = Instant::now();
    let receipt = delete(first, &key);
    assert!(asked.elapsed() < Duration::from_secs(1) + SLACK, "{:?}", asked.elapsed());
    assert_eq!(receipt["transfers_cut"], 6, "{receipt}");
    let nodes = receipt["nodes"].as_array().unwrap();
    let silent: Vec<_> = nodes.iter().filter(|node| node["answered"] == false).collect();
    assert_eq!((nodes.len(), silent.len()), (3, 1), "{receipt}");
    assert!(silent[0]["refuses_by"].is_string(), "{receipt}");
    assert!(receipt["summary"].as_str().unwrap().contains("has not answered"), "{receipt}");
    assert_eq!(cut(elsewhere).len(), 6);
    // A request that waits for it, signed when the key was good.
    let mut waiting = Signed::new(frozen, &key).open("GET", "large", 0);
    thread::sleep((asked + LEASE + Duration::from_millis(500)).saturating_duration_since(Instant::now()));
    signal(frozen, Signal::CONT);
    let mut answer = String::new();
    waiting.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    drop(waiting.read_to_string(&mut answer));
    assert!(answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(drain(&mut held, Duration::from_secs(10)), (0, true));
    // It lives, hears again, and serves whom it may.
    let other = cluster.key(&storage, "Other");
    let end = Instant::now() + Duration::from_secs(20);
    while refused(frozen, &other).0 != 200 {
        assert!(Instant::now() < end, "it does not come back");
    }
}

/// Passes bytes on between nodes and the database, until it is told to hold them.
struct Relay {
    address: String,
    holds: Arc<AtomicBool>,
}

impl Relay {
    fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let holds = Arc::new(AtomicBool::new(false));
        let hold = Arc::clone(&holds);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&target) else { return };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let hold = Arc::clone(&hold);
                    thread::spawn(move || pass(from, to, &hold));
                }
            }
        });
        Self { address, holds }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, holds: &AtomicBool) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        while holds.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
}

#[test]
fn a_node_without_the_database_ends_everything_in_time() {
    let relay = std::cell::OnceCell::new();
    let through = |node: usize, url: String| {
        if node != 2 {
            return url;
        }
        let (front, back) = url.split_once('@').unwrap();
        let (host, name) = back.split_once('/').unwrap();
        let relay: &Relay = relay.get_or_init(|| Relay::to(host.to_owned()));
        format!("{front}@{}/{name}", relay.address)
    };
    let Some(cluster) = Cluster::start_through("unheard", 3, through) else { return };
    let storage = cluster.storage("Files");
    let key = cluster.key(&storage, "Client");
    let [first, second, alone] = &cluster.nodes[..] else { panic!("three nodes") };
    with_large(first, &key);
    assert_eq!(refused(alone, &key).0, 200);
    let mut held = Signed::new(alone, &key).open("GET", "large", 0);
    let mut begun = vec![0; 1 << 10];
    held.read_exact(&mut begun).unwrap();
    let elsewhere = slow(second, &key, 2);
    relay.get().unwrap().holds.store(true, Ordering::SeqCst);
    let gone = Instant::now();
    let receipt = delete(first, &key);
    assert_eq!(receipt["transfers_cut"], 4, "{receipt}");
    let nodes = receipt["nodes"].as_array().unwrap();
    assert_eq!(nodes.iter().filter(|node| node["answered"] == true).count(), 2, "{receipt}");
    assert_eq!(cut(elsewhere).len(), 4);
    // The connection under way ends by itself although its client does not read.
    thread::sleep((gone + LEASE + SLACK).saturating_duration_since(Instant::now()));
    let (status, code) = refused(alone, &key);
    assert_eq!((status, code.as_str()), (503, "ServiceUnavailable"), "{status} {code}");
    let (_, ended) = drain(&mut held, Duration::from_millis(200));
    assert!(ended, "a transfer outlived the lease");
    // A change that this node cannot commit is not said to be done.
    let off = json!({"permission": "none"});
    let path = format!("/keys/{}", key.key_id);
    let (status, answer) = alone.rest("PATCH", &path, Some(alone.token()), Some(&off));
    assert!(status >= 500, "{status} {answer}");
    relay.get().unwrap().holds.store(false, Ordering::SeqCst);
    let end = Instant::now() + Duration::from_secs(30);
    while refused(alone, &key).0 != 403 {
        assert!(Instant::now() < end, "it does not come back");
    }
}
