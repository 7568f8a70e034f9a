//! Lists: what is in a folder, a page at a time, and the storages of a key.

use askama::Template;
use axum::response::Response;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, HeaderValue, VARY};
use http::{HeaderMap, StatusCode};
use portcullis_access::{List, ListPage};
use portcullis_domain::{BucketName, Timestamp};
use serde::Serialize;

use super::{Call, refused, target};
use crate::channel::{Accepted, wanted};
use crate::dto::{FileOut, FilesOut};
use crate::handlers::files::{read_cursor, write_cursor};
use crate::handlers::json;
use crate::panel::page;
use crate::panel::words::filters;
use crate::problem::{Problem, Result};

/// Entries on a page of which nothing else was said, and the most there are.
const ON_A_PAGE: u32 = 1_000;

/// A list shows what it has and does nothing.
const CSP: &str = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; \
                   form-action 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "files_list.html")]
struct ListPageOut {
    /// The name of the folder; empty for the top.
    here: String,
    above: Vec<Row>,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

/// A file, or without a time a folder.
struct Row {
    name: String,
    href: String,
    size: u64,
    modified: Option<Timestamp>,
}

impl Row {
    fn folder(name: impl Into<String>, href: String) -> Self {
        Self { name: name.into(), href, size: 0, modified: None }
    }
}

#[derive(Serialize)]
struct StoragesOut {
    items: Vec<StorageOut>,
}

#[derive(Serialize)]
struct StorageOut {
    bucket: String,
    href: String,
}

/// The form that the client wants. One that says nothing gets the page: those read links out of it.
fn form_of(headers: &HeaderMap) -> Accepted {
    match wanted(headers, &[Accepted::Json, Accepted::Html]) {
        Some(form) => form,
        None if headers.contains_key(ACCEPT) => Accepted::Json,
        None => Accepted::Html,
    }
}

/// The storages that the key reaches.
pub(super) fn storages(call: &Call<'_>) -> Result<Response> {
    let storages = call.app.access.visible_storages(&call.who).map_err(refused)?;
    let buckets = storages.iter().map(|storage| &storage.bucket);
    match form_of(&call.parts.headers) {
        Accepted::Html => {
            let rows = buckets.map(|bucket| Row::folder(bucket.to_string(), target::address(bucket, "")));
            let template = ListPageOut {
                here: String::new(),
                above: Vec::new(),
                rows: rows.collect(),
                first: None,
                next: None,
            };
            Ok(shown(&template))
        }
        Accepted::Json | Accepted::Text => {
            let items = buckets
                .map(|bucket| StorageOut { bucket: bucket.to_string(), href: target::address(bucket, "") });
            told(&StoragesOut { items: items.collect() })
        }
    }
}

/// What is in a folder, or what begins with a name.
pub(super) async fn folder(call: &Call<'_>, bucket: &BucketName, name: &str) -> Result<Response> {
    let after = call.query.cursor.as_deref().map(read_cursor).transpose()?;
    let goes_on = after.is_some();
    let grant = call.enter(bucket).await?.grant::<List>(target::prefix(name)?).map_err(refused)?;
    let limit = usize::try_from(call.query.limit.unwrap_or(ON_A_PAGE)).unwrap_or(1);
    let delimiter = (!call.query.recursive).then(|| "/".to_owned());
    let listed = grant.page(delimiter, after, limit).await.map_err(refused)?;
    // A folder is what keys begin with: one that none begins with is not there.
    let nothing = listed.objects.is_empty() && listed.prefixes.is_empty();
    if nothing && listed.next.is_none() && !goes_on && !name.is_empty() {
        return Err(Problem::not_found());
    }
    match form_of(&call.parts.headers) {
        Accepted::Html => Ok(shown(&page_of(call, bucket, name, &listed, goes_on))),
        Accepted::Json | Accepted::Text => told(&FilesOut {
            items: listed.objects.into_iter().map(FileOut::from).collect(),
            prefixes: listed.prefixes,
            next_cursor: listed.next.as_ref().map(write_cursor),
        }),
    }
}

fn page_of(
    call: &Call<'_>,
    bucket: &BucketName,
    name: &str,
    listed: &ListPage,
    goes_on: bool,
) -> ListPageOut {
    let below = |full: &str| full.strip_prefix(name).unwrap_or(full).to_owned();
    let folders =
        listed.prefixes.iter().map(|folder| Row::folder(below(folder), target::address(bucket, folder)));
    let files = listed.objects.iter().filter_map(|object| {
        let key = object.key.as_str();
        let mut href = target::address(bucket, key);
        // The mark of an empty folder is nothing to show; an object of such a name that holds something is.
        if key == name && object.size == 0 {
            return None;
        }
        if key.ends_with('/') {
            href.push_str("?object");
        }
        let name = if key == name { "/".to_owned() } else { below(key) };
        Some(Row { name, href, size: object.size, modified: Some(object.modified) })
    });
    let here = target::address(bucket, name);
    let mut terms = String::new();
    for (name, set) in [("list", call.query.list), ("recursive", call.query.recursive)] {
        if set {
            terms.push_str(&format!("&{name}"));
        }
    }
    if let Some(limit) = call.query.limit {
        terms.push_str(&format!("&limit={limit}"));
    }
    let query = |cursor: Option<String>| {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        format!("{here}?{}", format!("{terms}{cursor}").trim_start_matches('&'))
    };
    ListPageOut {
        above: above(bucket, name),
        here: if name.is_empty() { bucket.to_string() } else { own_name(name) },
        rows: folders.chain(files).collect(),
        first: goes_on.then(|| query(None).trim_end_matches('?').to_owned()),
        next: listed.next.as_ref().map(|next| query(Some(write_cursor(next)))),
    }
}

/// The last part of a folder's name.
fn own_name(name: &str) -> String {
    let name = name.strip_suffix('/').unwrap_or(name);
    let own = name.rsplit('/').next().unwrap_or_default();
    if own.is_empty() { "/".to_owned() } else { own.to_owned() }
}

/// The folders on the way to this one, from the top.
fn above(bucket: &BucketName, name: &str) -> Vec<Row> {
    let mut rows = vec![Row::folder("", format!("{}/", target::ROOT))];
    if name.is_empty() {
        return rows;
    }
    rows.push(Row::folder(bucket.to_string(), target::address(bucket, "")));
    let mut from = 0;
    for (at, _) in name.match_indices('/') {
        let whole = name.get(..=at).unwrap_or_default();
        if whole == name {
            break;
        }
        rows.push(Row::folder(name.get(from..at).unwrap_or_default(), target::address(bucket, whole)));
        from = at + 1;
    }
    rows
}

fn shown(template: &ListPageOut) -> Response {
    let mut response = page(StatusCode::OK, template);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    response
}

fn told<T: Serialize>(body: &T) -> Result<Response> {
    let mut response = json(StatusCode::OK, body)?;
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}
