//! Behind a proxy: whose word on the client's address counts.

use std::process::Command;

use serde_json::json;

use crate::world::{World, ok};

/// The status of a signed download by curl, with more header fields, as a proxy on this machine would pass it on.
fn download(world: &World, key: &crate::world::Access, fields: &[&str]) -> String {
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
