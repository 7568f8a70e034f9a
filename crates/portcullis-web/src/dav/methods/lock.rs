//! `LOCK` and `UNLOCK`.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_files::{Entry, FileError, WriteOptions};

use crate::dav::call::{Call, Depth, document};
use crate::dav::locks::{Change, Lock, NoLock, Place, Shown, Wanted};
use crate::dav::props::discovery;
use crate::dav::reply::{Refusal, Result, XML_TYPE};
use crate::dav::target::href;
use crate::dav::xml::{Node, Xml};

/// The most that a holder may say of themselves, in bytes of markup.
const LONGEST_OWNER: usize = 2_048;

pub(super) async fn lock(call: &Call, body: Body) -> Result<Response> {
    call.needs_to_see().await?;
    let Some(info) = document(body).await? else { return refresh(call).await };
    let (exclusive, owner) = asked(&info)?;
    let deep = match call.depth()? {
        None | Some(Depth::Infinity) => true,
        Some(Depth::Zero) => false,
        Some(Depth::One) => return Err(Refusal::bad("For LOCK the header Depth is 0 or infinity.")),
    };
    call.holds().await?;
    let holder = call.who.key_id();
    let (Some(place), Some(holder)) = (call.place(&call.path).await?, holder) else {
        return Err(FileError::Denied.into());
    };
    let there = call.there(&call.path).await?;
    may_lock(call, &place, there.as_ref()).await?;
    if there.is_none() {
        parent_is_there(call).await?;
        call.free(&call.path, Change::Create).await?;
    }
    let root = href(&call.path, there.as_ref().is_some_and(Entry::is_folder));
    let token = token().ok_or(FileError::Unavailable)?;
    let wanted = Wanted { token, holder, exclusive, deep, root, owner, time: call.time() };
    let lock = call.app.locks.lock(&place, wanted).map_err(|no| match no {
        NoLock::Conflict(root) => conflict(&root),
        NoLock::Full => Refusal::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "This key holds as many locks as it may; give some up.",
        ),
    })?;
    if there.is_none()
        && let Err(refusal) = make(call).await
    {
        let shown = Shown { key: Some(holder), tokens: vec![lock.token] };
        call.app.locks.unlock(&place, &shown);
        return Err(refusal);
    }
    let status = if there.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok(told(call, status, &lock))
}

/// What is asked for: whether it is for one alone, and what the holder says of themselves, as markup.
fn asked(info: &Node) -> Result<(bool, String)> {
    let malformed = || Refusal::bad("That is no request for a lock.");
    let scope = info.dav("lockscope").ok_or_else(malformed)?;
    let exclusive = match (scope.dav("exclusive"), scope.dav("shared")) {
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (Some(_), Some(_)) | (None, None) => return Err(malformed()),
    };
    let write = info.dav("locktype").is_some_and(|kind| kind.dav("write").is_some());
    if !write || !info.name.is(crate::dav::xml::DAV, "lockinfo") {
        return Err(malformed());
    }
    let mut xml = Xml::new();
    if let Some(owner) = info.dav("owner") {
        xml.node(owner);
    }
    if xml.len() > LONGEST_OWNER {
        return Err(Refusal::bad("What is said of the owner of a lock is too long."));
    }
    Ok((exclusive, xml.into_string()))
}

/// Whoever may not write has nothing to lock, and nobody locks a whole storage.
async fn may_lock(call: &Call, place: &Place, there: Option<&Entry>) -> Result<()> {
    if place.key.is_empty() {
        return Err(FileError::Denied.into());
    }
    call.may_put(place, there.is_some_and(Entry::is_folder)).await
}

async fn parent_is_there(call: &Call) -> Result<()> {
    match call.there(&call.path.parent()).await? {
        Some(parent) if parent.is_folder() => Ok(()),
        Some(_) | None => Err(FileError::NoParent.into()),
    }
}

/// An empty file, for a name that is locked before there is one (RFC 4918 section 7.3).
async fn make(call: &Call) -> Result<()> {
    if call.says_folder {
        return Err(FileError::IsFolder.into());
    }
    let options =
        WriteOptions { length: Some(0), parent_needed: true, only_if: Some(None), ..WriteOptions::default() };
    let upload = call.tree.write(&call.path, options).await?;
    upload.finish().await?;
    Ok(())
}

/// 128 bits of chance, written as a UUID of version 4 (RFC 9562).
fn token() -> Option<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).ok()?;
    let bits = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let text = format!("{bits:032x}");
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    Some(format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    ))
}

fn conflict(root: &str) -> Refusal {
    let mut xml = Xml::new();
    xml.raw("<D:no-conflicting-lock>").field("href", root).raw("</D:no-conflicting-lock>");
    let detail = "Another lock is in the way.".into();
    Refusal::Dav { status: StatusCode::LOCKED, condition: xml.into_string(), detail }
}

/// A lock that lives longer.
async fn refresh(call: &Call) -> Result<Response> {
    let shown = call.shown();
    if shown.tokens.is_empty() {
        return Err(Refusal::bad(
            "To refresh a lock, name its token in the header If; to get one, send a document.",
        ));
    }
    let place = call.place(&call.path).await?;
    let lock = place.and_then(|place| call.app.locks.refresh(&place, &shown, call.time()));
    let lock = lock.ok_or_else(|| {
        let detail = "This key holds no lock of that token here.";
        Refusal::condition(StatusCode::PRECONDITION_FAILED, "lock-token-matches-request-uri", detail)
    })?;
    // The right to write may be gone since.
    let there = call.there(&call.path).await?;
    if let Some(place) = call.place(&call.path).await? {
        may_lock(call, &place, there.as_ref()).await?;
    }
    let mut response = told(call, StatusCode::OK, &lock);
    response.headers_mut().remove("lock-token");
    Ok(response)
}

fn told(call: &Call, status: StatusCode, lock: &Lock) -> Response {
    let mut xml = Xml::document("prop");
    discovery(&mut xml, std::slice::from_ref(lock), call.app.access.now());
    xml.raw("</D:prop>\n");
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, XML_TYPE);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(HeaderValue::try_from(format!("<{}>", lock.token)).ok().map(|value| (LOCK_TOKEN, value)));
    (status, headers, xml.into_string()).into_response()
}

const LOCK_TOKEN: http::HeaderName = http::HeaderName::from_static("lock-token");

pub(super) async fn unlock(call: &Call) -> Result<Response> {
    call.needs_to_see().await?;
    let token = call.header("lock-token").and_then(|token| token.strip_prefix('<')?.strip_suffix('>'));
    let token =
        token.ok_or_else(|| Refusal::bad("The header Lock-Token names the lock, in angle brackets."))?;
    let shown = Shown { key: call.who.key_id(), tokens: vec![token.to_owned()] };
    let place = call.place(&call.path).await?;
    if place.is_some_and(|place| call.app.locks.unlock(&place, &shown)) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let detail = "This key holds no lock of that token here.";
    Err(Refusal::condition(StatusCode::CONFLICT, "lock-token-matches-request-uri", detail))
}
