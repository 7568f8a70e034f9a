//! Names are text, whatever is in them.

use http::StatusCode;
use serde_json::json;

use super::crawl::pages;
use super::visit::{Visit, text_of};
use crate::world::World;

const NAMES: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</textarea></title></template><h1>one more</h1>",
    "{{ 7 * 7 }} {1} {2} &amp; &lt;b&gt; %00 ${x}",
    "\u{5de}\u{5e1}\u{5de}\u{5db}\u{5d9} \u{5d4}\u{5d7}\u{5d1}\u{5e8}\u{5d4} <b>",
    "javascript:alert(1)",
    "W\u{fc}rfel \u{1f3b2} \u{4ed5}\u{4e8b}",
    "x",
];

#[tokio::test]
async fn names_are_escaped() {
    let world = World::new().await;
    let long = "A very long name ".repeat(11) + "that goes on.";
    assert_eq!(long.len(), 200);
    let names: Vec<&str> = NAMES.iter().copied().chain([long.as_str()]).collect();
    for name in &names {
        let storage = world.storage(name).await;
        let networks = json!([{"network": "203.0.113.0/24", "note": name}]);
        let scope = json!({"storage": storage["id"]});
        world.key(&json!({"name": name, "channel": "s3", "scope": scope, "permission": "write", "networks": networks})).await;
    }
    let storage = world.get("/api/v1/storages").await["items"][0]["id"].clone();
    for name in &names {
        let made = async |path: &str, given: serde_json::Value| {
            let answer = world.admin("POST", path).json(&given).send().await;
            assert_eq!(answer.status, StatusCode::CREATED, "{path} {name}: {answer:?}");
            answer.json()["id"].clone()
        };
        let group = made("/api/v1/groups", json!({"name": name})).await;
        made("/api/v1/sites", json!({"name": name})).await;
        let prefix = format!("{name}/");
        let grant = json!({"storage": storage, "group": group, "prefix": prefix, "permission": "read"});
        made("/api/v1/grants", grant).await;
    }
    world.control.refresh_facts(&world.system).await.unwrap();
    // Every page is looked at by `check`: no markup of a name became an element, a handler or a second heading.
    let pages = pages(&world).await;
    for page in pages.values() {
        assert!(!page.html.contains("<script>alert") && !page.html.contains("<img src=x"), "{page:?}");
        assert!(!page.html.contains("49 "), "a name was taken for a template: {page:?}");
    }
    let page = &pages["/connections"];
    let mut shown: Vec<_> = page.all("#list tbody td:first-child a").into_iter().map(text_of).collect();
    let mut expected: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
    for (path, list) in [("/groups", "#list td.named a"), ("/sites", ".tree .tree a")] {
        let mut shown = pages[path].texts(list);
        shown.sort();
        let mut named: Vec<String> =
            names.iter().map(|name| name.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        named.sort();
        assert_eq!(shown, named, "{path}");
    }
    for link in page.all("#list tbody td:first-child a") {
        assert_eq!(link.attr("dir"), Some("auto"), "a name may run the other way");
        let own = &pages[link.attr("href").unwrap()];
        assert!(own.text("h1").contains(&text_of(link)), "{}", own.text("h1"));
    }
}

#[tokio::test]
async fn what_is_typed_comes_back_as_text() {
    let world = World::new().await;
    world.storage("NAS").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/connections").await;
    for name in NAMES {
        let found = visit.submit(&page, "#find", &[("q", name)]).await;
        assert_eq!((found.status, found.attr("#q", "value").as_str()), (StatusCode::OK, name));
    }
    let mut stranger = Visit::nobody(&world);
    for name in NAMES {
        let next: String = form_urlencoded::byte_serialize(format!("/{name}").as_bytes()).collect();
        let page = stranger.get(&format!("/sign-in?next={next}")).await;
        let page = stranger
            .submit(&page, "form[action='/sign-in']", &[("username", name), ("password", "wrong")])
            .await;
        if page.status == StatusCode::UNPROCESSABLE_ENTITY {
            assert_eq!(page.attr("#username", "value"), name.trim());
            assert_eq!(page.attr("[name=next]", "value"), format!("/{name}"));
        } else {
            assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
        }
    }
}
