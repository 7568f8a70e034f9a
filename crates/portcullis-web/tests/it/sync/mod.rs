//! Plans, runs, what is kept, and jobs over REST.

mod events;
mod jobs;
mod kept;
mod plans;
mod runs;

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// Two storages of the admin's site.
pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) storage: String,
    pub(crate) bucket: String,
}

impl Pair {
    /// With these files on each side.
    pub(crate) async fn with(storage: &[(&str, &str)], bucket: &[(&str, &str)]) -> Self {
        let world = World::new().await;
        let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
        let (first, second) = (id(&world.storage("NAS").await), id(&world.storage("Archive").await));
        let pair = Self { world, storage: first, bucket: second };
        for (side, files) in [(&pair.storage, storage), (&pair.bucket, bucket)] {
            for (key, text) in files {
                pair.put(side, key, text).await;
            }
        }
        pair
    }

    fn file(side: &str, key: &str) -> String {
        let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
        format!("/api/v1/storages/{side}/file?key={key}")
    }

    pub(crate) async fn put(&self, side: &str, key: &str, text: &str) {
        let answer = self.world.admin("PUT", &Self::file(side, key)).body(text.to_owned()).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }

    /// What is at a key; none if nothing is.
    pub(crate) async fn get(&self, side: &str, key: &str) -> Option<String> {
        let answer = self.world.admin("GET", &Self::file(side, key)).send().await;
        (answer.status == StatusCode::OK).then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }

    pub(crate) fn terms(&self, mode: &str) -> Value {
        json!({"with": {"storage": self.bucket}, "mode": mode})
    }

    /// Asks for a plan.
    pub(crate) async fn ask_plan(&self, given: &Value) -> Answer {
        let path = format!("/api/v1/storages/{}/sync-plans", self.storage);
        self.world.admin("POST", &path).json(given).send().await
    }

    /// A plan that is made.
    pub(crate) async fn plan(&self, given: &Value) -> Value {
        let answer = self.ask_plan(given).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        self.made(&answer.json()).await
    }

    /// The same plan when it is made.
    pub(crate) async fn made(&self, plan: &Value) -> Value {
        self.world.round().await;
        let plan = self.world.get(&at("sync-plans", plan)).await;
        assert_eq!(plan["state"], "ready", "{plan}");
        plan
    }

    /// Runs a plan; the run.
    pub(crate) async fn begin(&self, plan: &Value, given: &Value) -> Value {
        let answer = self.post(&format!("{}/run", at("sync-plans", plan)), given).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        answer.json()
    }

    /// Runs a plan to its end; the run.
    pub(crate) async fn run(&self, plan: &Value) -> Value {
        let run = self.begin(plan, &json!({})).await;
        self.world.round().await;
        self.world.get(&at("sync-runs", &run)).await
    }

    pub(crate) async fn post(&self, path: &str, given: &Value) -> Answer {
        self.world.admin("POST", path).json(given).send().await
    }
}

/// The address of a record.
pub(crate) fn at(noun: &str, record: &Value) -> String {
    format!("/api/v1/{noun}/{}", record["id"].as_str().unwrap())
}

/// These fields of the items of a list.
pub(crate) fn column(list: &Value, field: &str) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}
