//! The page of a key.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::setups::Setup;
use portcullis_control::{KeyUse, KeyView};
use portcullis_domain::{Scope, Timestamp};

use super::super::channel_key::{DoorsShown, MailForm, MailSection, PublicKeys};
use super::super::connection::{Chip, chip};
use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::key_networks::Whitelist;
use super::super::knocks::OfKey;
use super::super::labels;
use super::super::leak::LeakCard;
use super::super::networks_editor::{Editor, Holder};
use super::super::page::{Chrome, page, toast};
use super::super::rotation::{self, OverlapSection};
use super::super::seen::Seen;
use super::super::setups;
use super::super::words::filters;
use super::at::{AtKey, path};
use super::may_make;
use super::settings::{Choice, Settings, choices, seen};
use crate::app::App;

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
    ssh: Option<PublicKeys>,
    rules: Option<MailSection>,
    setups: Vec<Setup>,
    chip: Chip,
    /// That an old pair still works.
    old: Option<Chip>,
    overlap: Option<OverlapSection>,
    leak: LeakCard,
    knocks: OfKey,
    created: Timestamp,
    last_used: Option<&'a KeyUse>,
    /// Whether other credentials can be had for it.
    renews: bool,
    seen: Seen,
    settings: Settings,
    choices: Vec<Choice>,
    editor: Editor,
    faults: Faults,
}

/// What the page shows otherwise than it is stored: a form that was sent, and why it was not done.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) settings: Option<(Settings, Faults)>,
    pub(super) ssh: Option<(String, Faults)>,
    pub(super) mail: Option<(Option<MailForm>, Faults)>,
    pub(super) editor: Option<(StatusCode, Editor)>,
    pub(super) toast: Option<&'static str>,
}

impl Shown {
    pub(super) fn settings(settings: Settings, faults: Faults) -> Self {
        Self { settings: Some((settings, faults)), ..Self::default() }
    }

    fn status(&self) -> StatusCode {
        match &self.editor {
            Some((status, _)) => *status,
            None if self.settings.is_some() || self.ssh.is_some() || self.mail.is_some() => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            None => StatusCode::OK,
        }
    }
}

/// `GET /api-keys/{id}`
pub(super) async fn show(State(app): State<Arc<App>>, at: AtKey, RawQuery(query): RawQuery) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let stored = Shown { toast: toast(&query), ..Shown::default() };
    let shown = shown(&app, &at, &at.view, stored).await;
    shown.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

/// The editor of the networks of this key.
pub(super) fn whitelist<'a>(app: &'a App, at: &'a AtKey) -> Whitelist<'a> {
    let key = at.view.key.id;
    let (keeper, person) = (&at.at.keeper, &at.at.person);
    Whitelist { app, keeper, person, key, path: path(key), holder: Holder::Key }
}

/// The page of the key.
pub(super) async fn shown(
    app: &App,
    at: &AtKey,
    view: &KeyView,
    shown: Shown,
) -> Result<Response, PanelError> {
    let (key, chrome, own) = (&view.key, &at.at.person.chrome, path(view.key.id));
    let status = shown.status();
    let (settings, faults) = shown.settings.unwrap_or_else(|| (Settings::of(key), Faults::default()));
    let ssh = PublicKeys::of(key, &own).map(|ssh| match shown.ssh {
        Some((draft, faults)) => ssh.after(draft, faults),
        None => ssh,
    });
    let rules = MailSection::of(key, &own).map(|rules| match shown.mail {
        Some((filled, faults)) => rules.after(filled, faults),
        None => rules,
    });
    let editor = match shown.editor {
        Some((_, editor)) => editor,
        None => whitelist(app, at).show().await?,
    };
    let template = KeyPage {
        chrome,
        toast: shown.toast,
        name: key.name.as_str(),
        access_key: key.user_name(),
        whose: &at.whose,
        is_site: key.scope == Scope::Site,
        channel: labels::channel(key.channel),
        doors: DoorsShown::of(app, key, None, None),
        ssh,
        rules,
        setups: if key.channel.takes_chosen() { setups::of_several(app, key, None) } else { Vec::new() },
        chip: chip(view, chrome.now),
        old: rotation::chip(view, chrome.now),
        overlap: OverlapSection::load(app, &at.at.keeper, key.id, &own, chrome.now).await?,
        leak: LeakCard::of(key),
        knocks: OfKey::load(&app.control, &at.at.keeper, key.id, key.credential.as_str()).await?,
        created: key.created,
        last_used: view.last_used.as_ref(),
        renews: may_make(app, &at.at.keeper).await?,
        seen: seen(key),
        choices: choices(key, chrome.admin),
        settings,
        editor,
        faults,
        own,
    };
    Ok(page(status, &template))
}
