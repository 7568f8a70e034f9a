//! The end of storages as S3 tools and a provider see it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::Signed;
use crate::world::{Access, World};

fn s3(world: &World, key: &Access, method: &str, object: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let answer = Signed::new(world, key).call(method, &format!("/{}/{object}", key.bucket), "", &[], body);
    let code = if answer.status < 300 { String::new() } else { answer.code() };
    (answer.status, code, answer.body)
}

fn delete(world: &World, storage: &str, name: &str) -> Value {
    world.admin("DELETE", &format!("/storages/{storage}"), Some(&json!({ "confirm": name })))
}

#[test]
fn a_deleted_key_is_refused_at_once_and_attaching_brings_the_bytes_back() {
    let world = World::start();
    let (storage, bucket) = world.storage("Photos");
    let key = world.key(&storage, "read_write");
    let part = world.temporary(&key, &json!({ "duration_seconds": 900, "permission": "read" }));
    let user = world.member("ada");
    let everywhere = json!({ "storage": storage, "user": user, "permission": "read" });
    world.admin("POST", "/grants", Some(&everywhere));
    let hers = world.user_key(&user, "read", &bucket);
    assert_eq!(s3(&world, &key, "PUT", "a.txt", b"kept").0, 200);
    for holder in [&key, &part, &hers] {
        assert_eq!(s3(&world, holder, "GET", "a.txt", b"").2, b"kept");
    }
    let impact = world.admin("GET", &format!("/storages/{storage}/impact"), None);
    let named: Vec<_> =
        impact["keys"].as_array().unwrap().iter().map(|key| key["access_key"].as_str()).collect();
    assert_eq!(named.len(), 2, "{impact}");
    for holder in [&key, &hers] {
        assert!(named.contains(&Some(holder.access_key.as_str())), "{impact}");
    }

    // A download that its client is in no hurry to read.
    assert_eq!(s3(&world, &key, "PUT", "large", &vec![7; 8 << 20]).0, 200);
    let mut slow = Signed::new(&world, &key).open("GET", "large", 0);
    let mut first = [0; 1024];
    slow.read_exact(&mut first).unwrap();
    let done = delete(&world, &storage, "Photos");
    assert_eq!((&done["state"], &done["keys_deleted"]), (&json!("detached"), &json!(1)));
    assert_eq!(done["receipt"]["transfers_cut"], json!(1), "{done}");
    let mut rest = Vec::new();
    drop(slow.read_to_end(&mut rest));
    assert!(rest.len() < 8 << 20, "{}", rest.len());

    assert_eq!(s3(&world, &key, "GET", "a.txt", b"").1, "InvalidAccessKeyId");
    assert_eq!(s3(&world, &part, "GET", "a.txt", b"").0, 403);
    assert_eq!(s3(&world, &hers, "GET", "a.txt", b"").0, 403);
    assert_eq!(
        world.rest("GET", &format!("/storages/{storage}/file?key=a.txt"), Some(world.token()), None).0,
        403
    );

    let back = world.admin("POST", &format!("/storages/{storage}/attach"), None);
    assert_eq!((&back["bucket_name"], &back["files"]), (&json!(bucket), &json!(2)));
    assert_eq!(s3(&world, &key, "GET", "a.txt", b"").1, "InvalidAccessKeyId");
    assert_eq!(s3(&world, &hers, "GET", "a.txt", b"").0, 403, "what was shared is not shared again");
    let fresh = world.key(&storage, "read");
    assert_ne!(fresh.access_key, key.access_key);
    assert_eq!(s3(&world, &fresh, "GET", "a.txt", b"").2, b"kept");
}

#[test]
fn a_paused_storage_refuses_and_comes_back_after_a_restart_too() {
    let mut world = World::start();
    let (storage, _) = world.storage("Photos");
    let key = world.key(&storage, "read_write");
    let path = format!("/storages/{storage}/pause");
    world.admin("POST", &path, Some(&json!({ "minutes": 30 })));
    assert_eq!(s3(&world, &key, "PUT", "a", b"x").1, "AccessDenied");
    assert_eq!(world.stop().code(), Some(0));
    world.boot();
    assert_eq!(s3(&world, &key, "PUT", "a", b"x").1, "AccessDenied");
    let impact = world.admin("GET", &format!("/storages/{storage}/impact"), None);
    let knocks = impact["knocked_while_paused"].as_array().unwrap();
    assert_eq!(knocks.iter().map(|knock| knock["requests"].as_u64().unwrap()).sum::<u64>(), 2, "{impact}");
    world.admin("DELETE", &path, None);
    assert_eq!(s3(&world, &key, "PUT", "a", b"x").0, 200);
}

#[test]
fn a_server_that_dies_while_it_deletes_has_done_all_or_nothing() {
    let mut world = World::start();
    let (mut whole, mut nothing) = (0, 0);
    for round in 0..6_u32 {
        let name = format!("round {round}");
        let (storage, _) = world.storage(&name);
        let keys: Vec<_> = (0..8).map(|_| world.key(&storage, "read_write")).collect();
        let (web, token, path) =
            (world.web.clone(), world.token().to_owned(), format!("/api/v1/storages/{storage}"));
        let body = json!({ "confirm": name }).to_string();
        let host = web.strip_prefix("http://").unwrap().to_owned();
        let mut call = TcpStream::connect(&host).unwrap();
        let head = format!(
            "DELETE {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        call.write_all(head.as_bytes()).unwrap();
        // Now and then the server is through with it; mostly it is somewhere in the middle.
        let moment = Instant::now() + Duration::from_millis(u64::from(round) * 4);
        while Instant::now() < moment {
            thread::yield_now();
        }
        world.kill();
        world.boot();
        let listed = world.admin("GET", "/storages?state=detached", None);
        let ended = listed["items"].as_array().unwrap().iter().any(|item| item["id"] == json!(storage));
        for key in &keys {
            let (status, code, _) = s3(&world, key, "PUT", "a", b"x");
            let expected = if ended { (403, "InvalidAccessKeyId") } else { (200, "") };
            assert_eq!((status, code.as_str()), expected, "{name}");
        }
        let living = world.admin("GET", "/keys", None);
        let own = living["items"].as_array().unwrap().iter();
        let own = own.filter(|item| item["scope"]["storage"] == json!(storage)).count();
        assert_eq!(own, if ended { 0 } else { keys.len() });
        if ended { whole += 1 } else { nothing += 1 }
    }
    println!("ended whole: {whole}, not at all: {nothing}");
}

/// A way to a provider on which everything that is sent is noticed.
struct Relay {
    url: String,
    seen: Arc<(Mutex<u64>, Condvar)>,
}

impl Relay {
    fn to(provider: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<(Mutex<u64>, Condvar)> = Arc::default();
        let (provider, noticed) = (provider.to_owned(), Arc::clone(&seen));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&provider) else { return };
                let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let noticed = Arc::clone(&noticed);
                thread::spawn(move || pipe(client, server, Some(&noticed)));
                thread::spawn(move || pipe(back_from, back_to, None));
            }
        });
        Self { url, seen }
    }

    fn bytes(&self) -> u64 {
        *self.seen.0.lock().unwrap()
    }

    /// Returns when nothing was sent for longer than the background work pauses between two looks.
    fn quiet(&self) {
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let (next, waited) = self.seen.1.wait_timeout(seen, Duration::from_secs(6)).unwrap();
            if waited.timed_out() {
                return;
            }
            seen = next;
        }
    }
}

fn pipe(mut from: TcpStream, mut to: TcpStream, noticed: Option<&(Mutex<u64>, Condvar)>) {
    let mut bytes = [0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if let Some((seen, changed)) = noticed {
            *seen.lock().unwrap() += length as u64;
            changed.notify_all();
        }
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}

#[test]
fn the_provider_is_asked_for_nothing_and_the_bucket_can_be_connected_again() {
    let provider = World::start();
    let (theirs, _) = provider.storage("Their bucket");
    let bucket = provider.key(&theirs, "read_write");
    assert_eq!(s3(&provider, &bucket, "PUT", "a.txt", b"kept").0, 200);
    let relay = Relay::to(provider.s3_host());
    let gateway = World::start_with(&["--allow-private-endpoints", "127.0.0.0/8"]);
    let form = json!({
        "name": "Media", "provider": "s3", "preset": "other", "endpoint": relay.url, "bucket": bucket.bucket,
        "access_key_id": bucket.access_key, "secret_access_key": bucket.secret,
    });
    let storage = gateway.admin("POST", "/storages", Some(&form));
    let id = storage["id"].as_str().unwrap();
    let key = gateway.key(id, "read_write");
    assert_eq!(s3(&gateway, &key, "GET", "a.txt", b"").2, b"kept");
    relay.quiet();
    let before = relay.bytes();
    assert!(before > 0);

    let impact = gateway.admin("GET", &format!("/storages/{id}/impact"), None);
    assert_eq!((&impact["becomes"], &impact["endpoint"]), (&json!("deleted"), &json!(relay.url)));
    let done = delete(&gateway, id, "Media");
    assert_eq!((&done["state"], &done["keys_deleted"]), (&json!("deleted"), &json!(1)));
    assert_eq!(s3(&gateway, &key, "GET", "a.txt", b"").1, "InvalidAccessKeyId");
    assert_eq!(gateway.admin("GET", "/storages?state=detached", None)["items"], json!([]));
    assert_eq!(gateway.rest("POST", &format!("/storages/{id}/attach"), Some(gateway.token()), None).0, 404);
    // The background work has had its turn as well.
    relay.quiet();
    assert_eq!(relay.bytes(), before, "the provider was asked for something");
    assert_eq!(s3(&provider, &bucket, "GET", "a.txt", b"").2, b"kept");
    assert!(!gateway.log().contains(&bucket.secret));

    let again = gateway.admin("POST", "/storages", Some(&form));
    assert_ne!(again["bucket_name"], storage["bucket_name"]);
    let fresh = gateway.key(again["id"].as_str().unwrap(), "read");
    assert_ne!(fresh.access_key, key.access_key);
    assert_eq!(s3(&gateway, &fresh, "GET", "a.txt", b"").2, b"kept");
    assert_eq!(s3(&gateway, &key, "GET", "a.txt", b"").1, "InvalidAccessKeyId");
}
