//! Schemathesis reads the OpenAPI document and asks for what nobody would think of: examples, edges, chance, and calls in a row that
//! follow from each other. All its checks are on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::world::{OWN_PASSWORD, World, run};

/// Calls after which whoever asks is nobody any more. They are tried out in a run of their own.
const ENDING: &str = "^(signOut|endSession|endUserSessions|resetUser)$";
/// Calls of chance for each operation and phase.
const EXAMPLES: &str = "20";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Another one for every run, unless one is asked for: a failure is found again with the one that was printed.
fn seed() -> String {
    std::env::var("SCHEMATHESIS_SEED").unwrap_or_else(|_| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        (now.as_secs() % 1_000_000).to_string()
    })
}

fn sign_in(world: &World, username: &str) -> String {
    let given = json!({"username": username, "password": OWN_PASSWORD});
    let (status, answer) = world.rest("POST", "/sessions", None, Some(&given));
    assert_eq!(status, 201, "{answer}");
    answer["token"].as_str().unwrap().to_owned()
}

/// Tries everything out as whoever has this token.
fn try_out(world: &World, token: &str, which: &[&str]) {
    let seed = seed();
    println!("schemathesis --seed {seed} ({})", which.join(" "));
    let mut schemathesis = Command::new(root().join("target/tools/venv/bin/schemathesis"));
    schemathesis
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", world.scratch("home"))
        .env("PORTCULLIS_TOKEN", token)
        .current_dir(world.scratch("schemathesis"))
        .arg("--config-file")
        .arg(root().join("tests/api/schemathesis.toml"))
        .args(["run", &format!("{}/api/v1/openapi.json", world.web), "--checks", "all", "--seed", &seed])
        .args(["--max-examples", EXAMPLES, "--no-color"])
        .args(which);
    let output = run(&mut schemathesis);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "--seed {seed}\n{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let summary = told.split("= SUMMARY =").nth(1).unwrap_or(&told);
    println!("{summary}");
}

/// Whoever asked may still ask: else the second half of the calls was refused for that alone.
fn still_signed_in(world: &World, token: &str) {
    let (status, answer) = world.rest("GET", "/me", Some(token), None);
    assert_eq!(status, 200, "{answer}");
}

/// One of everything, so that what is asked for by chance has something to be asked of.
fn furnished() -> World {
    let world = World::start();
    let (storage, _) = world.storage("Files");
    world.key(&storage, "read");
    let make = |path: &str, given| world.admin("POST", path, Some(&given));
    make("/sites", json!({"name": "Below"}));
    let member = make("/users", json!({"username": "member", "role": "member", "password": OWN_PASSWORD}));
    make("/users", json!({"username": "second", "role": "admin", "password": OWN_PASSWORD}));
    let group = make("/groups", json!({"name": "People"}));
    let group = group["id"].as_str().unwrap();
    world.admin("PUT", &format!("/groups/{group}/members/{}", member["user"]["id"].as_str().unwrap()), None);
    make("/grants", json!({"storage": storage, "group": group, "permission": "read_write"}));
    make("/share-links", json!({"storage": storage, "folder": "", "name": "Box", "permission": "read"}));
    let (copies, _) = world.storage("Copies");
    let both = json!({"with": {"storage": copies}, "mode": "two_way"});
    world.admin("PUT", &format!("/storages/{storage}/file?key=a"), Some(&json!("text")));
    make(&format!("/storages/{storage}/sync-plans"), both);
    make(
        "/sync-jobs",
        json!({"name": "Nightly", "storage": storage, "with": {"storage": copies}, "mode": "copy"}),
    );
    world
}

#[test]
fn an_admin_finds_no_fault() {
    let world = furnished();
    let token = sign_in(&world, "second");
    try_out(&world, &token, &["--exclude-operation-id-regex", ENDING]);
    still_signed_in(&world, &token);
    try_out(&world, &sign_in(&world, "second"), &["--include-operation-id-regex", ENDING]);
}

#[test]
fn a_member_finds_no_fault() {
    let world = furnished();
    let token = sign_in(&world, "member");
    try_out(&world, &token, &["--exclude-operation-id-regex", ENDING]);
    still_signed_in(&world, &token);
}
