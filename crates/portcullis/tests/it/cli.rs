//! The command line as a person uses it.

use crate::world::{World, ok, refused};

#[test]
fn without_credentials_it_says_how_to_get_them() {
    let world = World::start();
    let told = refused(world.command().args(["storage", "list"]));
    assert!(told.contains("portcullis login") && told.contains("PORTCULLIS_API_KEY"), "{told}");
    let told = refused(world.command().args(["--api-key", "nonsense", "storage", "list"]));
    assert!(told.contains("portcullis login"), "{told}");
}

#[test]
fn a_site_key_administers() {
    let world = World::start();
    let made = world.admin(
        "POST",
        "/keys",
        Some(&serde_json::json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
    );
    let bearer = made["bearer"].as_str().unwrap().to_owned();
    let call = |words: &[&str]| {
        let mut command = world.command();
        command.env("PORTCULLIS_API_KEY", &bearer).args(words);
        command
    };
    let told = ok(&mut call(&["storage", "create", "--name", "Büro", "--label", "buero", "--quota", "10G"]));
    assert!(told.contains("-buero") && told.contains("10.0 GiB"), "{told}");
    let told = ok(&mut call(&["storage", "list"]));
    assert!(told.starts_with("NAME") && told.contains("Büro"), "{told}");
    let told = ok(&mut call(&[
        "key",
        "create",
        "--storage",
        "Büro",
        "--name",
        "scanner",
        "--permission",
        "write",
        "--network",
        "127.0.0.0/8",
        "--expires",
        "2999-01-01T00:00:00Z",
    ]));
    assert!(told.contains("Secret key") && told.contains("127.0.0.0/8"), "{told}");
    let told = ok(&mut call(&["key", "list", "--storage", "Büro"]));
    assert!(told.contains("scanner") && told.contains("write"), "{told}");
    let access_key =
        told.split_whitespace().find(|word| word.starts_with("PC") && word.len() == 20).unwrap().to_owned();
    let told = ok(&mut call(&["key", "rotate", &access_key]));
    assert!(told.contains("Büro") && told.contains("Secret key") && !told.contains(&access_key), "{told}");
    let told = refused(&mut call(&["key", "show", &access_key]));
    assert!(told.contains("no key"), "{told}");
    let told = ok(&mut call(&["--json", "key", "list", "--storage", "Büro"]));
    let listed: serde_json::Value = serde_json::from_str(&told).unwrap();
    let access_key = listed[0]["access_key"].as_str().unwrap();
    let told = ok(&mut call(&["key", "rotate", access_key, "--setup", "rclone"]));
    assert!(told.contains("secret_access_key = pcs"), "{told}");
    let id = listed[0]["id"].as_str().unwrap();
    ok(&mut call(&["key", "delete", "--yes", id]));
    let told = refused(&mut call(&["key", "rotate", id]));
    assert!(told.contains("no key"), "{told}");
}

#[test]
fn wrong_input_is_explained() {
    let world = World::start();
    let key = world.admin(
        "POST",
        "/keys",
        Some(&serde_json::json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
    );
    let bearer = key["bearer"].as_str().unwrap().to_owned();
    let (_, bucket) = world.storage("Files");
    for (words, expected) in [
        (vec!["key", "create", "--storage", "Nowhere", "--name", "x"], "no storage \"Nowhere\""),
        (vec!["key", "create", "--storage", &bucket, "--name", "x", "--network", "300.1.2.3"], "networks"),
        (vec!["key", "create", "--storage", &bucket, "--name", "x", "--expires", "yesterday"], "expires_at"),
        (
            vec!["key", "create", "--storage", &bucket, "--name", "x", "--expires", "2001-01-01T00:00:00Z"],
            "expires_at",
        ),
        (
            vec!["key", "create", "--storage", &bucket, "--name", "x", "--permission", "readonly"],
            "permission",
        ),
        (vec!["key", "create", "--storage", &bucket, "--name", "x", "--channel", "ftp"], "channel"),
        (vec!["storage", "create", "--name", "  "], "name"),
        (vec!["storage", "create", "--name", "x", "--label", "Not DNS"], "label"),
        (vec!["storage", "create", "--name", "x", "--quota", "lots"], "not a size"),
    ] {
        let told = refused(world.command().env("PORTCULLIS_API_KEY", &bearer).args(&words));
        assert!(told.contains(expected), "{words:?}: {told}");
    }
}

#[test]
fn completion_scripts() {
    let world = World::start();
    for shell in ["bash", "zsh", "fish"] {
        assert!(ok(world.command().args(["completion", shell])).contains("master-key"));
    }
}
