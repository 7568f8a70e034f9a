//! Plain HTTP under `/files`: names, downloads, uploads, deletions, who may, and what nobody learns.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// A storage with a key of the channel `http`.
pub(crate) struct Place {
    pub(crate) world: World,
    pub(crate) storage: Value,
    /// `Basic …`
    pub(crate) basic: String,
    /// `PC….pcs…`
    pub(crate) token: String,
    pub(crate) key: Value,
}

pub(crate) fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}

impl Place {
    pub(crate) async fn new(permission: &str) -> Self {
        let world = World::new().await;
        let storage = world.storage("Files").await;
        Self::of(world, storage, permission).await
    }

    async fn of(world: World, storage: Value, permission: &str) -> Self {
        let (basic, token, key) = http_key(&world, &storage, permission).await;
        Self { world, storage, basic, token, key }
    }

    pub(crate) fn bucket(&self) -> &str {
        self.storage["bucket_name"].as_str().unwrap()
    }

    pub(crate) fn path(&self, below: &str) -> String {
        format!("/files/{}/{below}", self.bucket())
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        below: &str,
        headers: &[(&str, &str)],
        body: impl Into<axum::body::Body>,
    ) -> Answer {
        let mut ask =
            self.world.ask(method, &self.path(below)).header("authorization", &self.basic).body(body);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        ask.send().await
    }

    /// By the admin, whatever the key may do.
    pub(crate) async fn plant(&self, key: &str, bytes: &'static str) {
        let path = format!("/api/v1/storages/{}/file?key={key}", self.storage["id"].as_str().unwrap());
        let answer = self.world.admin("PUT", &path).body(bytes).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }

    /// What is there, by the admin.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let path = format!("/api/v1/storages/{}/files?limit=1000", self.storage["id"].as_str().unwrap());
        let items = self.world.get(&path).await["items"].clone();
        items.as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap().to_owned()).collect()
    }
}

/// The credentials of a new key: `Basic`, a bearer's token, the answer.
pub(crate) async fn http_key(world: &World, storage: &Value, permission: &str) -> (String, String, Value) {
    let given = json!({
        "name": "files", "channel": "http", "scope": {"storage": storage["id"]}, "permission": permission,
    });
    let made = world.key(&given).await;
    let (name, secret) = (made["key"]["access_key"].as_str().unwrap(), made["secret"].as_str().unwrap());
    (basic(name, secret), format!("{name}.{secret}"), made["key"].clone())
}

#[tokio::test]
async fn what_went_up_comes_down() {
    let place = Place::new("read_write").await;
    let kind = [("content-type", "text/html")];
    let stored = place.send("PUT", "a%2Fb%20c.html", &kind, "hello").await;
    assert_eq!((stored.status, stored.body.len()), (StatusCode::CREATED, 0), "{stored:?}");
    assert_eq!(stored.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    let again = place.send("PUT", "a/b%20c.html", &kind, "hello").await;
    assert_eq!(again.status, StatusCode::NO_CONTENT, "{again:?}");
    let mut told = Vec::new();
    for method in ["GET", "HEAD"] {
        let answer = place.send(method, "a/b%20c.html", &[], "").await;
        assert_eq!(answer.status, StatusCode::OK, "{method}");
        assert_eq!(answer.body, if method == "GET" { "hello" } else { "" });
        for (name, value) in [
            ("content-type", "text/html"),
            ("content-length", "5"),
            ("etag", "\"5d41402abc4b2a76b9719d911017c592\""),
            ("last-modified", "Sun, 31 Jan 2027 18:00:00 GMT"),
            ("accept-ranges", "bytes"),
            ("content-disposition", "attachment; filename=\"b c.html\"; filename*=UTF-8''b%20c.html"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "private, no-cache"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {name}");
        }
        let mut headers = answer.headers;
        headers.remove("x-request-id");
        told.push(headers);
    }
    assert_eq!(told[0], told[1], "a look tells what a download would");
    let gone = place.send("DELETE", "a/b%20c.html", &[], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(place.send("GET", "a/b%20c.html", &[], "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(place.send("DELETE", "a/b%20c.html", &[], "").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_name_is_taken_as_it_came() {
    let place = Place::new("read_write").await;
    let names = [
        ("a", "a"),
        ("a/", "a/"),
        ("a//b", "a//b"),
        ("/", "/"),
        ("//x", "//x"),
        ("a/./b", "a/./b"),
        ("a/../b", "a/../b"),
        ("%2e%2e/b", "../b"),
        ("a%2Fc", "a/c"),
        ("a%252Fc", "a%2Fc"),
        ("a+b%20c", "a+b c"),
        ("%C3%BC", "\u{fc}"),
        ("q%3Fx%23y", "q?x#y"),
    ];
    for (text, _) in names {
        let stored = place.send("PUT", text, &[], text.to_owned()).await;
        assert_eq!(stored.status, StatusCode::CREATED, "{text}: {stored:?}");
    }
    let mut wanted: Vec<_> = names.iter().map(|(_, name)| (*name).to_owned()).collect();
    wanted.sort_unstable();
    assert_eq!(place.keys().await, wanted);
    for (text, _) in names {
        let answer = place.send("GET", &format!("{text}?object"), &[], "").await;
        assert_eq!(answer.body, text, "{answer:?}");
    }
    for (wrong, status) in [("a%", 400), ("a%zz", 400), ("%ff", 400), ("%00", 400), (&"x".repeat(1025), 400)]
    {
        assert_eq!(place.send("PUT", wrong, &[], "x").await.status.as_u16(), status, "{wrong}");
    }
    // What is not understood could have changed what is meant.
    for query in ["?x=1", "?object&object", "?list=2", "?object&list", "?limit=0"] {
        assert!(place.send("GET", &format!("a{query}"), &[], "").await.status.is_client_error(), "{query}");
    }
}

#[tokio::test]
async fn ranges_and_conditions() {
    let place = Place::new("read_write").await;
    let etag = place.send("PUT", "a", &[], "0123456789").await.header("etag").to_owned();
    let other = "\"0\"";
    for (header, value, status, body) in [
        ("range", "bytes=2-4", 206, "234"),
        ("range", "bytes=-3", 206, "789"),
        ("range", "bytes=0-1,3-4", 200, "0123456789"),
        ("if-none-match", etag.as_str(), 304, ""),
        ("if-none-match", other, 200, "0123456789"),
        ("if-match", other, 412, ""),
        ("if-modified-since", "Sun, 31 Jan 2027 18:00:00 GMT", 304, ""),
    ] {
        let answer = place.send("GET", "a", &[(header, value)], "").await;
        assert_eq!(answer.status.as_u16(), status, "{header}: {value}");
        assert!(status == 412 || answer.body == body, "{header}: {value}");
    }
    let past = place.send("GET", "a", &[("range", "bytes=10-")], "").await;
    assert_eq!((past.status.as_u16(), past.header("content-range")), (416, "bytes */10"));
    for (headers, status) in [
        ([("if-none-match", "*")], 412),
        ([("if-match", other)], 412),
        ([("if-match", etag.as_str())], 204),
        ([("if-none-match", other)], 400),
        ([("content-range", "bytes 0-0/10")], 400),
        ([("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], 422),
        ([("repr-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")], 422),
        ([("repr-digest", "sha-256=x")], 400),
        ([("content-length", "11")], 400),
    ] {
        let answer = place.send("PUT", "a", &headers, "0123456789").await;
        assert_eq!(answer.status.as_u16(), status, "{headers:?}: {answer:?}");
    }
    for name in ["repr-digest", "content-digest"] {
        let checked = [(name, "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:, sha-512=:AAAA:")];
        assert_eq!(place.send("PUT", "a", &checked, "0123456789").await.status.as_u16(), 204, "{name}");
    }
    let answer = place.send("PUT", "new", &[("if-none-match", "*")], "x").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(place.send("DELETE", "a", &[("if-match", other)], "").await.status.as_u16(), 412);
    assert_eq!(place.send("DELETE", "a", &[("if-match", &etag)], "").await.status.as_u16(), 204);
}

#[tokio::test]
async fn who_may() {
    let place = Place::new("read").await;
    place.plant("a", "planted").await;
    let path = place.path("a");
    let rest = place.world.rest_key(&place.storage, "read_write").await;
    let (id, secret) = place.token.split_once('.').unwrap();
    let upper = basic(id, &secret.to_ascii_uppercase());
    for (value, status) in [
        (place.basic.clone(), 200),
        (format!("Bearer {}", place.token), 200),
        (basic(id, "wrong"), 401),
        (upper, 401),
        (basic("PC4QZ0V7M2K9X1B8N6TD", secret), 401),
        (basic("nobody", secret), 401),
        (basic(rest.split_once('.').unwrap().0, rest.split_once('.').unwrap().1), 401),
        (format!("Bearer {rest}"), 401),
        (format!("Bearer {}", place.world.token), 401),
        (format!("Bearer {id}"), 401),
        ("Basic x".to_owned(), 401),
        ("Digest x".to_owned(), 401),
    ] {
        let answer = place.world.ask("GET", &path).header("authorization", &value).send().await;
        assert_eq!(answer.status.as_u16(), status, "{value}: {answer:?}");
        if status == 401 {
            let ways: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(
                ways,
                ["Basic realm=\"Portcullis\", charset=\"UTF-8\"", "Bearer realm=\"Portcullis\""],
                "{value}"
            );
        }
    }
    // Nothing, and what a browser of the panel sends along by itself.
    assert_eq!(place.world.ask("GET", &path).send().await.status, StatusCode::UNAUTHORIZED);
    let cookie = format!("__Host-portcullis={0}; portcullis={0}", place.world.token);
    let answer = place.world.ask("GET", &path).header("cookie", &cookie).send().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    // A key of HTTP opens nothing else.
    let api = format!("/api/v1/storages/{}/file?key=a", place.storage["id"].as_str().unwrap());
    let answer = place.world.ask("GET", &api).bearer(&place.token).send().await;
    assert!(
        answer.status == StatusCode::UNAUTHORIZED || answer.status == StatusCode::FORBIDDEN,
        "{answer:?}"
    );
    // Reading is no more than that.
    for (method, below) in [("PUT", "a"), ("PUT", "b"), ("DELETE", "a"), ("DELETE", "b")] {
        assert_eq!(
            place.send(method, below, &[], "x").await.status,
            StatusCode::FORBIDDEN,
            "{method} {below}"
        );
    }
    assert_eq!(place.keys().await, ["a"]);
    // Other storages are not there.
    let other = place.world.storage("Other").await;
    let other = format!("/files/{}/", other["bucket_name"].as_str().unwrap());
    for path in [&other, "/files/usr-00001-itm-09999-none/", "/files/No_Bucket/a"] {
        let answer = place.world.ask("GET", path).header("authorization", &place.basic).send().await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn whoever_may_only_write_learns_nothing() {
    let place = Place::new("write").await;
    place.plant("there", "planted").await;
    let mut told = Vec::new();
    for name in ["there", "new"] {
        let mut row = Vec::new();
        for (method, headers) in [
            ("PUT", &[][..]),
            ("PUT", &[("if-none-match", "*")]),
            ("PUT", &[("if-match", "*")]),
            ("GET", &[]),
            ("HEAD", &[]),
            ("DELETE", &[]),
        ] {
            let answer = place.send(method, name, headers, "x").await;
            let mut headers = answer.headers.clone();
            headers.remove("x-request-id");
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let body = if answer.body.is_empty() {
                String::new()
            } else {
                let mut problem: Value = serde_json::from_str(&body).unwrap();
                problem["request_id"] = Value::Null;
                problem.to_string()
            };
            row.push((answer.status.as_u16(), headers.get("etag").cloned(), body.len(), body));
        }
        let statuses: Vec<_> = row.iter().map(|(status, ..)| *status).collect();
        assert_eq!(statuses, [201, 403, 403, 403, 403, 403], "{name}");
        told.push(row);
    }
    assert_eq!(told[0], told[1]);
    for folder in ["", "none/", "there/"] {
        assert_eq!(place.send("GET", folder, &[], "").await.status, StatusCode::FORBIDDEN, "{folder}");
    }
}

#[tokio::test]
async fn everything_else_is_not_allowed() {
    let place = Place::new("read_write").await;
    for method in ["TRACE", "PROPFIND", "MKCOL", "COPY", "MOVE", "LOCK", "BREW", "PATCH"] {
        let answer = place.send(method, "a", &[("tus-resumable", "1.0.0")], "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS", "{method}");
    }
    for (method, path) in
        [("PUT", "/files/"), ("DELETE", "/files"), ("PUT", &place.path("")), ("DELETE", &place.path(""))]
    {
        let answer = place.world.ask(method, path).header("authorization", &place.basic).send().await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
    }
    // Nobody is asked who they are for what is known to all; for the rest they are, before anything else is looked at.
    let answer = place.world.ask("OPTIONS", &place.path("a")).send().await;
    assert_eq!((answer.status, answer.header("tus-version")), (StatusCode::NO_CONTENT, "1.0.0"));
    for method in ["TRACE", "PUT", "BREW"] {
        let answer = place.world.ask(method, &place.path("%")).send().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method}");
    }
    // The page of another site changes nothing with what a browser has kept.
    for (method, status) in [("PUT", 403), ("DELETE", 403), ("GET", 404)] {
        let answer = place.send(method, "a", &[("sec-fetch-site", "cross-site")], "x").await;
        assert_eq!(answer.status.as_u16(), status, "{method}");
    }
}

#[tokio::test]
async fn refusals_come_in_the_form_that_is_asked_for() {
    let place = Place::new("read").await;
    for (accept, kind) in [
        ("*/*", "application/problem+json"),
        ("application/json", "application/problem+json"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/html,*/*;q=0.8", "text/plain; charset=utf-8"),
    ] {
        let answer = place.send("GET", "none", &[("accept", accept)], "").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, kind), "{accept}");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains(answer.header("x-request-id")) && !text.contains("none"), "{text}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_nobody() {
    let place = Place::new("read_write").await;
    place.send("PUT", "a", &[], "x").await;
    let path = format!("/api/v1/keys/{}", place.key["id"].as_str().unwrap());
    assert_eq!(place.world.admin("DELETE", &path).send().await.status, StatusCode::OK);
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(place.send(method, "a", &[], "y").await.status, StatusCode::UNAUTHORIZED, "{method}");
    }
    assert_eq!(place.keys().await, ["a"]);
}
