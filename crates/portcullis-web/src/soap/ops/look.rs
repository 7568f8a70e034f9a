//! `ListFolder` and `Stat`.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Call, entry};
use crate::soap::fault::{Fault, Result};
use crate::soap::params::Params;

/// The most entries of an answer, and how many there are if nothing is said.
const MOST: u64 = 1_000;

pub(super) async fn list(call: &Call, params: Params) -> Result<Response> {
    let path = params.path("path")?;
    let limit = params.number("limit")?.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(Fault::invalid("limit is 1 to 1,000."));
    }
    call.needs_to_see(&path).await?;
    let limit = usize::try_from(limit).unwrap_or(1);
    let after = params.text("cursor").map(read_cursor).transpose()?;
    let page = call.tree.page(&path, after.as_deref(), limit).await?;
    let mut answer = call.answer();
    for found in &page.entries {
        entry::write(&mut answer, &path.child(&found.name), found);
    }
    if let Some(next) = &page.next {
        answer.field("nextCursor", &URL_SAFE_NO_PAD.encode(next));
    }
    Ok(answer.finish(call.operation))
}

/// Where a page begins. It holds a key, which may have characters that no XML has.
fn read_cursor(text: &str) -> Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok();
    let position = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    position.ok_or_else(|| Fault::invalid("cursor is the nextCursor of the page before."))
}

pub(super) async fn stat(call: &Call, params: Params) -> Result<Response> {
    let path = params.path("path")?;
    call.needs_to_see(&path).await?;
    let found = call.tree.stat(&path).await?;
    let mut answer = call.answer();
    entry::write(&mut answer, &path, &found);
    Ok(answer.finish(call.operation))
}
