//! Sharing a connection with people and groups.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{
    ControlError, GrantChange, GrantDraft, GrantQuery, GrantRow, GranteeDraft, PageRequest, UserQuery,
};
use portcullis_domain::{GrantId, Grantee, Permission, StorageGrant, StorageId};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{on_to, page};
use super::super::people::user_named;
use super::super::posted::Posted;
use super::super::seen::Seen;
use super::super::{labels, words};
use super::at::{At, path};
use super::page::ConnectionPage;
use super::subject::Subject;
use crate::app::App;

/// As many shares are on the page.
const MOST: u32 = 200;
/// As many names of users, and of groups, are offered while somebody types.
const OFFERED: u32 = 50;
/// What can be shared.
const PERMISSIONS: [Permission; 3] = [Permission::Read, Permission::Write, Permission::ReadWrite];

/// A permission to choose.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    pub(super) chosen: bool,
}

/// One share.
#[derive(Debug)]
pub(super) struct ShareRow {
    pub(super) id: String,
    pub(super) name: String,
    /// The page of whoever it is shared with.
    pub(super) path: String,
    pub(super) is_group: bool,
    pub(super) prefix: String,
    pub(super) permissions: Vec<Choice>,
    pub(super) seen: Seen,
}

/// The part of the page for people and groups.
#[derive(Debug, Default)]
pub(super) struct PeopleSharing {
    pub(super) rows: Vec<ShareRow>,
    pub(super) more: bool,
    /// Names that can be typed, each with what it names.
    pub(super) known: Vec<(String, &'static str)>,
    pub(super) grantee: String,
    pub(super) prefix: String,
    pub(super) permissions: Vec<Choice>,
    pub(super) faults: Faults,
}

fn choices(chosen: &str) -> Vec<Choice> {
    let choice = |permission: Permission| Choice {
        value: permission.as_str(),
        name: labels::permission(permission),
        chosen: permission.as_str() == chosen,
    };
    PERMISSIONS.into_iter().map(choice).collect()
}

fn seen(grant: &StorageGrant) -> Seen {
    let mut seen = Seen::default();
    seen.add(&grant.permission);
    seen.add(&grant.prefix.as_str());
    seen
}

fn row(row: &GrantRow) -> ShareRow {
    let (path, is_group) = match row.grant.grantee {
        Grantee::User(id) => (format!("/users/{id}"), false),
        Grantee::Group(id) => (format!("/groups/{id}"), true),
    };
    ShareRow {
        id: row.grant.id.to_string(),
        name: row.grantee_name.to_string(),
        path,
        is_group,
        prefix: row.grant.prefix.as_str().to_owned(),
        permissions: choices(row.grant.permission.as_str()),
        seen: seen(&row.grant),
    }
}

impl PeopleSharing {
    pub(super) async fn load(app: &App, admin: &SiteAdmin, storage: StorageId) -> Result<Self, PanelError> {
        let query = GrantQuery { storage: Some(storage), ..GrantQuery::default() };
        let grants = app.control.grants(admin, query, &PageRequest::first(MOST)).await?;
        let users = app.control.users(admin, UserQuery::default(), &PageRequest::first(OFFERED)).await?;
        let groups = app.control.groups(admin, None, &PageRequest::first(OFFERED)).await?;
        let (user, group) = (words::text("sharing.with.user"), words::text("sharing.with.group"));
        let known = groups.items.iter().map(|row| (row.group.name.to_string(), group));
        let known = known.chain(users.items.iter().map(|row| (row.user.username.to_string(), user)));
        Ok(Self {
            rows: grants.items.iter().map(row).collect(),
            more: grants.next.is_some(),
            known: known.collect(),
            permissions: choices(Permission::Read.as_str()),
            ..Self::default()
        })
    }

    /// With what was typed, and why that was not done.
    fn after(&mut self, form: &Fields, faults: Faults) {
        let typed = |name: &str| form.get(name).chars().take(1_024).collect();
        self.grantee = typed("grantee");
        self.prefix = typed("prefix");
        self.permissions = choices(form.get("permission"));
        self.faults = faults;
    }
}

fn fault(message: &'static str) -> Faults {
    let mut faults = Faults::default();
    faults.add("grantee", message);
    faults
}

/// Whom a name names: a user, a group, or what is wrong with it.
async fn grantee(
    app: &App,
    admin: &SiteAdmin,
    typed: &str,
) -> Result<Result<GranteeDraft, Faults>, PanelError> {
    let typed = typed.trim();
    let (kind, name) = match typed.split_once(':') {
        Some((kind @ ("user" | "group"), name)) => (Some(kind), name.trim()),
        Some(_) | None => (None, typed),
    };
    let user = if kind == Some("group") { None } else { user_named(app, admin, name).await? };
    let group = if kind == Some("user") { None } else { group_named(app, admin, name).await? };
    Ok(match (user, group) {
        (Some(user), None) => Ok(GranteeDraft::User(user.id.to_string())),
        (None, Some(group)) => Ok(GranteeDraft::Group(group)),
        (None, None) => Err(fault(words::text("sharing.with.none"))),
        (Some(_), Some(_)) => Err(fault(words::text("sharing.with.both"))),
    })
}

/// The id of the group of the site with this name, upper and lower case alike.
async fn group_named(app: &App, admin: &SiteAdmin, name: &str) -> Result<Option<String>, PanelError> {
    if name.is_empty() || name.len() > 1_000 {
        return Ok(None);
    }
    let wanted = name.to_lowercase();
    let mut page = PageRequest::first(PageRequest::MAX);
    loop {
        let found = app.control.groups(admin, Some(name), &page).await?;
        let same = found.items.iter().find(|row| row.group.name.as_str().to_lowercase() == wanted);
        if let Some(row) = same {
            return Ok(Some(row.group.id.to_string()));
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(None),
        }
    }
}

/// What is wrong with a share, at the fields of the form.
fn faults(error: ControlError) -> Result<Faults, PanelError> {
    match error {
        ControlError::Invalid(problems) => {
            let mut faults = Faults::default();
            for problem in problems {
                let field = match problem.field.as_str() {
                    "user" | "group" | "storage" => "grantee".to_owned(),
                    "permission" => "rights".to_owned(),
                    _ => problem.field,
                };
                faults.add(field, problem.message);
            }
            Ok(faults)
        }
        ControlError::Conflict { .. } => Ok(fault(words::text("sharing.twice"))),
        ControlError::Stale => Ok(fault(words::text("sharing.stale"))),
        error @ (ControlError::NotFound
        | ControlError::InUse(_)
        | ControlError::ConfirmationNeeded
        | ControlError::KeysByAdminsOnly
        | ControlError::OverlapRuns { .. }
        | ControlError::NotNow(_)
        | ControlError::Access(_)
        | ControlError::Metadata(_)) => Err(error.into()),
    }
}

async fn again(app: &App, at: &At, form: &Fields, faults: Faults) -> Result<Response, PanelError> {
    let mut subject = Subject::load(app, &at.admin, at.storage).await?;
    subject.people.after(form, faults);
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &ConnectionPage::new(app, at, &subject)))
}

/// `POST /connections/{id}/sharing`
pub(super) async fn share(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_share(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_share(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let grantee = match grantee(app, &at.admin, form.get("grantee")).await? {
        Ok(grantee) => grantee,
        Err(faults) => return again(app, at, form, faults).await,
    };
    let draft = GrantDraft {
        storage: at.storage.to_string(),
        grantee,
        prefix: form.filled("prefix").map(str::to_owned),
        permission: form.get("permission").to_owned(),
    };
    match app.control.create_grant(&at.admin, &draft).await {
        Ok(_) => Ok(on_to(&path(at.storage), "done.shared")),
        Err(error) => again(app, at, form, faults(error)?).await,
    }
}

/// `POST /connections/{id}/sharing/{grant}`
pub(super) async fn change(
    State(app): State<Arc<App>>,
    at: At,
    Path(ids): Path<HashMap<String, String>>,
    form: Posted,
) -> Response {
    let Some(grant) = ids.get("grant").and_then(|id| id.parse().ok()) else {
        return PanelError::NotFound.show(&at.person.chrome);
    };
    try_change(&app, &at, grant, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_change(app: &App, at: &At, id: GrantId, form: &Fields) -> Result<Response, PanelError> {
    // A share of another storage has its place on that one's page.
    if app.control.grant(&at.admin, id).await?.grant.storage != at.storage {
        return Err(PanelError::NotFound);
    }
    let as_seen = |grant: &StorageGrant| seen(grant).is_in(form, "seen");
    let done = match form.get("do") {
        "change" => {
            let change = GrantChange { prefix: None, permission: Some(form.get("permission").to_owned()) };
            let changed = app.control.update_grant_if(&at.admin, id, &change, as_seen).await;
            changed.map(|changed| changed.map(|_| "done.share_changed"))
        }
        "remove" => {
            let removed = app.control.delete_grant_if(&at.admin, id, as_seen).await;
            removed.map(|removed| removed.map(|_| "done.share_removed"))
        }
        _ => return Err(PanelError::Malformed),
    };
    match done {
        Ok(Some(done)) => Ok(on_to(&path(at.storage), done)),
        Ok(None) => again(app, at, &Fields::default(), fault(words::text("sharing.stale"))).await,
        Err(error) => again(app, at, &Fields::default(), faults(error)?).await,
    }
}
