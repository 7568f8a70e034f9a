//! Behind a proxy: whose word on the client's address counts.

use std::process::Command;

use serde_json::json;

use crate::world::{World, ok};

/// The status of a signed download by curl, with more header fields, as a proxy on this machine would pass it on.
pub(crate) fn download(world: &World, key: &crate::world::Access, fields: &[&str]) -> String {
    let config = format!(
        "user = \"{}:{}\"\naws-sigv4 = \"aws:amz:us-east-1:s3\"\nheader = \"x-amz-content-sha256: UNSIGNED-PAYLOAD\"\n",
        key.access_key, key.secret
    );
    let path = world.scratch("curl").join("config");
    std::fs::write(&path, config).unwrap();
    let mut curl = Command::new("curl");
    curl.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]);
    curl.arg("--config").arg(&path);
    for field in fields {
        curl.args(["--header", field]);
    }
    ok(curl.arg(format!("{}/{}?list-type=2&prefix=", world.s3, key.bucket)))
}

#[test]
fn a_key_is_bound_to_the_client_that_a_trusted_proxy_tells() {
    let world = World::start_with(&["--trusted-proxies", "127.0.0.1"]);
    let (storage, _) = world.storage("Behind a proxy");
    let office = json!({"permission": "read", "networks": ["198.51.100.0/24"]});
    let key = world.key_with(&storage, &office);
    assert_eq!(download(&world, &key, &["X-Forwarded-For: 198.51.100.7"]), "200");
    assert_eq!(download(&world, &key, &["X-Forwarded-For: 203.0.113.9"]), "403");
    assert_eq!(download(&world, &key, &["X-Forwarded-For: 198.51.100.7, 203.0.113.9"]), "403", "forged");
    assert_eq!(download(&world, &key, &["X-Forwarded-For: 203.0.113.9, 198.51.100.7"]), "200");
    assert_eq!(download(&world, &key, &["X-Forwarded-For: unknown"]), "400");
    assert_eq!(download(&world, &key, &["Forwarded: for=198.51.100.7"]), "403");
    assert_eq!(download(&world, &key, &[]), "403", "the proxy itself");
    let events = world.admin("GET", &format!("/audit-events?key={}", key.key_id), None);
    let addresses: Vec<_> = events["items"].as_array().unwrap().iter().map(|event| &event["peer"]).collect();
    assert!(addresses.contains(&&json!("203.0.113.9")), "{addresses:?}");
}

#[test]
fn without_a_setting_nobody_is_believed() {
    let world = World::start();
    let (storage, _) = world.storage("No proxy");
    let office = json!({"permission": "read", "networks": ["198.51.100.0/24"]});
    let key = world.key_with(&storage, &office);
    for field in ["X-Forwarded-For: 198.51.100.7", "Forwarded: for=198.51.100.7", "X-Real-IP: 198.51.100.7"] {
        assert_eq!(download(&world, &key, &[field]), "403", "{field}");
    }
}

#[test]
fn a_preview_names_the_client_that_is_then_cut_off() {
    let world = World::start_with(&["--trusted-proxies", "127.0.0.1"]);
    let (storage, _) = world.storage("Tried beforehand");
    let key = world.key_with(&storage, &json!({"permission": "read"}));
    let (office, home) = ("X-Forwarded-For: 198.51.100.7", "X-Forwarded-For: 203.0.113.9");
    for _ in 0..2 {
        assert_eq!(
            (download(&world, &key, &[office]), download(&world, &key, &[home])),
            ("200".into(), "200".into())
        );
    }
    let made = world.admin(
        "POST",
        "/keys",
        Some(&json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
    );
    let call = |words: &[&str]| {
        let mut command = world.command();
        command.env("PORTCULLIS_API_KEY", made["bearer"].as_str().unwrap()).args(words);
        ok(&mut command)
    };
    let list = json!({"networks": ["198.51.100.0/24"]});
    for record in [format!("/keys/{}", key.key_id), format!("/storages/{storage}")] {
        let preview = world.admin("POST", &format!("{record}/networks/preview"), Some(&list));
        let (cut, kept) = (preview["cut_off"].as_array().unwrap(), preview["kept"].as_array().unwrap());
        assert_eq!((cut.len(), kept.len()), (1, 1), "{preview}");
        assert_eq!((&cut[0]["address"], &cut[0]["tool"]), (&json!("203.0.113.9"), &json!("curl")));
        assert_eq!((&cut[0]["requests"], &kept[0]["address"]), (&json!(2), &json!("198.51.100.7")));
    }
    let told = call(&["key", "update", &key.access_key, "--network", "198.51.100.7/24", "--dry-run"]);
    let cut = told.lines().find(|line| line.contains("CUT OFF")).unwrap();
    assert!(cut.contains("203.0.113.9") && cut.contains("curl"), "{told}");
    assert!(
        told.contains("198.51.100.7/24 means 198.51.100.0/24") && told.contains("Nothing was changed"),
        "{told}"
    );
    // Tried out, it refuses nobody and says the same.
    call(&["key", "trial", "begin", &key.access_key, "--network", "198.51.100.0/24"]);
    assert_eq!(
        (download(&world, &key, &[office]), download(&world, &key, &[home])),
        ("200".into(), "200".into())
    );
    let told = call(&["key", "trial", "show", &key.access_key]);
    let would = told.lines().find(|line| line.contains("WOULD REFUSE")).unwrap();
    assert!(would.contains("203.0.113.9") && told.contains("lets in"), "{told}");
    assert!(call(&["key", "show", &key.access_key]).contains("198.51.100.0/24 since"));
    // In force it is so.
    let told = call(&["key", "trial", "enforce", &key.access_key, "--yes"]);
    assert!(told.contains("In force: 198.51.100.0/24"), "{told}");
    assert_eq!(
        (download(&world, &key, &[office]), download(&world, &key, &[home])),
        ("200".into(), "403".into())
    );
    let back = world.admin(
        "POST",
        &format!("/keys/{}/networks/preview", key.key_id),
        Some(&json!({"networks": []})),
    );
    assert_eq!((&back["let_in"][0]["address"], &back["cut_off"]), (&json!("203.0.113.9"), &json!([])));
}
