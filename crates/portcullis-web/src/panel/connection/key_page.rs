//! The page of one pair of credentials.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::KeyView;
use portcullis_control::setups::Setup;
use portcullis_domain::{Scope, Storage, Timestamp};

use super::super::channel_key::{DoorsShown, MailSection, PublicKeys};
use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::key_networks::Whitelist;
use super::super::knocks::OfKey;
use super::super::leak::LeakCard;
use super::super::networks_editor::{Editor, Holder};
use super::super::page::{Chrome, page, toast};
use super::super::rotation::OverlapSection;
use super::super::seen::Seen;
use super::super::setups;
use super::super::words;
use super::super::words::filters;
use super::at::{AtKey, key_path, path};
use super::forms::{NameForm, Outcome, PermissionForm};
use super::key_row::KeyRow;
use super::subject::seen;
use crate::app::App;
use crate::extract::Keeper;

/// Credentials with the storage they are for.
#[derive(Debug)]
pub(super) struct KeySubject {
    pub(super) storage: Storage,
    pub(super) view: KeyView,
    /// An old pair that still works.
    pub(super) overlap: Option<OverlapSection>,
    /// From where they may be used.
    pub(super) editor: Editor,
    /// Who was refused with them.
    pub(super) knocks: OfKey,
}

/// The form for the end of credentials.
#[derive(Debug)]
pub(super) struct ExpiryForm {
    pub(super) action: String,
    pub(super) seen: Seen,
    /// Whether there is an end.
    pub(super) ends: bool,
    /// The end, in UTC, as `2027-01-31T18:00`.
    pub(super) at: String,
    pub(super) faults: Faults,
}

/// The page of credentials.
#[derive(Template)]
#[template(path = "connection_key.html")]
pub(super) struct KeyPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    home: String,
    storage: &'a Storage,
    key: KeyRow,
    own: String,
    renews: bool,
    doors: Option<DoorsShown>,
    pub(super) ssh: Option<PublicKeys>,
    pub(super) rules: Option<MailSection>,
    setups: Vec<Setup>,
    overlap: Option<&'a OverlapSection>,
    leak: LeakCard,
    knocks: &'a OfKey,
    pub(super) name: NameForm,
    pub(super) rights: PermissionForm,
    pub(super) expiry: ExpiryForm,
    editor: &'a Editor,
}

/// `GET /connections/{id}/keys/{key}`
pub(super) async fn show(State(app): State<Arc<App>>, at: AtKey, RawQuery(query): RawQuery) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    match KeySubject::load(&app, &at).await {
        Ok(subject) => {
            let mut shown = KeyPage::new(&app, &at, &subject);
            shown.toast = toast(&query);
            page(StatusCode::OK, &shown)
        }
        Err(error) => error.show(&at.at.person.chrome),
    }
}

impl KeySubject {
    /// Reads them. Credentials of another connection are not found below this one.
    pub(super) async fn load(app: &App, at: &AtKey) -> Result<Self, PanelError> {
        let (admin, storage, key) = (&at.at.admin, at.at.storage, at.key);
        let view = app.control.key(admin, key).await?;
        if view.key.scope != Scope::Storage(storage) {
            return Err(PanelError::NotFound);
        }
        let keeper = Keeper::Admin(admin.clone());
        let overlap = match view.overlap {
            None => None,
            Some(_) => {
                OverlapSection::load(app, &keeper, key, &key_path(storage, key), app.access.now()).await?
            }
        };
        let knocks = OfKey::load(&app.control, &keeper, key, view.key.credential.as_str()).await?;
        let storage = app.control.storage(admin, storage).await?.storage;
        let editor = whitelist(app, &keeper, at, &storage).show().await?;
        Ok(Self { storage, view, overlap, editor, knocks })
    }
}

/// The editor of the networks of these credentials.
pub(super) fn whitelist<'a>(
    app: &'a App,
    keeper: &'a Keeper,
    at: &'a AtKey,
    storage: &Storage,
) -> Whitelist<'a> {
    let path = key_path(at.at.storage, at.key);
    let holder = Holder::KeyOf(storage.networks.clone());
    Whitelist { app, keeper, person: &at.at.person, key: at.key, path, holder }
}

impl ExpiryForm {
    fn new(action: String, expires: Option<Timestamp>) -> Self {
        Self {
            action,
            seen: seen_end(expires),
            ends: expires.is_some(),
            at: expires.map(|end| minute(&end.to_string())).unwrap_or_default(),
            faults: Faults::default(),
        }
    }

    /// The form with what was filled in, and why that was not done.
    pub(super) fn after(mut self, form: &Fields, outcome: Outcome) -> Self {
        self.faults = outcome.faults("expires_at", || {
            if self.ends {
                words::fill("details.stale.expiry", &[&self.at.replace('T', " ")])
            } else {
                words::text("details.stale.no_expiry").to_owned()
            }
        });
        self.ends = form.get("ends") == "at";
        self.at = form.get("expires_at").chars().take(40).collect();
        self
    }
}

/// What the form for the end shows.
pub(super) fn seen_end(expires: Option<Timestamp>) -> Seen {
    seen(&expires.map_or_else(String::new, |end| end.to_string()))
}

/// `2027-01-31T18:00` of `2027-01-31T18:00:00Z`.
pub(super) fn minute(at: &str) -> String {
    at.chars().take(16).collect()
}

impl<'a> KeyPage<'a> {
    /// The page with everything as it is stored.
    pub(super) fn new(app: &App, at: &'a AtKey, subject: &'a KeySubject) -> Self {
        let KeySubject { storage, view, .. } = subject;
        let key = &view.key;
        let own = key_path(storage.id, key.id);
        let row = KeyRow::new(storage, view, 0, at.at.person.chrome.now);
        Self {
            chrome: &at.at.person.chrome,
            toast: None,
            home: path(storage.id),
            storage,
            renews: row.renews,
            key: row,
            doors: DoorsShown::of(app, key, Some(storage.bucket.as_str()), None),
            ssh: PublicKeys::of(key, &own),
            rules: MailSection::of(key, &own),
            setups: setups::of(app, storage, &view.key, None),
            overlap: subject.overlap.as_ref(),
            leak: LeakCard::of(&subject.view.key),
            knocks: &subject.knocks,
            name: NameForm::new(format!("{own}/name"), &key.name, true),
            rights: PermissionForm::new(format!("{own}/permission"), key.permission, None),
            expiry: ExpiryForm::new(format!("{own}/expiry"), key.expires),
            editor: &subject.editor,
            own,
        }
    }
}
