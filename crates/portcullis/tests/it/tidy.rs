//! The house rules that a compiler cannot see.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Crate → the crates of ours that it may name in `[dependencies]`: the picture of ARCHITECTURE.md as data.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("sigv4", &[]),
    ("signin", &["domain"]),
    ("vault", &[]),
    ("forward", &["domain"]),
    ("listener", &["domain"]),
    ("multipart", &[]),
    ("xml", &[]),
    ("metadata", &["domain"]),
    ("backend", &["domain", "sigv4", "xml"]),
    ("access", &["domain", "sigv4", "metadata", "backend", "signin", "vault"]),
    ("sync", &["domain", "backend"]),
    ("control", &["domain", "metadata", "access", "signin", "sync"]),
    ("s3", &["domain", "sigv4", "listener", "multipart", "xml", "access"]),
    ("files", &["domain", "access"]),
    ("web", &["domain", "listener", "multipart", "xml", "access", "control", "signin", "files"]),
    ("line", &["domain", "listener", "access", "files"]),
];

/// Past this a file has two reasons to exist.
const MAX_LINES: usize = 450;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut stack = vec![crates(), crates().parent().unwrap().join("bench")];
    while let Some(dir) = stack.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

#[test]
fn the_arrows_of_the_architecture_hold() {
    for (name, allowed) in MAY_USE {
        let manifest = fs::read_to_string(crates().join(format!("portcullis-{name}/Cargo.toml"))).unwrap();
        let section =
            manifest.split("\n[dependencies]").nth(1).unwrap_or_default().split("\n[").next().unwrap();
        for line in section.lines() {
            let Some(rest) = line.trim().strip_prefix("portcullis-") else { continue };
            let used = rest.split(['.', ' ', '=']).next().unwrap();
            assert!(allowed.contains(&used), "portcullis-{name} must not depend on portcullis-{used}");
        }
    }
    let known: BTreeSet<String> = MAY_USE
        .iter()
        .map(|(name, _)| format!("portcullis-{name}"))
        .chain(["portcullis".to_owned()])
        .collect();
    let found: BTreeSet<String> = fs::read_dir(crates())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, known, "every crate has its line in MAY_USE and in ARCHITECTURE.md");
}

#[test]
fn files_can_be_held_in_mind() {
    let long: Vec<_> = sources()
        .iter()
        .map(|(path, text)| (path.clone(), text.split("#[cfg(test)]").next().unwrap().lines().count()))
        .filter(|(path, lines)| {
            *lines > MAX_LINES && !path.components().any(|part| part.as_os_str() == "tests")
        })
        .collect();
    assert!(long.is_empty(), "look for the seam in {long:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        ["to", "do!("].concat(),
        ["unimpl", "emented!("].concat(),
        ["#[ig", "nore"].concat(),
        ["FIX", "ME"].concat(),
    ];
    for (path, text) in sources() {
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{} holds {mark}", path.display());
        }
    }
}

#[test]
fn the_trusted_core_stays_small() {
    let lines: usize = sources()
        .iter()
        .filter(|(path, _)| path.starts_with(crates().join("portcullis-access/src")))
        .filter(|(path, _)| !path.to_string_lossy().contains("tests"))
        .map(|(_, text)| {
            let code = text.split("#[cfg(test)]").next().unwrap();
            code.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//")).count()
        })
        .sum();
    assert!(
        lines <= 5200,
        "portcullis-access has {lines} lines of code; it is reviewed twice and must not grow"
    );
}
