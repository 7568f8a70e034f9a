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

/// A brace too few swallows every rule after it, and nobody notices but the eye.
#[tokio::test]
async fn the_stylesheet_is_whole() {
    let world = World::new().await;
    let css = stylesheet(&world).await;
    let mut depth = 0_i32;
    let mut layers = BTreeSet::new();
    let mut chars = css.char_indices().peekable();
    let mut start = 0;
    while let Some((at, c)) = chars.next() {
        match c {
            '/' if css[at..].starts_with("/*") => {
                let end = at + css[at..].find("*/").expect("a comment ends");
                while chars.next_if(|(at, _)| *at < end + 2).is_some() {}
            }
            '"' => {
                let end = chars.find(|(_, c)| matches!(c, '"' | '\n')).expect("a text ends");
                assert_eq!(end.1, '"', "a text goes on: {}", &css[at..at + 40]);
            }
            '{' => {
                let head = css[start..at].trim();
                assert!(!head.is_empty(), "a rule without a head near {}", &css[at..css.len().min(at + 60)]);
                if depth == 0 {
                    layers.insert(head.lines().last().unwrap().trim().to_owned());
                }
                depth += 1;
                start = at + 1;
            }
            '}' => {
                depth -= 1;
                assert!(depth >= 0, "a brace too many before {}", &css[at..css.len().min(at + 60)]);
                start = at + 1;
            }
            ';' => {
                let line = css[start..at].trim();
                let line = line.rsplit("*/").next().unwrap().trim();
                let whole = line.starts_with('@')
                    || line.split_once(':').is_some_and(|(name, value)| {
                        let plain = name
                            .trim()
                            .bytes()
                            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                        plain && !value.trim().is_empty()
                    });
                assert!(whole, "not a declaration: {line}");
                start = at + 1;
            }
            _ => {}
        }
        assert!(depth <= 6, "a brace too few before {}", &css[at..css.len().min(at + 60)]);
    }
    assert_eq!(depth, 0, "a brace too few");
    // Every part of the stylesheet is in a layer, so that parts cannot outdo each other by accident.
    let known =
        ["reset", "tokens", "base", "layout", "components", "utilities"].map(|name| format!("@layer {name}"));
    let odd: Vec<_> = layers.iter().filter(|head| !known.contains(head) && *head != "@font-face").collect();
    assert!(odd.is_empty(), "{odd:?}");
    for layer in known {
        assert!(layers.contains(&layer), "{layer}");
    }
}
