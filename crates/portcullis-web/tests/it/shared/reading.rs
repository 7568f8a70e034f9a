//! Downloads, names, and addresses that lead nowhere.

use http::StatusCode;
use serde_json::json;

use super::{Place, is_kept_quiet, is_nothing};
use crate::world::WEB_ADDRESS;

#[tokio::test]
async fn a_file_comes_as_something_to_be_stored() {
    let place = Place::new(&json!({"file": "reports/caf\u{e9} \"x\".html"})).await;
    is_nothing(&place.get("").await);
    is_nothing(&place.get("/file").await);
    place.plant("reports/caf\u{e9} \"x\".html", "<script>alert(1)</script>").await;
    let text = place.get("").await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    let addresses: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(addresses, [format!("{WEB_ADDRESS}{}/file", place.home)], "what curl is given: {text}");
    for method in ["GET", "HEAD"] {
        let answer = place.ask(method, "/file").send().await;
        assert_eq!(answer.status, StatusCode::OK);
        is_kept_quiet(&answer);
        assert_eq!(answer.body, if method == "GET" { "<script>alert(1)</script>" } else { "" });
        for (name, value) in [
            ("content-type", "text/html"),
            ("content-length", "25"),
            ("accept-ranges", "bytes"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("x-content-type-options", "nosniff"),
            (
                "content-disposition",
                "attachment; filename=\"caf_ _x_.html\"; filename*=UTF-8''caf%C3%A9%20%22x%22.html",
            ),
        ] {
            assert_eq!(answer.header(name), value, "{method} {name}");
        }
        assert!(answer.headers.get("set-cookie").is_none(), "nothing is counted against a limit");
    }
    is_nothing(&place.get("/file?key=reports/caf").await);
    assert_eq!(
        place.get("/file?utm_source=mail").await.status,
        StatusCode::OK,
        "what others add means nothing"
    );
    assert_eq!(place.downloads().await, 2);
}

#[tokio::test]
async fn ranges_and_conditions() {
    let place = Place::new(&json!({"folder": "in/"})).await;
    place.plant("in/a", "0123456789").await;
    let etag = place.file("a").await.header("etag").to_owned();
    for (header, value, status, body) in [
        ("range", "bytes=2-4", 206, "234"),
        ("range", "bytes=-3", 206, "789"),
        ("if-none-match", etag.as_str(), 304, ""),
        ("if-match", "\"other\"", 412, ""),
        ("range", "bytes=10-", 416, ""),
        ("range", "bytes=0-0", 206, "0"),
    ] {
        let answer = place.ask("GET", "/file?key=a").header(header, value).send().await;
        assert_eq!(answer.status.as_u16(), status, "{header}: {value}");
        if status < 300 {
            assert_eq!(answer.body, body, "{header}: {value}");
        }
        is_kept_quiet(&answer);
    }
    assert_eq!(place.downloads().await, 2, "the whole, and the one that had the first byte");
}

#[tokio::test]
async fn names_are_put_together_and_never_resolved() {
    let place = Place::new(&json!({"folder": "in/shared/"})).await;
    for key in [
        "secret",
        "in/secret",
        "in/shared/a",
        "in/shared/../b",
        "in/shared//c",
        "in/shared/%2e",
        "in/sharedx",
    ] {
        place.plant(key, "planted").await;
    }
    for (key, found) in [
        ("a", true),
        ("../b", true),
        ("/c", true),
        ("%2e", true),
        ("../secret", false),
        ("../../secret", false),
        ("in/shared/a", false),
        ("/in/secret", false),
        ("", false),
        ("a/", false),
        ("A", false),
        ("x\0", false),
    ] {
        let answer = place.file(key).await;
        assert_eq!(answer.status == StatusCode::OK, found, "{key:?}: {answer:?}");
        if !found {
            is_nothing(&answer);
        }
    }
    for query in ["", "?key", "?key=%ff", "?key=a&key=a", "?folder=a"] {
        is_nothing(&place.get(&format!("/file{query}")).await);
    }
    for query in ["?folder=..%2f..%2f", "?folder=a", "?folder=none%2f", "?after=x", "?folder=%ff"] {
        is_nothing(&place.ask("GET", query).header("accept", "text/html").send().await);
    }
    // The list for tools names what is below, and nothing of what is above.
    let text = String::from_utf8(place.get("").await.body.to_vec()).unwrap();
    assert!(!text.contains("in%2Fshared") && !text.contains("secret"), "{text}");
    let addresses: Vec<_> = text.lines().filter_map(|line| line.strip_prefix(WEB_ADDRESS)).collect();
    assert_eq!(addresses.len(), 4);
    for address in addresses {
        assert_eq!(place.world.ask("GET", address).send().await.status, StatusCode::OK, "{address}");
    }
}

#[tokio::test]
async fn nowhere_looks_like_nowhere() {
    let limits = json!({"folder": "in/", "expires_at": "2027-01-31T18:10:00Z", "max_downloads": 1});
    let place = Place::new(&limits).await;
    place.plant("in/a", "planted").await;
    let other = format!("/s/{}", "a".repeat(40));
    let told = async |path: &str, accept: &str| {
        let answer = place.world.ask("GET", path).header("accept", accept).send().await;
        is_nothing(&answer);
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        (headers, body.replace(answer.header("x-request-id"), ""))
    };
    for accept in ["text/html", "*/*"] {
        let nothing = told(&other, accept).await;
        assert_eq!(told("/s/x", accept).await, nothing);
        assert_eq!(told(&format!("{}/file?key=none", place.home), accept).await, nothing);
        assert_eq!(told(&format!("{other}/file?key=a"), accept).await, nothing);
    }
    // Used up.
    assert_eq!(place.file("a").await.status, StatusCode::OK);
    let nothing = told(&other, "text/html").await;
    assert_eq!(told(&place.home, "text/html").await, nothing);
    assert!(nothing.1.contains("used as often as it may be"), "it is said in words: {}", nothing.1);
    is_nothing(&place.file("a").await);
    is_nothing(&place.ask("HEAD", "/file?key=a").send().await);
    assert_eq!(place.record().await["state"], "spent");
    // Given more, then past its end, then ended.
    let path = format!("/api/v1/share-links/{}", place.link["id"].as_str().unwrap());
    place.world.admin("PATCH", &path).json(&json!({"max_downloads": 9})).send().await;
    assert_eq!(place.file("a").await.status, StatusCode::OK);
    place.world.admin("PATCH", &path).json(&json!({"networks": ["203.0.113.0/24"]})).send().await;
    assert_eq!(told(&place.home, "text/html").await, nothing);
    assert_eq!(place.ask("GET", "/file?key=a").from([203, 0, 113, 9]).send().await.status, StatusCode::OK);
    place.world.clock.advance(std::time::Duration::from_secs(600));
    assert_eq!(place.record().await["state"], "expired");
    assert_eq!(told(&place.home, "text/html").await, nothing);
    place.end().await;
    assert_eq!(told(&place.home, "text/html").await, nothing);
    // The storage's own settings hold for visitors too.
    let place = Place::new(&json!({"folder": "in/"})).await;
    place.plant("in/a", "planted").await;
    let storage = format!("/api/v1/storages/{}", place.storage["id"].as_str().unwrap());
    for change in [
        json!({"permission": "write"}),
        json!({"permission": "none"}),
        json!({"networks": ["203.0.113.0/24"]}),
    ] {
        assert_eq!(place.file("a").await.status, StatusCode::OK, "{change}");
        place.world.admin("PATCH", &storage).json(&change).send().await;
        is_nothing(&place.file("a").await);
        is_nothing(&place.get("").await);
        let back = json!({"permission": "read_write", "networks": []});
        place.world.admin("PATCH", &storage).json(&back).send().await;
    }
}
