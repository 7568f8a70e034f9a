//! Name, permission and end of a key.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{ControlError, FieldProblem, KeyChange};
use portcullis_domain::{Channel, Key, Permission, Timestamp};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::labels;
use super::super::posted::Posted;
use super::super::seen::Seen;
use super::super::words;
use super::at::{AtKey, load, path};
use super::key::{Shown, shown};
use crate::app::App;

/// The settings as they are filled in.
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) permission: String,
    pub(super) ends: bool,
    /// The end, in UTC, as `2027-01-31T18:00`.
    pub(super) at: String,
}

/// One permission to choose.
pub(super) struct Choice {
    pub(super) value: Permission,
    pub(super) name: &'static str,
    pub(super) detail: &'static str,
}

impl Settings {
    pub(super) fn of(key: &Key) -> Self {
        Self {
            name: key.name.to_string(),
            permission: key.permission.to_string(),
            ends: key.expires.is_some(),
            at: key.expires.map(|end| minute(&end.to_string())).unwrap_or_default(),
        }
    }

    fn given(form: &Fields) -> Self {
        let text = |name: &str, most: usize| form.get(name).chars().take(most).collect::<String>();
        Self {
            name: text("name", 400),
            permission: text("permission", 20),
            ends: form.get("ends") == "at",
            at: text("expires_at", 40),
        }
    }

    /// What to change of the key; what stands in the form as it is stays as it is.
    fn change(&self, key: &Key, faults: &mut Faults) -> KeyChange {
        let before = Self::of(key);
        let end = match (self.ends, before.ends && before.at == self.at) {
            (false, _) => None,
            // The field knows no seconds: an end that was not touched stays exact.
            (true, true) => key.expires.map(|end| end.to_string()),
            (true, false) => {
                let end = format!("{}:00Z", minute(&self.at.trim().replacen(' ', "T", 1)));
                if end.parse::<Timestamp>().is_err() {
                    faults.add("expires_at", words::text("expiry.wrong"));
                }
                Some(end)
            }
        };
        KeyChange {
            name: (self.name != before.name).then(|| self.name.clone()),
            permission: (self.permission != before.permission).then(|| self.permission.clone()),
            expires_at: (end != key.expires.map(|end| end.to_string())).then_some(end),
            ..KeyChange::default()
        }
    }
}

/// `2027-01-31T18:00` of `2027-01-31T18:00:00Z`.
fn minute(at: &str) -> String {
    at.chars().take(16).collect()
}

pub(super) fn seen(key: &Key) -> Seen {
    let mut seen = Seen::default();
    seen.add(&key.name);
    seen.add(&key.permission);
    seen.add(&key.expires.map(|end| end.to_string()).unwrap_or_default());
    seen
}

/// What the key may be allowed. Administration is for admins to give, and not through S3.
pub(super) fn choices(key: &Key, admin: bool) -> Vec<Choice> {
    let choice = |(value, detail)| Choice { value, name: labels::permission(value), detail };
    let full = (Permission::Full, words::text("api_keys.full.detail"));
    let full = (admin && key.channel == Channel::Rest || key.permission == Permission::Full).then_some(full);
    [
        (Permission::Read, words::text("rights.read.detail")),
        (Permission::Write, words::text("rights.write.detail")),
        (Permission::ReadWrite, words::text("rights.read_write.detail")),
    ]
    .into_iter()
    .chain(full)
    .chain([(Permission::None, words::text("api_keys.none.detail"))])
    .map(choice)
    .collect()
}

/// `POST /api-keys/{id}/settings`
pub(super) async fn change(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_change(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_change(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let key = &at.view.key;
    let settings = Settings::given(form);
    let mut faults = Faults::default();
    let change = settings.change(key, &mut faults);
    if !faults.is_empty() {
        return shown(app, at, &at.view, Shown::settings(settings, faults)).await;
    }
    let as_seen = |now: &Key| seen(now).is_in(form, "seen");
    match at.at.keeper.update_if(&app.control, key.id, &change, as_seen).await {
        Ok(Some(changed)) => {
            let done = match (changed.key.permission, key.permission) {
                (Permission::None, before) if before != Permission::None => "done.key_off",
                (now, Permission::None) if now != Permission::None => "done.key_on",
                (_, _) => "done.key_saved",
            };
            at.at.person.chrome.note(changed.receipt);
            Ok(at.at.person.chrome.on_to(&path(key.id), done))
        }
        // Somebody else came first: their settings, and a word that says so.
        Ok(None) => {
            let (view, _) = load(app, &at.at, key.id).await?;
            let stale = FieldProblem::new("name", words::text("api_keys.stale"));
            let own = Settings::of(&view.key);
            shown(app, at, &view, Shown::settings(own, Faults::from(vec![stale]))).await
        }
        Err(ControlError::Invalid(problems)) => {
            shown(app, at, &at.view, Shown::settings(settings, Faults::from(problems))).await
        }
        Err(error) => Err(error.into()),
    }
}
