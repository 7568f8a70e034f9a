//! The audit trail, sent on to places outside: syslog and webhooks on this machine.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ring::hmac;
use serde_json::{Value, json};

use crate::world::{World, ok, refused};

/// The longest that an entry may be on its way.
const PATIENCE: Duration = Duration::from_secs(60);
const TOKEN: &str = "token-of-the-receiver";
const SECRET: &str = "secret-of-the-receiver";

/// A batch that a webhook got.
#[derive(Clone, Debug)]
struct Got {
    head: String,
    body: String,
}

impl Got {
    fn field(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default()
    }
}

/// A receiver on this machine, which can be away for a while.
struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    stop: Arc<Mutex<bool>>,
    listening: Option<thread::JoinHandle<()>>,
}

impl Receiver {
    /// Listens, and answers with this status.
    fn start(address: SocketAddr, status: u16) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (got, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(false)));
        let (into, ended) = (Arc::clone(&got), Arc::clone(&stop));
        let listening = thread::spawn(move || {
            for stream in listener.incoming() {
                if *ended.lock().unwrap() {
                    return;
                }
                if let Some(batch) = answer(stream.unwrap(), status) {
                    into.lock().unwrap().push(batch);
                }
            }
        });
        Self { address, got, stop, listening: Some(listening) }
    }

    fn new() -> Self {
        Self::start(SocketAddr::from(([127, 0, 0, 1], 0)), 200)
    }

    /// Stops listening; gives what came.
    fn stop(mut self) -> Vec<Got> {
        *self.stop.lock().unwrap() = true;
        drop(TcpStream::connect(self.address));
        self.listening.take().unwrap().join().unwrap();
        self.got.lock().unwrap().clone()
    }

    fn entries(&self) -> Vec<Value> {
        entries(&self.got.lock().unwrap())
    }
}

fn entries(got: &[Got]) -> Vec<Value> {
    got.iter().flat_map(|got| got.body.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn answer(stream: TcpStream, status: u16) -> Option<Got> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.replace("\r\n", "\n");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let text = format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.into_inner().write_all(text.as_bytes()).ok()?;
    Some(Got { head, body: String::from_utf8(body).unwrap() })
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A server that is configured by this file, beside which the files of secrets lie.
fn server(config: &str) -> (tempfile::TempDir, World) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("token"), format!("{TOKEN}\n")).unwrap();
    fs::write(dir.path().join("secret"), SECRET).unwrap();
    let path = dir.path().join("portcullis.toml");
    fs::write(&path, config.replace("DIR", dir.path().to_str().unwrap())).unwrap();
    let world = World::start_with(&["--config", path.to_str().unwrap()]);
    (dir, world)
}

fn webhook(address: SocketAddr) -> String {
    format!(
        "[[audit_sink]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://{address}/audit?for=us\"\n\
         token_file = \"DIR/token\"\nsecret_file = \"DIR/secret\"\n"
    )
}

fn sink(world: &World) -> Value {
    world.admin("GET", "/audit-sinks", None)["items"][0].clone()
}

/// The numbers of the entries of the only site, in the order in which they came.
fn numbers(entries: &[Value]) -> Vec<u64> {
    let of_site = entries.iter().filter(|entry| !entry["site"].is_null());
    of_site.map(|entry| entry["seq"].as_u64().unwrap()).collect()
}

#[test]
fn a_receiver_that_was_away_gets_every_entry_in_order() {
    let receiver = Receiver::new();
    let address = receiver.address;
    let (_dir, mut world) = server(&webhook(address));
    world.storage("First");
    until("nothing came", || (receiver.entries().len() >= 2).then_some(()));
    until("the status", || {
        (sink(&world)["waiting"] == 0 && sink(&world)["state"] == "working").then_some(())
    });
    // It goes away, things happen, the server dies and starts again, and more happens.
    let before = receiver.stop();
    for n in 0..3 {
        world.storage(&format!("Away {n}"));
    }
    let failing = until("it does not fail", || Some(sink(&world)).filter(|sink| sink["state"] == "failing"));
    assert!(failing["waiting"].as_u64().unwrap() >= 1 && failing["failing_since"].is_string(), "{failing}");
    assert!(failing["problem"].as_str().unwrap().contains("cannot connect"), "{failing}");
    world.kill();
    world.boot();
    for n in 0..3 {
        world.storage(&format!("Later {n}"));
    }
    assert_eq!(world.rest("GET", "/me", Some("nonsense"), None).0, 401);
    let again = Receiver::start(address, 200);
    let refusal = |entry: &Value| entry["site"].is_null() && entry["allowed"] == false;
    until("the refusal did not come", || again.entries().iter().any(refusal).then_some(()));
    until("not all came", || {
        (sink(&world)["waiting"] == 0 && sink(&world)["state"] == "working").then_some(())
    });
    let exported = world.admin("GET", "/audit-events/export", None);
    let after = again.stop();

    let (first, second) = (entries(&before), entries(&after));
    let told: Vec<_> = first.iter().chain(&second).cloned().collect();
    let all = numbers(&told);
    let distinct: BTreeSet<u64> = all.iter().copied().collect();
    let (from, to) = (*distinct.first().unwrap(), *distinct.last().unwrap());
    assert_eq!(u64::try_from(distinct.len()).unwrap(), to - from + 1, "one is missing: {all:?}");
    assert!(numbers(&first).is_sorted() && numbers(&second).is_sorted(), "{all:?}");
    // What may come twice is the last batch before it went away.
    let last = before.last().map_or(0, |got| got.body.lines().count());
    assert!(all.len() - distinct.len() <= last, "{all:?}");
    // They are the lines that an export holds.
    let exported = exported.as_str().unwrap();
    for line in after.iter().flat_map(|got| got.body.lines()).filter(|line| !line.contains("\"site\":null")) {
        assert!(exported.contains(line), "{line}");
    }
    assert!(!world.log().contains(TOKEN) && !world.log().contains(SECRET));
}

#[test]
fn a_batch_says_whose_it_is_and_is_signed() {
    let receiver = Receiver::new();
    let (_dir, world) = server(&webhook(receiver.address));
    world.storage("Signed");
    until("nothing came", || (!receiver.entries().is_empty()).then_some(()));
    let told = ok(world.command().env("PORTCULLIS_API_KEY", world.token()).args(["audit", "sinks"]));
    assert!(told.contains("hook") && told.contains("webhook"), "{told}");
    for got in receiver.stop() {
        assert!(got.head.starts_with("POST /audit?for=us HTTP/1.1\n"), "{got:?}");
        assert_eq!(got.field("authorization"), format!("Bearer {TOKEN}"));
        assert_eq!(got.field("content-type"), "application/x-ndjson");
        assert!(got.field("idempotency-key").starts_with("hook-"), "{got:?}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let signed: String =
            hmac::sign(&key, got.body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(got.field("portcullis-signature"), format!("sha256={signed}"));
    }
}

#[test]
fn what_a_receiver_refuses_waits() {
    let receiver = Receiver::start(SocketAddr::from(([127, 0, 0, 1], 0)), 503);
    let (_dir, world) = server(&webhook(receiver.address));
    world.storage("Refused");
    let failing = until("it does not fail", || Some(sink(&world)).filter(|sink| sink["state"] == "failing"));
    assert_eq!(failing["problem"], "status 503");
    assert_eq!(failing["target"], format!("http://{}", receiver.address), "the query may be a secret");
    // A site below sees none of it.
    let site = world.admin("POST", "/sites", Some(&json!({"name": "below"})));
    world.admin("PUT", "/sessions/current/site", Some(&json!({"site": site["id"]})));
    assert_eq!(world.rest("GET", "/audit-sinks", Some(world.token()), None).0, 404);
}

/// One RFC 5424 message with its octets counted before it.
fn framed(reader: &mut impl std::io::BufRead) -> String {
    let mut length = Vec::new();
    reader.read_until(b' ', &mut length).unwrap();
    let length: usize = std::str::from_utf8(&length).unwrap().trim_end().parse().unwrap();
    let mut message = vec![0; length];
    reader.read_exact(&mut message).unwrap();
    String::from_utf8(message).unwrap()
}

/// The JSON of a message, whose head is as it should be.
fn body(message: &str) -> Value {
    let (head, json) = message.split_once(" - {").unwrap();
    let parts: Vec<&str> = head.split(' ').collect();
    let entry: Value = serde_json::from_str(&format!("{{{json}")).unwrap();
    let priority = if entry["allowed"] == true { "<110>1" } else { "<108>1" };
    let action = entry["action"].as_str().unwrap();
    assert_eq!((parts[0], parts[1]), (priority, entry["at"].as_str().unwrap()), "{message}");
    assert_eq!(&parts[2..], ["gate", "portcullis", "-", action], "{message}");
    entry
}

#[test]
fn syslog_over_tcp_and_udp() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(PATIENCE)).unwrap();
    let (tcp_at, udp_at) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
    let sink = |name, address| {
        format!(
            "[[audit_sink]]\nname = \"{name}\"\nkind = \"syslog\"\naddress = \"{address}\"\nhost_name = \"gate\"\n"
        )
    };
    let only = "sites = [\"main\"]\n";
    let (_dir, world) =
        server(&(sink("tcp", format!("tcp://{tcp_at}")) + only + &sink("udp", format!("udp://{udp_at}"))));
    world.storage("Logged");
    let (stream, _) = tcp.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream);
    let mut over_tcp = Vec::new();
    while over_tcp.last().is_none_or(|entry: &Value| entry["action"] != "create_storage") {
        over_tcp.push(body(&framed(&mut reader)));
    }
    assert!(numbers(&over_tcp).is_sorted() && over_tcp.iter().all(|entry| entry["site"].is_string()));
    let mut datagram = [0; 65_536];
    let mut over_udp = Vec::new();
    while over_udp.last().is_none_or(|entry: &Value| entry["action"] != "create_storage") {
        let length = udp.recv(&mut datagram).unwrap();
        over_udp.push(body(std::str::from_utf8(&datagram[..length]).unwrap()));
    }
    assert!(numbers(&over_udp).is_sorted());
    // The server hangs up: what comes then goes over another connection, and nothing is lost.
    drop(reader);
    world.storage("Logged again");
    let (stream, _) = tcp.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream);
    let next = numbers(&over_tcp).last().unwrap() + 1;
    assert!(numbers(&[body(&framed(&mut reader))])[0] <= next);
}

#[test]
fn a_place_that_cannot_be_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("portcullis.toml");
    for (text, expected) in [
        (
            "kind = \"syslog\"\naddress = \"siem:601\"",
            "audit_sink \"a\": address: \"siem:601\" is not the address",
        ),
        (
            "kind = \"webhook\"\nurl = \"ftp://hunter2/\"",
            "audit_sink \"a\": url: write an address such as https://",
        ),
        (
            "kind = \"webhook\"\nurl = \"https://a/\"\nca_file = \"/nowhere\"",
            "audit_sink \"a\": ca_file cannot be read",
        ),
    ] {
        fs::write(&config, format!("[[audit_sink]]\nname = \"a\"\n{text}\n")).unwrap();
        let mut command = std::process::Command::new(crate::world::binary());
        command.env_clear().args(["serve", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--config"]);
        let told = refused(command.arg(&config).arg("--data-dir").arg(dir.path().join("data")));
        assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
    }
}
