//! `GetFile`.

use axum::response::Response;
use portcullis_access::{EtagCondition, ReadConditions};
use portcullis_files::OpenOptions;

use super::{Call, entry};
use crate::soap::fault::Result;
use crate::soap::params::Params;
use crate::soap::{content, mtom};

pub(super) async fn get(call: &Call, params: Params) -> Result<Response> {
    let path = params.path("path")?;
    let offset = params.number("offset")?.unwrap_or(0);
    let wanted = params.number("length")?;
    let if_match = params.text("ifMatch").map(|tag| EtagCondition::OneOf(vec![unquoted(tag).to_owned()]));
    call.needs_to_see(&path).await?;
    let conditions = ReadConditions { if_match, ..ReadConditions::default() };
    let reader = call.tree.open(&path, OpenOptions { conditions }).await?;
    let left = reader.entry().size().saturating_sub(offset);
    let length = wanted.map_or(left, |wanted| wanted.min(left));
    let bytes = reader.stream(offset, Some(length)).await?;
    let mut answer = call.answer();
    entry::write(&mut answer, &path, reader.entry());
    answer.field("offset", &offset.to_string()).field("length", &length.to_string());
    let (head, tail) = answer.around_content(call.operation);
    if call.takes_mtom {
        return Ok(mtom::answer(call.version, &head, &tail, bytes, length));
    }
    Ok(content::inline(call.version, head, tail, bytes, length))
}

/// An entity tag without the quotes that HTTP writes around it.
pub(super) fn unquoted(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}
