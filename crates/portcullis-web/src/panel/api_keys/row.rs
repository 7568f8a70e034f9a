//! Keys as the list shows them.

use std::collections::HashMap;

use portcullis_control::{KeyStatus, KeyView};
use portcullis_domain::{Channel, Scope, Timestamp};

use super::super::connection::{Chip, chip, key_path};
use super::super::error::PanelError;
use super::super::labels;
use super::super::words;
use super::at::{At, path};
use super::{HOME, whose};
use crate::app::App;

/// One key, in words.
pub(super) struct Row {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) access_key: String,
    pub(super) is_site: bool,
    pub(super) channel: &'static str,
    pub(super) whose: String,
    pub(super) permission: &'static str,
    pub(super) created: Timestamp,
    pub(super) last_used: Option<Timestamp>,
    pub(super) expires: Option<Timestamp>,
    pub(super) chip: Chip,
}

/// A channel with its keys.
pub(super) struct Group {
    pub(super) name: &'static str,
    /// Whether one of the keys opens it; none if that cannot be told from those that are shown.
    pub(super) state: Option<Chip>,
    /// That its doors are off on this server.
    pub(super) off: bool,
    pub(super) rows: Vec<Row>,
    /// Where the rest of them are.
    pub(super) more: Option<String>,
    /// Where one is made, for whoever may.
    pub(super) new: Option<String>,
}

impl Group {
    /// `views` are what `rows` say in words; `more` is whether there are further ones.
    pub(super) fn new(
        app: &App,
        channel: Channel,
        views: &[KeyView],
        rows: Vec<Row>,
        more: bool,
        may_make: bool,
    ) -> Self {
        let active = views.iter().any(|view| view.status == KeyStatus::Active);
        let off = match channel {
            Channel::Ftp => app.doors.are_off(),
            Channel::Email => app.doors.smtp.is_none() && app.doors.smtps.is_none(),
            Channel::S3 | Channel::Rest | Channel::Http | Channel::WebService => false,
        };
        let chip = |class, text| Chip { class, text: words::text(text).to_owned() };
        // One for S3 is made together with one for the REST API; those of a storage on the page of its connection.
        let form = if channel == Channel::S3 { "s3=on".to_owned() } else { format!("channel={channel}") };
        Self {
            name: labels::channel(channel),
            state: match (active, more) {
                (true, _) => Some(chip("ok", "channels.active")),
                (false, false) => Some(chip("", "channels.inactive")),
                (false, true) => None,
            },
            off,
            rows,
            more: more.then(|| format!("{HOME}?channel={channel}")),
            new: may_make.then(|| format!("{HOME}/new?{form}")),
        }
    }
}

/// What makes rows of keys. Names are looked up once.
pub(super) struct Rows<'a> {
    app: &'a App,
    at: &'a At,
    names: HashMap<Scope, String>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(app: &'a App, at: &'a At) -> Self {
        Self { app, at, names: HashMap::new() }
    }

    pub(super) async fn all(&mut self, views: &[KeyView]) -> Result<Vec<Row>, PanelError> {
        let mut rows = Vec::new();
        for view in views {
            rows.push(self.row(view).await?);
        }
        Ok(rows)
    }

    async fn row(&mut self, view: &KeyView) -> Result<Row, PanelError> {
        let key = &view.key;
        let chrome = &self.at.person.chrome;
        let named = match self.names.get(&key.scope) {
            Some(name) => name.clone(),
            None => {
                let name = whose(self.app, &self.at.keeper, &chrome.user, key.scope).await?;
                self.names.insert(key.scope, name.clone());
                name
            }
        };
        Ok(Row {
            path: match key.scope {
                Scope::Storage(storage) => key_path(storage, key.id),
                Scope::User(_) | Scope::Site => path(key.id),
            },
            name: key.name.to_string(),
            access_key: key.user_name().to_owned(),
            is_site: key.scope == Scope::Site,
            channel: labels::channel(key.channel),
            whose: named,
            permission: labels::permission(key.permission),
            created: key.created,
            last_used: view.last_used.as_ref().map(|used| used.at),
            expires: key.expires,
            chip: chip(view, chrome.now),
        })
    }
}
