//! The files of a plan, by the page and as a file for spreadsheets.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use portcullis_access::{Access, SiteAdmin};
use portcullis_control::{ActionQuery, ActionView, Control, PageRequest, SeenView};
use portcullis_domain::SyncPlanId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::dto::{ActionOut, Items, page_of, request_of};
use crate::extract::{Admin, Id, Limit, Params, from_text};
use crate::handlers::csv::cell;
use crate::handlers::ok;
use crate::problem::Result;

/// The columns of a CSV file.
const COLUMNS: &str = "seq,key,op,reason,evidence,chosen,copy,copy_of,\
    storage_size,storage_modified_at,storage_etag,storage_archived,\
    bucket_size,bucket_modified_at,bucket_etag,bucket_archived\r\n";
/// Files that are looked for at a time.
const PAGE: u32 = 1000;

/// Which files of a plan to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActionsQuery {
    /// Only those with which this is done: `agree`, `forget`, `write_to_storage`, `write_to_bucket`, `delete_in_storage`,
    /// `delete_in_bucket`, `keep_both`, `put_back_in_storage`, `put_back_in_bucket` or `leave`; `unchanged` for those that are as both
    /// sides had agreed on, which are in no other list.
    #[serde(default, deserialize_with = "from_text")]
    op: Option<String>,
    /// Only those with this reason, such as `conflict_new_new`.
    #[serde(default, deserialize_with = "from_text")]
    reason: Option<String>,
    /// Only those whose keys contain it, upper and lower case alike.
    #[serde(default, deserialize_with = "from_text")]
    search: Option<String>,
    /// Only those that wait for somebody's decision.
    #[serde(default, deserialize_with = "from_text")]
    open: Option<bool>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same filters.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// Which files of a plan to write.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CsvQuery {
    /// As of the list.
    #[serde(default, deserialize_with = "from_text")]
    op: Option<String>,
    /// As of the list.
    #[serde(default, deserialize_with = "from_text")]
    reason: Option<String>,
    /// As of the list.
    #[serde(default, deserialize_with = "from_text")]
    search: Option<String>,
    /// As of the list.
    #[serde(default, deserialize_with = "from_text")]
    open: Option<bool>,
}

/// The files of a plan in the order of their keys, each with what is done, why, and how that is known; with what was chosen. A page may
/// hold fewer than asked for, or none, and still have a next one.
#[utoipa::path(
    get, path = "/api/v1/sync-plans/{id}/actions", tag = "sync", operation_id = "listSyncActions",
    params(("id" = String, Path, description = "The plan."), ActionsQuery),
    responses((status = 200, description = "A page of them.", body = Items<ActionOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncPlanId>,
    Params(query): Params<ActionsQuery>,
) -> Result<Response> {
    let ActionsQuery { op, reason, search, open, limit, cursor } = query;
    let wanted = ActionQuery { op, reason, search, only_open: open == Some(true) };
    let found = app.control.sync_actions(&admin, id, &wanted, &request_of(limit, cursor)).await?;
    ok(&page_of(found, ActionOut::from))
}

/// The files of a plan as comma-separated values with a line of names (RFC 4180), written while they are read.
///
/// What a spreadsheet would take for a formula has an apostrophe in front. A file that breaks off ends without its last line's end.
#[utoipa::path(
    get, path = "/api/v1/sync-plans/{id}/actions.csv", tag = "sync", operation_id = "exportSyncActions",
    params(("id" = String, Path, description = "The plan."), CsvQuery),
    responses((status = 200, description = "The file.", content_type = "text/csv", body = String))
)]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncPlanId>,
    Params(query): Params<CsvQuery>,
) -> Result<Response> {
    let CsvQuery { op, reason, search, open } = query;
    let query = ActionQuery { op, reason, search, only_open: open == Some(true) };
    written(&app, admin, id, query).await
}

/// The file, for this door and for the panel.
pub(crate) async fn written(
    app: &App,
    admin: SiteAdmin,
    plan: SyncPlanId,
    query: ActionQuery,
) -> Result<Response> {
    // So that what is wrong with the call is told in its answer.
    app.control.sync_actions(&admin, plan, &query, &PageRequest::first(1)).await?;
    let (access, control) = (app.access.clone(), app.control.clone());
    let rows = Rows { access, control, admin, plan, query, page: PageRequest::first(PAGE) };
    let name = format!("attachment; filename=\"sync-plan-{plan}.csv\"");
    let kind = "text/csv; charset=utf-8; header=present".to_owned();
    let headers = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name), (CACHE_CONTROL, "no-store".to_owned())];
    Ok((headers, rows.written()).into_response())
}

/// The files that are still to be written.
struct Rows {
    access: Access,
    control: Control,
    admin: SiteAdmin,
    plan: SyncPlanId,
    query: ActionQuery,
    page: PageRequest,
}

impl Rows {
    fn written(self) -> Body {
        let first = stream::once(std::future::ready(Ok(Bytes::from_static(COLUMNS.as_bytes()))));
        let rest = stream::try_unfold(Some(self), |state| async {
            let Some(mut state) = state else { return Ok::<_, std::io::Error>(None) };
            // Whoever is no admin any more gets nothing more.
            state.admin = state.access.admin(state.admin.principal()).map_err(broken)?;
            let found = state.control.sync_actions(&state.admin, state.plan, &state.query, &state.page).await;
            let found = found.map_err(broken)?;
            let text: String = found.items.iter().map(row).collect();
            state.page.after = found.next;
            let more = state.page.after.is_some().then_some(state);
            Ok(Some((Bytes::from(text), more)))
        });
        Body::from_stream(futures_util::StreamExt::chain(first, rest))
    }
}

/// What a stream says of an error; the client sees the file break off.
fn broken(problem: impl std::fmt::Display) -> std::io::Error {
    tracing::warn!(error = %problem, "the files of a plan broke off while they were written");
    std::io::Error::other("the file broke off")
}

fn row(action: &ActionView) -> String {
    let word = |word: Option<&'static str>| word.unwrap_or_default().to_owned();
    let mut cells = vec![
        action.seq.to_string(),
        action.key.clone(),
        action.op.as_str().to_owned(),
        word(action.reason.map(|reason| reason.as_str())),
        action.evidence.as_str().to_owned(),
        word(action.chosen.map(|choice| choice.as_str())),
        action.copy.clone().unwrap_or_default(),
        word(action.copy_of.map(|side| side.as_str())),
    ];
    cells.extend(seen(action.seen.storage.as_ref()));
    cells.extend(seen(action.seen.bucket.as_ref()));
    cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\r\n"
}

fn seen(seen: Option<&SeenView>) -> [String; 4] {
    let Some(seen) = seen else { return [const { String::new() }; 4] };
    let modified = seen.modified.map(|at| at.to_string()).unwrap_or_default();
    [seen.size.to_string(), modified, seen.etag.clone(), seen.archived.to_string()]
}
