//! For who was invited: the code of their link and a password of their own. The code stands behind the `#` of the link, which the browser
//! does not send; a script puts it into the form, and without one people paste it.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use portcullis_access::AccessError;
use portcullis_control::{ControlError, InvitationView};
use portcullis_domain::Secret;

use super::cookie::{csrf_of, form_of};
use super::error::PanelError;
use super::fields::{Faults, Fields};
use super::page::{on_to, page};
use super::posted::Posted;
use super::sign_in::visit;
use super::words;
use super::words::filters;
use crate::app::App;
use crate::extract::Stranger;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/join", get(show).post(join))
}

#[derive(Template)]
#[template(path = "join.html")]
struct JoinPage<'a> {
    csrf: String,
    plain_http: bool,
    code: &'a str,
    /// Whom the code invites and to which site, once it was sent and is right.
    invited: Option<InvitationView>,
    faults: Faults,
}

/// `GET /join`
async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some((visit, cookie)) = visit(&app, &headers) else { return PanelError::Failed.into_response() };
    let template = JoinPage {
        csrf: csrf_of(&visit),
        plain_http: !app.is_secure(),
        code: "",
        invited: None,
        faults: Faults::default(),
    };
    let mut response = page(StatusCode::OK, &template);
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// `POST /join`
async fn join(State(app): State<Arc<App>>, stranger: Stranger, headers: HeaderMap, form: Posted) -> Response {
    let code = code(form.get("code"));
    let (status, faults) = match accept(&app, &stranger, code, &form).await {
        Ok(()) => return on_to("/sign-in", "done.joined"),
        Err(Refused::For(status, faults)) => (status, faults),
        Err(Refused::Wholly(error)) => return error.into_response(),
    };
    // Only what is wrong with the password is worth a look at whom the code is for: a wrong code is not for anybody.
    let invited = match faults.at("code") {
        None => app.control.invitation(code).await.ok().flatten(),
        Some(_) => None,
    };
    let csrf = form_of(&headers, app.is_secure()).map(csrf_of).unwrap_or_default();
    page(status, &JoinPage { csrf, plain_http: !app.is_secure(), code, invited, faults })
}

/// Why there is no new password.
enum Refused {
    For(StatusCode, Faults),
    Wholly(PanelError),
}

async fn accept(app: &App, stranger: &Stranger, code: &str, form: &Fields) -> Result<(), Refused> {
    let wrong = |field: &str, message: String| {
        let mut faults = Faults::default();
        faults.add(field, message);
        faults
    };
    let refused = |faults| Err(Refused::For(StatusCode::UNPROCESSABLE_ENTITY, faults));
    // What was mistyped would lock its owner out; the code is not used up before that is sure.
    if form.get("new") != form.get("repeat") {
        return refused(wrong("repeat", words::text("password.repeat.differs").to_owned()));
    }
    let secret = |text: &str| Secret::foreign(text.to_owned());
    let (token, password) = (secret(code), secret(form.get("new")));
    match app.control.accept_invitation(stranger.origin(), &token, &password).await {
        Ok(_) => Ok(()),
        Err(ControlError::Invalid(problems)) => {
            let mut faults = Faults::default();
            for problem in problems {
                match problem.field.as_str() {
                    "token" => faults.add("code", words::text("join.wrong")),
                    _ => faults.add("new", problem.message),
                }
            }
            refused(faults)
        }
        Err(
            ControlError::NotFound | ControlError::Access(AccessError::NotFound | AccessError::Denied(_)),
        ) => refused(wrong("code", words::text("join.wrong").to_owned())),
        Err(ControlError::Access(AccessError::Throttled { retry_after })) => {
            let text = words::count("join.throttled", retry_after.as_secs().max(1));
            Err(Refused::For(StatusCode::TOO_MANY_REQUESTS, wrong("code", text)))
        }
        Err(error) => Err(Refused::Wholly(error.into())),
    }
}

/// The code, also if the whole link was pasted.
fn code(typed: &str) -> &str {
    let typed = typed.trim();
    typed.rsplit_once('#').map_or(typed, |(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_its_link() {
        for typed in ["abc", " abc\n", "https://gate.example.org/join#abc", "#abc"] {
            assert_eq!(code(typed), "abc");
        }
        assert_eq!(code("#"), "");
    }
}
