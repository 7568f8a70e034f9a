//! A provider that answers as a test says.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use portcullis_access::{BackendError, ProviderCredentials, RemoteCapabilities};
use portcullis_control::{FieldProblem, RemoteState, Remotes, Step};
use portcullis_domain::{Connection, StorageId, Timestamp, Usage};

use super::visit::{Page, Visit};
use crate::world::World;

pub(super) const SECRET: &str = "hush-hush/of+the=provider";

/// What was asked of it, and what it answers.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// Endpoint and bucket, access key, secret, whether the probe writes; of each test.
    pub(super) tested: Mutex<Vec<(String, String, String, bool)>>,
    pub(super) steps: Mutex<Vec<Step>>,
    pub(super) detected: Mutex<usize>,
    pub(super) state: Mutex<Option<RemoteState>>,
    pub(super) counted: Mutex<Option<Timestamp>>,
}

pub(super) fn step(name: &'static str, ok: bool, detail: &str, advice: &'static str) -> Step {
    Step { name, ok, detail: detail.to_owned(), advice: advice.into() }
}

impl Outside {
    pub(super) fn answers(&self, steps: Vec<Step>) {
        *self.steps.lock().unwrap() = steps;
    }

    pub(super) fn tests(&self) -> usize {
        self.tested.lock().unwrap().len()
    }
}

#[async_trait]
impl Remotes for Outside {
    fn read(&self, connection: Connection, _: &ProviderCredentials) -> Result<Connection, FieldProblem> {
        let endpoint = connection.endpoint.clone().unwrap_or_default();
        if !endpoint.starts_with("http") {
            return Err(FieldProblem::new("endpoint", "begins with https://"));
        }
        let endpoint = Some(endpoint.trim_end_matches('/').to_owned());
        Ok(Connection { endpoint, ..connection })
    }

    async fn check(&self, connection: &Connection, with: &ProviderCredentials, write: bool) -> Vec<Step> {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let at = format!("{}/{}", part(&connection.endpoint), part(&connection.bucket));
        let secret = with.secret_access_key.reveal().to_owned();
        self.tested.lock().unwrap().push((at, with.access_key_id.clone(), secret, write));
        self.steps.lock().unwrap().clone()
    }

    async fn detect(
        &self,
        _: &Connection,
        _: &ProviderCredentials,
    ) -> Result<RemoteCapabilities, BackendError> {
        *self.detected.lock().unwrap() += 1;
        Ok(RemoteCapabilities::default())
    }

    fn state(&self, _: StorageId) -> Option<RemoteState> {
        self.state.lock().unwrap().clone()
    }

    fn counted_at(&self, _: StorageId) -> Option<Timestamp> {
        *self.counted.lock().unwrap()
    }

    fn restore(&self, _: StorageId, _: Usage, _: Timestamp) {}

    async fn count(&self, _: StorageId) -> Result<Usage, BackendError> {
        Ok(Usage::default())
    }
}

/// A world with a provider outside that takes everything.
pub(super) async fn world() -> (World, Arc<Outside>) {
    let outside = Arc::new(Outside::default());
    outside
        .answers(vec![step("name", true, "found", ""), step("list", true, "can be listed; it is empty", "")]);
    (World::with_remotes(Arc::<Outside>::clone(&outside)).await, outside)
}

/// What somebody fills in for a bucket there.
pub(super) const FIELDS: [(&str, &str); 5] = [
    ("endpoint", "https://minio.example.net:9000/"),
    ("region", "eu-1"),
    ("bucket", "media/raw"),
    ("access_key_id", "AKPROVIDER"),
    ("secret_access_key", SECRET),
];

/// The provider's page for a new connection.
pub(super) async fn asked(visit: &mut Visit<'_>, name: &str, provider: &str) -> Page {
    let page = visit.get("/connections/new").await;
    visit.submit(&page, "#wizard", &[("name", name), ("provider", provider), ("next", "access")]).await
}

/// Where the filled in page of the provider leads.
pub(super) async fn filled(visit: &mut Visit<'_>, name: &str, op: &str) -> Page {
    let page = asked(visit, name, "s3").await;
    visit.submit(&page, "#wizard", &[FIELDS.as_slice(), &[("op", op)]].concat()).await
}

/// A connection that was made; its page.
pub(super) async fn connected(visit: &mut Visit<'_>, name: &str) -> Page {
    let page = filled(visit, name, "next").await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
    let page = visit.submit(&page, "#wizard", &[("next", "review")]).await;
    let page = visit.submit(&page, "#wizard", &[]).await;
    assert!(page.path.ends_with("?done=created"), "{page:?}");
    page
}

/// Whether a text was in any answer so far, heads and redirects included.
pub(super) fn was_told(world: &World, text: &str) -> bool {
    let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    world.told.lock().unwrap().iter().any(|answer| answer.contains(text) || answer.contains(&encoded))
}
