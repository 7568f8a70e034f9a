//! The page of a site.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{ControlError, RulesDraft, SiteChange, SiteView};
use portcullis_domain::Site;

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, on_to, page, toast};
use super::super::posted::Posted;
use super::super::seen::Seen;
use super::super::words;
use super::super::words::filters;
use super::{AtSite, SITES, new, path, tree};
use crate::app::App;

/// What a form of the page comes back with.
#[derive(Default)]
struct Back<'a> {
    /// Which form it was: `name` or `delete`.
    form: &'static str,
    faults: Faults,
    /// The name that was typed.
    name: &'a str,
}

#[derive(Template)]
#[template(path = "site.html")]
struct SitePage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    view: &'a SiteView,
    /// The site above, if it may be known of.
    parent: Option<(String, String)>,
    /// How many lie below.
    children: u64,
    name: String,
    seen: Seen,
    form: &'static str,
    faults: Faults,
}

fn seen(site: &Site) -> Seen {
    let mut seen = Seen::default();
    seen.add(&site.name);
    seen
}

async fn shown(
    app: &App,
    at: &AtSite,
    toast: Option<&'static str>,
    back: Back<'_>,
) -> Result<Response, PanelError> {
    let sites = app.control.site_tree(&at.admin).await?;
    let view = sites.iter().find(|view| view.site.id == at.site).ok_or(PanelError::NotFound)?;
    let parent = sites.iter().find(|above| view.parent == Some(above.site.id));
    let status = if back.form.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let template = SitePage {
        chrome: &at.person.chrome,
        toast,
        view,
        parent: parent.map(|above| (above.site.id.to_string(), above.site.name.to_string())),
        children: tree::below(&sites, at.site),
        name: if back.form == "name" { back.name.to_owned() } else { view.site.name.to_string() },
        seen: seen(&view.site),
        form: back.form,
        faults: back.faults,
    };
    Ok(page(status, &template))
}

fn fault(field: &str, message: impl Into<String>) -> Faults {
    let mut faults = Faults::default();
    faults.add(field, message);
    faults
}

/// `GET /sites/{id}`
pub(super) async fn show(State(app): State<Arc<App>>, at: AtSite, RawQuery(query): RawQuery) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let shown = shown(&app, &at, toast(&query), Back::default()).await;
    shown.unwrap_or_else(|error| error.show(&at.person.chrome))
}

/// `POST /sites/{id}/name`
pub(super) async fn rename(State(app): State<Arc<App>>, at: AtSite, form: Posted) -> Response {
    try_rename(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_rename(app: &App, at: &AtSite, form: &Fields) -> Result<Response, PanelError> {
    let name = form.get("name");
    let change = SiteChange { name: Some(name.to_owned()), rules: RulesDraft::default() };
    let as_seen = |site: &Site| seen(site).is_in(form, "seen");
    let faults = match app.control.update_site_if(&at.admin, at.site, &change, as_seen).await {
        Ok(Some(_)) => return Ok(on_to(&path(at.site), "done.renamed")),
        Ok(None) | Err(ControlError::Stale) => fault("name", words::text("site.stale")),
        Err(ControlError::Invalid(problems)) => Faults::from(problems),
        Err(ControlError::Conflict { .. }) => new::taken(),
        Err(error) => return Err(error.into()),
    };
    shown(app, at, None, Back { form: "name", faults, name }).await
}

/// `POST /sites/{id}/delete`
pub(super) async fn delete(State(app): State<Arc<App>>, at: AtSite, form: Posted) -> Response {
    try_delete(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_delete(app: &App, at: &AtSite, form: &Fields) -> Result<Response, PanelError> {
    let faults = if form.get("understood") == "yes" {
        match app.control.delete_site(&at.admin, at.site).await {
            Ok(()) => return Ok(on_to(SITES, "done.site_deleted")),
            Err(ControlError::InUse(what)) => fault("understood", words::fill("site.delete.holds", &[&what])),
            Err(ControlError::Invalid(problems)) => {
                let mut faults = Faults::default();
                problems.into_iter().for_each(|problem| faults.add("understood", problem.message));
                faults
            }
            Err(error) => return Err(error.into()),
        }
    } else {
        fault("understood", words::text("site.delete.tick"))
    };
    shown(app, at, None, Back { form: "delete", faults, name: "" }).await
}
