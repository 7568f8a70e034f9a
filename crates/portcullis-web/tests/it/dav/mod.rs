//! WebDAV at `/dav`, as its clients use it.

mod blind;
mod bounds;
mod clients;
mod door;
mod files;
mod locks;
mod moves;
mod properties;
mod socket;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// A storage with a key of the channel `http`.
pub(crate) struct Share {
    pub(crate) world: World,
    pub(crate) storage: Value,
    /// What the key shows.
    pub(crate) basic: String,
}

/// `Basic` of a new key.
pub(crate) async fn key(world: &World, more: &Value) -> String {
    let mut given = json!({"name": "files", "channel": "http", "permission": "read_write"});
    for (name, value) in more.as_object().unwrap() {
        given[name] = value.clone();
    }
    let made = world.key(&given).await;
    let pair =
        format!("{}:{}", made["key"]["access_key"].as_str().unwrap(), made["secret"].as_str().unwrap());
    format!("Basic {}", STANDARD.encode(pair))
}

impl Share {
    pub(crate) async fn new() -> Self {
        Self::with("read_write").await
    }

    pub(crate) async fn with(permission: &str) -> Self {
        let world = World::new().await;
        let storage = world.storage("Files").await;
        let basic =
            key(&world, &json!({"scope": {"storage": storage["id"]}, "permission": permission})).await;
        Self { world, storage, basic }
    }

    pub(crate) async fn another_key(&self, permission: &str) -> String {
        let scope = json!({"storage": self.storage["id"]});
        key(&self.world, &json!({"scope": scope, "permission": permission})).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.send_as(&self.basic, method, path, headers, body).await
    }

    pub(crate) async fn send_as(
        &self,
        basic: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut ask =
            self.world.ask(method, path).header("authorization", basic).header("host", "gate.example.org");
        for (name, value) in headers {
            ask = if *name == "user-agent" { ask.tool(value) } else { ask.header(name, value) };
        }
        ask.body(body.to_owned()).send().await
    }

    /// Sends it and insists on the status.
    pub(crate) async fn expect(
        &self,
        status: u16,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let answer = self.send(method, path, headers, body).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {answer:?}");
        answer
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        let answer = self.send("PUT", path, &[], body).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer
    }

    /// The bytes of a file; none if it is not there.
    pub(crate) async fn content(&self, path: &str) -> Option<String> {
        let answer = self.send("GET", path, &[], "").await;
        if answer.status == 404 {
            return None;
        }
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        Some(text(&answer))
    }

    /// A new lock; its token.
    pub(crate) async fn lock(&self, path: &str, depth: &str) -> String {
        let answer = self.send("LOCK", path, &[("depth", depth), ("timeout", "Second-600")], EXCLUSIVE).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.header("lock-token").trim_matches(['<', '>']).to_owned()
    }

    /// The addresses in a listing.
    pub(crate) async fn list(&self, path: &str, headers: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![("depth", "1")];
        all.extend(headers);
        hrefs(&self.expect(207, "PROPFIND", path, &all, "").await)
    }
}

pub(crate) const EXCLUSIVE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>\
     <D:locktype><D:write/></D:locktype><D:owner><D:href>somebody</D:href></D:owner></D:lockinfo>";
pub(crate) const SHARED: &str = "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>";

pub(crate) fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// The addresses of a document about several things.
pub(crate) fn hrefs(answer: &Answer) -> Vec<String> {
    let text = text(answer);
    assert!(text.ends_with("</D:multistatus>\n"), "{text}");
    let responses = text.split("<D:response>").skip(1);
    responses.map(|response| between(response, "<D:href>", "</D:href>").unwrap().to_owned()).collect()
}

/// What stands between two texts.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// Text that cannot be packed.
pub(crate) fn noise(length: usize) -> String {
    let step =
        |n: &u64| Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    let numbers = std::iter::successors(Some(1u64), step);
    numbers.take(length).map(|n| char::from(b'a' + u8::try_from(n >> 60).unwrap())).collect()
}
