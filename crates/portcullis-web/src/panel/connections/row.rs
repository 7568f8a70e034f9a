//! One row of the list, in words.

use portcullis_control::{ConnectionRow, S3Connection, S3Status, ShareStatus};
use portcullis_domain::{Health, Permission, Provider, Storage, Timestamp};

use super::super::{format, labels, words};

/// Figures older than this, in seconds, say how old they are, if the bytes are with somebody else.
const STALE_SECONDS: u64 = 60 * 60;

pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    /// The part of the bucket name that all look alike in, and the part that a person chose.
    pub(super) bucket: (String, String),
    /// What is drawn beside the name.
    pub(super) tile: &'static str,
    pub(super) provider: &'static str,
    pub(super) health: &'static str,
    /// Whether the health wants attention.
    pub(super) ill: bool,
    pub(super) region: String,
    pub(super) space: Option<Space>,
    pub(super) share: &'static str,
    pub(super) share_detail: String,
    pub(super) shared: bool,
    pub(super) s3: Chip,
}

/// What a storage holds.
pub(super) struct Space {
    pub(super) used: String,
    /// The quota, if there is one, and how much of it is taken.
    pub(super) quota: Option<(String, u8)>,
    /// How the bar looks: as always, from 80, from 95 hundredths.
    pub(super) tone: &'static str,
    /// What besides is worth knowing: space that is left, previous versions.
    pub(super) detail: Option<String>,
    pub(super) files: u64,
    pub(super) folders: u64,
    /// When it was measured, if that is long ago.
    pub(super) as_of: Option<Timestamp>,
}

/// How S3 tools come to a storage.
pub(super) struct Chip {
    pub(super) text: String,
    pub(super) tone: &'static str,
    pub(super) detail: String,
    /// What of the detail wants attention.
    pub(super) warning: Option<&'static str>,
    /// Since when it is unreachable.
    pub(super) since: Option<Timestamp>,
}

/// The health of a connection in words.
pub(super) fn health(health: Health) -> &'static str {
    match health {
        Health::Reachable => words::text("list.health.reachable"),
        Health::Degraded => words::text("list.health.degraded"),
        Health::Unreachable => words::text("list.health.unreachable"),
    }
}

impl Row {
    pub(super) fn of(row: &ConnectionRow, now: Timestamp) -> Self {
        let storage = &row.storage;
        let (share, share_detail) = share(row.share);
        Self {
            id: storage.id.to_string(),
            name: storage.name.to_string(),
            bucket: parts(storage),
            tile: storage.connection.provider.as_str(),
            provider: labels::provider(storage.connection.provider),
            health: row.health.map_or(words::text("list.health.unknown"), health),
            ill: matches!(row.health, Some(Health::Degraded | Health::Unreachable)),
            region: storage.connection.region.clone(),
            space: Space::of(row, now),
            share,
            share_detail,
            shared: row.share.is_shared(),
            s3: Chip::paused(storage, now).unwrap_or_else(|| Chip::of(&row.s3, storage, row.health_since)),
        }
    }
}

/// With whom a storage is shared, in a word and in figures.
pub(in super::super) fn share(status: ShareStatus) -> (&'static str, String) {
    match status {
        ShareStatus::Private => {
            (words::text("list.share.private"), words::text("list.share.private.detail").to_owned())
        }
        ShareStatus::Shared { people, links } => {
            let part = |name, count: u32| (count > 0).then(|| words::count(name, u64::from(count)));
            let parts = [part("list.share.people", people), part("list.share.links", links)];
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            (words::text("list.share.shared"), parts.join(", "))
        }
    }
}

/// A bucket name where it may be cut: before the label.
fn parts(storage: &Storage) -> (String, String) {
    let bucket = storage.bucket.as_str();
    let label = format!("-{}", storage.label.as_str());
    let head = bucket.strip_suffix(&label);
    head.map_or_else(|| (bucket.to_owned(), String::new()), |head| (head.to_owned(), label))
}

impl Space {
    fn of(row: &ConnectionRow, now: Timestamp) -> Option<Self> {
        let measured = row.usage?;
        let (usage, stored) = (measured.usage, measured.usage.stored_bytes());
        let taken = row.storage.quota_bytes.map(|quota| (quota, format::percent(stored, quota)));
        let tone = match taken {
            Some((_, 95..)) => "full",
            Some((_, 80..=94)) => "high",
            Some((_, 0..=79)) | None => "",
        };
        Some(Self {
            used: format::size(usage.bytes),
            quota: taken.map(|(quota, percent)| (format::size(quota), percent)),
            tone,
            detail: detail(row, stored - usage.bytes.min(stored)),
            files: usage.files,
            folders: usage.folders,
            as_of: is_old(row, measured.at, now).then_some(measured.at),
        })
    }
}

/// What was kept of old is named where it fills a quota; without a quota, what still fits.
fn detail(row: &ConnectionRow, kept: u64) -> Option<String> {
    match (row.storage.quota_bytes, row.available) {
        (Some(_), _) if kept > 0 => Some(words::fill("list.space.kept", &[&format::size(kept)])),
        (None, Some(free)) => Some(words::fill("list.space.free", &[&format::size(free)])),
        (Some(_) | None, _) => None,
    }
}

/// The built-in store tells every change; what is elsewhere may change unseen, and who does not answer tells nothing.
fn is_old(row: &ConnectionRow, at: Timestamp, now: Timestamp) -> bool {
    let elsewhere = row.storage.connection.provider != Provider::Builtin;
    let silent = row.health == Some(Health::Unreachable);
    silent || elsewhere && now.since(at).as_secs() > STALE_SECONDS
}

impl Chip {
    /// Of a storage that is switched off for a while.
    fn paused(storage: &Storage, now: Timestamp) -> Option<Self> {
        let end = storage.paused_until.filter(|end| *end > now)?;
        let detail = words::fill("pause.chip.back", &[&format::left(now, end)]);
        let text = words::text("pause.chip").to_owned();
        Some(Self { text, tone: " warn", detail, warning: None, since: None })
    }

    fn of(s3: &S3Connection, storage: &Storage, since: Option<Timestamp>) -> Self {
        let chip = |text: &str, tone, detail: &str| Self {
            text: text.to_owned(),
            tone,
            detail: detail.to_owned(),
            warning: None,
            since: None,
        };
        match s3.status {
            S3Status::Unreachable => Self { since, ..chip(words::text("list.s3.unreachable"), " bad", "") },
            S3Status::Off if storage.permission == Permission::None => {
                chip(words::text("list.s3.off"), "", words::text("list.s3.no_permission"))
            }
            S3Status::Off => chip(words::text("list.s3.off"), "", words::text("list.s3.switched_off")),
            S3Status::NotActive => chip(words::text("list.s3.not_active"), "", words::text("list.s3.no_key")),
            S3Status::Expires { days, .. } => Self {
                text: words::count("list.s3.expires", u64::from(days)),
                tone: " warn",
                ..Self::open(s3)
            },
            S3Status::Active => Self::open(s3),
        }
    }

    fn open(s3: &S3Connection) -> Self {
        let networks = u64::try_from(s3.networks).unwrap_or(u64::MAX);
        let from = if s3.anywhere { String::new() } else { words::count("label.networks", networks) };
        Self {
            text: words::text("list.s3.active").to_owned(),
            tone: " ok",
            detail: words::fill("list.s3.open", &[&labels::permission(s3.permission), &from]),
            warning: s3.anywhere.then(|| words::text("label.any_ip")),
            since: None,
        }
    }
}
