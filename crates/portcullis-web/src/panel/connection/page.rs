//! The page of a connection.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::setups::Setup;
use portcullis_control::{KeyUse, RemoteView, Step, StorageView};
use portcullis_domain::Health;

use super::super::connections::share;
use super::super::fields::Fields;
use super::super::networks_editor::{Banner, Draft, Editor, Frame, Holder};
use super::super::page::{Chrome, page, toast};
use super::super::seen::Seen;
use super::super::setups;
use super::super::words::filters;
use super::super::{format, labels, words};
use super::at::{At, path};
use super::ending::PauseForm;
use super::forms::{NameForm, PermissionForm};
use super::key_row::{Chip, KeyRow, reach};
use super::quota::QuotaForm;
use super::rights;
use super::subject::{Door, Subject, seen};
use crate::app::App;

/// As many credentials are shown at once.
const KEYS: usize = 50;

/// The page of a connection.
#[derive(Template)]
#[template(path = "connection.html")]
pub(super) struct ConnectionPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    home: String,
    view: &'a StorageView,
    door: Door,
    chip: Chip,
    s3_address: &'a str,
    subject: &'a Subject,
    /// The only S3 key there is.
    only_key: Option<KeyRow>,
    keys: Vec<KeyRow>,
    /// The number of the page of credentials, and of all such pages.
    at: usize,
    of: usize,
    keys_in_all: u64,
    /// A key of an administrator opens it, and none of its own.
    admins_only: bool,
    last_use: Option<&'a KeyUse>,
    setups: Vec<Setup>,
    remote: Option<&'a RemoteView>,
    /// What a test has just found.
    pub(super) probe: Option<Vec<Step>>,
    /// Whether it wrote.
    pub(super) write: bool,
    seen_s3_access: Seen,
    s3_changed: Option<String>,
    pub(super) name: NameForm,
    pub(super) rights: PermissionForm,
    pub(super) quota: QuotaForm,
    pause: PauseForm,
    pub(super) editor: Editor,
}

/// `GET /connections/{id}`
pub(super) async fn show(State(app): State<Arc<App>>, at: At, RawQuery(query): RawQuery) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    match Subject::load(&app, &at.admin, at.storage).await {
        Ok(subject) => {
            let mut shown = ConnectionPage::new(&app, &at, &subject);
            shown.toast = toast(&query);
            shown.turn_to(&subject, query.get("keys").parse().unwrap_or(1));
            page(StatusCode::OK, &shown)
        }
        Err(error) => error.show(&at.person.chrome),
    }
}

/// What the editor needs to know of the page of a connection.
pub(super) fn frame(at: &At, subject: &Subject) -> Frame {
    Frame {
        action: format!("{}/networks", path(at.storage)),
        csrf: at.person.chrome.csrf.clone(),
        now: at.person.chrome.now,
        own: at.person.peer,
        holder: Holder::Connection,
        is_whitelist: false,
        trial: subject.trial.as_ref().map(|trial| Banner::new(trial, at.person.chrome.now)),
    }
}

impl<'a> ConnectionPage<'a> {
    /// The page with everything as it is stored.
    pub(super) fn new(app: &'a App, at: &'a At, subject: &'a Subject) -> Self {
        let storage = &subject.view.storage;
        let home = path(storage.id);
        let now = at.person.chrome.now;
        let only = subject.only_s3_key();
        let followers = Some((subject.followers().len(), subject.seen_followers()));
        let works = |row: &portcullis_control::KeyView| row.status == portcullis_control::KeyStatus::Active;
        let mut shown = Self {
            chrome: &at.person.chrome,
            toast: None,
            view: &subject.view,
            door: subject.door(),
            chip: chip(subject.door()),
            s3_address: &app.s3_address,
            subject,
            only_key: only.map(|view| KeyRow::new(storage, view, 0, now)),
            keys: Vec::new(),
            at: 1,
            of: subject.keys.len().div_ceil(KEYS).max(1),
            keys_in_all: u64::try_from(subject.keys.len()).unwrap_or(u64::MAX),
            admins_only: subject.view.s3_active && !subject.s3_keys().any(works),
            last_use: subject.last_use(),
            setups: only.map(|view| setups::of(app, storage, &view.key, None)).unwrap_or_default(),
            remote: subject.remote.as_ref(),
            probe: None,
            write: false,
            seen_s3_access: seen(&storage.s3_access),
            s3_changed: None,
            name: NameForm::new(format!("{home}/name"), &storage.name, false),
            rights: PermissionForm::new(format!("{home}/permission"), storage.permission, followers),
            quota: QuotaForm::new(storage.quota_bytes),
            pause: PauseForm::new(&home, storage, now),
            editor: Editor::new(
                frame(at, subject),
                Draft::stored(&storage.networks),
                &storage.networks,
                &subject.clients,
            ),
            home,
        };
        shown.turn_to(subject, 1);
        shown
    }

    /// Shows this page of the credentials, or the nearest there is.
    fn turn_to(&mut self, subject: &Subject, number: usize) {
        self.at = number.clamp(1, self.of);
        let from = (self.at - 1) * KEYS;
        let rows = subject.keys.iter().enumerate().skip(from).take(KEYS);
        let now = self.chrome.now;
        self.keys = rows.map(|(at, view)| KeyRow::new(&subject.view.storage, view, at + 1, now)).collect();
    }

    /// Says that S3 access was switched by somebody else.
    pub(super) fn note_s3_changed(&mut self) {
        let now = if self.view.storage.s3_access { "details.stale.s3_on" } else { "details.stale.s3_off" };
        self.s3_changed = Some(words::text(now).to_owned());
    }

    fn permission_icon(&self) -> &'static str {
        rights::icon(self.view.storage.permission)
    }

    fn permission_name(&self) -> &'static str {
        labels::permission(self.view.storage.permission)
    }

    fn provider(&self) -> &'static str {
        labels::provider(self.view.storage.connection.provider)
    }

    fn networks(&self) -> String {
        reach(&self.view.storage.networks)
    }

    /// With whom it is shared, in a word and in figures.
    fn share(&self) -> (&'static str, String) {
        share(self.view.share)
    }

    fn is_degraded(&self) -> bool {
        self.view.health == Health::Degraded
    }

    /// How full it is, if there is a limit: hundredths, and the class of the bar.
    fn filled(&self) -> Option<(u8, &'static str)> {
        let quota = self.view.storage.quota_bytes?;
        let hundredths = format::percent(self.view.usage?.stored_bytes(), quota);
        let class = match hundredths {
            95.. => "bar full",
            80.. => "bar high",
            0.. => "bar",
        };
        Some((hundredths, class))
    }

    /// Whether there are S3 keys at all.
    fn has_s3_keys(&self) -> bool {
        self.only_key.is_some() || self.keys.iter().any(|row| row.is_s3)
    }
}

fn chip(door: Door) -> Chip {
    let (class, text) = match door {
        Door::Unreachable => ("bad", words::text("details.chip.unreachable")),
        Door::Off => ("", words::text("details.chip.off")),
        Door::Forbidden => ("", words::text("details.chip.forbidden")),
        Door::NoKey => ("", words::text("details.chip.no_key")),
        Door::Open => ("ok", words::text("details.chip.open")),
    };
    Chip { class, text: text.to_owned() }
}
