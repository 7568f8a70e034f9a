//! Switching a connection off for a while.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::LONGEST_PAUSE_MINUTES;
use portcullis_domain::{Storage, Timestamp};

use super::super::super::error::PanelError;
use super::super::super::fields::Fields;
use super::super::super::page::on_to;
use super::super::super::posted::Posted;
use super::super::super::{format, words};
use super::super::at::{At, path};
use crate::app::App;

/// The times to choose from, in minutes.
const MINUTES: [u32; 6] = [5, 15, 30, 60, 240, LONGEST_PAUSE_MINUTES];

/// The form for a pause, or for its end.
#[derive(Debug)]
pub(in super::super) struct PauseForm {
    pub(in super::super) home: String,
    /// When it is back, if it is paused.
    pub(in super::super) until: Option<Timestamp>,
    /// How long that is.
    pub(in super::super) left: String,
    /// The times to choose from, with what they are called.
    pub(in super::super) choices: Vec<(u32, String)>,
}

impl PauseForm {
    pub(in super::super) fn new(home: &str, storage: &Storage, now: Timestamp) -> Self {
        let until = storage.paused_until.filter(|end| *end > now);
        let choice = |minutes: &u32| match minutes {
            0..60 => (*minutes, words::count("time.minutes", u64::from(*minutes))),
            _ => (*minutes, words::count("time.hours", u64::from(minutes / 60))),
        };
        Self {
            home: home.to_owned(),
            left: until.map(|end| format::left(now, end)).unwrap_or_default(),
            until,
            choices: MINUTES.iter().map(choice).collect(),
        }
    }
}

/// Where somebody came from: the page of the connection, or the one that deletes it.
fn back(at: &At, form: &Fields) -> String {
    let home = path(at.storage);
    if form.get("from") == "delete" { format!("{home}/delete") } else { home }
}

/// `POST /connections/{id}/pause`
pub(super) async fn pause(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    let outcome = async {
        let minutes = form.get("minutes").parse().map_err(|_| PanelError::Malformed)?;
        let done = app.control.pause_storage(&at.admin, at.storage, minutes).await?;
        at.person.chrome.note(done.receipt);
        Ok::<_, PanelError>(at.person.chrome.on_to(&back(&at, &form), "done.paused"))
    };
    outcome.await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

/// `POST /connections/{id}/resume`
pub(super) async fn resume(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    match app.control.resume_storage(&at.admin, at.storage).await {
        Ok(_) => on_to(&back(&at, &form), "done.resumed"),
        Err(error) => PanelError::from(error).show(&at.person.chrome),
    }
}
