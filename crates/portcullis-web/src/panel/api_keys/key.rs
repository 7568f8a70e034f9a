//! The page of a key, and its settings.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::networks::TrialChange;
use portcullis_control::setups::Setup;
use portcullis_control::{ControlError, FieldProblem, KeyChange, KeyUse, KeyView, networks};
use portcullis_domain::{Channel, Key, Permission, Scope, Timestamp};

use super::super::channel_key::{Changed, DoorsShown, PublicKeys, change_public_keys, has_folders};
use super::super::connection::{Chip, chip};
use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::knocks::OfKey;
use super::super::labels;
use super::super::leak::LeakCard;
use super::super::networks_editor::{Banner, CutOff};
use super::super::page::{Chrome, on_to, page, toast};
use super::super::posted::Posted;
use super::super::rotation::{self, OverlapSection};
use super::super::seen::Seen;
use super::super::setups;
use super::super::words::{self, filters};
use super::at::{AtKey, load, path};
use super::{may_make, trial};
use crate::app::App;

/// The longest list of networks that the form takes.
const MAX_LIST: usize = 64 * 1024;

/// The settings as they are filled in.
struct Settings {
    name: String,
    permission: String,
    networks: String,
    ends: bool,
    /// The end, in UTC, as `2027-01-31T18:00`.
    at: String,
    /// Whom the networks would cut off.
    cut_off: Vec<CutOff>,
}

/// One permission to choose.
struct Choice {
    value: Permission,
    name: &'static str,
    detail: &'static str,
}

#[derive(Template)]
#[template(path = "api_key.html")]
struct KeyPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    own: String,
    name: &'a str,
    access_key: &'a str,
    whose: &'a str,
    is_site: bool,
    /// The name of its channel.
    channel: &'static str,
    doors: Option<DoorsShown>,
    pub(super) ssh: Option<PublicKeys>,
    setups: Vec<Setup>,
    chip: Chip,
    /// That an old pair still works.
    old: Option<Chip>,
    overlap: Option<OverlapSection>,
    leak: LeakCard,
    knocks: OfKey,
    /// Networks that are tried out on it.
    trial: Option<Banner>,
    created: Timestamp,
    last_used: Option<&'a KeyUse>,
    /// Whether other credentials can be had for it.
    renews: bool,
    seen: Seen,
    settings: Settings,
    choices: Vec<Choice>,
    faults: Faults,
}

/// `GET /api-keys/{id}`
pub(super) async fn show(State(app): State<Arc<App>>, at: AtKey, RawQuery(query): RawQuery) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let settings = Settings::of(&at.view.key);
    let shown = shown(&app, &at, &at.view, settings, Faults::default(), toast(&query)).await;
    shown.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn shown(
    app: &App,
    at: &AtKey,
    view: &KeyView,
    settings: Settings,
    faults: Faults,
    toast: Option<&'static str>,
) -> Result<Response, PanelError> {
    let ssh = PublicKeys::of(&view.key, &path(view.key.id));
    shown_with(app, at, view, (settings, faults), ssh, toast).await
}

async fn shown_with(
    app: &App,
    at: &AtKey,
    view: &KeyView,
    (settings, faults): (Settings, Faults),
    ssh: Option<PublicKeys>,
    toast: Option<&'static str>,
) -> Result<Response, PanelError> {
    let (key, chrome) = (&view.key, &at.at.person.chrome);
    let ssh_is_fine = ssh.as_ref().is_none_or(|ssh| ssh.faults.is_empty());
    let is_fine = faults.is_empty() && settings.cut_off.is_empty() && ssh_is_fine;
    let status = if is_fine { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let template = KeyPage {
        chrome,
        toast,
        own: path(key.id),
        name: key.name.as_str(),
        access_key: key.user_name(),
        whose: &at.whose,
        is_site: key.scope == Scope::Site,
        channel: labels::channel(key.channel),
        doors: DoorsShown::of(app, key, None, None),
        ssh,
        setups: if has_folders(key.channel) { setups::of_several(app, key, None) } else { Vec::new() },
        chip: chip(view, chrome.now),
        old: rotation::chip(view, chrome.now),
        overlap: OverlapSection::load(app, &at.at.keeper, key.id, &path(key.id), chrome.now).await?,
        leak: LeakCard::of(key),
        knocks: OfKey::load(&app.control, &at.at.keeper, key.id, key.credential.as_str()).await?,
        trial: trial::banner(app, at, key.id).await?,
        created: key.created,
        last_used: view.last_used.as_ref(),
        renews: may_make(app, &at.at.keeper).await?,
        seen: seen(key),
        choices: choices(key, chrome.admin),
        settings,
        faults,
    };
    Ok(page(status, &template))
}

impl Settings {
    fn of(key: &Key) -> Self {
        Self {
            name: key.name.to_string(),
            permission: key.permission.to_string(),
            networks: networks::to_text(&key.networks),
            ends: key.expires.is_some(),
            at: key.expires.map(|end| minute(&end.to_string())).unwrap_or_default(),
            cut_off: Vec::new(),
        }
    }

    fn given(form: &Fields) -> Self {
        let text = |name: &str, most: usize| form.get(name).chars().take(most).collect::<String>();
        Self {
            name: text("name", 400),
            permission: text("permission", 20),
            networks: text("networks", MAX_LIST),
            ends: form.get("ends") == "at",
            at: text("expires_at", 40),
            cut_off: Vec::new(),
        }
    }

    /// What to change of the key; what stands in the form as it is stays as it is.
    fn change(&self, key: &Key, faults: &mut Faults) -> KeyChange {
        let before = Self::of(key);
        let reading = networks::read(&self.networks);
        if let Some(problem) = &reading.problem {
            faults.add("networks", problem.clone());
        }
        for entry in &reading.entries {
            if let networks::Outcome::Refused(refusal) = &entry.outcome {
                faults.add("networks", refusal.to_string());
            }
        }
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
            networks: (self.networks.trim() != before.networks.trim()).then(|| reading.drafts()),
            expires_at: (end != key.expires.map(|end| end.to_string())).then_some(end),
            ..KeyChange::default()
        }
    }
}

/// `2027-01-31T18:00` of `2027-01-31T18:00:00Z`.
fn minute(at: &str) -> String {
    at.chars().take(16).collect()
}

fn seen(key: &Key) -> Seen {
    let mut seen = Seen::of(&key.networks);
    seen.add(&key.name);
    seen.add(&key.permission);
    seen.add(&key.expires.map(|end| end.to_string()).unwrap_or_default());
    seen
}

/// What the key may be allowed. Administration is for admins to give, and not through S3.
fn choices(key: &Key, admin: bool) -> Vec<Choice> {
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

/// `POST /api-keys/{id}/overlap/stop`
pub(super) async fn stop_old(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    back(&at, rotation::stop(&app, &at.at.keeper, at.view.key.id, &form).await)
}

/// `POST /api-keys/{id}/overlap/extend`
pub(super) async fn extend_old(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    back(&at, rotation::extend(&app, &at.at.keeper, at.view.key.id, &form).await)
}

fn back(at: &AtKey, done: Result<&'static str, PanelError>) -> Response {
    match done {
        Ok(done) => on_to(&path(at.view.key.id), done),
        Err(error) => error.show(&at.at.person.chrome),
    }
}

/// `POST /api-keys/{id}/public-keys`
pub(super) async fn public_keys(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_public_keys(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_public_keys(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let key = &at.view.key;
    match change_public_keys(app, &at.at.keeper, &at.at.person.chrome, key, form).await? {
        Changed::Done(done) => Ok(at.at.person.chrome.on_to(&path(key.id), done)),
        Changed::Again(draft, faults) => {
            let (view, _) = load(app, &at.at, key.id).await?;
            let ssh = PublicKeys::of(&view.key, &path(key.id)).map(|ssh| ssh.after(draft, faults));
            let settings = (Settings::of(&view.key), Faults::default());
            shown_with(app, at, &view, settings, ssh, None).await
        }
    }
}

/// `POST /api-keys/{id}/settings`
pub(super) async fn change(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_change(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_change(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let key = &at.view.key;
    let mut settings = Settings::given(form);
    let mut faults = Faults::default();
    let mut change = settings.change(key, &mut faults);
    if form.get("op") == "try" {
        change.trial = change.networks.take().map(TrialChange::Begin);
        if change.trial.is_none() {
            faults.add("networks", words::text("networks.try.same"));
        }
    }
    if !faults.is_empty() {
        return shown(app, at, &at.view, settings, faults, None).await;
    }
    settings.cut_off = trial::cut_off_unseen(app, at, change.networks.as_deref(), form).await?;
    if !settings.cut_off.is_empty() {
        return shown(app, at, &at.view, settings, faults, None).await;
    }
    let as_seen = |now: &Key| seen(now).is_in(form, "seen");
    match at.at.keeper.update_if(&app.control, key.id, &change, as_seen).await {
        Ok(Some(view)) => {
            let done = match (view.key.permission, key.permission) {
                (_, _) if change.trial.is_some() => "done.trial",
                (Permission::None, before) if before != Permission::None => "done.key_off",
                (_, Permission::None) if view.key.permission != Permission::None => "done.key_on",
                (_, _) => "done.key_saved",
            };
            Ok(on_to(&path(key.id), done))
        }
        // Somebody else came first: their settings, and a word that says so.
        Ok(None) => {
            let (view, _) = load(app, &at.at, key.id).await?;
            let stale = FieldProblem::new("name", words::text("api_keys.stale"));
            shown(app, at, &view, Settings::of(&view.key), Faults::from(vec![stale]), None).await
        }
        Err(ControlError::Invalid(problems)) => {
            shown(app, at, &at.view, settings, Faults::from(problems), None).await
        }
        Err(error) => Err(error.into()),
    }
}
