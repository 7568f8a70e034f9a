//! Who still knocks: attempts with keys that do not open.

mod list;
mod row;
mod wanted;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use portcullis_control::{Attempts, Control, ControlError};
use portcullis_domain::KeyId;

use crate::app::App;
use crate::extract::Keeper;

pub(super) use row::Row;

pub(super) const HOME: &str = "/knocks";
/// As many stand on the page of a key.
const ON_A_KEY: usize = 5;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route(HOME, get(list::list)).route("/knocks/latest", get(list::latest))
}

/// Who still knocks with one key, for its page.
#[derive(Debug, Default)]
pub(super) struct OfKey {
    pub(super) rows: Vec<Row>,
    /// How many more there are.
    pub(super) more: u64,
    /// The list of them all, for those who may see it.
    pub(super) all: Option<String>,
}

impl OfKey {
    pub(super) async fn load(
        control: &Control,
        keeper: &Keeper,
        key: KeyId,
        credential: &str,
    ) -> Result<Self, ControlError> {
        let found = keeper.attempts(control, key).await?;
        let is_admin = matches!(keeper, Keeper::Admin(_));
        Ok(Self::of(&found, is_admin.then(|| wanted::of_credential(credential))))
    }

    fn of(found: &[Attempts], all: Option<String>) -> Self {
        let more = u64::try_from(found.len().saturating_sub(ON_A_KEY)).unwrap_or(u64::MAX);
        let may_look = all.is_some();
        let rows = found.iter().take(ON_A_KEY).map(|attempts| Row::of(attempts, may_look)).collect();
        Self { rows, more, all: all.filter(|_| !found.is_empty()) }
    }
}
