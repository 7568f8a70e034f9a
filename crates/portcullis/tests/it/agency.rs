//! The closing test of sites and users: an agency's set-up by the command line alone, as the documentation tells it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::world::{PASSWORD, World, binary, ok, refused};

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/examples/agency.sh")
}

#[test]
fn an_agency_from_nothing() {
    let lines = fs::read_to_string(script()).unwrap().lines().count();
    assert!(lines < 40, "{lines} lines");
    let page = fs::read_to_string(script().parent().unwrap().join("../agency.md")).unwrap();
    assert!(page.contains("{{#include examples/agency.sh}}"), "the page shows another script");

    let world = World::start();
    let dir = world.scratch("agency");
    fs::write(dir.join("admin.password"), PASSWORD).unwrap();
    let mut run = Command::new("bash");
    let path =
        format!("{}:{}", Path::new(binary()).parent().unwrap().display(), std::env::var("PATH").unwrap());
    run.env_clear().env("PATH", path).env("HOME", world.scratch("home")).env("PORTCULLIS_SERVER", &world.web);
    let told = ok(run.current_dir(&dir).arg(script()).arg("admin.password"));
    assert!(
        told.lines().last().unwrap_or_default().starts_with("portcullis: no storage")
            || told.contains("no storage"),
        "{told}"
    );

    let kept = world.scratch("home").join(".config/portcullis/session.json");
    assert_eq!(fs::metadata(kept).unwrap().permissions().mode() & 0o777, 0o600);
    two_sites_of_three(&world, &dir);
    keys_that_work_at_home(&world, &dir);
}

/// What was made, seen by an admin of each site.
fn two_sites_of_three(world: &World, dir: &Path) {
    let sites = world.admin("GET", "/sites", None);
    let names: Vec<_> =
        sites["items"].as_array().unwrap().iter().map(|site| site["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["main", "bakery", "museum"]);
    for site in &sites["items"].as_array().unwrap()[1..] {
        world.admin("PUT", "/sessions/current/site", Some(&serde_json::json!({"site": site["id"]})));
        let count = |path: &str| world.admin("GET", path, None)["items"].as_array().unwrap().len();
        assert_eq!(
            [count("/users"), count("/storages"), count("/groups"), count("/grants"), count("/keys")],
            [3, 1, 1, 2, 1]
        );
        let name = site["name"].as_str().unwrap();
        let password = fs::read_to_string(dir.join(format!("{name}-guest.password"))).unwrap();
        let given = serde_json::json!({"username": format!("{name}-guest"), "password": password.trim_end()});
        let (status, answer) = world.rest("POST", "/sessions", None, Some(&given));
        assert_eq!(status, 201, "{answer}");
        let reach = world.rest("GET", "/me/storages", answer["token"].as_str(), None).1;
        assert_eq!(reach["items"][0]["reach"][0]["permission"], "read", "{reach}");
    }
    let home = &sites["items"][0]["id"];
    world.admin("PUT", "/sessions/current/site", Some(&serde_json::json!({"site": home})));
}

/// The set-ups that the script left open one site each.
fn keys_that_work_at_home(world: &World, dir: &Path) {
    let bucket = |site: &str| {
        let config = fs::read_to_string(dir.join(format!("{site}.rclone.conf"))).unwrap();
        let remote = config.split('[').nth(1).unwrap().split(']').next().unwrap().to_owned();
        let listed = ok(rclone(world, dir, site).args(["lsf", &format!("{remote}:")]));
        (remote, listed.trim().trim_end_matches('/').to_owned())
    };
    let (remote, bakery) = bucket("bakery");
    let (_, museum) = bucket("museum");
    assert!(bakery.ends_with("-bakery-files") && museum.ends_with("-museum-files"), "{bakery} {museum}");
    fs::write(dir.join("bread.txt"), "rye").unwrap();
    ok(rclone(world, dir, "bakery").args(["copyto", "bread.txt", &format!("{remote}:{bakery}/bread.txt")]));
    assert_eq!(
        ok(rclone(world, dir, "bakery").args(["cat", &format!("{remote}:{bakery}/bread.txt")])),
        "rye"
    );
    let told = [museum.as_str(), "usr-10001-itm-77777-nothing"].map(|bucket| {
        let told = refused(rclone(world, dir, "bakery").args([
            "lsf",
            "--retries=1",
            "--low-level-retries=1",
            &format!("{remote}:{bucket}"),
        ]));
        let told = told.replace(bucket, "BUCKET");
        told.split("AccessDenied")
            .nth(1)
            .map_or(told.clone(), |rest| rest.split("request id").next().unwrap().to_owned())
    });
    assert_eq!(told[0], told[1]);
}

fn rclone(world: &World, dir: &Path, site: &str) -> Command {
    let mut command = Command::new("rclone");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", world.scratch("home"));
    command.arg("--config").arg(dir.join(format!("{site}.rclone.conf"))).current_dir(dir);
    command
}

/// Answers of the command line as programs read them.
#[test]
fn names_and_ids_are_taken_and_mistakes_explained() {
    let world = World::start();
    let key = world.admin(
        "POST",
        "/keys",
        Some(&serde_json::json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
    );
    let bearer = key["bearer"].as_str().unwrap().to_owned();
    let call = |words: &[&str]| {
        let mut command = world.command();
        command.env("PORTCULLIS_API_KEY", &bearer).args(words);
        command
    };
    ok(&mut call(&["group", "create", "editors"]));
    ok(&mut call(&["storage", "create", "--name", "Files"]));
    let told = ok(&mut call(&["user", "invite", "guest"]));
    assert!(told.contains("/join#"), "{told}");
    let shown: Value = serde_json::from_str(&ok(&mut call(&["user", "show", "guest", "--json"]))).unwrap();
    assert_eq!((&shown["state"], &shown["role"]), (&Value::from("invited"), &Value::from("member")));
    let id = shown["id"].as_str().unwrap();
    assert_eq!(ok(&mut call(&["user", "show", id])), ok(&mut call(&["user", "show", "guest"])));
    ok(&mut call(&["group", "add", "editors", "guest"]));
    ok(&mut call(&["grant", "create", "--storage", "Files", "--group", "editors", "--permission", "write"]));
    let told = ok(&mut call(&["grant", "list", "--storage", "Files"]));
    assert!(told.contains("editors") && told.contains("write"), "{told}");
    for (words, expected) in [
        (vec!["user", "show", "nobody"], "no user \"nobody\""),
        (vec!["user", "role", "guest", "king"], "role"),
        (vec!["user", "invite", "guest"], "username"),
        (vec!["group", "create", "Editors"], "name"),
        (
            vec!["grant", "create", "--storage", "Files", "--group", "editors", "--permission", "all"],
            "permission",
        ),
        (vec!["key", "temporary", "cli", "--duration", "soon"], "not a span of time"),
        (vec!["site", "create", "x"], "portcullis: "),
    ] {
        let told = refused(&mut call(&words));
        assert!(told.contains(expected), "{words:?}: {told}");
    }
}
