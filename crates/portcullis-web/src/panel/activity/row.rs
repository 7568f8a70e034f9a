//! One entry of the audit trail, in words.

use portcullis_control::{AuditEvent, TrailNames, explanation};
use portcullis_domain::{KeyId, LinkId, Scope, StorageId, Timestamp, UserId};

use super::super::words;
use super::explained_at;

/// Something with a name, and the page about it if there is one.
pub(super) struct Named {
    pub(super) text: String,
    pub(super) path: Option<String>,
}

/// One entry.
pub(super) struct Row {
    pub(super) at: Timestamp,
    pub(super) who: Named,
    pub(super) action: String,
    /// What it was about: a file, or the name of something.
    pub(super) object: Option<String>,
    /// The key that it was about, if that is not who did it.
    pub(super) key: Option<Named>,
    pub(super) storage: Option<Named>,
    pub(super) peer: String,
    pub(super) tool: String,
    pub(super) request_id: String,
    pub(super) allowed: bool,
    /// Why it was refused.
    pub(super) reason: Option<String>,
    /// The page that explains it.
    pub(super) explained: Option<String>,
}

impl Row {
    pub(super) fn of(event: &AuditEvent, names: &TrailNames) -> Self {
        let actor = event.key.filter(|id| event.actor == format!("key:{id}"));
        let about = event.key.filter(|_| actor.is_none());
        let reason = || explanation(&event.reason).map_or_else(|| event.reason.clone(), str::to_owned);
        Self {
            at: event.at,
            who: who(&event.actor, names),
            action: action(&event.action),
            object: event.object.clone().filter(|object| !object.is_empty()),
            key: about.map(|id| key(id, names)),
            storage: event.storage.map(|id| storage(id, names)),
            peer: event.peer.clone(),
            tool: event.tool.clone(),
            request_id: event.request_id.clone(),
            allowed: event.allowed,
            reason: (!event.allowed).then(reason),
            explained: (!event.allowed && !event.request_id.is_empty())
                .then(|| explained_at(&event.request_id)),
        }
    }
}

/// The words of an action apart: `create_key` is `create key`.
fn action(word: &str) -> String {
    word.replace('_', " ")
}

/// Who acted, or tried to.
pub(super) fn who(actor: &str, names: &TrailNames) -> Named {
    let plain = |text: String| Named { text, path: None };
    match actor.split_once(':') {
        None if actor == "anonymous" => plain(words::text("activity.nobody").to_owned()),
        Some(("key", id)) => id.parse().map_or_else(|_| plain(actor.to_owned()), |id| key(id, names)),
        Some(("user", text)) => {
            let id: Option<UserId> = text.parse().ok();
            let name = id.and_then(|id| names.user(id)).map(|name| name.as_str().to_owned());
            plain(name.unwrap_or_else(|| text.to_owned()))
        }
        Some(("link", text)) => {
            let id: Option<LinkId> = text.parse().ok();
            let name = id.and_then(|id| names.link(id));
            plain(name.map_or_else(|| actor.to_owned(), |name| words::fill("activity.link", &[name])))
        }
        Some(("unknown", id)) => plain(words::fill("activity.unknown", &[&id])),
        Some(_) | None => plain(actor.to_owned()),
    }
}

/// A key by its name, with its page if it has one.
pub(super) fn key(id: KeyId, names: &TrailNames) -> Named {
    let Some(key) = names.key(id) else { return Named { text: id.to_string(), path: None } };
    let text = if key.is_deleted { "activity.key.deleted" } else { "activity.key" };
    let there = !key.is_deleted;
    Named { text: words::fill(text, &[&key.name]), path: there.then(|| key_page(id, key.scope)) }
}

/// The page of a key.
pub(in super::super) fn key_page(id: KeyId, scope: Scope) -> String {
    match scope {
        Scope::Storage(storage) => format!("/connections/{storage}/keys/{id}"),
        Scope::User(_) | Scope::Site => format!("/api-keys/{id}"),
    }
}

/// A connection by its name, with its page if it is still there.
pub(super) fn storage(id: StorageId, names: &TrailNames) -> Named {
    match names.storage(id) {
        Some((name, is_there)) => {
            Named { text: name.to_string(), path: is_there.then(|| format!("/connections/{id}")) }
        }
        None => Named { text: id.to_string(), path: None },
    }
}
