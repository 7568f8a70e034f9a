//! Who would notice, in words.

use portcullis_control::{AffectedClient, AffectedKey, Impact, KeyStatus};
use portcullis_domain::{Scope, Timestamp};

use super::super::super::seen::Seen;
use super::super::super::{format, labels, words};
use super::super::Chip;

/// As many keys are on the page.
pub(super) const SHOWN: usize = 50;

/// A key that would notice.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) access_key: String,
    /// Whose it is.
    pub(super) owner: String,
    pub(super) channel: &'static str,
    /// What becomes of it.
    pub(super) fate: Chip,
    /// How it is, if it does not work anyway.
    pub(super) status: Option<&'static str>,
    pub(super) last: Option<Timestamp>,
    /// How much it was used; empty if it was not.
    pub(super) amount: String,
    pub(super) clients: Vec<AffectedClient>,
    pub(super) more_clients: u64,
}

impl Row {
    pub(super) fn new(affected: &AffectedKey) -> Self {
        let key = &affected.key;
        let owner = match (&affected.owner, key.scope) {
            (Some(name), _) => words::fill("ending.key.of", &[name]),
            (None, Scope::Site) => words::text("ending.key.of_site").to_owned(),
            (None, Scope::Storage(_) | Scope::User(_)) => words::text("ending.key.of_storage").to_owned(),
        };
        let (class, text) = if affected.own {
            ("bad", words::text("ending.key.ends"))
        } else {
            ("warn", words::text("ending.key.loses"))
        };
        let requests = words::count("ending.requests", affected.requests);
        let amount = words::fill("ending.amount", &[&requests, &format::size(affected.bytes)]);
        Self {
            name: key.name.to_string(),
            access_key: key.credential.to_string(),
            owner,
            channel: labels::channel(key.channel),
            fate: Chip { class, text: text.to_owned() },
            status: match affected.status {
                KeyStatus::Active => None,
                KeyStatus::Expired => Some(words::text("key.status.expired")),
                KeyStatus::Disabled => Some(words::text("key.status.off")),
            },
            last: affected.last,
            amount: if affected.clients.is_empty() { String::new() } else { amount },
            clients: affected.clients.clone(),
            more_clients: u64::try_from(affected.more_clients).unwrap_or(u64::MAX),
        }
    }
}

/// What somebody decides on who deletes a connection: everything that ends or loses something, not how much it was used.
pub(super) fn seen(impact: &Impact) -> Seen {
    let mut seen = Seen::default();
    seen.add(&impact.storage.name);
    let mut keys: Vec<_> = impact.keys.iter().chain(&impact.unused).map(|affected| affected.key.id).collect();
    keys.sort_unstable();
    for key in &keys {
        seen.add(key);
    }
    for link in &impact.links {
        seen.add(&link.name);
    }
    for job in &impact.sync_jobs {
        seen.add(&job.id);
    }
    for row in &impact.grants {
        seen.add(&row.grant.id);
    }
    seen
}
