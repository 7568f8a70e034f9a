//! `PROPFIND`: what is known of one thing, or of a folder and what is in it, page by page.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::stream::try_unfold;
use http::StatusCode;
use portcullis_files::{Entry, EntryPage, FileError, Kind, OpenOptions};

use crate::dav::call::{Call, Depth, document};
use crate::dav::litter;
use crate::dav::props::{Asked, Dead, Known, Live, Manner, names, respond};
use crate::dav::reply::{Refusal, Result, multistatus};
use crate::dav::target::{child, href};
use crate::dav::xml::{DAV, Node, Xml};

/// How many entries are looked at at once.
const PAGE: usize = 500;

pub(super) async fn propfind(call: Call, body: Body) -> Result<Response> {
    let depth = call.depth()?;
    let asked = match document(body).await? {
        None => Asked::All(Vec::new()),
        Some(root) => asked(&root)?,
    };
    let entry = itself(&call).await?;
    if entry.is_folder() && matches!(depth, None | Some(Depth::Infinity)) {
        let detail = "A folder is told with what is in it, and no deeper: send the header Depth, 0 or 1.";
        return Err(Refusal::condition(StatusCode::FORBIDDEN, "propfind-finite-depth", detail));
    }
    call.holds().await?;
    let told = Told {
        asked,
        manner: manner(&call),
        root: href(&call.path, entry.is_folder()),
        litter: litter::is_shown(&call.headers),
    };
    let mut xml = Xml::document("multistatus");
    let known = known(&call, &entry, &told.asked).await?;
    respond(&mut xml, &told.root, &entry, &known, (&told.asked, told.manner));
    if !entry.is_folder() || depth == Some(Depth::Zero) {
        xml.raw(END);
        return Ok(multistatus(Body::from(xml.into_string())));
    }
    // The first page before the answer begins: what is refused is refused with a status.
    let page = call.tree.page(&call.path, None, PAGE).await?;
    let first = Step::Page(xml, page);
    let state = (call, told, first);
    let pieces = try_unfold(state, |(call, told, step)| next(call, told, step));
    Ok(multistatus(Body::from_stream(pieces.map_err(std::io::Error::other))))
}

const END: &str = "</D:multistatus>\n";

struct Told {
    asked: Asked,
    manner: Manner,
    /// The folder's address.
    root: String,
    litter: bool,
}

enum Step {
    /// What was written already, and a page to write.
    Page(Xml, EntryPage),
    /// The page after this.
    After(String),
    Done,
}

/// A piece of the answer. An answer that cannot go on breaks off, and its client sees that.
async fn next(
    call: Call,
    told: Told,
    step: Step,
) -> std::result::Result<Option<(Bytes, (Call, Told, Step))>, FileError> {
    let (mut xml, page) = match step {
        Step::Done => return Ok(None),
        Step::Page(xml, page) => (xml, page),
        Step::After(after) => (Xml::new(), call.tree.page(&call.path, Some(&after), PAGE).await?),
    };
    for entry in &page.entries {
        if !told.litter && litter::is_litter(&entry.name) {
            continue;
        }
        let known = Known {
            locks: locks(&call, entry, &told.asked).await?,
            now: call.app.access.now(),
            ..Known::default()
        };
        let address = child(&told.root, &entry.name, entry.is_folder());
        respond(&mut xml, &address, entry, &known, (&told.asked, told.manner));
    }
    let step = match page.next {
        Some(after) => Step::After(after),
        None => {
            xml.raw(END);
            Step::Done
        }
    };
    Ok(Some((Bytes::from(xml.into_string()), (call, told, step))))
}

/// What is at the path. For who may only write it is an empty folder, whatever is there.
async fn itself(call: &Call) -> Result<Entry> {
    match call.tree.stat(&call.path).await {
        Err(FileError::NotFound) if call.only_writes().await? => {
            call.tree.enter(&call.path).await?;
            let name = call.path.name().unwrap_or_default().to_owned();
            Ok(Entry { name, kind: Kind::Folder, modified: None })
        }
        other => Ok(other?),
    }
}

async fn known(call: &Call, entry: &Entry, asked: &Asked) -> Result<Known> {
    let mut known = Known { now: call.app.access.now(), ..Known::default() };
    if asked.locks()
        && let Some(place) = call.place(&call.path).await?
    {
        known.locks = call.app.locks.covering(&place);
    }
    if entry.is_folder() {
        if asked.names(Live::QuotaAvailable) || asked.names(Live::QuotaUsed) {
            // Nobody can tell for many storages at once.
            known.space = call.tree.space(&call.path).await.ok();
        }
    } else if asked.dead() || asked.names(Live::ContentType) {
        match call.tree.open(&call.path, OpenOptions::default()).await {
            Ok(reader) => {
                known.dead = Dead::of(&reader.meta().content.user);
                known.content_type = reader.meta().content.content_type.clone();
            }
            // Who may look but not read.
            Err(FileError::Denied | FileError::Archived) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(known)
}

/// The locks on something in the folder.
async fn locks(
    call: &Call,
    entry: &Entry,
    asked: &Asked,
) -> std::result::Result<Vec<crate::dav::locks::Lock>, FileError> {
    if !asked.locks() || !call.app.locks.any() {
        return Ok(Vec::new());
    }
    let place = call.place(&call.path.child(&entry.name)).await;
    // What cannot be placed has no locks.
    Ok(place.ok().flatten().map(|place| call.app.locks.covering(&place)).unwrap_or_default())
}

/// Reads the document.
fn asked(root: &Node) -> Result<Asked> {
    let malformed = || Refusal::bad("That is no request for properties.");
    if !root.name.is(DAV, "propfind") {
        return Err(malformed());
    }
    match (root.dav("allprop"), root.dav("propname"), root.dav("prop")) {
        (Some(_), None, None) => Ok(Asked::All(root.dav("include").map(names).unwrap_or_default())),
        (None, Some(_), None) => Ok(Asked::Names),
        (None, None, Some(prop)) => Ok(Asked::Named(names(prop))),
        _ => Err(malformed()),
    }
}

/// Whether the client wants to be told of what is not there (RFC 8144; `Brief` is Microsoft's word for it).
fn manner(call: &Call) -> Manner {
    let brief = call.header("brief").is_some_and(|word| word.eq_ignore_ascii_case("t"));
    let minimal = call
        .header("prefer")
        .is_some_and(|words| words.split(',').any(|word| word.trim() == "return=minimal"));
    Manner { brief: brief || minimal }
}
