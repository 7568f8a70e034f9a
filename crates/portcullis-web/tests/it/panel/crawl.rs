//! Every page that links and forms lead to, found by following them.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::{Value, json};

use super::visit::{Page, Visit};
use crate::world::World;

/// The most pages that are looked at. More would mean that addresses breed addresses.
const MOST: usize = 400;

/// A site in which every page has something to show.
pub(super) async fn inhabited(world: &World) {
    let storage = world.storage("NAS backup").await;
    let scope = json!({"storage": storage["id"]});
    let networks = json!([{"network": "203.0.113.0/24", "note": "office"}]);
    for (name, networks) in [("rclone", networks), ("backup job", json!([]))] {
        let key = json!({"name": name, "channel": "s3", "scope": scope, "permission": "read_write", "networks": networks});
        world.key(&key).await;
    }
    for (name, channel) in [("scanner", "ftp"), ("drive", "http")] {
        let key = json!({"name": name, "channel": channel, "scope": scope, "permission": "read", "credentials": {"user_name": name}});
        world.key(&key).await;
    }
    world.key(&json!({"name": "robot", "channel": "rest", "scope": "site", "permission": "read"})).await;
    world.storage("Archive").await;
    people(world, &storage).await;
    world.refused_from_afar().await;
    world.control.refresh_facts(&world.system).await.unwrap();
}

/// Somebody in a group with whom the storage is shared, somebody who was invited, and a site below.
async fn people(world: &World, storage: &Value) {
    let make = async |path: &str, given: Value| {
        let answer = world.admin("POST", path).json(&given).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{path}: {answer:?}");
        answer.json()
    };
    let user = make(
        "/api/v1/users",
        json!({"username": "carla", "role": "member", "password": "seven green bottles hanging"}),
    )
    .await;
    let user = &user["user"]["id"];
    make("/api/v1/users", json!({"username": "dora", "role": "admin"})).await;
    let group = make("/api/v1/groups", json!({"name": "Editors"})).await;
    let group = &group["id"];
    let member = format!("/api/v1/groups/{}/members/{}", group.as_str().unwrap(), user.as_str().unwrap());
    assert!(world.admin("PUT", &member).send().await.status.is_success());
    let grant = json!({"storage": storage["id"], "group": group, "permission": "read", "prefix": "2027/"});
    make("/api/v1/grants", grant).await;
    make("/api/v1/grants", json!({"storage": storage["id"], "user": user, "permission": "read_write"})).await;
    let site = make("/api/v1/sites", json!({"name": "Agency"})).await;
    make("/api/v1/sites", json!({"name": "North", "parent": site["id"]})).await;
}

/// Every page that the admin comes to from `/`, by its address.
pub(super) async fn pages(world: &World) -> BTreeMap<String, Page> {
    let mut visit = Visit::admin(world).await;
    let (mut open, mut found) = (vec!["/".to_owned()], BTreeMap::new());
    let mut seen: BTreeSet<String> = open.iter().cloned().collect();
    while let Some(path) = open.pop() {
        let page = visit.get(&path).await;
        assert!(found.len() < MOST, "pages breed: {:?}", found.keys());
        let asks = page.all("form:not([method=post]):not([method=dialog])");
        let asks = asks.iter().enumerate().map(|(at, _)| {
            let (path, fields) = page.asks(at);
            format!("{path}?{fields}")
        });
        let links =
            page.all("a[href]:not([download])").into_iter().map(|link| link.attr("href").unwrap().to_owned());
        for next in links.chain(asks) {
            let next = next.split('#').next().unwrap().to_owned();
            if !next.is_empty() && seen.insert(next.clone()) {
                open.push(next);
            }
        }
        found.insert(path, page);
    }
    found
}

#[tokio::test]
async fn no_link_is_dead() {
    let world = World::new().await;
    inhabited(&world).await;
    let pages = pages(&world).await;
    let dead: Vec<_> = pages
        .iter()
        .filter(|(_, page)| page.status != StatusCode::OK && page.status != StatusCode::UNPROCESSABLE_ENTITY)
        .map(|(path, page)| format!("{} {path}", page.status))
        .collect();
    assert!(dead.is_empty(), "{dead:#?}");
    println!("{} pages", pages.len());
    for known in [
        "/connections",
        "/account",
        "/account/password",
        "/connections/new",
        "/users",
        "/users/invite",
        "/api-keys",
        "/api-keys/new",
        "/groups",
        "/sites",
        "/sites/new",
        "/security",
        "/activity",
        "/knocks",
    ] {
        assert!(pages.contains_key(known), "nothing leads to {known}: {:?}", pages.keys());
    }
    // A link into a page finds its place.
    let mut lost = Vec::new();
    for page in pages.values() {
        for link in page.all("a[href*='#']") {
            let (path, id) = link.attr("href").unwrap().split_once('#').unwrap();
            if pages.get(path).is_some_and(|target| !target.has(&format!("[id='{id}']"))) {
                lost.push(format!("{path}#{id}"));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

#[tokio::test]
async fn csp_has_no_unsafe() {
    let world = World::new().await;
    inhabited(&world).await;
    let mut visit = Visit::nobody(&world);
    let mut pages: Vec<_> = pages(&world).await.into_values().collect();
    pages.push(visit.get("/sign-in").await);
    pages.push(visit.get("/there/is/no/such/page").await);
    for page in &pages {
        let csp = page.headers["content-security-policy"].to_str().unwrap();
        let rules: BTreeMap<&str, &str> =
            csp.split(';').map(|rule| rule.trim().split_once(' ').unwrap()).collect();
        assert_eq!(rules["default-src"], "'none'");
        for kind in ["script-src", "style-src", "connect-src", "form-action", "font-src"] {
            assert_eq!(rules[kind], "'self'", "{kind} of {}", page.path);
        }
        for kind in ["base-uri", "frame-ancestors"] {
            assert_eq!(rules[kind], "'none'", "{kind} of {}", page.path);
        }
        assert_eq!((rules["img-src"], rules["require-trusted-types-for"]), ("'self' data:", "'script'"));
        assert!(!csp.contains("unsafe") && !csp.contains('*') && !csp.contains("http"), "{csp}");
    }
}

#[tokio::test]
async fn pages_keep_themselves_to_this_server() {
    let world = World::new().await;
    inhabited(&world).await;
    let mut visit = Visit::nobody(&world);
    let mut assets = BTreeSet::new();
    for page in pages(&world).await.values() {
        for element in page.all("link[href], script[src], use[href], img[src]") {
            let at = element.attr("href").or_else(|| element.attr("src")).unwrap();
            if at != "data:," {
                assets.insert(at.split('#').next().unwrap().to_owned());
            }
        }
    }
    assert!(assets.len() >= 5, "{assets:?}");
    let base = assets.iter().next().unwrap().split('/').take(3).collect::<Vec<_>>().join("/");
    for at in &assets {
        let answer = visit.look(at).await;
        assert_eq!(answer.status, StatusCode::OK, "{at}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{at}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let old = visit.look(&at.replace(&base, "/assets/0000000000000000")).await;
        assert_eq!(old.header("cache-control"), "no-cache", "an older page's assets are asked for again");
    }
    // What the stylesheet and the scripts ask for is there, too.
    let css = visit.look(&format!("{base}/app.css")).await;
    let css = String::from_utf8(css.body.to_vec()).unwrap();
    let named = css.split("url(").skip(1).map(|rest| rest.split(')').next().unwrap().trim_matches('"'));
    let scripts = ["app.js", "list.js", "fragment.js", "credentials.js", "join.js", "theme.js"]
        .map(|name| format!("js/{name}"));
    for name in named.map(str::to_owned).chain(scripts) {
        assert_eq!(visit.look(&format!("{base}/{name}")).await.status, StatusCode::OK, "{name}");
    }
    for missing in ["/assets/x/../../Cargo.toml", "/assets/x/nothing.css", "/assets/x/js%2Fapp.js%00"] {
        assert_eq!(visit.look(missing).await.status, StatusCode::NOT_FOUND, "{missing}");
    }
}
