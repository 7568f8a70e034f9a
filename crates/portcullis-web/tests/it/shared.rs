//! The public side of links, as tools see it: downloads, counting, drop boxes, and nowhere.

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, Ask, WEB_ADDRESS, World};

/// A storage with a link into it.
struct Place {
    world: World,
    storage: Value,
    link: Value,
    /// The path of the link's address.
    home: String,
}

impl Place {
    async fn new(more: &Value) -> Self {
        let world = World::new().await;
        let storage = world.storage("NAS").await;
        Self::of(world, storage, more).await
    }

    async fn of(world: World, storage: Value, more: &Value) -> Self {
        let mut given = json!({"storage": storage["id"], "name": "Reports", "permission": "read"});
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        let answer = world.admin("POST", "/api/v1/share-links").json(&given).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let made = answer.json();
        let home = made["url"].as_str().unwrap().strip_prefix(WEB_ADDRESS).unwrap().to_owned();
        Self { world, storage, link: made["link"].clone(), home }
    }

    /// By the admin, whatever the link may do.
    async fn plant(&self, key: &str, body: &'static str) {
        let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
        let path = format!("/api/v1/storages/{}/file?key={key}", self.storage["id"].as_str().unwrap());
        let answer =
            self.world.admin("PUT", &path).header("content-type", "text/html").body(body).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }

    async fn keys(&self) -> Vec<String> {
        let list =
            self.world.get(&format!("/api/v1/storages/{}/files", self.storage["id"].as_str().unwrap())).await;
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["key"].as_str().unwrap().to_owned())
            .collect()
    }

    fn ask(&self, method: &str, below: &str) -> Ask<'_> {
        self.world.ask(method, &format!("{}{below}", self.home)).header("host", "gate.example.org")
    }

    async fn get(&self, below: &str) -> Answer {
        self.ask("GET", below).send().await
    }

    async fn file(&self, key: &str) -> Answer {
        let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
        self.get(&format!("/file?key={key}")).await
    }

    async fn downloads(&self) -> u64 {
        self.record().await["downloads"].as_u64().unwrap()
    }

    async fn record(&self) -> Value {
        self.world.get(&format!("/api/v1/share-links/{}", self.link["id"].as_str().unwrap())).await
    }

    async fn end(&self) {
        let path = format!("/api/v1/share-links/{}", self.link["id"].as_str().unwrap());
        assert_eq!(self.world.admin("DELETE", &path).send().await.status, StatusCode::NO_CONTENT);
    }
}

/// What every answer below `/s/` has.
fn is_kept_quiet(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{answer:?}");
    if answer.status.is_success() {
        assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow, noarchive", "{answer:?}");
    }
}

fn is_nothing(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    is_kept_quiet(answer);
}

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

#[tokio::test]
async fn the_last_download_is_for_one_of_two() {
    let place = Place::new(&json!({"folder": "in/", "max_downloads": 3})).await;
    place.plant("in/a", "0123456789").await;
    place.file("a").await;
    place.file("a").await;
    let both = futures_util::future::join_all((0..8).map(|_| place.file("a"))).await;
    assert_eq!(both.iter().filter(|answer| answer.status == StatusCode::OK).count(), 1);
    assert_eq!(place.downloads().await, 3);
}

#[tokio::test]
async fn a_limit_is_not_gone_around_and_a_broken_download_goes_on() {
    let place = Place::new(&json!({"folder": "in/", "max_downloads": 1})).await;
    place.plant("in/a", "0123456789").await;
    place.plant("in/b", "abcdefghij").await;
    assert_eq!(place.ask("HEAD", "/file?key=a").send().await.status, StatusCode::OK);
    let missing = place.file("none").await;
    is_nothing(&missing);
    assert_eq!(
        place.ask("GET", "/file?key=a").header("range", "bytes=99-").send().await.status.as_u16(),
        200
    );
    assert_eq!(place.downloads().await, 1, "all but the first byte is the whole, and counts");
    is_nothing(&place.ask("GET", "/file?key=a").header("range", "bytes=1-").send().await);

    let place = Place::of(place.world, place.storage, &json!({"folder": "in/", "max_downloads": 1})).await;
    let first = place.ask("GET", "/file?key=a").header("range", "bytes=0-3").send().await;
    assert_eq!((first.status.as_u16(), &first.body[..]), (206, &b"0123"[..]));
    let cookie = first.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("__Secure-portcullis-begun=") && cookie.contains(&format!("Path={};", place.home))
    );
    for part in ["HttpOnly", "SameSite=Strict", "Secure"] {
        assert!(cookie.split("; ").any(|found| found == part), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    let resumed = async |key: &str, range: &str| {
        place
            .ask("GET", &format!("/file?key={key}"))
            .header("cookie", cookie)
            .header("range", range)
            .send()
            .await
    };
    assert_eq!(&resumed("a", "bytes=4-").await.body[..], b"456789");
    assert_eq!(&resumed("a", "bytes=-2").await.body[..], b"89");
    is_nothing(&resumed("a", "bytes=0-").await);
    is_nothing(&resumed("a", "bytes=-99").await);
    is_nothing(&resumed("b", "bytes=4-").await);
    is_nothing(&place.file("a").await);
    assert_eq!(place.downloads().await, 1);
    // What lies there now is another file.
    place.plant("in/a", "ABCDEFGHIJ").await;
    assert_eq!(resumed("a", "bytes=4-").await.status, StatusCode::PRECONDITION_FAILED);
    place.end().await;
    is_nothing(&resumed("a", "bytes=4-").await);
}

#[tokio::test]
async fn a_password_is_asked_for() {
    let place = Place::new(&json!({"folder": "in/", "password": "open sesame"})).await;
    place.plant("in/a", "planted").await;
    for below in ["", "/file?key=a", "/file?key=none"] {
        let answer = place.get(below).await;
        assert_eq!(
            (answer.status, answer.json()["type"].as_str()),
            (StatusCode::FORBIDDEN, Some("urn:portcullis:problem:link-locked"))
        );
        is_kept_quiet(&answer);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("Reports") && !body.contains("planted"));
    }
    let unlock = async |password: &str, peer: [u8; 4]| {
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("password", password).finish();
        let ask =
            place.ask("POST", "").from(peer).header("content-type", "application/x-www-form-urlencoded");
        ask.body(body).send().await
    };
    let wrong = unlock("open barley", [192, 0, 2, 1]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.headers.get("set-cookie").is_none());
    let opened = unlock("open sesame", [192, 0, 2, 1]).await;
    assert_eq!((opened.status, opened.header("location")), (StatusCode::SEE_OTHER, place.home.as_str()));
    is_kept_quiet(&opened);
    let cookie = opened.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Secure-portcullis-link="), "{cookie}");
    for part in [&*format!("Path={}", place.home), "HttpOnly", "SameSite=Strict", "Secure"] {
        assert!(cookie.split("; ").any(|found| found == part), "{part}: {cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    let with = async |value: &str| place.ask("GET", "/file?key=a").header("cookie", value).send().await;
    assert_eq!(with(cookie).await.body, "planted");
    assert_eq!(with(&format!("{cookie}x")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(with(&format!("{cookie}; {cookie}")).await.status, StatusCode::FORBIDDEN);
    // Guessing is slowed down for who guesses, and nobody else.
    let mut last = StatusCode::FORBIDDEN;
    for n in 0..12 {
        last = unlock(&format!("guess number {n}"), [198, 51, 100, 7]).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let slowed = unlock("open sesame", [198, 51, 100, 7]).await;
    assert!(slowed.status == StatusCode::TOO_MANY_REQUESTS && !slowed.header("retry-after").is_empty());
    assert_eq!(unlock("open sesame", [203, 0, 113, 5]).await.status, StatusCode::SEE_OTHER);
    // Somewhere else, and in another form, it is nothing.
    is_nothing(
        &place
            .world
            .ask("POST", "/s/none")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("password=x")
            .send()
            .await,
    );
    let json = place.ask("POST", "").json(&json!({"password": "open sesame"})).send().await;
    assert_eq!(json.status, StatusCode::BAD_REQUEST);
    let long = unlock(&"x".repeat(2 << 20), [203, 0, 113, 5]).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn other_sites_send_nothing_here() {
    let place = Place::new(&json!({"folder": "in/", "permission": "write"})).await;
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
    ] {
        for (method, below) in [("POST", ""), ("POST", "/upload"), ("PUT", "/file?key=a")] {
            let mut ask = place.ask(method, below).body("x");
            for (name, value) in headers {
                ask = ask.header(name, value);
            }
            assert_eq!(ask.send().await.status, StatusCode::FORBIDDEN, "{method} {below} {headers:?}");
        }
    }
    assert!(place.keys().await.is_empty());
    let own = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    let mut ask = place.ask("PUT", "/file?key=a").body("x");
    for (name, value) in own {
        ask = ask.header(name, value);
    }
    assert_eq!(ask.send().await.status, StatusCode::CREATED);
}

const BOUNDARY: &str = "------------------------d74496d66958873e";

fn form(files: &[(&str, &str)]) -> String {
    let mut body = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n");
    for (name, content) in files {
        body.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n{content}\r\n"
        ));
    }
    format!("{body}--{BOUNDARY}--\r\n")
}

#[tokio::test]
async fn a_drop_box_takes_and_tells_nothing() {
    let place = Place::new(&json!({"folder": "in/", "permission": "write"})).await;
    place.plant("in/taken.txt", "first").await;
    let send = async |body: String| {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        place.ask("POST", "/upload").header("content-type", &kind).body(body).send().await
    };
    let plain = |answer: Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        (answer.status, headers, String::from_utf8(answer.body.to_vec()).unwrap())
    };
    let (new, taken) =
        (plain(send(form(&[("new.txt", "x")])).await), plain(send(form(&[("taken.txt", "x")])).await));
    assert_eq!(new, taken, "the answer is the same whether the name was taken");
    assert_eq!(new.0, StatusCode::CREATED);
    let put =
        async |key: &str| plain(place.ask("PUT", &format!("/file?key={key}")).body("other").send().await);
    assert_eq!(put("newer.txt").await, put("taken.txt").await);
    let storage = place.storage["id"].as_str().unwrap();
    let kept =
        place.world.admin("GET", &format!("/api/v1/storages/{storage}/file?key=in%2Ftaken.txt")).send().await;
    assert_eq!(kept.body, "first", "what is there stays");

    assert_eq!(
        send(form(&[("C:\\dir\\a.txt", "1"), ("../../b.txt", "2"), ("", ""), ("c d.txt", "")])).await.status,
        StatusCode::CREATED
    );
    let keys = place.keys().await;
    assert_eq!(keys, ["in/a.txt", "in/b.txt", "in/c d.txt", "in/new.txt", "in/newer.txt", "in/taken.txt"]);
    for key in ["taken.txt", "new.txt", "none"] {
        is_nothing(&place.file(key).await);
        is_nothing(&place.ask("HEAD", &format!("/file?key={key}")).send().await);
    }
    let text = String::from_utf8(place.get("").await.body.to_vec()).unwrap();
    assert!(text.contains("/upload") && !text.contains("taken"), "{text}");
    assert_eq!(place.downloads().await, 0);

    for (body, what) in [
        (form(&[]), "no file"),
        (form(&[("", "x")]), "no name"),
        (form(&[("..", "x")]), "no name"),
        (form(&[("a\u{202e}b", "x")]), "a name that deceives"),
        (form(&[("late.txt", "x")]).replace(&format!("--{BOUNDARY}--"), ""), "cut off"),
        ("none".to_owned(), "no form"),
    ] {
        assert_eq!(send(body).await.status, StatusCode::BAD_REQUEST, "{what}");
    }
    for key in ["", "a%2Fb", "..", "a%0Ab", "..%2Fa", "%FF"] {
        let answer = place.ask("PUT", &format!("/file?key={key}")).body("x").send().await;
        assert!(answer.status.is_client_error(), "{key}: {answer:?}");
    }
    for (name, value) in [("if-none-match", "*"), ("if-match", "\"x\"")] {
        let answer = place.ask("PUT", "/file?key=taken.txt").header(name, value).body("x").send().await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "a condition would tell what is there");
    }
    let kind = place.ask("POST", "/upload").header("content-type", "text/plain").body("x").send().await;
    assert_eq!(kind.status, StatusCode::BAD_REQUEST);
    assert_eq!(place.keys().await, keys, "nothing of it was stored");
    // What no link of this kind does is nowhere.
    place.end().await;
    is_nothing(&send(form(&[("a", "x")])).await);
    is_nothing(&place.ask("PUT", "/file?key=a").body("x").send().await);
    let reads = Place::of(place.world, place.storage, &json!({"folder": "in/"})).await;
    is_nothing(&reads.ask("PUT", "/file?key=a").body("x").send().await);
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    is_nothing(
        &reads.ask("POST", "/upload").header("content-type", &kind).body(form(&[("a", "x")])).send().await,
    );
    assert_eq!(reads.keys().await, keys);
}

#[tokio::test]
async fn a_form_of_many_files_is_taken_as_it_comes() {
    let place = Place::new(&json!({"folder": "", "permission": "write"})).await;
    let large = "0123456789".repeat(40_000);
    let names: Vec<String> = (0..20).map(|n| format!("{n:02}.txt")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), large.as_str())).collect();
    let body = form(&files);
    let pieces: Vec<_> =
        body.as_bytes().chunks(7_919).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let answer = place.ask("POST", "/upload").header("content-type", &kind).body(body).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(place.keys().await, names);
    let storage = place.storage["id"].as_str().unwrap();
    let stored =
        place.world.admin("GET", &format!("/api/v1/storages/{storage}/file?key=19.txt")).send().await;
    assert_eq!(stored.body.len(), 400_000);
    let many: Vec<(&str, &str)> = (0..201).map(|_| ("same.txt", "x")).collect();
    let answer = place.ask("POST", "/upload").header("content-type", &kind).body(form(&many)).send().await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}
