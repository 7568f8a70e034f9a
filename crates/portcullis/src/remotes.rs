//! The drivers of outside buckets, as administration sees them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use portcullis_backend::s3::{
    CheckOptions, CheckStep, HealthState, InvalidRemote, Inventory, Remote, S3Drivers,
};
use portcullis_backend::{BackendError, BackendErrorKind, ProviderCredentials, RemoteCapabilities};
use portcullis_control::{FieldProblem, RemoteState, Remotes, Step};
use portcullis_domain::{Connection, Health, StorageId, Timestamp, Usage};

/// Between two pages of a listing while a bucket is counted: a large one is done in minutes and the provider hardly notices.
const PACE: Duration = Duration::from_millis(100);

/// [`Remotes`] above the drivers of this process.
#[derive(Debug)]
pub(crate) struct Drivers(pub(crate) Arc<S3Drivers>);

fn remote(connection: &Connection, credentials: &ProviderCredentials) -> Result<Remote, FieldProblem> {
    Remote::of(connection, credentials.clone()).map_err(|invalid| {
        let field = match invalid {
            InvalidRemote::Endpoint(_) => "endpoint",
            InvalidRemote::Bucket | InvalidRemote::Prefix => "bucket",
            InvalidRemote::Region => "region",
            InvalidRemote::NeedsPathStyle => "path_style",
        };
        FieldProblem::new(field, invalid.to_string())
    })
}

fn unreadable(problem: FieldProblem) -> BackendError {
    BackendError::with(BackendErrorKind::Unsupported, "connect", problem.message)
}

fn step(step: CheckStep) -> Step {
    let CheckStep { name, ok, detail, advice } = step;
    Step { name: name.as_str(), ok, detail, advice: advice.unwrap_or_default().into() }
}

#[async_trait]
impl Remotes for Drivers {
    fn read(
        &self,
        connection: Connection,
        credentials: &ProviderCredentials,
    ) -> Result<Connection, FieldProblem> {
        let read = remote(&connection, credentials)?;
        let endpoint = format!("{}://{}", read.endpoint.scheme(), read.endpoint.authority());
        Ok(Connection { endpoint: Some(endpoint), ..connection })
    }

    async fn check(
        &self,
        connection: &Connection,
        credentials: &ProviderCredentials,
        write: bool,
    ) -> Vec<Step> {
        match remote(connection, credentials) {
            Ok(remote) => {
                let steps = self.0.connect(remote).check(&CheckOptions { write_probe: write }).await;
                steps.into_iter().map(step).collect()
            }
            Err(problem) => {
                let (detail, advice) = (problem.message, "".into());
                vec![Step { name: "name", ok: false, detail, advice }]
            }
        }
    }

    async fn detect(
        &self,
        connection: &Connection,
        credentials: &ProviderCredentials,
    ) -> Result<RemoteCapabilities, BackendError> {
        let remote = remote(connection, credentials).map_err(unreadable)?;
        self.0.connect(remote).detect().await
    }

    fn state(&self, storage: StorageId) -> Option<RemoteState> {
        let health = self.0.backend(storage)?.health();
        let word = match health.state {
            HealthState::Unknown => return None,
            HealthState::Reachable => Health::Reachable,
            HealthState::Degraded => Health::Degraded,
            HealthState::Unreachable | HealthState::CredentialsRejected | HealthState::BucketGone => {
                Health::Unreachable
            }
        };
        let (state, since, last_error) = (health.state.as_str(), health.since, health.last_error);
        Some(RemoteState { health: word, state, since, last_error })
    }

    fn counted_at(&self, storage: StorageId) -> Option<Timestamp> {
        Some(self.0.backend(storage)?.inventory()?.counted_at)
    }

    fn restore(&self, storage: StorageId, usage: Usage, counted_at: Timestamp) {
        if let Some(backend) = self.0.backend(storage)
            && backend.inventory().is_none()
        {
            backend.set_inventory(Inventory { usage, counted_at });
        }
    }

    async fn count(&self, storage: StorageId) -> Result<Usage, BackendError> {
        let backend = self.0.backend(storage);
        let backend = backend.ok_or_else(|| BackendError::new(BackendErrorKind::NotFound, "count"))?;
        Ok(backend.count(PACE).await?.usage)
    }
}
