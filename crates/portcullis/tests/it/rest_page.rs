//! The page about REST in the documentation: its examples are run, and none of the calls is missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use portcullis_web::OPERATIONS;

use crate::world::{PASSWORD, World, ok};

/// Calls that need a browser with a passkey.
const BY_BROWSERS: &[(&str, &str)] = &[
    ("POST", "/me/passkeys/options"),
    ("POST", "/me/passkeys"),
    ("DELETE", "/me/passkeys/{id}"),
    ("POST", "/sessions/passkey/options"),
    ("POST", "/sessions/passkey"),
];

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/rest.md")).unwrap()
}

/// The blocks that are marked as bash, one after the other.
fn script() -> String {
    let page = page();
    let blocks: Vec<_> =
        page.split("```bash\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 10, "{}", blocks.len());
    blocks.join("\n")
}

#[test]
fn the_examples_work() {
    let world = World::start();
    let dir = world.scratch("rest");
    fs::write(dir.join("admin.password"), format!("{PASSWORD}\n")).unwrap();
    // One example shows a refusal, on which curl fails: its last line is judged, not each.
    let script = format!("set -eu\n{}", script());
    fs::write(dir.join("page.sh"), &script).unwrap();
    let mut bash = Command::new("bash");
    bash.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", &dir).env("GATE", &world.web);
    ok(bash.current_dir(&dir).args(["-x", "page.sh"]));
}

#[test]
fn every_call_has_an_example() {
    let script = script();
    let mut shown = BTreeSet::new();
    for line in script.lines() {
        for part in line.split("call ").skip(1) {
            let mut words = part.split([' ', ')', '|']);
            let (Some(method), Some(path)) = (words.next(), words.next()) else { continue };
            let path = path.trim_matches(['"', '\'']).split('?').next().unwrap();
            let path: Vec<_> =
                path.split('/').map(|part| if part.starts_with('$') { "{}" } else { part }).collect();
            shown.insert((method.to_owned(), path.join("/")));
        }
    }
    let plain = |path: &str| {
        let named = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
        path.split('/').map(named).collect::<Vec<_>>().join("/")
    };
    for row in OPERATIONS {
        let Some(path) = row.path.strip_prefix("/api/v1") else { continue };
        let by_browser = BY_BROWSERS.contains(&(row.method, path));
        // Those are called by curl itself.
        let by_hand = path.ends_with("/file") || script.contains(&format!("$GATE/api/v1{path}\""));
        let called = shown.contains(&(row.method.to_owned(), plain(path)));
        assert!(called || by_hand || by_browser, "{} {path} has no example", row.method);
        assert!(
            !by_browser || page().contains(&format!("`{} {path}`", row.method)),
            "{} {path} is not mentioned",
            row.method
        );
    }
}
