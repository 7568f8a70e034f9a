//! Files: up, down, lists, conditions; and what each permission sees of them.

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// A storage with a REST key.
struct Place {
    world: World,
    storage: Value,
    key: String,
}

impl Place {
    async fn new(permission: &str) -> Self {
        let world = World::new().await;
        let storage = world.storage("Files").await;
        let key = world.rest_key(&storage, permission).await;
        Self { world, storage, key }
    }

    fn path(&self, below: &str) -> String {
        format!("/api/v1/storages/{}/{below}", self.storage["id"].as_str().unwrap())
    }

    async fn send(&self, method: &str, below: &str, headers: &[(&str, &str)], body: &'static [u8]) -> Answer {
        let mut ask =
            self.world.ask(method, &self.path(below)).bearer(&self.key).body(Bytes::from_static(body));
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        ask.send().await
    }

    /// By the admin, whatever the key may do.
    async fn plant(&self, key: &str) {
        let answer =
            self.world.admin("PUT", &self.path(&format!("file?key={key}"))).body("planted").send().await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}

#[tokio::test]
async fn what_went_up_comes_down() {
    let place = Place::new("read_write").await;
    let headers =
        [("content-type", "text/html"), ("cache-control", "public, max-age=9"), ("content-length", "5")];
    let stored = place.send("PUT", "file?key=a%2Fb%20c.html", &headers, b"hello").await;
    assert_eq!(stored.status, StatusCode::OK);
    let etag = "5d41402abc4b2a76b9719d911017c592";
    assert_eq!(
        stored.json(),
        json!({"key": "a/b c.html", "size": 5, "etag": etag, "modified_at": "2027-01-31T18:00:00Z"})
    );
    for method in ["GET", "HEAD"] {
        let answer = place.send(method, "file?key=a%2Fb%20c.html", &[], b"").await;
        assert_eq!(answer.status, StatusCode::OK, "{method}");
        assert_eq!(answer.body, if method == "GET" { "hello" } else { "" });
        for (name, value) in [
            ("content-type", "text/html"),
            ("content-length", "5"),
            ("etag", "\"5d41402abc4b2a76b9719d911017c592\""),
            ("last-modified", "Sun, 31 Jan 2027 18:00:00 GMT"),
            ("accept-ranges", "bytes"),
            ("content-disposition", "attachment; filename*=UTF-8''b%20c.html"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("cache-control", "private, no-cache"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {name}");
        }
    }
}

#[tokio::test]
async fn ranges_and_conditions() {
    let place = Place::new("read_write").await;
    let etag =
        place.send("PUT", "file?key=a", &[], b"0123456789").await.json()["etag"].as_str().unwrap().to_owned();
    let (quoted, other) = (format!("\"{etag}\""), "\"0\"");
    for (header, value, status, body) in [
        ("range", "bytes=2-4", 206, "234"),
        ("range", "bytes=-3", 206, "789"),
        ("range", "bytes=8-100", 206, "89"),
        ("range", "bytes=0-1,3-4", 200, "0123456789"),
        ("range", "lines=1-2", 200, "0123456789"),
        ("if-none-match", quoted.as_str(), 304, ""),
        ("if-none-match", other, 200, "0123456789"),
        ("if-match", quoted.as_str(), 200, "0123456789"),
        ("if-modified-since", "Sun, 31 Jan 2027 18:00:00 GMT", 304, ""),
        ("if-modified-since", "Sun, 31 Jan 2027 17:59:59 GMT", 200, "0123456789"),
    ] {
        let answer = place.send("GET", "file?key=a", &[(header, value)], b"").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (status, body.as_bytes()),
            "{header}: {value}"
        );
    }
    let answer = place.send("GET", "file?key=a", &[("range", "bytes=2-4")], b"").await;
    assert_eq!((answer.header("content-range"), answer.header("content-length")), ("bytes 2-4/10", "3"));
    let answer = place.send("GET", "file?key=a", &[("range", "bytes=2-4"), ("if-range", other)], b"").await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = place.send("GET", "file?key=a", &[("range", "bytes=10-")], b"").await;
    assert_eq!(
        (answer.status, answer.header("content-range")),
        (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */10")
    );

    for (headers, status) in [
        ([("if-none-match", "*")], 412),
        ([("if-match", other)], 412),
        ([("if-match", quoted.as_str())], 200),
        ([("if-none-match", other)], 400),
        ([("content-range", "bytes 0-0/10")], 400),
        ([("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], 422),
        ([("content-md5", "x")], 400),
    ] {
        assert_eq!(
            place.send("PUT", "file?key=a", &headers, b"new").await.status.as_u16(),
            status,
            "{headers:?}"
        );
    }
    for (value, status) in [(other, 412), ("*", 204)] {
        assert_eq!(
            place.send("DELETE", "file?key=a", &[("if-match", value)], b"").await.status.as_u16(),
            status,
            "{value}"
        );
    }
    assert_eq!(
        place.send("DELETE", "file?key=a", &[], b"").await.status,
        StatusCode::NO_CONTENT,
        "deleting nothing succeeds"
    );
}

#[tokio::test]
async fn names_are_taken_as_they_are() {
    let place = Place::new("read_write").await;
    let names = [
        "a//b", "a/b", "a/", "a", " a", "/a", "../a", "a/../b", "./a", "ü%2F", "a+b", "a b", "e\u{301}", "é",
        "%", "\n",
    ];
    for name in names {
        let below = format!("file?key={}", encode(name));
        assert_eq!(place.send("PUT", &below, &[], b"x").await.json()["key"], name);
    }
    let list = place.send("GET", "files?limit=1000", &[], b"").await.json();
    let listed: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["key"].as_str().unwrap().to_owned())
        .collect();
    let mut wanted = names.map(str::to_owned).to_vec();
    wanted.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(listed, wanted);
    for (query, status) in [
        ("file", 422),
        ("file?key=", 422),
        ("file?key=%00", 422),
        ("file?key=%ff", 400),
        ("file?key=%zz", 400),
        ("file?key=a&key=b", 422),
        ("file?key=a&versionId=1", 422),
        ("file?path=a", 422),
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            assert_eq!(place.send(method, query, &[], b"").await.status.as_u16(), status, "{method} {query}");
        }
    }
    let long = format!("file?key={}", "k".repeat(1025));
    assert_eq!(place.send("PUT", &long, &[], b"").await.fields(), ["key"]);
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn lists_come_in_pages_and_folders() {
    let place = Place::new("read").await;
    for key in ["a", "dir/1", "dir/2", "dir/sub/3", "e", "z/1"] {
        place.plant(key).await;
    }
    let page = place.send("GET", "files?delimiter=/", &[], b"").await.json();
    let keys = |page: &Value| {
        page["items"].as_array().unwrap().iter().map(|item| item["key"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((keys(&page), &page["prefixes"]), (vec![json!("a"), json!("e")], &json!(["dir/", "z/"])));
    let page = place.send("GET", "files?delimiter=/&prefix=dir/", &[], b"").await.json();
    assert_eq!(
        (keys(&page), &page["prefixes"]),
        (vec![json!("dir/1"), json!("dir/2")], &json!(["dir/sub/"]))
    );
    for (query, wanted) in [("", 6), ("&delimiter=/", 4), ("&prefix=dir/", 3)] {
        let (mut seen, mut cursor) = (0, String::new());
        loop {
            let page = place.send("GET", &format!("files?limit=1{query}{cursor}"), &[], b"").await.json();
            let count = page["items"].as_array().unwrap().len() + page["prefixes"].as_array().unwrap().len();
            assert_eq!(count, 1, "{query}: {page}");
            seen += count;
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, wanted, "{query}");
    }
    let item = place.send("GET", "files?prefix=a", &[], b"").await.json()["items"][0].clone();
    assert_eq!(item["size"], 7);
    assert_eq!(item["modified_at"], "2027-01-31T18:00:00Z");
    for (query, field) in
        [("cursor=x", "cursor"), ("limit=0", "limit"), ("prefix=%00", "prefix"), ("search=a", "search")]
    {
        assert_eq!(place.send("GET", &format!("files?{query}"), &[], b"").await.fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn a_reader_reads() {
    let place = Place::new("read").await;
    place.plant("there").await;
    for (method, below, status) in [
        ("GET", "file?key=there", 200),
        ("HEAD", "file?key=there", 200),
        ("GET", "file?key=missing", 404),
        ("HEAD", "file?key=missing", 404),
        ("GET", "files", 200),
        ("PUT", "file?key=there", 403),
        ("PUT", "file?key=missing", 403),
        ("DELETE", "file?key=there", 403),
    ] {
        assert_eq!(place.send(method, below, &[], b"x").await.status.as_u16(), status, "{method} {below}");
    }
}

/// A write-only key learns nothing about what exists: the answers for a file that is there and one that is not are the same.
#[tokio::test]
async fn a_writer_learns_nothing() {
    let place = Place::new("write").await;
    place.plant("there").await;
    for (method, headers) in [
        ("GET", vec![]),
        ("HEAD", vec![]),
        ("DELETE", vec![]),
        ("GET", vec![("if-none-match", "*")]),
        ("GET", vec![("range", "bytes=100-")]),
        ("PUT", vec![("if-none-match", "*")]),
        ("PUT", vec![("if-match", "*")]),
        ("PUT", vec![]),
    ] {
        let mut answers = Vec::new();
        for key in ["there", "where"] {
            let answer = place.send(method, &format!("file?key={key}"), &headers, b"x").await;
            let status =
                if method == "PUT" && headers.is_empty() { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(answer.status, status, "{method} {headers:?} {key}");
            let mut told = answer.headers.clone();
            told.remove("x-request-id");
            let body = String::from_utf8_lossy(&answer.body)
                .replace(answer.header("x-request-id"), "")
                .replace(key, "");
            answers.push((told, body));
        }
        assert_eq!(answers[0], answers[1], "{method} {headers:?}");
    }
    assert_eq!(place.send("GET", "files", &[], b"").await.status, StatusCode::FORBIDDEN);
    let shown = place.world.get(place.path("").trim_end_matches('/')).await;
    assert_eq!(
        (&shown["files"], &shown["used_bytes"]),
        (&json!(2), &json!(2)),
        "what was there was overwritten"
    );
}

#[tokio::test]
async fn a_key_for_one_storage_does_not_see_another() {
    let place = Place::new("read_write").await;
    let other = place.world.storage("Other").await;
    let other = format!("/api/v1/storages/{}", other["id"].as_str().unwrap());
    for (method, below) in
        [("GET", "/files"), ("GET", "/file?key=a"), ("PUT", "/file?key=a"), ("DELETE", "/file?key=a")]
    {
        for storage in [other.as_str(), "/api/v1/storages/01924f5c-0000-7000-8000-000000000000"] {
            let answer =
                place.world.ask(method, &format!("{storage}{below}")).bearer(&place.key).send().await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {below}");
        }
    }
}

/// The bytes are passed on as they come, and a body that breaks off leaves nothing.
#[tokio::test]
async fn streams_and_bodies_that_break_off() {
    let place = Place::new("read_write").await;
    let piece = Bytes::from(vec![7u8; 64 * 1024]);
    let pieces = futures_util::stream::iter((0..100).map({
        let piece = piece.clone();
        move |_| Ok::<_, std::io::Error>(piece.clone())
    }));
    let ask = place.world.ask("PUT", &place.path("file?key=large")).bearer(&place.key);
    let answer = ask.body(Body::from_stream(pieces)).send().await;
    assert_eq!(answer.json()["size"], 100 * 64 * 1024);
    let down = place.send("GET", "file?key=large", &[], b"").await;
    assert!(down.body.len() == 100 * 64 * 1024 && down.body.iter().all(|byte| *byte == 7));

    let broken = [Ok(piece), Err(std::io::Error::other("gone"))];
    let ask = place.world.ask("PUT", &place.path("file?key=broken")).bearer(&place.key);
    let answer = ask.body(Body::from_stream(futures_util::stream::iter(broken))).send().await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = place.send("PUT", "file?key=broken", &[("content-length", "9")], b"12345").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(place.send("GET", "file?key=broken", &[], b"").await.status, StatusCode::NOT_FOUND);
}
