//! The public side of links, as tools see it.

mod drop_box;
mod limits;
mod locked;
mod reading;

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
