//! A link as it is shown.

use portcullis_control::{LinkStatus, LinkView};
use portcullis_domain::{LinkTarget, Permission, Timestamp};

use super::super::super::{format, words};
use super::super::at::path;
use super::super::key_row::{Chip, reach};

/// One link.
#[derive(Debug)]
pub(in super::super) struct LinkRow {
    pub(in super::super) name: String,
    pub(in super::super) chip: Chip,
    /// What it is for.
    pub(in super::super) kind: &'static str,
    /// What it leads to; empty for the whole storage.
    pub(in super::super) target: String,
    pub(in super::super) has_password: bool,
    pub(in super::super) networks: String,
    pub(in super::super) expires: Option<Timestamp>,
    /// How often it was downloaded, of how many times; none for a drop box.
    pub(in super::super) downloads: Option<String>,
    pub(in super::super) created: Timestamp,
    /// The page that asks whether to end it.
    pub(in super::super) end: String,
}

impl LinkRow {
    pub(in super::super) fn new(view: &LinkView, now: Timestamp) -> Self {
        let link = &view.link;
        let reads = link.permission == Permission::Read;
        let kind = match (&link.target, reads) {
            (LinkTarget::File(_), _) => words::text("link.kind.file"),
            (LinkTarget::Folder(_), true) => words::text("link.kind.folder"),
            (LinkTarget::Folder(_), false) => words::text("link.kind.box"),
        };
        let downloads = match link.max_downloads {
            Some(most) => {
                words::fill("link.downloads.of", &[&link.downloads, &words::thousands(most.into())])
            }
            None => words::count("link.downloads", link.downloads.into()),
        };
        Self {
            name: link.name.to_string(),
            chip: chip(view, now),
            kind,
            target: link.target.as_str().to_owned(),
            has_password: link.has_password,
            networks: reach(&link.networks),
            expires: link.expires,
            downloads: reads.then_some(downloads),
            created: link.created,
            end: format!("{}/links/{}/end", path(link.storage), link.id),
        }
    }
}

fn chip(view: &LinkView, now: Timestamp) -> Chip {
    match (view.status, view.link.expires) {
        (LinkStatus::Active, Some(end)) => {
            Chip { class: "ok", text: words::fill("link.status.ends", &[&format::left(now, end)]) }
        }
        (LinkStatus::Active, None) => {
            Chip { class: "ok", text: words::text("link.status.active").to_owned() }
        }
        (LinkStatus::Expired, _) => Chip { class: "", text: words::text("link.status.expired").to_owned() },
        (LinkStatus::Spent, _) => Chip { class: "", text: words::text("link.status.spent").to_owned() },
        (LinkStatus::Ended, _) => Chip { class: "", text: words::text("link.status.ended").to_owned() },
    }
}
