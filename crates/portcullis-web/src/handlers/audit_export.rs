//! Copies and extracts of the audit trail, written while they are read.

use std::str::FromStr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use portcullis_access::{Access, SiteAdmin};
use portcullis_control::{AuditEvent, AuditQuery, Control, PageRequest, TrailCopy, TrailPart};
use portcullis_domain::{KeyId, StorageId};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;

use super::csv::cell;
use super::ok;
use crate::app::App;
use crate::audit_file::Line;
use crate::dto::{AuditEventOut, AuditKeyOut};
use crate::extract::{Admin, Params, from_text};
use crate::problem::{Problem, Result};

/// The columns of a CSV file.
const COLUMNS: &str =
    "at,request_id,site,actor,key,storage,channel,peer,tool,action,object,allowed,reason,detail\r\n";

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A JSON document on each line.
    Jsonl,
    /// Comma-separated values with a line of names (RFC 4180).
    Csv,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "jsonl" => Ok(Self::Jsonl),
            "csv" => Ok(Self::Csv),
            _ => Err("jsonl or csv"),
        }
    }
}

/// What to write.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `jsonl`, or `csv` for spreadsheets.
    #[serde(default, deserialize_with = "from_text")]
    #[param(inline, value_type = Option<Format>)]
    format: Option<Format>,
    /// Only those of the request with this id.
    #[serde(default, deserialize_with = "from_text")]
    request_id: Option<String>,
    /// Only those of the key with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    key: Option<KeyId>,
    /// Only those of the storage with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only what was allowed, or only what was not.
    #[serde(default, deserialize_with = "from_text")]
    allowed: Option<bool>,
    /// Instead of the site's entries those that belong to no site, such as refusals of access keys that nobody has; for the
    /// admins of the topmost site.
    #[serde(default, deserialize_with = "from_text")]
    unassigned: Option<bool>,
}

/// The audit trail as a file.
///
/// Without a filter, as JSON lines, it is a copy that `portcullis audit verify` verifies without a server: the oldest entry
/// first, each with its place in the chain and its hash, and what was signed about them between and after them. With a filter,
/// and as CSV, it is an extract, the newest entry first, that cannot be verified.
#[utoipa::path(
    get, path = "/api/v1/audit-events/export", tag = "audit", operation_id = "exportAuditEvents", params(ExportQuery),
    responses((status = 200, description = "The file.", content((String = "application/jsonl"), (String = "text/csv"))))
)]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<ExportQuery>,
) -> Result<Response> {
    let ExportQuery { format, request_id, key, storage, allowed: verdict, unassigned } = query;
    let query = AuditQuery { request_id, key, storage, verdict };
    file(&app, admin, format.unwrap_or(Format::Jsonl), query, unassigned.unwrap_or(false)).await
}

/// The file, for this door and for the panel.
pub(crate) async fn file(
    app: &App,
    admin: SiteAdmin,
    format: Format,
    query: AuditQuery,
    unassigned: bool,
) -> Result<Response> {
    let AuditQuery { request_id, key, storage, verdict } = &query;
    let filtered = request_id.is_some() || key.is_some() || storage.is_some() || verdict.is_some();
    if unassigned && (filtered || format == Format::Csv) {
        return Err(Problem::invalid_field("unassigned", "only as JSON lines and without a filter"));
    }
    if format == Format::Jsonl && !filtered {
        let copy = app.control.copy_trail(&admin, unassigned).await?;
        return Ok(as_file(format, whole(copy, app.control.trail_key())?));
    }
    // So that what is wrong with the call is told in its answer.
    app.control.record_export(&admin).await?;
    let (access, control) = (app.access.clone(), app.control.clone());
    let extract = Extract { access, control, admin, query, format, page: PageRequest::first(500) };
    Ok(as_file(format, extract.written()))
}

/// The public key with which the signatures in copies of the audit trail are verified.
#[utoipa::path(
    get, path = "/api/v1/audit-events/public-key", tag = "audit", operation_id = "getAuditPublicKey",
    responses((status = 200, description = "The key.", body = AuditKeyOut))
)]
pub(crate) async fn public_key(State(app): State<Arc<App>>, Admin(_admin): Admin) -> Result<Response> {
    ok(&AuditKeyOut::from(app.control.trail_key()))
}

fn as_file(format: Format, body: Body) -> Response {
    let (kind, name) = match format {
        Format::Jsonl => ("application/jsonl", "attachment; filename=\"audit-trail.jsonl\""),
        Format::Csv => {
            ("text/csv; charset=utf-8; header=present", "attachment; filename=\"audit-trail.csv\"")
        }
    };
    ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name), (CACHE_CONTROL, "no-store")], body).into_response()
}

/// What a stream says of an error; the client sees the file break off, without its end.
fn broken(problem: impl std::fmt::Display) -> std::io::Error {
    tracing::warn!(error = %problem, "an export of the audit trail broke off");
    std::io::Error::other("the export broke off")
}

struct Whole {
    copy: TrailCopy,
    digest: Sha256,
}

/// A copy with its header and its end.
fn whole(copy: TrailCopy, public_key: [u8; 32]) -> Result<Body> {
    let header = Line::Header { chain: copy.chain().to_owned(), public_key, first: copy.first() };
    let header = header.render().map_err(|error| Problem::internal(error.to_string()))?;
    let state = Whole { copy, digest: Sha256::new_with_prefix(&header) };
    let first = stream::once(std::future::ready(Ok(Bytes::from(header))));
    let rest = stream::try_unfold(Some(state), |state| async {
        let Some(mut state) = state else { return Ok::<_, std::io::Error>(None) };
        let parts = state.copy.next().await.map_err(broken)?;
        if parts.is_empty() {
            let end = Line::Checkpoint(state.copy.end(state.digest.finalize().into()));
            return Ok(Some((Bytes::from(end.render()?), None)));
        }
        let mut text = String::new();
        for part in parts {
            let line = match part {
                TrailPart::Before(event) => Line::Before(event),
                TrailPart::Entry(entry) => Line::Entry(entry),
                TrailPart::Checkpoint(checkpoint) => Line::Checkpoint(checkpoint),
            };
            text.push_str(&line.render()?);
        }
        state.digest.update(&text);
        Ok(Some((Bytes::from(text), Some(state))))
    });
    Ok(Body::from_stream(futures_util::StreamExt::chain(first, rest)))
}

/// The entries that a filter lets through.
struct Extract {
    access: Access,
    control: Control,
    admin: SiteAdmin,
    query: AuditQuery,
    format: Format,
    page: PageRequest,
}

impl Extract {
    fn written(self) -> Body {
        let head = if self.format == Format::Csv { COLUMNS } else { "" };
        let first = stream::once(std::future::ready(Ok(Bytes::from_static(head.as_bytes()))));
        let rest = stream::try_unfold(Some(self), |state| async {
            let Some(mut state) = state else { return Ok::<_, std::io::Error>(None) };
            // Whoever is no admin any more gets nothing more.
            state.admin = state.access.admin(state.admin.principal()).map_err(broken)?;
            let found = state.control.audit_events(&state.admin, state.query.clone(), &state.page).await;
            let found = found.map_err(broken)?;
            let mut text = String::new();
            for event in found.items {
                match state.format {
                    Format::Csv => text.push_str(&row(&event)),
                    Format::Jsonl => {
                        text.push_str(&serde_json::to_string(&AuditEventOut::from(event))?);
                        text.push('\n');
                    }
                }
            }
            state.page.after = found.next;
            let more = state.page.after.is_some().then_some(state);
            Ok(Some((Bytes::from(text), more)))
        });
        Body::from_stream(futures_util::StreamExt::chain(first, rest))
    }
}

fn row(event: &AuditEvent) -> String {
    let id = |id: Option<String>| id.unwrap_or_default();
    let cells = [
        event.at.to_string(),
        event.request_id.clone(),
        id(event.site.map(|id| id.to_string())),
        event.actor.clone(),
        id(event.key.map(|id| id.to_string())),
        id(event.storage.map(|id| id.to_string())),
        event.channel.to_string(),
        event.peer.clone(),
        event.tool.clone(),
        event.action.clone(),
        id(event.object.clone()),
        event.allowed.to_string(),
        event.reason.clone(),
        event.detail.clone(),
    ];
    cells.map(|text| cell(&text)).join(",") + "\r\n"
}
