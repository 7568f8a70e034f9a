//! A new link: the form, and the one page that shows its address.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{
    ControlError, FieldProblem, LINK_PASSWORD_MAX, LinkDraft, LinkTargetDraft, new_once_token,
};
use portcullis_domain::{Secret, Storage};
use zeroize::Zeroizing;

use super::super::super::credentials::{ListText, Terms};
use super::super::super::error::PanelError;
use super::super::super::fields::{Faults, Fields};
use super::super::super::page::{Chrome, page};
use super::super::super::posted::Posted;
use super::super::super::words::{self, filters};
use super::super::at::At;
use super::section;
use crate::app::App;
use crate::shared;

/// What a link can be for: value of the field, name, what it means, the name of a symbol.
const KINDS: [(&str, &str, &str, &str); 3] = [
    ("file", "link.kind.file", "link.kind.file.detail", "file"),
    ("folder", "link.kind.folder", "link.kind.folder.detail", "folder"),
    ("box", "link.kind.box", "link.kind.box.detail", "upload"),
];

/// What was filled in, but for the password, which no page shows again.
struct NewLink {
    once: String,
    name: String,
    kind: String,
    target: String,
    asks: bool,
    max_downloads: String,
    terms: Terms,
}

#[derive(Template)]
#[template(path = "connection/link_new.html")]
struct NewLinkPage<'a> {
    chrome: &'a Chrome,
    storage: &'a Storage,
    back: String,
    filled: &'a NewLink,
    terms: &'a Terms,
    list: ListText,
    of_key: bool,
    faults: Faults,
}

#[derive(Template)]
#[template(path = "connection/link_shown.html")]
struct AddressPage<'a> {
    chrome: &'a Chrome,
    storage: &'a Storage,
    name: &'a str,
    address: String,
    asks: bool,
    back: String,
}

#[derive(Template)]
#[template(path = "connection/link_already.html")]
struct AlreadyPage<'a> {
    chrome: &'a Chrome,
    back: String,
}

impl NewLink {
    fn of(fields: &Fields) -> Result<Self, PanelError> {
        let text = |name: &str, most: usize| fields.get(name).chars().take(most).collect::<String>();
        let once = match fields.filled("once") {
            Some(once) => once.chars().take(256).collect(),
            None => new_once_token()?,
        };
        let mut terms = Terms::of(fields);
        let kind = text("kind", 10);
        // The kind says it.
        terms.permission = if kind == "box" { "write" } else { "read" }.to_owned();
        Ok(Self {
            once,
            name: text("name", 400),
            kind,
            target: text("target", 1_100),
            // Whoever types one wants it asked for, whatever the box says.
            asks: fields.has("asks") || !fields.get("password").is_empty(),
            max_downloads: text("max_downloads", 20).trim().to_owned(),
            terms,
        })
    }

    fn kinds() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
        let said = |(value, name, detail, icon)| (value, words::text(name), words::text(detail), icon);
        KINDS.into_iter().map(said).collect()
    }

    /// The draft, if it can be read; otherwise what is wrong is noted.
    fn draft(&self, app: &App, at: &At, password: &str, faults: &mut Faults) -> Option<LinkDraft> {
        let target = match self.kind.as_str() {
            "file" => Some(LinkTargetDraft::File(self.target.clone())),
            "folder" | "box" => Some(LinkTargetDraft::Folder(folder(&self.target))),
            _ => {
                faults.add("kind", words::text("link.new.kind.missing"));
                None
            }
        };
        if self.asks && password.is_empty() {
            faults.add("password", words::text("link.new.password.missing"));
        }
        let limit = self.limit(faults);
        let agreed = self.terms.check(app.access.now(), faults);
        let (target, limit, agreed) = (target?, limit?, agreed?);
        faults.is_empty().then(|| LinkDraft {
            storage: at.storage.to_string(),
            target,
            name: self.name.clone(),
            permission: agreed.permission.as_str().to_owned(),
            password: self.asks.then(|| Secret::foreign(password.to_owned())),
            expires_at: agreed.expires.map(|end| end.to_string()),
            max_downloads: limit,
            networks: agreed.reading.drafts(),
        })
    }

    /// `Some(None)` is any number of downloads.
    #[expect(
        clippy::option_option,
        reason = "that there is no limit, and that it cannot be read, are two things"
    )]
    fn limit(&self, faults: &mut Faults) -> Option<Option<u64>> {
        if self.max_downloads.is_empty() {
            return Some(None);
        }
        let digits = self.max_downloads.bytes().all(|byte| byte.is_ascii_digit());
        let number = self.max_downloads.parse().ok().filter(|_| digits);
        if number.is_none() {
            faults.add("max_downloads", words::text("link.new.limit.wrong"));
        }
        number.map(Some)
    }
}

/// A folder, with the slash at its end that people leave out.
fn folder(typed: &str) -> String {
    if typed.is_empty() || typed.ends_with('/') { typed.to_owned() } else { format!("{typed}/") }
}

/// The fields of the form for those of the draft.
fn faults_of(problems: Vec<FieldProblem>) -> Faults {
    let mut faults = Faults::default();
    for FieldProblem { field, message } in problems {
        let field = match field.as_str() {
            "file" | "folder" => "target".to_owned(),
            "permission" => "kind".to_owned(),
            "expires_at" => "expires".to_owned(),
            _ => field,
        };
        faults.add(field, message);
    }
    faults
}

/// `GET /connections/{id}/links/new`
pub(super) async fn ask(State(app): State<Arc<App>>, at: At) -> Response {
    try_ask(&app, &at).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_ask(app: &App, at: &At) -> Result<Response, PanelError> {
    let storage = app.control.storage(&at.admin, at.storage).await?.storage;
    Ok(form(at, &storage, &NewLink::of(&Fields::default())?, Faults::default()))
}

fn form(at: &At, storage: &Storage, filled: &NewLink, faults: Faults) -> Response {
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let template = NewLinkPage {
        chrome: &at.person.chrome,
        storage,
        back: section(at.storage),
        filled,
        terms: &filled.terms,
        list: filled.terms.list(at.person.peer),
        of_key: true,
        faults,
    };
    page(status, &template)
}

/// `POST /connections/{id}/links/new`: makes the link and shows its address.
pub(super) async fn make(State(app): State<Arc<App>>, at: At, fields: Posted) -> Response {
    try_make(&app, &at, &fields).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_make(app: &App, at: &At, fields: &Fields) -> Result<Response, PanelError> {
    let storage = app.control.storage(&at.admin, at.storage).await?.storage;
    let mut filled = NewLink::of(fields)?;
    if filled.terms.apply(fields, at.person.peer).is_some() {
        return Ok(form(at, &storage, &filled, Faults::default()));
    }
    let password: Zeroizing<String> =
        Zeroizing::new(fields.get("password").chars().take(LINK_PASSWORD_MAX + 1).collect());
    let mut faults = Faults::default();
    let Some(draft) = filled.draft(app, at, &password, &mut faults) else {
        return Ok(form(at, &storage, &filled, faults));
    };
    if !app.control.claim_once(&at.admin, &filled.once).await? {
        let already = AlreadyPage { chrome: &at.person.chrome, back: section(at.storage) };
        return Ok(page(StatusCode::CONFLICT, &already));
    }
    match app.control.create_link(&at.admin, &draft).await {
        Ok(made) => {
            let template = AddressPage {
                chrome: &at.person.chrome,
                storage: &storage,
                name: made.view.link.name.as_str(),
                address: shared::address(app, &made.token),
                asks: made.view.link.has_password,
                back: section(at.storage),
            };
            Ok(page(StatusCode::OK, &template))
        }
        Err(ControlError::Invalid(problems)) => {
            filled.once = new_once_token()?;
            Ok(form(at, &storage, &filled, faults_of(problems)))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_ends_with_a_slash() {
        for (typed, wanted) in [("", ""), ("a", "a/"), ("a/", "a/"), ("a/b", "a/b/"), ("/", "/")] {
            assert_eq!(folder(typed), wanted);
        }
    }

    #[test]
    fn faults_stand_at_the_fields_of_the_form() {
        let problems = ["file", "permission", "expires_at", "networks[1]", "password"];
        let faults = faults_of(problems.map(|field| FieldProblem::new(field, "wrong")).into());
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["target", "kind", "expires", "networks[1]", "password"]);
    }
}
