//! Properties: those that are made of what is known, and those that clients leave with a file.

mod dead;

use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use portcullis_domain::Timestamp;
use portcullis_files::{Entry, Kind, Space};

pub(crate) use dead::{Dead, METADATA};

use super::locks::Lock;
use super::reply::status_line;
use super::xml::{DAV, Name, Node, WINDOWS, Xml};

/// A property that is made here (RFC 4918 section 15, RFC 4331), and Windows's name for the time of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Live {
    ResourceType,
    DisplayName,
    ContentLength,
    ContentType,
    Etag,
    LastModified,
    CreationDate,
    SupportedLock,
    LockDiscovery,
    QuotaAvailable,
    QuotaUsed,
    WindowsModified,
}

impl Live {
    pub(crate) const ALL: [Self; 12] = [
        Self::ResourceType,
        Self::DisplayName,
        Self::ContentLength,
        Self::ContentType,
        Self::Etag,
        Self::LastModified,
        Self::CreationDate,
        Self::SupportedLock,
        Self::LockDiscovery,
        Self::QuotaAvailable,
        Self::QuotaUsed,
        Self::WindowsModified,
    ];

    const fn local(self) -> &'static str {
        match self {
            Self::ResourceType => "resourcetype",
            Self::DisplayName => "displayname",
            Self::ContentLength => "getcontentlength",
            Self::ContentType => "getcontenttype",
            Self::Etag => "getetag",
            Self::LastModified => "getlastmodified",
            Self::CreationDate => "creationdate",
            Self::SupportedLock => "supportedlock",
            Self::LockDiscovery => "lockdiscovery",
            Self::QuotaAvailable => "quota-available-bytes",
            Self::QuotaUsed => "quota-used-bytes",
            Self::WindowsModified => "Win32LastModifiedTime",
        }
    }

    const fn space(self) -> &'static str {
        if matches!(self, Self::WindowsModified) { WINDOWS } else { DAV }
    }

    /// The property of this name, if it is made here.
    pub(crate) fn of(name: &Name) -> Option<Self> {
        Self::ALL.into_iter().find(|live| name.is(live.space(), live.local()))
    }

    /// Whether it is told to whoever asks for everything: what costs a look elsewhere is not (RFC 4331 section 3).
    const fn is_told(self) -> bool {
        !matches!(self, Self::QuotaAvailable | Self::QuotaUsed)
    }
}

/// Which properties somebody wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All, and these besides.
    All(Vec<Name>),
    /// The names of those that there are.
    Names,
    /// These.
    Named(Vec<Name>),
}

impl Asked {
    /// Whether a property that is made here is wanted by its name.
    pub(crate) fn names(&self, live: Live) -> bool {
        match self {
            Self::All(more) => more.iter().any(|name| Live::of(name) == Some(live)),
            Self::Names => false,
            Self::Named(names) => names.iter().any(|name| Live::of(name) == Some(live)),
        }
    }

    /// Whether locks are wanted.
    pub(crate) fn locks(&self) -> bool {
        matches!(self, Self::All(_)) || self.names(Live::LockDiscovery)
    }

    /// Whether anything is wanted that clients left with the file.
    pub(crate) fn dead(&self) -> bool {
        match self {
            Self::All(_) | Self::Names => true,
            Self::Named(names) => names.iter().any(|name| Live::of(name).is_none()),
        }
    }
}

/// Everything that is known of one thing.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) locks: Vec<Lock>,
    pub(crate) space: Option<Space>,
    pub(crate) content_type: Option<String>,
    pub(crate) dead: Dead,
    pub(crate) now: Timestamp,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Whether what is not there is left out instead of being told to be missing.
    pub(crate) brief: bool,
}

/// Writes one `response`.
pub(crate) fn respond(
    xml: &mut Xml,
    href: &str,
    entry: &Entry,
    known: &Known,
    (asked, manner): (&Asked, Manner),
) {
    xml.raw("<D:response>").field("href", href);
    let mut missing = Vec::new();
    xml.raw("<D:propstat><D:prop>");
    match asked {
        Asked::All(more) => {
            for live in Live::ALL.into_iter().filter(|live| live.is_told()) {
                live_property(xml, live, entry, known);
            }
            for node in known.dead.nodes() {
                xml.node(node);
            }
            let more = more.iter().filter(|name| {
                Live::of(name).is_none_or(|live| !live.is_told()) && known.dead.get(name).is_none()
            });
            missing.extend(more.filter(|name| !property(xml, name, entry, known)));
        }
        Asked::Names => {
            for live in Live::ALL.into_iter().filter(|live| has(*live, entry, known)) {
                xml.empty(&Name::new(live.space(), live.local()));
            }
            for node in known.dead.nodes() {
                xml.empty(&node.name);
            }
        }
        Asked::Named(names) => missing.extend(names.iter().filter(|name| !property(xml, name, entry, known))),
    }
    xml.raw("</D:prop>").field("status", &status_line(StatusCode::OK)).raw("</D:propstat>");
    if !missing.is_empty() && !manner.brief {
        xml.raw("<D:propstat><D:prop>");
        for name in missing {
            xml.empty(name);
        }
        xml.raw("</D:prop>").field("status", &status_line(StatusCode::NOT_FOUND)).raw("</D:propstat>");
    }
    xml.raw("</D:response>\n");
}

/// Writes a property; false if it is not there.
fn property(xml: &mut Xml, name: &Name, entry: &Entry, known: &Known) -> bool {
    if let Some(live) = Live::of(name) {
        return live_property(xml, live, entry, known);
    }
    let node = known.dead.get(name);
    if let Some(node) = node {
        xml.node(node);
    }
    node.is_some()
}

fn has(live: Live, entry: &Entry, known: &Known) -> bool {
    live_property(&mut Xml::new(), live, entry, known)
}

fn live_property(xml: &mut Xml, live: Live, entry: &Entry, known: &Known) -> bool {
    let local = live.local();
    let text = match live {
        Live::ResourceType => {
            xml.raw(if entry.is_folder() {
                "<D:resourcetype><D:collection/></D:resourcetype>"
            } else {
                "<D:resourcetype/>"
            });
            return true;
        }
        Live::SupportedLock => {
            xml.raw(SUPPORTED);
            return true;
        }
        Live::LockDiscovery => {
            discovery(xml, &known.locks, known.now);
            return true;
        }
        Live::DisplayName => Some(entry.name.clone()),
        Live::ContentLength => (!entry.is_folder()).then(|| entry.size().to_string()),
        Live::ContentType => match &entry.kind {
            Kind::Folder => Some("httpd/unix-directory".to_owned()),
            Kind::File { content_type, .. } => content_type.clone().or_else(|| known.content_type.clone()),
        },
        Live::Etag => match &entry.kind {
            Kind::Folder => None,
            Kind::File { etag, .. } => Some(format!("\"{etag}\"")),
        },
        Live::LastModified => entry.modified.and_then(http_date),
        Live::CreationDate => entry.modified.map(|at| Timestamp::from_seconds(at.seconds()).to_string()),
        Live::QuotaAvailable => known.space.and_then(|space| space.available).map(|bytes| bytes.to_string()),
        Live::QuotaUsed => known.space.map(|space| space.used.to_string()),
        Live::WindowsModified => {
            let date = entry.modified.and_then(http_date).filter(|_| !entry.is_folder());
            if let Some(date) = &date {
                xml.named(&Name::new(WINDOWS, local), date);
            }
            return date.is_some();
        }
    };
    if let Some(text) = &text {
        xml.field(local, text);
    }
    text.is_some()
}

const SUPPORTED: &str = "<D:supportedlock><D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>\
     <D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry></D:supportedlock>";

/// Writes the property that tells of locks.
pub(crate) fn discovery(xml: &mut Xml, locks: &[Lock], now: Timestamp) {
    xml.raw("<D:lockdiscovery>");
    for lock in locks {
        xml.raw("<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope>");
        xml.raw(if lock.exclusive { "<D:exclusive/>" } else { "<D:shared/>" });
        xml.raw("</D:lockscope>").field("depth", if lock.deep { "infinity" } else { "0" });
        // It is markup already: what its holder sent, read and written again.
        xml.raw(&lock.owner);
        xml.field("timeout", &format!("Second-{}", lock.expires.since(now).as_secs()));
        xml.raw("<D:locktoken>").field("href", &lock.token).raw("</D:locktoken>");
        xml.raw("<D:lockroot>").field("href", &lock.root).raw("</D:lockroot></D:activelock>");
    }
    xml.raw("</D:lockdiscovery>");
}

/// A time as HTTP writes it; none outside the years that it can write.
pub(crate) fn http_date(at: Timestamp) -> Option<String> {
    let seconds = u64::try_from(at.seconds()).ok().filter(|seconds| *seconds < 253_402_300_800)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map(httpdate::fmt_http_date)
}

/// A time as HTTP writes it, read.
pub(crate) fn read_date(text: &str) -> Option<Timestamp> {
    let since = httpdate::parse_http_date(text.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().map(Timestamp::from_seconds)
}

/// The names in a `prop` element, each once.
pub(crate) fn names(prop: &Node) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for node in prop.elements() {
        if !names.contains(&node.name) {
            names.push(node.name.clone());
        }
    }
    names
}
