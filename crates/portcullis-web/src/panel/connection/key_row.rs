//! Credentials as they are shown.

use std::time::Duration;

use portcullis_control::{KeyStatus, KeyUse, KeyView, networks};
use portcullis_domain::{Channel, Networks, Overwrite, Permission, Storage, Timestamp};

use super::super::{format, labels, rotation, words};
use super::at;

/// What ends sooner is pointed out.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// As many entries of a list are named; the others are counted.
const NAMED: usize = 3;

/// How something is, in a word, with the class of its chip.
#[derive(Debug)]
pub(in super::super) struct Chip {
    pub(in super::super) class: &'static str,
    pub(in super::super) text: String,
}

/// One pair of credentials.
#[derive(Debug)]
pub(super) struct KeyRow {
    /// The id of its element in the page, and the start of those within.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) path: String,
    pub(super) is_s3: bool,
    /// The name of its channel.
    pub(super) channel: &'static str,
    /// Whether other credentials can be had for it here.
    pub(super) renews: bool,
    pub(super) access_key: String,
    pub(super) chip: Chip,
    /// That an old pair still works.
    pub(super) overlap: Option<Chip>,
    pub(super) permission: Permission,
    /// What the connection takes away from the permission.
    pub(super) bounded: Option<String>,
    pub(super) networks: String,
    pub(super) prefix: String,
    /// What its uploads do to files that exist, if it may only write.
    pub(super) overwrite: Option<&'static str>,
    pub(super) created: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) last_used: Option<KeyUse>,
}

impl KeyRow {
    pub(super) fn new(storage: &Storage, view: &KeyView, number: usize, now: Timestamp) -> Self {
        let key = &view.key;
        Self {
            id: format!("key-{number}"),
            name: key.name.to_string(),
            path: at::key_path(storage.id, key.id),
            is_s3: key.channel == Channel::S3,
            channel: labels::channel(key.channel),
            renews: key.channel == Channel::S3 || key.channel.takes_chosen(),
            access_key: key.user_name().to_owned(),
            chip: chip(view, now),
            overlap: rotation::chip(view, now),
            permission: key.permission,
            bounded: bounded(storage, key.permission),
            networks: named(&key.networks),
            prefix: key.prefix.as_str().to_owned(),
            overwrite: (key.permission == Permission::Write).then(|| overwrite(key.effective_overwrite())),
            created: key.created,
            expires: key.expires,
            last_used: view.last_used.clone(),
        }
    }

    /// The name of its permission.
    pub(super) fn permission_name(&self) -> &'static str {
        labels::permission(self.permission)
    }
}

pub(in super::super) fn chip(view: &KeyView, now: Timestamp) -> Chip {
    if view.key.leaked.is_some() {
        let off = view.status == KeyStatus::Disabled;
        let text = words::text(if off { "leaked.chip.off" } else { "leaked.chip" });
        return Chip { class: "bad", text: text.to_owned() };
    }
    let soon = view.key.expires.filter(|end| *end < now.after(SOON));
    match (view.status, soon) {
        (KeyStatus::Disabled, _) => Chip { class: "", text: words::text("key.status.off").to_owned() },
        (KeyStatus::Expired, _) => Chip { class: "bad", text: words::text("key.status.expired").to_owned() },
        (KeyStatus::Active, Some(end)) => {
            Chip { class: "warn", text: words::fill("key.status.expires", &[&format::left(now, end)]) }
        }
        (KeyStatus::Active, None) => Chip { class: "ok", text: words::text("key.status.active").to_owned() },
    }
}

fn bounded(storage: &Storage, permission: Permission) -> Option<String> {
    let left = storage.permission.common(permission);
    (left != permission).then(|| {
        let text = if left == Permission::None { "key.bounded.nothing" } else { "key.bounded" };
        words::fill(text, &[&labels::permission(storage.permission)])
    })
}

/// The entries of a key's own list; of a long one the first.
fn named(list: &Networks) -> String {
    if list.is_anywhere() {
        return words::text("networks.any.key").to_owned();
    }
    let first: Vec<String> =
        list.entries().iter().take(NAMED).map(|entry| entry.network.to_string()).collect();
    let more = list.entries().len().saturating_sub(NAMED);
    if more == 0 {
        return first.join(", ");
    }
    let more = words::count("key.networks.more", u64::try_from(more).unwrap_or(u64::MAX));
    format!("{} {more}", first.join(", "))
}

/// The networks of a connection in a few words.
pub(super) fn reach(list: &Networks) -> String {
    if list.is_anywhere() {
        words::text("networks.any").to_owned()
    } else {
        networks::reach(list).to_string()
    }
}

fn overwrite(rule: Overwrite) -> &'static str {
    match rule {
        Overwrite::CreateOnly => words::text("key.overwrite.create_only"),
        Overwrite::KeepPrevious | Overwrite::Replace => words::text("key.overwrite.keep"),
    }
}
