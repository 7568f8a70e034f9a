//! A person's tool is refused; the id that it was told leads to the reason, and one command lets it in: with the AWS command line.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clients::aws;
use crate::world::{Access, World, ok, refused, run};

fn list(world: &World, key: &Access, bucket: &str) -> Command {
    let mut command = aws(world, key);
    command.args(["s3api", "list-objects-v2", "--bucket", bucket]);
    command
}

/// The id of the request that was refused, as the tool tells it to whoever asks for more.
fn refused_id(mut command: Command, code: &str) -> String {
    let told = refused(command.arg("--debug"));
    assert!(told.contains(code), "{code}: {told}");
    let from = told.find("<RequestId>").unwrap_or_else(|| panic!("no id in {told}")) + "<RequestId>".len();
    told[from..].split('<').next().unwrap().to_owned()
}

/// `portcullis …`, as the admin.
fn portcullis(world: &World, words: &[&str]) -> Command {
    let mut command = world.command();
    command.env("PORTCULLIS_API_KEY", world.token()).args(words);
    command
}

fn explained(world: &World, id: &str) -> Value {
    serde_json::from_str(&ok(&mut portcullis(world, &["audit", "explain", id, "--json"]))).unwrap()
}

#[test]
fn from_a_network_that_is_not_allowed() {
    let world = World::start();
    let (storage, bucket) = world.storage("Office");
    let key = world.key_with(&storage, &json!({"permission": "read", "networks": ["192.0.2.0/24"]}));
    let id = refused_id(list(&world, &key, &bucket), "AccessDenied");
    let told = ok(&mut portcullis(&world, &["audit", "explain", &id]));
    for part in ["127.0.0.1", "192.0.2.0/24", "allow_address on the key 127.0.0.1", "--fix"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = ok(&mut portcullis(&world, &["audit", "explain", &id, "--fix"]));
    assert!(told.contains("it would be allowed"), "{told}");
    ok(&mut list(&world, &key, &bucket));
    let told = refused(&mut portcullis(&world, &["audit", "explain", &id, "--fix"]));
    assert!(told.contains("nothing to change"), "{told}");
}

#[test]
fn a_bucket_name_with_a_slip() {
    let world = World::start();
    let (storage, bucket) = world.storage("Backups");
    let key = world.key_with(&storage, &json!({"permission": "read"}));
    let slip = bucket.replace("backups", "backup");
    let id = refused_id(list(&world, &key, &slip), "AccessDenied");
    let told = explained(&world, &id);
    assert_eq!(told["event"]["reason"], "out_of_scope");
    assert_eq!((&told["seen"]["bucket"], &told["seen"]["nearest_bucket"]), (&json!(slip), &json!(bucket)));
    assert_eq!((&told["now"]["verdict"], &told["fix"]), (&json!("refused"), &Value::Null));
    let meant = told["seen"]["nearest_bucket"].as_str().unwrap();
    ok(&mut list(&world, &key, meant));
    let told = refused(&mut portcullis(&world, &["audit", "explain", "NO-SUCH-REQUEST"]));
    assert!(told.contains("not found") || told.contains("no such") || told.contains("There is"), "{told}");
}

#[test]
fn an_expired_key() {
    let world = World::start();
    let (storage, bucket) = world.storage("Archive");
    let soon = jiff::Timestamp::now() + Duration::from_secs(3);
    let key = world.key_with(&storage, &json!({"permission": "read", "expires_at": soon.to_string()}));
    let end = Instant::now() + Duration::from_secs(60);
    while run(&mut list(&world, &key, &bucket)).status.success() {
        assert!(Instant::now() < end, "it never expires");
        thread::sleep(Duration::from_millis(200));
    }
    let id = refused_id(list(&world, &key, &bucket), "ExpiredToken");
    let told = explained(&world, &id);
    assert_eq!((&told["event"]["reason"], &told["fix"]["fix"]), (&json!("key_expired"), &json!("extend")));
    ok(&mut portcullis(&world, &["audit", "explain", &id, "--fix"]));
    ok(&mut list(&world, &key, &bucket));
    // Who knocked meanwhile is counted, by the program that did.
    let told = ok(&mut portcullis(&world, &["key", "knocks", &key.key_id]));
    assert!(told.contains("expired") && told.contains("aws-cli") && told.contains("127.0.0.1"), "{told}");
}

#[test]
fn a_deleted_key_still_knocks() {
    let world = World::start();
    let (storage, bucket) = world.storage("Gone");
    let key = world.key_with(&storage, &json!({"permission": "read"}));
    ok(&mut portcullis(&world, &["key", "delete", &key.key_id, "--yes"]));
    refused_id(list(&world, &key, &bucket), "InvalidAccessKeyId");
    let guess = Access { secret: "g".repeat(40), ..key };
    let id = refused_id(list(&world, &guess, &bucket), "InvalidAccessKeyId");
    assert_eq!(explained(&world, &id)["now"]["reason"], "key_deleted");
    let told: Value =
        serde_json::from_str(&ok(&mut portcullis(&world, &["key", "knocks", "--json"]))).unwrap();
    let mut rows: Vec<_> =
        told.as_array().unwrap().iter().map(|row| (row["word"].as_str().unwrap(), &row["proof"])).collect();
    rows.sort_unstable_by_key(|(word, _)| *word);
    assert_eq!(rows, [("key_deleted", &json!("none")), ("old_secret", &json!("old_secret"))]);
    let told = ok(&mut portcullis(&world, &["key", "knocks", "--reason", "old_secret"]));
    assert_eq!(told.lines().count(), 2, "{told}");
}
