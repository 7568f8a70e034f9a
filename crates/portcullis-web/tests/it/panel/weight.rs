//! What the panel weighs, and whether its stylesheet is whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::visit::Visit;
use crate::world::World;

const MAX_CSS: usize = 48 * 1024;
const MAX_JS: usize = 20 * 1024;

async fn base(world: &World) -> String {
    let page = Visit::nobody(world).get("/sign-in").await;
    let css = page.attr("link[rel=stylesheet]", "href");
    css.strip_suffix("/app.css").unwrap().to_owned()
}

async fn stylesheet(world: &World) -> String {
    let answer = Visit::nobody(world).look(&format!("{}/app.css", base(world).await)).await;
    String::from_utf8(answer.body.to_vec()).unwrap()
}

#[tokio::test]
async fn styles_and_scripts_stay_small() {
    let world = World::new().await;
    let css = stylesheet(&world).await.len();
    let mut js = 0;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/js");
    let base = base(&world).await;
    for file in fs::read_dir(scripts).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        let answer = Visit::nobody(&world).look(&format!("{base}/js/{name}")).await;
        assert_eq!(answer.body, fs::read(file.path()).unwrap(), "{name} is served");
        js += answer.body.len();
    }
    println!("stylesheet: {css} of {MAX_CSS} bytes, scripts: {js} of {MAX_JS} bytes");
    assert!(css <= MAX_CSS, "{css} bytes of CSS");
    assert!(js <= MAX_JS, "{js} bytes of JavaScript");
}

/// The stylesheet without its comments and texts.
fn bare(css: &str) -> String {
    let (head, rest) = css.split_once("/*").unwrap_or((css, ""));
    let outside = rest.split("/*").filter(|part| !part.is_empty());
    let outside = outside.map(|part| part.split_once("*/").unwrap_or_else(|| panic!("no end: {part}")).1);
    let plain = head.to_owned() + &outside.collect::<String>();
    let quoted: Vec<&str> = plain.split('"').collect();
    assert!(quoted.len() % 2 == 1, "a text has no end");
    for text in quoted.iter().skip(1).step_by(2) {
        assert!(!text.contains('\n'), "a text goes on: {text}");
    }
    quoted.into_iter().step_by(2).collect::<Vec<_>>().join("text")
}

fn is_declaration(text: &str) -> bool {
    let plain = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let whole = |(name, value): (&str, &str)| plain(name.trim()) && !value.trim().is_empty();
    text.starts_with("@layer ") || text.split_once(':').is_some_and(whole)
}

/// A brace too few swallows every rule after it, and nobody notices but the eye.
#[tokio::test]
async fn the_stylesheet_is_whole() {
    let world = World::new().await;
    let css = bare(&stylesheet(&world).await);
    let (mut depth, mut last, mut layers) = (0_u8, "", BTreeSet::new());
    for piece in css.split_inclusive(['{', '}', ';']) {
        let text = piece.trim_end_matches(['{', '}', ';']).trim();
        match piece.chars().last() {
            Some('{') => {
                assert!(!text.is_empty(), "a rule without a head after {last}");
                if depth == 0 {
                    layers.insert(text);
                }
                depth += 1;
                assert!(depth <= 6, "a brace too few before {text}");
            }
            Some('}') => {
                assert!(text.is_empty() || is_declaration(text), "not a declaration: {text}");
                depth = depth.checked_sub(1).unwrap_or_else(|| panic!("a brace too many after {last}"));
            }
            Some(';') => assert!(is_declaration(text), "not a declaration: {text}"),
            _ => assert!(text.is_empty(), "something at the end: {text}"),
        }
        last = piece;
    }
    assert_eq!(depth, 0, "a brace too few");
    // Every part of the stylesheet is in a layer, so that parts cannot outdo each other by accident.
    let known = ["reset", "tokens", "base", "layout", "components", "utilities"];
    let known: BTreeSet<String> = known.iter().map(|name| format!("@layer {name}")).collect();
    for layer in &known {
        assert!(layers.remove(layer.as_str()), "{layer}");
    }
    assert_eq!(layers.into_iter().collect::<Vec<_>>(), ["@font-face"]);
}
