//! Secrets that are found, reported and made harmless; keys that are proved where they are used. The real binary throughout.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};

use crate::world::{World, ok, run};

/// Ends how, and what it printed.
fn call(command: &mut Command) -> (i32, String, String) {
    let output = run(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_scan_finds_what_lies_around_and_a_report_makes_it_harmless() {
    let world = World::start();
    let (storage, _) = world.storage("Files");
    let key = world.key(&storage, "read");
    let bearer = world.admin(
        "POST",
        "/keys",
        Some(&json!({"name": "b", "channel": "rest", "scope": "site", "permission": "full", "on_leak": "alarm"})),
    );
    let place = world.scratch("place");
    fs::create_dir_all(place.join("a/b")).unwrap();
    let ini =
        format!("[x]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.access_key, key.secret);
    fs::write(place.join("a/credentials"), &ini).unwrap();
    fs::write(
        place.join("a/b/blob"),
        [&[0u8, 255, 1][..], bearer["bearer"].as_str().unwrap().as_bytes()].concat(),
    )
    .unwrap();
    fs::write(place.join("clean.log"), "nothing here\n").unwrap();
    symlink(place.join("a/credentials"), place.join("link")).unwrap();
    symlink(&place, place.join("a/loop")).unwrap();
    let fifo = place.join("pipe");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());

    let (code, told, _) = call(world.command().arg("scan").arg(place.join("clean.log")));
    assert_eq!((code, told.as_str()), (0, ""));
    let (code, told, errors) = call(world.command().arg("scan").arg(&place));
    assert_eq!((code, told.lines().count()), (1, 2), "{told}{errors}");
    assert!(told.contains("credentials:3: pcs") && told.contains(&key.access_key), "{told}");
    assert!(told.contains("blob at byte 24: pcs"), "{told}");
    assert!(!told.contains(&key.secret) && !told.contains(key.secret.get(..10).unwrap()), "{told}");
    let (code, told, _) = call(world.command().args(["scan", "--json"]).arg(&place));
    let listed: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, listed.as_array().unwrap().len()), (1, 2), "{told}");
    assert!(!told.contains(&key.secret));
    for missing in [place.join("not-there"), place.join("link"), fifo] {
        let (code, _, errors) = call(world.command().arg("scan").arg(&missing));
        assert_eq!(code, 2, "{errors}");
    }
    assert_eq!(call(world.command().arg("scan")).0, 2);

    let (code, _, errors) = call(world.command().args(["scan", "--report", &world.web]).arg(&place));
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("Reported 2"), "{errors}");
    let bearer_id = bearer["key"]["id"].as_str().unwrap();
    let seen = |id: &str| world.admin("GET", &format!("/keys/{id}"), None);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while seen(&key.key_id)["leaked_at"].is_null() || seen(bearer_id)["leaked_at"].is_null() {
        assert!(std::time::Instant::now() < end, "the report was not followed");
        std::thread::yield_now();
    }
    assert_eq!(
        (&seen(&key.key_id)["state"], &seen(bearer_id)["state"]),
        (&json!("disabled"), &json!("active"))
    );
    assert!(!world.log().contains(key.secret.get(..12).unwrap()), "{}", world.log());
}

/// The proof of a key by the command line: how it ended, and what it told.
fn proved(world: &World, text: &str, words: &[&str]) -> (i32, Value) {
    let file = world.scratch("keys").join("key");
    fs::write(&file, text).unwrap();
    let mut command = world.command();
    command.args(["key", "prove", "--json", "--credentials"]).arg(&file).args(words);
    let (code, told, errors) = call(&mut command);
    assert!(!errors.contains("pcs"), "{errors}");
    (code, serde_json::from_str(&told).unwrap_or_else(|_| panic!("{code} {told}{errors}")))
}

fn seen(found: &Value) -> String {
    let steps = found["steps"].as_array().unwrap();
    let word = |step: &Value| match step["seen"].as_str().unwrap() {
        "allowed" => step["name"].as_str().unwrap().chars().next().unwrap(),
        "refused" => '.',
        _ => '?',
    };
    steps.iter().map(word).collect()
}

#[test]
fn a_key_is_proved_where_it_is_used() {
    let world = World::start();
    let ((storage, bucket), (other_id, other)) = (world.storage("Files"), world.storage("Others"));
    for (permission, expected) in
        [("read", "lr..."), ("write", "..w.."), ("read_write", "lrwd."), ("none", ".....")]
    {
        let key = world.key(&storage, permission);
        let text = format!("{} {}\n", key.access_key, key.secret);
        let s3 = ["--s3", &world.s3, "--bucket", &bucket, "--other", &other, "--expect", permission];
        let (code, found) = proved(&world, &text, &s3);
        assert_eq!((code, seen(&found).as_str()), (0, expected), "{permission}: {found}");
        assert_eq!(found["left_behind"].is_null(), permission != "write");
        // The server sees the same from within.
        let within = world.admin("POST", &format!("/keys/{}/prove", key.key_id), Some(&json!({})));
        assert_eq!((seen(&within).as_str(), &within["as_promised"]), (expected, &json!(true)), "{within}");
        assert_eq!(within["secret_tested"], true);
        let answers = |found: &Value| {
            let steps = found["steps"].as_array().unwrap().clone();
            steps.into_iter().map(|step| (step["status"].clone(), step["code"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(answers(&within), answers(&found));

        let given =
            json!({"name": "r", "channel": "rest", "scope": {"storage": storage}, "permission": permission});
        let made = world.admin("POST", "/keys", Some(&given));
        let rest = ["--storage", &storage, "--other", &other_id, "--expect", permission];
        let (code, found) = proved(&world, made["bearer"].as_str().unwrap(), &rest);
        assert_eq!((code, seen(&found).as_str()), (0, expected), "{permission}: {found}");
    }
    let key = world.key(&storage, "read");
    let text = format!("{}:{}", key.access_key, key.secret);
    let s3 = ["--s3", world.s3.as_str(), "--bucket", &bucket];
    let (code, found) = proved(&world, &text, &[&s3[..], &["--expect", "read_write"]].concat());
    assert_eq!((code, found["as_promised"].as_bool()), (1, Some(false)));
    assert_eq!(proved(&world, &text, &s3).0, 0, "nothing expected, nothing missed");
    let other_secret = world.key(&storage, "read").secret;
    let (code, found) = proved(&world, &format!("{}:{other_secret}", key.access_key), &s3);
    assert_eq!((code, &found["steps"][0]["code"]), (0, &json!("SignatureDoesNotMatch")), "{found}");
    let listed = world.admin("GET", &format!("/storages/{storage}/files"), None).to_string();
    assert!(!listed.contains("proof-outside") && listed.matches("portcullis-proof").count() <= 1, "{listed}");
}

#[test]
fn a_prefix_and_credentials_from_anywhere() {
    let world = World::start();
    let (storage, bucket) = world.storage("Files");
    let key = world.key_with(&storage, &json!({"permission": "read_write", "prefix": "in/"}));
    let json = json!({"access_key": key.access_key, "secret": key.secret}).to_string();
    let s3 = ["--s3", &world.s3, "--bucket", &bucket, "--prefix", "in/", "--expect", "read_write"];
    let (code, found) = proved(&world, &json, &s3);
    assert_eq!((code, seen(&found).as_str()), (0, "lrwd.."), "{found}");
    let mut people = world.command();
    let file = world.scratch("keys").join("key");
    people.args(["key", "prove", "--credentials"]).arg(&file).args(s3);
    let told = ok(&mut people);
    assert!(told.starts_with("STEP") && told.contains("outside prefix"), "{told}");
    for (text, word) in [
        ("nothing", "holds no secret"),
        (&key.secret, "no access key"),
        (&format!("{json}{}", world.key(&storage, "read").secret), "several"),
    ] {
        fs::write(&file, text).unwrap();
        let mut command = world.command();
        command.args(["key", "prove", "--credentials"]).arg(&file).args(s3);
        let (code, _, errors) = call(&mut command);
        assert!(code != 0 && errors.contains(word) && !errors.contains(&key.secret), "{errors}");
    }
}
