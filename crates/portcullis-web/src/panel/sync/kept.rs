//! What runs replaced and deleted, kept for a while.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, KeptQuery, KeptView, PageRequest};
use portcullis_domain::{KeptId, StorageId, SyncRunId, Timestamp};

use super::super::error::PanelError;
use super::super::fields::{Fields, sentence};
use super::super::format;
use super::super::page::{Chrome, page, toast};
use super::super::people::{address, after, search};
use super::super::posted::Posted;
use super::super::visitor::Admin;
use super::super::words::{self, filters};
use super::{KEPT, plan_path, run_path};
use crate::app::App;

/// As many are on a page.
const ROWS: u32 = 50;

/// How much is kept in a storage.
struct Space {
    name: String,
    path: String,
    size: String,
    files: u64,
}

struct Row {
    id: String,
    key: String,
    storage: String,
    run: String,
    size: String,
    since: Timestamp,
    until: Timestamp,
}

/// A storage to choose.
struct Choose {
    id: String,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "sync/kept.html")]
struct KeptPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    trouble: Option<String>,
    wanted: &'a Wanted,
    spaces: Vec<Space>,
    storages: Vec<Choose>,
    /// The page of the run that the list is about.
    run: Option<String>,
    all: String,
    rows: Vec<Row>,
    paged: bool,
    first: Option<String>,
    next: Option<String>,
}

/// What somebody wants to see. What the address says and nobody understands is left out.
#[derive(Clone, Debug, Default)]
struct Wanted {
    search: String,
    storage: Option<StorageId>,
    run: Option<SyncRunId>,
    after: Option<String>,
}

impl Wanted {
    fn of(fields: &Fields) -> Self {
        Self {
            search: search(fields),
            storage: fields.get("storage").parse().ok(),
            run: fields.get("run").parse().ok(),
            after: after(fields),
        }
    }

    fn query(&self) -> KeptQuery {
        let search = Some(self.search.clone()).filter(|search| !search.is_empty());
        KeptQuery { storage: self.storage, run: self.run, search }
    }

    const fn narrows(&self) -> bool {
        !self.search.is_empty() || self.storage.is_some() || self.run.is_some()
    }

    fn at(&self, after: Option<&str>) -> String {
        let (storage, run) = (self.storage.map(|id| id.to_string()), self.run.map(|id| id.to_string()));
        let words = [("storage", storage.as_deref()), ("run", run.as_deref()), ("after", after)];
        address(KEPT, &self.search, &words)
    }
}

impl Row {
    fn of(kept: &KeptView) -> Self {
        Self {
            id: kept.id.to_string(),
            key: kept.key.clone(),
            storage: if kept.storage_name.is_empty() {
                words::text("sync.gone").to_owned()
            } else {
                kept.storage_name.clone()
            },
            run: run_path(kept.run),
            size: format::size(kept.size),
            since: kept.kept,
            until: kept.expires,
        }
    }
}

/// `GET /sync/kept?q=&storage=&run=&after=`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let shown = shown(&app, &admin, &person.chrome, &fields, None).await;
    shown.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn shown(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    fields: &Fields,
    trouble: Option<&str>,
) -> Result<Response, PanelError> {
    let wanted = Wanted::of(fields);
    let request = PageRequest { limit: ROWS, after: wanted.after.clone() };
    let found = match app.control.kept(admin, wanted.query(), &request).await {
        Ok(found) => found,
        // A place that is no longer one: from the beginning.
        Err(ControlError::Invalid(_)) if wanted.after.is_some() => {
            return Ok(Redirect::to(&wanted.at(None)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let spaces = app.control.kept_space(admin).await?;
    let space = |space: &portcullis_control::KeptSpace| Space {
        name: space.storage_name.clone(),
        path: address(KEPT, "", &[("storage", Some(&space.storage.to_string()))]),
        size: format::size(space.held.bytes),
        files: space.held.files,
    };
    let storage = |space: &portcullis_control::KeptSpace| Choose {
        id: space.storage.to_string(),
        name: space.storage_name.clone(),
        chosen: wanted.storage == Some(space.storage),
    };
    let template = KeptPage {
        chrome,
        toast: toast(fields),
        trouble: trouble.map(sentence),
        spaces: spaces.iter().map(space).collect(),
        storages: spaces.iter().map(storage).collect(),
        run: wanted.run.map(run_path),
        all: Wanted { run: None, after: None, ..wanted.clone() }.at(None),
        rows: found.items.iter().map(Row::of).collect(),
        paged: wanted.after.is_some() || found.next.is_some(),
        first: wanted.after.is_some().then(|| wanted.at(None)),
        next: found.next.as_deref().map(|next| wanted.at(Some(next))),
        wanted: &wanted,
    };
    let status = if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &template))
}

/// `GET /sync/kept/{id}/restore`: who comes by hand is led to the list.
pub(super) async fn home(_: Admin) -> Response {
    Redirect::to(KEPT).into_response()
}

/// `POST /sync/kept/{id}/restore`: on to the plan that puts it back.
pub(super) async fn restore(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    Path(id): Path<String>,
    _form: Posted,
) -> Response {
    let Ok(id) = id.parse::<KeptId>() else { return PanelError::NotFound.show(&person.chrome) };
    match app.control.restore_kept(&admin, id).await {
        Ok(plan) => Redirect::to(&plan_path(plan.id)).into_response(),
        Err(ControlError::NotNow(why)) => {
            let refused = shown(&app, &admin, &person.chrome, &Fields::default(), Some(&why)).await;
            refused.unwrap_or_else(|error| error.show(&person.chrome))
        }
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}
