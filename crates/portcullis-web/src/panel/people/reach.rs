//! What somebody reaches: what was shared, and their keys.

use portcullis_access::SiteAdmin;
use portcullis_control::{GrantQuery, GrantRow, KeyQuery, KeyStatus, KeyView, PageRequest, UserRow};
use portcullis_domain::{GroupId, Timestamp, UserId};

use super::super::error::PanelError;
use super::super::{labels, words};
use crate::app::App;

/// As many are shown of each kind.
const MOST: u32 = 100;
/// What was shared with as many of somebody's groups is looked up.
const GROUPS: usize = 20;

/// One share, in words.
pub(in super::super) struct GrantLine {
    pub(in super::super) storage: String,
    pub(in super::super) storage_name: String,
    pub(in super::super) prefix: String,
    pub(in super::super) permission: &'static str,
    /// The group through which it comes; its id and name.
    pub(in super::super) group: Option<(String, String)>,
}

/// One key of a person.
pub(super) struct KeyLine {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) class: &'static str,
    pub(super) status: &'static str,
    pub(super) permission: &'static str,
    pub(super) last_used: Option<Timestamp>,
}

impl GrantLine {
    pub(in super::super) fn of(row: &GrantRow, group: Option<(String, String)>) -> Self {
        Self {
            storage: row.grant.storage.to_string(),
            storage_name: row.storage_name.to_string(),
            prefix: row.grant.prefix.as_str().to_owned(),
            permission: labels::permission(row.grant.permission),
            group,
        }
    }
}

/// What was shared with a person and with their groups, and whether there is more.
pub(super) async fn grants(
    app: &App,
    admin: &SiteAdmin,
    row: &UserRow,
) -> Result<(Vec<GrantLine>, bool), PanelError> {
    let own = GrantQuery { user: Some(row.user.id), ..GrantQuery::default() };
    let own = app.control.grants(admin, own, &PageRequest::first(MOST)).await?;
    let mut more = own.next.is_some() || row.groups.len() > GROUPS;
    let mut lines: Vec<_> = own.items.iter().map(|grant| GrantLine::of(grant, None)).collect();
    for (id, name) in row.groups.iter().take(GROUPS) {
        let (grants, has_more) = of_group(app, admin, *id).await?;
        more |= has_more;
        let through = Some((id.to_string(), name.to_string()));
        lines.extend(grants.iter().map(|grant| GrantLine::of(grant, through.clone())));
    }
    Ok((lines, more))
}

/// What was shared with a group, and whether there is more.
pub(in super::super) async fn of_group(
    app: &App,
    admin: &SiteAdmin,
    id: GroupId,
) -> Result<(Vec<GrantRow>, bool), PanelError> {
    let query = GrantQuery { group: Some(id), ..GrantQuery::default() };
    let found = app.control.grants(admin, query, &PageRequest::first(MOST)).await?;
    Ok((found.items, found.next.is_some()))
}

/// The keys of a person.
pub(super) async fn keys(app: &App, admin: &SiteAdmin, user: UserId) -> Result<Vec<KeyLine>, PanelError> {
    let query = KeyQuery { user: Some(user), ..KeyQuery::default() };
    let found = app.control.keys(admin, query, &PageRequest::first(MOST)).await?;
    Ok(found.items.iter().map(line).collect())
}

fn line(view: &KeyView) -> KeyLine {
    let (class, status) = match view.status {
        KeyStatus::Active => (" ok", words::text("key.status.active")),
        KeyStatus::Expired => (" bad", words::text("key.status.expired")),
        KeyStatus::Disabled => ("", words::text("key.status.off")),
    };
    KeyLine {
        name: view.key.name.to_string(),
        path: format!("/api-keys/{}", view.key.id),
        kind: labels::channel(view.key.channel),
        class,
        status,
        permission: labels::permission(view.key.permission),
        last_used: view.last_used.as_ref().map(|used| used.at),
    }
}
