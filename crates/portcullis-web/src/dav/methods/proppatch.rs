//! `PROPPATCH`: what a client leaves with a file. All of a request is done, or nothing.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use portcullis_domain::Timestamp;
use portcullis_files::{Entry, FileError, OpenOptions, UserChange};

use crate::dav::call::{Call, document};
use crate::dav::locks::Change;
use crate::dav::props::{Dead, Live, METADATA, read_date};
use crate::dav::reply::{Refusal, Result, multistatus, status_line};
use crate::dav::target::href;
use crate::dav::xml::{DAV, Name, Node, WINDOWS, Xml};

/// What a request asks for, in its order.
#[derive(Debug)]
enum Ask<'a> {
    Set(&'a Node),
    Remove(&'a Name),
}

impl Ask<'_> {
    fn name(&self) -> &Name {
        match self {
            Self::Set(node) => &node.name,
            Self::Remove(name) => name,
        }
    }
}

pub(super) async fn proppatch(call: &Call, body: Body) -> Result<Response> {
    call.needs_to_see().await?;
    let root = document(body).await?.ok_or_else(malformed)?;
    let asks = asks(&root)?;
    let entry = call.tree.stat(&call.path).await?;
    call.holds().await?;
    call.free(&call.path, Change::Write).await?;
    let mut change = Changes::default();
    if !entry.is_folder() {
        let reader = call.tree.open(&call.path, OpenOptions::default()).await?;
        change.dead = Dead::of(&reader.meta().content.user);
    }
    let mut verdicts: Vec<StatusCode> = asks.iter().map(|ask| change.take(ask, &entry)).collect();
    let mut packed = None;
    if change.left {
        packed = change.dead.pack();
        if packed.is_none() {
            let kept = asks.iter().map(|ask| matches!(ask, Ask::Set(_)) && Live::of(ask.name()).is_none());
            for (verdict, _) in verdicts.iter_mut().zip(kept).filter(|(_, kept)| *kept) {
                *verdict = StatusCode::INSUFFICIENT_STORAGE;
            }
        }
    }
    if verdicts.iter().all(|verdict| verdict.is_success()) {
        carry_out(call, &entry, change, packed).await?;
    } else {
        for verdict in verdicts.iter_mut().filter(|verdict| verdict.is_success()) {
            *verdict = StatusCode::FAILED_DEPENDENCY;
        }
    }
    Ok(told(call, &entry, &asks, &verdicts))
}

fn malformed() -> Refusal {
    Refusal::bad("That is no change of properties.")
}

fn asks(root: &Node) -> Result<Vec<Ask<'_>>> {
    if !root.name.is(DAV, "propertyupdate") {
        return Err(malformed());
    }
    let mut asks = Vec::new();
    for node in root.elements() {
        let (set, remove) = (node.name.is(DAV, "set"), node.name.is(DAV, "remove"));
        if !set && !remove {
            continue;
        }
        let props = node.dav("prop").ok_or_else(malformed)?.elements();
        asks.extend(props.map(|prop| if set { Ask::Set(prop) } else { Ask::Remove(&prop.name) }));
    }
    if asks.is_empty() { Err(malformed()) } else { Ok(asks) }
}

/// What will be changed.
#[derive(Debug, Default)]
struct Changes {
    dead: Dead,
    /// Whether something of what clients leave changes.
    left: bool,
    modified: Option<Timestamp>,
}

impl Changes {
    fn take(&mut self, ask: &Ask<'_>, entry: &Entry) -> StatusCode {
        match (Live::of(ask.name()), ask) {
            (Some(Live::WindowsModified), Ask::Set(node)) => match read_date(&node.text()) {
                Some(modified) => self.modified = Some(modified),
                None => return StatusCode::CONFLICT,
            },
            (Some(_), Ask::Set(_) | Ask::Remove(_)) => return StatusCode::FORBIDDEN,
            // A folder has no metadata. Windows notes times and attributes of every folder that it makes; nobody misses them.
            (None, _) if entry.is_folder() => {
                return if ask.name().space == WINDOWS { StatusCode::OK } else { StatusCode::FORBIDDEN };
            }
            (None, Ask::Set(node)) => {
                self.dead.set((*node).clone());
                self.left = true;
            }
            (None, Ask::Remove(name)) => {
                self.left |= self.dead.get(name).is_some();
                self.dead.remove(name);
            }
        }
        StatusCode::OK
    }
}

async fn carry_out(call: &Call, entry: &Entry, change: Changes, packed: Option<String>) -> Result<()> {
    let Changes { dead, left, modified } = change;
    if entry.is_folder() || (!left && modified.is_none()) {
        return may_write(call).await;
    }
    let mut user = UserChange { modified, ..UserChange::default() };
    if left && dead.is_empty() {
        user.remove.push(METADATA.to_owned());
    } else if left {
        user.set.extend(packed.map(|packed| (METADATA.to_owned(), packed)));
    }
    Ok(call.tree.change_user(&call.path, user).await?)
}

/// What comes to nothing is refused all the same to whoever may not write.
async fn may_write(call: &Call) -> Result<()> {
    let place = call.place(&call.path).await?.ok_or(FileError::Denied)?;
    call.may_put(&place, true).await
}

fn told(call: &Call, entry: &Entry, asks: &[Ask<'_>], verdicts: &[StatusCode]) -> Response {
    let mut xml = Xml::document("multistatus");
    xml.raw("<D:response>").field("href", &href(&call.path, entry.is_folder()));
    let mut kinds: Vec<StatusCode> = verdicts.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        xml.raw("<D:propstat><D:prop>");
        for (ask, _) in asks.iter().zip(verdicts).filter(|(_, verdict)| **verdict == kind) {
            xml.empty(ask.name());
        }
        xml.raw("</D:prop>").field("status", &status_line(kind));
        if kind == StatusCode::FORBIDDEN {
            xml.raw("<D:error><D:cannot-modify-protected-property/></D:error>");
        }
        xml.raw("</D:propstat>");
    }
    xml.raw("</D:response></D:multistatus>\n");
    multistatus(Body::from(xml.into_string()))
}
