//! Lists under `/files`: as JSON, as a page, the storages of a key.

use http::StatusCode;
use scraper::{Html, Selector};
use serde_json::json;

use crate::files_http::Place;

const PAGE: [(&str, &str); 1] = [("accept", "text/html")];

fn links(page: &str) -> Vec<String> {
    let selector = Selector::parse("#files a").unwrap();
    let page = Html::parse_document(page);
    page.select(&selector).map(|link| link.attr("href").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_folder_at_a_time() {
    let place = Place::new("read_write").await;
    for key in ["a", "dir/", "dir/b", "dir/sub/c", "dir//d", "other/e"] {
        place.send("PUT", key, &[], if key.ends_with('/') { "" } else { "x" }).await;
    }
    let of = async |below: &str| place.send("GET", below, &[("accept", "application/json")], "").await.json();
    let top = of("").await;
    assert_eq!((top["items"][0]["key"].as_str(), &top["prefixes"]), (Some("a"), &json!(["dir/", "other/"])));
    let dir = of("dir/").await;
    let keys: Vec<_> =
        dir["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect();
    assert_eq!((keys, &dir["prefixes"]), (vec!["dir/", "dir/b"], &json!(["dir//", "dir/sub/"])));
    assert_eq!(of("dir//").await["items"][0]["key"], "dir//d");
    let all = of("?recursive").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 6);
    let begins = of("d?list").await;
    assert_eq!(begins["prefixes"], json!(["dir/"]));
    for none in ["none/", "a/", "dir/sub/c/"] {
        assert_eq!(place.send("GET", none, &[], "").await.status, StatusCode::NOT_FOUND, "{none}");
    }
    // The mark of a folder is an object like any other, to whoever says that it is meant.
    let mark = place.send("GET", "dir/?object", &[], "").await;
    assert_eq!((mark.status, mark.header("content-length")), (StatusCode::OK, "0"));
    place.send("DELETE", "dir/", &[], "").await;
    assert_eq!(place.keys().await, ["a", "dir//d", "dir/b", "dir/sub/c", "other/e"]);
}

#[tokio::test]
async fn page_by_page() {
    let place = Place::new("read_write").await;
    for key in ["a", "b/1", "c", "d/1", "e"] {
        place.send("PUT", key, &[], "x").await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..5 {
        let page = place.send("GET", &format!("?limit=2{cursor}"), &[], "").await;
        assert!(page.body.len() > 10, "{page:?}");
        let page = place
            .send("GET", &format!("?limit=2{cursor}"), &[("accept", "application/json")], "")
            .await
            .json();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap().to_owned()),
        );
        seen.extend(
            page["prefixes"].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    seen.sort_unstable();
    assert_eq!(seen, ["a", "b/", "c", "d/", "e"]);
    assert_eq!(place.send("GET", "?cursor=%25", &[], "").await.status.as_u16(), 422);
    // The same by the links of the pages.
    let (mut seen, mut next) = (Vec::new(), place.path("?limit=2"));
    for _ in 0..5 {
        let page = place.world.ask("GET", &next).header("authorization", &place.basic);
        let page = page.header("accept", "text/html").send().await;
        let page = String::from_utf8_lossy(&page.body).into_owned();
        seen.extend(links(&page));
        let document = Html::parse_document(&page);
        let more = Selector::parse("footer a.btn").unwrap();
        let Some(link) = document.select(&more).find(|link| link.text().any(|text| text.contains("Next")))
        else {
            break;
        };
        next = link.attr("href").unwrap().to_owned();
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
}

#[tokio::test]
async fn the_page_shows_names_and_runs_nothing() {
    let place = Place::new("read_write").await;
    let evil = "<script>alert(1)<";
    for key in ["%3Cscript%3Ealert(1)%3C/x", "a%22%27%26b", "..%2Fup", "a%2F..%2Fb", "x%20%23%3F%25y", "m/"] {
        let stored = place.send("PUT", key, &[], if key == "m/" { "mark" } else { "x" }).await;
        assert_eq!(stored.status, StatusCode::CREATED, "{key}");
    }
    let page = place.send("GET", "", &PAGE, "").await;
    assert_eq!(page.status, StatusCode::OK);
    let csp = page.header("content-security-policy");
    assert!(csp.starts_with("default-src 'none'; style-src 'self'") && !csp.contains("script-src"), "{csp}");
    assert_eq!((page.header("vary"), page.header("cache-control")), ("accept", "no-store"));
    let text = String::from_utf8_lossy(&page.body).into_owned();
    assert!(!text.contains("<script") && !text.contains(evil), "{text}");
    // Every link leads to what it is shown for, also after a browser resolved it.
    for link in links(&text) {
        assert!(!link.split(['/', '?']).any(|part| part == "." || part == ".."), "{link}");
        let answer = place.world.ask("GET", &link).header("authorization", &place.basic).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{link}");
    }
    let inside = place.send("GET", "m/", &PAGE, "").await;
    let inside = links(&String::from_utf8_lossy(&inside.body));
    assert_eq!(inside, [format!("{}?object", place.path("m/"))], "a mark with bytes in it is shown");
    // Who says nothing of what they read gets the page; a look says the same of it.
    let plain = place.send("GET", "", &[], "").await;
    assert!(plain.header("content-type").starts_with("text/html"));
    assert!(place.send("HEAD", "", &[], "").await.header("content-type").starts_with("text/html"));
    assert_eq!(
        place.send("GET", "", &[("accept", "*/*")], "").await.header("content-type"),
        "application/json"
    );
}

#[tokio::test]
async fn the_storages_of_a_key() {
    let place = Place::new("read").await;
    place.world.storage("Other").await;
    let ask = |accept: &'static str| {
        place.world.ask("GET", "/files/").header("authorization", &place.basic).header("accept", accept)
    };
    let listed = ask("application/json").send().await.json();
    let href = place.path("");
    assert_eq!(listed, json!({"items": [{"bucket": place.bucket(), "href": href}]}));
    let page = ask("text/html").send().await;
    assert_eq!(links(&String::from_utf8_lossy(&page.body)), [href]);
    assert_eq!(place.world.ask("GET", "/files/").send().await.status, StatusCode::UNAUTHORIZED);
}
