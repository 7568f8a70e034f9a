//! Accounts of another system, brought along with the command line.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cli_people::fed;
use crate::world::{PASSWORD, World, ok, refused, run};

const FILE: &str = "\
id,name,created,parent,networks,user_name,secret,ftp_secret
7,Northwind,2021-03-31,,127.0.0.0/8,,,
8,\"Harbour, east\",2020-02-02,7,,,,
9,Southwind,2022-12-24,,,south,blue cup on a shelf,green door in a wall
10,Westwind,2023-06-06,,,,,
";

fn world() -> World {
    let world = World::start();
    fed(world.command().args(["login", "--password-stdin"]), &[PASSWORD]);
    world
}

fn import(world: &World, words: &[&str]) -> Command {
    let mut command = world.command();
    command.current_dir(world.scratch("import")).args(["import", "accounts"]).args(words);
    command
}

fn write(world: &World, name: &str, text: &str) -> PathBuf {
    let path = world.scratch("import").join(name);
    fs::write(&path, text).unwrap();
    path
}

/// How many sites there are, page by page.
fn sites(world: &World) -> usize {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let page = world.admin("GET", &format!("/sites?limit=1000{cursor}"), None);
        count += page["items"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return count,
        }
    }
}

/// The status of a request for a file that is not there, with user name and secret.
fn status(world: &World, bucket: &str, name: &str, secret: &str) -> u16 {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let basic = format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")));
    let at = format!("{}/files/{bucket}/nothing", world.web);
    agent.get(at).header("Authorization", basic).call().unwrap().status().as_u16()
}

/// The lines of a file of credentials, with its columns in their order.
fn kept(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect());
    lines.collect()
}

fn account<'a>(answer: &'a Value, id: &str) -> &'a Value {
    answer["accounts"].as_array().unwrap().iter().find(|account| account["id"] == id).unwrap()
}

#[test]
fn old_masters_get_four_channels_and_their_secrets_are_kept_first() {
    let world = world();
    write(&world, "accounts.csv", FILE);
    let told = ok(&mut import(&world, &["accounts.csv", "--dry-run"]));
    let line = |id: &str| {
        told.lines().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{told}")).to_owned()
    };
    assert!(told.starts_with("ACCOUNT") && told.contains("4 accounts with 8 keys would be made"), "{told}");
    assert!(line("7 ").contains("ftp http email web-service  generated"), "{told}");
    assert!(
        line("9 ").contains("brought along")
            && line("8 ").split_whitespace().filter(|word| *word == "-").count() == 2,
        "{told}"
    );
    let in_json = ok(&mut import(&world, &["accounts.csv", "--dry-run", "--json"]));
    assert!(!in_json.contains("pcs") && in_json.contains("\"ticket\": null"), "{in_json}");
    assert_eq!(sites(&world), 1);

    let output = run(&mut import(&world, &["accounts.csv"]));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && told.contains("--credentials-out"), "{told}");
    assert_eq!(sites(&world), 1);

    let told = ok(&mut import(&world, &["accounts.csv", "--credentials-out", "secrets.csv", "--json"]));
    let made: Value = serde_json::from_str(&told).unwrap();
    assert!(!told.contains("pcs"), "{told}");
    assert_eq!(sites(&world), 5);
    let path = world.scratch("import").join("secrets.csv");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let lines = kept(&path);
    assert_eq!(lines[0], ["account", "name", "channel", "user_name", "access_key", "secret", "import"]);
    assert_eq!(lines.len(), 9);
    let bucket = account(&made, "7")["bucket"].as_str().unwrap();
    let http = lines.iter().find(|line| line[0] == "7" && line[2] == "http").unwrap();
    assert_eq!(
        (status(&world, bucket, &http[3], &http[5]), http[6].as_str()),
        (404, made["import"].as_str().unwrap())
    );
    for other in lines.iter().filter(|line| line[0] == "7" && line[2] != "http") {
        assert_eq!(status(&world, bucket, &other[3], &other[5]), 401, "a key opens its own channel");
    }
    let south = account(&made, "9")["bucket"].as_str().unwrap();
    assert_eq!(status(&world, south, "south", "blue cup on a shelf"), 404);
    assert_eq!(status(&world, south, "south", "green door in a wall"), 401, "that one is for FTP");
    assert!(lines.iter().filter(|line| line[0] == "9").all(|line| line[3] == "south" && line[5].is_empty()));

    ok(world.command().args(["site", "use", "Northwind"]));
    let told = ok(world.command().args(["key", "list"]));
    for channel in ["ftp", "http", "email", "web-service"] {
        assert!(told.lines().any(|line| line.contains(channel)), "{channel}: {told}");
    }
    assert_eq!(told.lines().count(), 5, "{told}");
    ok(world.command().args(["site", "use", "Harbour, east"]));
    assert_eq!(ok(world.command().args(["key", "list"])).lines().count(), 1, "sub-accounts begin with none");
    ok(world.command().args(["site", "use", "back"]));

    let again = ok(&mut import(&world, &["accounts.csv", "--credentials-out", "again.csv"]));
    assert!(
        again.contains("There was nothing to do") && !world.scratch("import").join("again.csv").exists(),
        "{again}"
    );
    assert_eq!((sites(&world), kept(&path)), (5, lines));
}

#[test]
fn everything_that_is_wrong_is_told_by_line() {
    let world = world();
    write(
        &world,
        "wrong.csv",
        "id;name;created;secret;parent\n1;A;2021-01-01;short;\n1;B;31.03.2021;;\n;C;2021-01-01;;nobody\n",
    );
    for words in [&["wrong.csv", "--dry-run"][..], &["wrong.csv", "--credentials-out", "out.csv"]] {
        let told = refused(&mut import(&world, words));
        for part in ["line 2: secret: at least 12", "line 3: created: write it as", "line 4: id: 1 to 128"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    write(&world, "twice.json", &json!([
        {"id": "1", "name": "A", "created": "2021-01-01"}, {"id": "1", "name": "B", "created": "2021-01-01"},
    ]).to_string());
    let told = refused(&mut import(&world, &["twice.json", "--dry-run"]));
    assert!(told.contains("account 2: id: account 1 has the same id"), "{told}");
    for (name, text, part) in [
        ("columns.csv", "id,name,creatd\n1,A,2021-01-01\n", "\"creatd\" is no column"),
        ("empty.csv", "id,name,created\n", "holds no account"),
        ("broken.json", "{", "not JSON"),
    ] {
        write(&world, name, text);
        let told = refused(&mut import(&world, &[name, "--dry-run"]));
        assert!(told.contains(part), "{told}");
    }
    let dir = world.scratch("import");
    assert!(!dir.join("out.csv").exists());
    write(&world, "good.csv", FILE);
    write(&world, "there.csv", "mine");
    let told = refused(&mut import(&world, &["good.csv", "--credentials-out", "there.csv"]));
    assert!(told.contains("does not exist yet"), "{told}");
    assert_eq!((fs::read_to_string(dir.join("there.csv")).unwrap().as_str(), sites(&world)), ("mine", 1));
    let told = refused(&mut import(&world, &["good.csv", "--dry-run", "--credentials-out", "x"]));
    assert!(told.contains("cannot be used with"), "{told}");
    let made = ok(&mut import(&world, &["good.csv", "--credentials-out", "out.json"]));
    assert!(made.contains("Their credentials are in out.json"), "{made}");
    let kept: Value = serde_json::from_str(&fs::read_to_string(dir.join("out.json")).unwrap()).unwrap();
    assert_eq!((kept.as_array().unwrap().len(), kept[0]["account"].as_str()), (8, Some("7")));
    write(&world, "other.csv", &FILE.replace("Westwind", "Zephyr"));
    let told = refused(&mut import(&world, &["other.csv", "--credentials-out", "x.csv"]));
    assert!(told.contains("line 5: name: was imported with \"Westwind\""), "{told}");
}

/// Stands between the command line and the server and loses the answers to the first calls that carry a ticket.
struct Losing {
    url: String,
    lost: Arc<AtomicU32>,
}

impl Losing {
    fn before(world: &World, how_many: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = world.web.strip_prefix("http://").unwrap().to_owned();
        let lost = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&lost);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (request, ticket) = request_of(&client);
                let mut through = TcpStream::connect(&server).unwrap();
                through.write_all(&request).unwrap();
                let answer = answer_of(through);
                if ticket && counted.fetch_add(1, Ordering::SeqCst) < how_many {
                    continue;
                }
                drop((&client).write_all(&answer));
            }
        });
        Self { url, lost }
    }
}

/// A request, to be answered once, and whether it carries a ticket.
fn request_of(client: &TcpStream) -> (Vec<u8>, bool) {
    let mut reader = BufReader::new(client);
    let (mut request, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        if !line.to_ascii_lowercase().starts_with("connection:") {
            request.extend(line.as_bytes());
        }
    }
    request.extend(b"Connection: close\r\n\r\n");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let ticket = serde_json::from_slice::<Value>(&body).is_ok_and(|body| body["ticket"].is_string());
    request.extend(body);
    (request, ticket)
}

fn answer_of(mut server: TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    answer
}

/// A sign-in for this address too: it is kept with the address.
fn signed_in(world: &World, url: &str) {
    fed(world.command().args(["login", "--server", url, "--password-stdin"]), &[PASSWORD]);
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    let world = World::start();
    let between = Losing::before(&world, 1);
    signed_in(&world, &between.url);
    write(&world, "accounts.csv", FILE);
    let words = ["accounts.csv", "--credentials-out", "secrets.csv", "--server", &between.url];
    let told = ok(&mut import(&world, &words));
    assert!(told.contains("4 were there before") && told.contains("secrets.csv"), "{told}");
    assert_eq!((sites(&world), between.lost.load(Ordering::SeqCst)), (5, 2));
    opens_what_was_kept(&world, &world.scratch("import").join("secrets.csv"));
}

#[test]
fn if_no_answer_comes_the_file_stays_and_is_said_to() {
    let world = World::start();
    let between = Losing::before(&world, 3);
    signed_in(&world, &between.url);
    write(&world, "accounts.csv", FILE);
    let words = ["accounts.csv", "--credentials-out", "secrets.csv", "--server", &between.url];
    let told = refused(&mut import(&world, &words));
    assert!(
        told.contains("not known") && told.contains("--dry-run") && told.contains("secrets.csv"),
        "{told}"
    );
    let told = ok(&mut import(&world, &["accounts.csv", "--dry-run", "--server", &between.url]));
    assert!(told.contains("4 were there before"), "{told}");
    opens_what_was_kept(&world, &world.scratch("import").join("secrets.csv"));
}

/// The generated secrets of the file open what they are for.
fn opens_what_was_kept(world: &World, path: &Path) {
    let accounts =
        json!([{"id": "7", "name": "Northwind", "created": "2021-03-31", "networks": ["127.0.0.0/8"]}]);
    let seen =
        world.admin("POST", "/imports/accounts", Some(&json!({"dry_run": true, "accounts": accounts})));
    let site = seen["accounts"][0]["site"].as_str().unwrap().to_owned();
    world.admin("PUT", "/sessions/current/site", Some(&json!({ "site": site })));
    let bucket =
        world.admin("GET", "/storages", None)["items"][0]["bucket_name"].as_str().unwrap().to_owned();
    let lines = kept(path);
    let http = lines.iter().find(|line| line[0] == "7" && line[2] == "http").unwrap();
    assert_eq!(status(world, &bucket, &http[3], &http[5]), 404);
}

/// Killed somewhere in the middle, all of it is there or none; and the ticket goes on where it was.
#[test]
fn a_server_that_is_killed_in_the_middle_has_all_of_them_or_none() {
    let mut world = World::start();
    let (mut whole, mut nothing) = (0, 0);
    for round in 0..8u64 {
        let accounts: Vec<_> = (0..150)
            .map(|n| json!({"id": format!("{round}-{n}"), "name": format!("Account {round}-{n}"), "created": "2021-01-01"}))
            .collect();
        let told =
            world.admin("POST", "/imports/accounts", Some(&json!({"dry_run": true, "accounts": accounts})));
        let body = json!({"accounts": accounts, "ticket": told["ticket"]});
        let before = sites(&world);
        let host = world.web.strip_prefix("http://").unwrap().to_owned();
        let mut call = TcpStream::connect(&host).unwrap();
        let (text, token) = (body.to_string(), world.token().to_owned());
        let head = format!(
            "POST /api/v1/imports/accounts HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            text.len()
        );
        call.write_all(head.as_bytes()).unwrap();
        call.write_all(text.as_bytes()).unwrap();
        let moment = Instant::now() + Duration::from_millis(round * 60);
        while Instant::now() < moment {
            thread::yield_now();
        }
        world.kill();
        world.boot();
        let made = sites(&world) - before;
        assert!(made == 0 || made == 150, "{made} of 150");
        if made == 0 {
            nothing += 1
        } else {
            whole += 1
        }
        let again = world.admin("POST", "/imports/accounts", Some(&body));
        assert_eq!(again["new"], json!(150 - made));
        let key = &told["accounts"][149]["keys"][1];
        let bucket = bucket_of(&world, &again["accounts"][149]);
        let opened =
            status(&world, &bucket, key["access_key"].as_str().unwrap(), key["secret"].as_str().unwrap());
        assert_eq!(opened, 404);
    }
    println!("all of them: {whole}, none: {nothing}");
}

fn bucket_of(world: &World, account: &Value) -> String {
    let home = world.admin("GET", "/sites?limit=1", None)["items"][0]["id"].clone();
    world.admin("PUT", "/sessions/current/site", Some(&json!({ "site": account["site"] })));
    let bucket =
        world.admin("GET", "/storages", None)["items"][0]["bucket_name"].as_str().unwrap().to_owned();
    world.admin("PUT", "/sessions/current/site", Some(&json!({ "site": home })));
    bucket
}
