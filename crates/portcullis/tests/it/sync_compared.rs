//! What docs/src/sync-compared.md says of us: the same script, our column alone. Whatever was promised there has to hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::clients::tools;
use crate::world::{binary, ok};

/// Verdicts from the worst to the best, as in tests/sync/cases.py.
const ORDER: [&str; 8] =
    ["FAILED", "LOST", "wrongly deleted", "undone", "not seen", "stuck", "no way back", "ok"];

fn rank(verdict: &str) -> usize {
    let verdict = verdict.trim_matches('*');
    ORDER.iter().position(|known| *known == verdict).unwrap_or_else(|| panic!("{verdict} is no verdict"))
}

#[test]
fn our_column_is_no_worse_than_the_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/src/sync-compared.md")).unwrap();
    let mut rows = page.lines().filter(|line| line.starts_with('|')).map(|line| {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    });
    let head = rows.find(|row| row[0] == "case").unwrap();
    let column = head.iter().position(|cell| cell.starts_with("Portcullis")).unwrap();
    let promised: BTreeMap<String, String> =
        rows.filter(|row| row.len() == head.len()).map(|row| (row[0].clone(), row[column].clone())).collect();

    let scratch = tempfile::tempdir().unwrap();
    let told = ok(Command::new(tools().join("python"))
        .arg(root.join("tests/sync/run.py"))
        .args(["--tool", "Portcullis", "--json", "--portcullis", binary()])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", scratch.path()));
    let found: Value = serde_json::from_str(&told).unwrap();
    let found = found["verdicts"].as_object().unwrap();
    assert!(found.len() > 20, "{told}");
    for (case, verdicts) in found {
        let verdict = verdicts["Portcullis"].as_str().unwrap();
        let promise = promised.get(case).unwrap_or_else(|| panic!("the page has no row {case:?}"));
        assert!(rank(verdict) >= rank(promise), "{case}: {verdict}, and the page says {promise}");
    }
    assert_eq!(promised.len(), found.len(), "the page has rows that no case makes");
}
