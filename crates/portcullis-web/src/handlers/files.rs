//! Lists of files.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_access::{List, ListPosition};
use portcullis_domain::{KeyPrefix, StorageId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ok;
use crate::app::App;
use crate::dto::{FileOut, FilesOut};
use crate::extract::{Caller, Id, Limit, Params, from_text};
use crate::problem::{Problem, Result};

/// Which files to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilesQuery {
    /// Only those whose name begins with it.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    prefix: Option<KeyPrefix>,
    /// Names that contain it after the prefix are rolled up; `/` gives a folder at a time.
    #[serde(default, deserialize_with = "from_text")]
    delimiter: Option<String>,
    /// The most files and rolled up names together on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same prefix and delimiter.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// The files of a storage, in the order of the bytes of their names.
#[utoipa::path(
    get, path = "/api/v1/storages/{id}/files", tag = "files", operation_id = "listFiles",
    params(("id" = String, Path, description = "The storage."), FilesQuery),
    responses((status = 200, description = "A page of them.", body = FilesOut))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<StorageId>,
    Params(query): Params<FilesQuery>,
) -> Result<Response> {
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let delimiter = query.delimiter.filter(|delimiter| !delimiter.is_empty());
    if delimiter.as_ref().is_some_and(|delimiter| delimiter.len() > 1024) {
        return Err(Problem::invalid_field("delimiter", "at most 1024 bytes"));
    }
    let grant = app.access.storage_by_id(&who, id).await?.grant::<List>(query.prefix.unwrap_or_default())?;
    let limit = usize::try_from(query.limit.0).unwrap_or(1);
    let page = grant.page(delimiter, after, limit).await?;
    ok(&FilesOut {
        items: page.objects.into_iter().map(FileOut::from).collect(),
        prefixes: page.prefixes,
        next_cursor: page.next.as_ref().map(write_cursor),
    })
}

/// Where a list goes on, as text.
pub(crate) fn write_cursor(position: &ListPosition) -> String {
    let text = match position {
        ListPosition::AfterKey(key) => format!("k{key}"),
        ListPosition::AfterPrefix(prefix) => format!("p{prefix}"),
    };
    URL_SAFE_NO_PAD.encode(text)
}

/// The same, read back.
///
/// # Errors
/// A problem that names the parameter `cursor`.
pub(crate) fn read_cursor(text: &str) -> Result<ListPosition> {
    let read = || {
        let text = (text.len() <= 4096).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        let text = String::from_utf8(text).ok()?;
        if let Some(key) = text.strip_prefix('k') {
            return Some(ListPosition::AfterKey(key.to_owned()));
        }
        text.strip_prefix('p').map(|prefix| ListPosition::AfterPrefix(prefix.to_owned()))
    };
    read()
        .ok_or_else(|| Problem::invalid_field("cursor", "not a cursor of this list; begin again without one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_as_they_went() {
        for position in
            [ListPosition::AfterKey("a//ü".to_owned()), ListPosition::AfterPrefix("p/".to_owned())]
        {
            assert_eq!(read_cursor(&write_cursor(&position)).unwrap(), position);
        }
        for wrong in ["", "x", "eA", "%", &"A".repeat(5000)] {
            assert!(read_cursor(wrong).is_err(), "{wrong}");
        }
    }
}
