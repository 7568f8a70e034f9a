//! A new site.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, RulesDraft, SiteDraft};

use super::super::error::{PanelError, confirm};
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, on_to, page};
use super::super::posted::Posted;
use super::super::visitor::Admin;
use super::super::words;
use super::super::words::filters;
use super::path;
use crate::app::App;

struct Parent {
    value: String,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "site_new.html")]
struct NewPage<'a> {
    chrome: &'a Chrome,
    name: &'a str,
    parents: Vec<Parent>,
    faults: Faults,
}

async fn asked(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    fields: &Fields,
    faults: Faults,
) -> Result<Response, PanelError> {
    let sites = app.control.site_tree(admin).await?;
    let wanted = fields.get("parent");
    let is_there = sites.iter().any(|view| view.site.id.to_string() == wanted);
    let parent = |view: &portcullis_control::SiteView| {
        let value = view.site.id.to_string();
        // Names of different depths may be the same; dashes show what lies below what.
        let depth = usize::try_from(view.depth).unwrap_or(0).min(20);
        let name = format!("{}{}", "– ".repeat(depth), view.site.name);
        let chosen = if is_there { value == wanted } else { view.current };
        Parent { value, name, chosen }
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let parents = sites.iter().map(parent).collect();
    Ok(page(status, &NewPage { chrome, name: fields.get("name"), parents, faults }))
}

/// `GET /sites/new?parent=&name=`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let asked = asked(&app, &admin, &person.chrome, &fields, Faults::default()).await;
    asked.unwrap_or_else(|error| error.show(&person.chrome))
}

/// `POST /sites/new`
pub(super) async fn make(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    form: Posted,
) -> Response {
    let draft = SiteDraft {
        name: form.get("name").to_owned(),
        parent: form.filled("parent").map(str::to_owned),
        rules: RulesDraft::default(),
    };
    let faults = match app.control.create_site(&admin, &draft).await {
        Ok(made) => return on_to(&path(made.site.id), "done.site_made"),
        Err(ControlError::Invalid(problems)) => Faults::from(problems),
        Err(ControlError::Conflict { .. }) => taken(),
        Err(ControlError::ConfirmationNeeded) => {
            let mut filled = form_urlencoded::Serializer::new(String::new());
            filled.append_pair("parent", form.get("parent")).append_pair("name", form.get("name"));
            return confirm(&format!("/sites/new?{}", filled.finish()));
        }
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let asked = asked(&app, &admin, &person.chrome, &form, faults).await;
    asked.unwrap_or_else(|error| error.show(&person.chrome))
}

/// Another site side by side has the name.
pub(super) fn taken() -> Faults {
    let mut faults = Faults::default();
    faults.add("name", words::text("site.taken"));
    faults
}
