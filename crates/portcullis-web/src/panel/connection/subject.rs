//! A connection with its credentials, as the page and its forms need it.

use std::fmt::Display;

use portcullis_access::SiteAdmin;
use portcullis_control::networks::{Clients, TrialView};
use portcullis_control::{KeyQuery, KeyStatus, KeyUse, KeyView, PageRequest, RemoteView, StorageView};
use portcullis_domain::{Channel, Health, Permission, StorageId};

use super::super::error::PanelError;
use super::super::seen::Seen;
use super::links::Links;
use super::sharing::PeopleSharing;
use crate::app::App;

/// A connection with its credentials.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) view: StorageView,
    /// The oldest first.
    pub(super) keys: Vec<KeyView>,
    /// Whether there are more than are looked at.
    pub(super) has_more: bool,
    /// What is known of its provider; none for the embedded store.
    pub(super) remote: Option<RemoteView>,
    /// With whom of the site it is shared.
    pub(super) people: PeopleSharing,
    /// The links that lead into it.
    pub(super) links: Links,
    /// Who used any of its credentials.
    pub(super) clients: Clients,
    /// How networks that are tried out on it go.
    pub(super) trial: Option<TrialView>,
}

/// Whether S3 tools can come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// The storage does not answer.
    Unreachable,
    /// S3 access is switched off.
    Off,
    /// The permission is none.
    Forbidden,
    /// No key works.
    NoKey,
    /// They can.
    Open,
}

impl Subject {
    /// Reads it, measured now.
    pub(super) async fn load(app: &App, admin: &SiteAdmin, id: StorageId) -> Result<Self, PanelError> {
        let view = app.control.storage(admin, id).await?;
        let query = KeyQuery { storage: Some(id), ..KeyQuery::default() };
        let page = app.control.keys(admin, query, &PageRequest::first(PageRequest::MAX)).await?;
        let remote = app.control.remote_view(admin, id).await?;
        let people = PeopleSharing::load(app, admin, id).await?;
        let links = Links::load(app, admin, id).await?;
        let clients = app.control.clients_of_storage(admin, id).await?;
        let trial = app.control.trial_of_storage(admin, id).await?;
        let (keys, has_more) = (page.items, page.next.is_some());
        Ok(Self { view, keys, has_more, remote, people, links, clients, trial })
    }

    /// Whether S3 tools can come in.
    pub(super) fn door(&self) -> Door {
        let storage = &self.view.storage;
        if self.view.health == Health::Unreachable {
            Door::Unreachable
        } else if !storage.s3_access {
            Door::Off
        } else if storage.permission == Permission::None {
            Door::Forbidden
        } else if self.view.s3_active {
            Door::Open
        } else {
            Door::NoKey
        }
    }

    /// The S3 keys.
    pub(super) fn s3_keys(&self) -> impl Iterator<Item = &KeyView> {
        self.keys.iter().filter(|view| view.key.channel == Channel::S3)
    }

    /// The S3 key, if there is exactly one.
    pub(super) fn only_s3_key(&self) -> Option<&KeyView> {
        let mut keys = self.s3_keys();
        keys.next().filter(|_| keys.next().is_none() && !self.has_more)
    }

    /// Whether a key works from any address.
    pub(super) fn is_open_to_all(&self) -> bool {
        let any = |view: &KeyView| view.status == KeyStatus::Active && view.key.networks.is_anywhere();
        self.door() == Door::Open && self.view.storage.networks.is_anywhere() && self.s3_keys().any(any)
    }

    /// The last use of any of its credentials.
    pub(super) fn last_use(&self) -> Option<&KeyUse> {
        self.keys.iter().filter_map(|view| view.last_used.as_ref()).max_by_key(|used| used.at)
    }

    /// The credentials that get the same permission as the connection if it changes: all of them, if all have what it has now.
    pub(super) fn followers(&self) -> &[KeyView] {
        let same = self.keys.iter().all(|view| view.key.permission == self.view.storage.permission);
        if same && !self.has_more { &self.keys } else { &[] }
    }

    /// What the form for the permission shows, but for the storage's own: the credentials that could follow.
    pub(super) fn seen_followers(&self) -> Seen {
        let mut seen = Seen::default();
        for view in &self.keys {
            seen.add(&view.key.id);
            seen.add(&view.key.permission);
        }
        seen
    }
}

/// What the form for one setting shows.
pub(super) fn seen(setting: &dyn Display) -> Seen {
    let mut seen = Seen::default();
    seen.add(setting);
    seen
}
