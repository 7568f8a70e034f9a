//! New credentials beside the old ones: with the tools that people have, under load, through a power cut, by the clock.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clients::{aws, tools};
use crate::first_files::{rclone, rclone_config};
use crate::http::Signed;
use crate::world::{Access, World, ok, refused};

const PATIENCE: Duration = Duration::from_secs(60);

/// Rotates; the pair that is new.
fn rotate(world: &World, key: &Access, given: &Value) -> Access {
    let answer = world.admin("POST", &format!("/keys/{}/rotate", key.key_id), Some(given));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (access_key, secret) = (text(&answer["key"]["access_key"]), text(&answer["secret"]));
    Access { access_key, secret, ..key.clone() }
}

fn overlap(world: &World, key: &Access) -> Value {
    world.admin("GET", &format!("/keys/{}/overlap", key.key_id), None)
}

/// The status of a download with this pair.
fn get(world: &World, key: &Access) -> u16 {
    Signed::new(world, key).call("GET", &format!("/{}/kept", key.bucket), "", &[], b"").status
}

fn put(world: &World, key: &Access, name: &str) -> u16 {
    Signed::new(world, key).call("PUT", &format!("/{}/{name}", key.bucket), "", &[], b"kept").status
}

/// A client that works without a break, and what it has in its settings.
struct Client {
    pair: Mutex<Access>,
}

/// What became of one request.
struct Told {
    client: usize,
    access: (String, String),
    status: u16,
}

/// Works until it is told to stop, half of it uploads.
fn work(world: &World, client: &Client, number: usize, stop: &AtomicBool, tell: &mpsc::Sender<Told>) {
    let mut turn = 0_u32;
    while !stop.load(Ordering::SeqCst) {
        let pair = client.pair.lock().unwrap().clone();
        let status = if turn.is_multiple_of(2) {
            get(world, &pair)
        } else {
            put(world, &pair, &format!("from-{number}"))
        };
        turn += 1;
        let access = (pair.access_key, pair.secret);
        tell.send(Told { client: number, access, status }).unwrap();
    }
}

/// Three swaps under load, with a new pair and with the same access key: no request with a pair that holds fails.
#[test]
fn no_request_with_a_valid_pair_fails_while_clients_are_switched() {
    const CLIENTS: usize = 8;
    let world = World::start();
    let (storage, _) = world.storage("Load");
    let mut pair = world.key(&storage, "read_write");
    assert_eq!(put(&world, &pair, "kept"), 200);
    let clients: Vec<Client> = (0..CLIENTS).map(|_| Client { pair: Mutex::new(pair.clone()) }).collect();
    let stop = AtomicBool::new(false);
    let (tell, told) = mpsc::channel::<Told>();
    let (world, clients) = (&world, &clients);
    let total = thread::scope(|scope| {
        for (number, client) in clients.iter().enumerate() {
            let (tell, stop) = (tell.clone(), &stop);
            scope.spawn(move || work(world, client, number, stop, &tell));
        }
        // Everybody has come with this pair so many times; nobody was refused on the way.
        let mut total = 0_usize;
        let mut wait = |secrets: &[&str; CLIENTS], times: usize| {
            let mut left = [times; CLIENTS];
            while left.iter().any(|left| *left > 0) {
                let Told { client, access, status } = told.recv_timeout(PATIENCE).unwrap();
                total += 1;
                assert_eq!(status, 200, "client {client} with {}", access.0);
                if access.1 == secrets[client] {
                    left[client] = left[client].saturating_sub(1);
                }
            }
        };
        for keep in [false, true, false] {
            let old = pair.clone();
            wait(&[old.secret.as_str(); CLIENTS], 5);
            pair = rotate(world, &old, &json!({"overlap_seconds": 3600, "keep_access_key": keep}));
            let mut has: [&str; CLIENTS] = [old.secret.as_str(); CLIENTS];
            wait(&has, 3);
            for (number, client) in clients.iter().enumerate() {
                *client.pair.lock().unwrap() = pair.clone();
                has[number] = pair.secret.as_str();
                wait(&has, 2);
            }
            world.admin("DELETE", &format!("/keys/{}/overlap", pair.key_id), None);
            assert_eq!(get(world, &old), 403, "not one more with the old pair");
            wait(&has, 3);
        }
        stop.store(true, Ordering::SeqCst);
        total
    });
    assert!(total > CLIENTS * 100, "{total} requests are no load");
}

/// The clock of the machine ends it: nobody has to.
#[test]
fn rotation_grace_period_expires() {
    let world = World::start();
    let (storage, _) = world.storage("Grace");
    let old = world.key(&storage, "read_write");
    assert_eq!(put(&world, &old, "kept"), 200);
    let begun = Instant::now();
    let new = rotate(&world, &old, &json!({"overlap_seconds": 3}));
    // An upload under the old pair that will not be done in time, and one under the new.
    let slow = |key: &Access, name: &str| {
        use std::io::Write as _;
        let mut stream = Signed::new(&world, key).open("PUT", name, 1 << 20);
        stream.write_all(&[7; 1000]).unwrap();
        stream
    };
    let (mut cut, kept) = (slow(&old, "cut"), slow(&new, "kept-open"));
    let mut served = 0;
    let end = loop {
        assert_eq!(get(&world, &new), 200, "the new pair works throughout");
        let status = get(&world, &old);
        if status == 403 {
            break begun.elapsed();
        }
        assert_eq!(status, 200);
        served += 1;
        assert!(begun.elapsed() < PATIENCE, "it does not end");
    };
    assert!(served > 3 && end >= Duration::from_millis(2_500), "{served} requests, ended after {end:?}");
    // What was under way under the old pair is cut off, by itself.
    cut.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    drop(std::io::Read::read_to_end(&mut cut, &mut rest));
    assert!(begun.elapsed() < PATIENCE / 2, "cut after {:?}", begun.elapsed());
    let transfer = Signed::new(&world, &new).call("GET", &format!("/{}/cut", new.bucket), "", &[], b"");
    assert_eq!(transfer.status, 404, "and is not stored");
    drop(kept);
    let (status, answer) =
        world.rest("GET", &format!("/keys/{}/overlap", old.key_id), Some(world.token()), None);
    assert_eq!(status, 404, "{answer}");
    // The end stands in the trail as soon as it was noted, five seconds later at most.
    let noted = loop {
        let trail = world.admin("GET", &format!("/audit-events?key={}&limit=1000", old.key_id), None);
        let items = trail["items"].as_array().unwrap().clone();
        if let Some(found) = items.into_iter().find(|event| event["action"] == "overlap_ended") {
            break found;
        }
        assert!(begun.elapsed() < PATIENCE, "the end is not noted");
    };
    assert_eq!(noted["actor"], "system");
    assert_eq!((get(&world, &old), get(&world, &new)), (403, 200));
}

fn boto3(world: &World, key: &Access) -> Command {
    let script = "import sys, boto3\nfrom botocore.config import Config\n\
        endpoint, bucket, access_key, secret = open(sys.argv[1]).read().split('\\n')\n\
        config = Config(retries={'max_attempts': 0}, s3={'addressing_style': 'path'})\n\
        s3 = boto3.client('s3', endpoint_url=endpoint, aws_access_key_id=access_key, aws_secret_access_key=secret,\n\
        \x20   region_name='us-east-1', config=config)\n\
        print(len(s3.list_objects_v2(Bucket=bucket).get('Contents', [])))\n";
    let given = world.scratch("boto").join(&key.secret[..12]);
    fs::write(&given, [world.s3.as_str(), &key.bucket, &key.access_key, &key.secret].join("\n")).unwrap();
    let mut python = Command::new(tools().join("python"));
    python.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", world.scratch("home"));
    python.env("AWS_EC2_METADATA_DISABLED", "true").args(["-c", script]).arg(given);
    python
}

/// Tools are switched one by one; who was forgotten is named, and is the one that breaks.
#[test]
fn tools_move_one_by_one_and_the_forgotten_one_is_named() {
    let mut world = World::start();
    let (storage, _) = world.storage("Move");
    let old = world.key(&storage, "read_write");
    assert_eq!(put(&world, &old, "kept"), 200);
    let gate = format!("s3://{}", old.bucket);
    let copy = |world: &World, key: &Access, name: &str| {
        let mut command = rclone("rclone", &rclone_config(world, key, name));
        command.args(["lsf", &format!("gate:{}", key.bucket)]);
        command
    };
    ok(aws(&world, &old).args(["s3", "ls", &gate]));
    ok(&mut copy(&world, &old, "old"));
    ok(&mut boto3(&world, &old));

    let new = rotate(&world, &old, &json!({"overlap_seconds": 86_400, "keep_access_key": true}));
    assert_eq!(new.access_key, old.access_key);
    // In the middle of it the power goes.
    world.kill();
    world.boot();
    ok(aws(&world, &new).args(["s3", "ls", &gate]));
    for pair in [&old, &new] {
        ok(&mut copy(&world, pair, "either"));
    }
    ok(&mut copy(&world, &new, "new"));
    ok(&mut boto3(&world, &old));

    let told = overlap(&world, &old);
    let moved = |tool: &str| {
        let clients = told["clients"].as_array().unwrap();
        let found = clients.iter().find(|client| client["tool"].as_str().unwrap().contains(tool));
        found.unwrap_or_else(|| panic!("{tool}: {told}"))["moved"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (moved("aws-cli"), moved("rclone"), moved("Boto3")),
        ("yes".into(), "yes".into(), "no".into()),
        "{told}"
    );
    assert_eq!(told["not_moved"].as_u64(), Some(2), "boto3, and this test's own client: {told}");

    world.admin("DELETE", &format!("/keys/{}/overlap", old.key_id), None);
    let broken = refused(&mut boto3(&world, &old));
    assert!(broken.contains("SignatureDoesNotMatch") || broken.contains("403"), "{broken}");
    ok(aws(&world, &new).args(["s3", "ls", &gate]));
    ok(&mut copy(&world, &new, "new"));
    // The forgotten one still knocks, with the true old secret.
    let trail = world.admin("GET", &format!("/audit-events?key={}&limit=1000", old.key_id), None);
    let knocked = trail["items"].as_array().unwrap().iter().find(|event| event["reason"] == "old_secret");
    assert!(knocked.is_some_and(|event| event["tool"].as_str().unwrap().contains("Boto3")), "{trail}");
    for secret in [&old.secret, &new.secret] {
        assert!(!world.log().contains(secret.as_str()));
    }
}

/// The same by the command line.
#[test]
fn by_the_command_line() {
    let world = World::start();
    let (storage, _) = world.storage("Words");
    let old = world.key(&storage, "read_write");
    assert_eq!(put(&world, &old, "kept"), 200);
    let given = json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"});
    let bearer = world.admin("POST", "/keys", Some(&given))["bearer"].as_str().unwrap().to_owned();
    let command = |words: &[&str]| {
        let mut command = world.command();
        command.env("PORTCULLIS_API_KEY", &bearer).args(words);
        command
    };
    let id = old.key_id.as_str();
    let told = ok(&mut command(&[
        "key",
        "rotate",
        id,
        "--overlap",
        "7d",
        "--keep-access-key",
        "--reason",
        "routine",
        "--json",
    ]));
    let made: Value = serde_json::from_str(&told).unwrap();
    let new = Access { secret: made["secret"].as_str().unwrap().to_owned(), ..old.clone() };
    assert_eq!(made["key"]["access_key"], old.access_key.as_str());
    assert_eq!((get(&world, &old), get(&world, &new)), (200, 200));
    let shown = ok(&mut command(&["key", "overlap", "show", id]));
    assert!(
        shown.contains("Works until") && shown.contains(&old.access_key) && shown.contains("moved"),
        "{shown}"
    );
    let before = overlap(&world, &old)["until"].clone();
    ok(&mut command(&["key", "overlap", "extend", id, "--for", "8d"]));
    let after = overlap(&world, &old)["until"].clone();
    assert!(after.as_str() > before.as_str(), "{before} {after}");
    let told = refused(&mut command(&["key", "overlap", "extend", id, "--for", "31d"]));
    assert!(told.contains("at most 30 days"), "{told}");
    let told = refused(&mut command(&["key", "rotate", id, "--overlap", "1h"]));
    assert!(told.contains("still work"), "{told}");
    let told = refused(&mut command(&["key", "rotate", id, "--overlap", "31d"]));
    assert!(told.contains("30 days"), "{told}");
    let told = ok(&mut command(&["key", "show", id]));
    assert!(told.contains("Old pair"), "{told}");
    let told = refused(&mut command(&["key", "overlap", "end", id]));
    assert!(told.contains("nothing was done"), "nobody is there to ask: {told}");
    ok(&mut command(&["key", "overlap", "end", id, "--yes"]));
    assert_eq!((get(&world, &old), get(&world, &new)), (403, 200));
    let told = refused(&mut command(&["key", "overlap", "show", id]));
    assert!(!told.is_empty());
}
