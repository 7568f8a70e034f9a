//! `Idempotency-Key`: a call that makes something is made once, however often it is sent.
//!
//! It stands in front of the router. The call is answered by a task of its own: it goes on when the client is gone, which is when a
//! call is sent again. A call that is repeated is answered with what the first one made, as a `GET` of it by the same caller.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Collected};
use portcullis_control::{NamedCall, Precedent};
use serde_json::{Value, json};

use crate::app::App;
use crate::extract::{Caller, Known, read_body};
use crate::operations::{OPERATIONS, makes_something};
use crate::problem::{Problem, Result};

/// The header by which a client names a call.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that an answer has which was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest name of a call, in bytes.
const LONGEST: usize = 255;
/// When a call that is under way is to be asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How a call that made something is answered when it is sent again; a mark of its first answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// The answer was the record.
    Record,
    /// The answer held a secret that is told once.
    Refused,
    /// The answer held the record of a user, and no invitation.
    User,
    /// The answer was the record of what goes on by itself.
    Begun,
}

impl Again {
    const ALL: [Self; 4] = [Self::Record, Self::Refused, Self::User, Self::Begun];

    /// What is remembered of it, before the address of what was made.
    const fn mark(self) -> &'static str {
        match self {
            Self::Record => "record ",
            Self::Refused => "secret ",
            Self::User => "user ",
            Self::Begun => "begun ",
        }
    }

    /// What is remembered of an answer.
    fn told(response: &Response) -> String {
        let at = response.headers().get(LOCATION).and_then(|at| at.to_str().ok()).unwrap_or_default();
        let plain = if response.status() == StatusCode::ACCEPTED { Self::Begun } else { Self::Record };
        let again = response.extensions().get::<Self>().copied().unwrap_or(plain);
        format!("{}{at}", again.mark())
    }

    /// The same, read back.
    fn read(told: &str) -> (Self, &str) {
        let found = Self::ALL.into_iter().find_map(|again| Some((again, told.strip_prefix(again.mark())?)));
        found.unwrap_or((Self::Refused, ""))
    }
}

/// Answers calls that have a name once; every other request passes.
pub(crate) async fn once(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let named = request.headers().contains_key(&IDEMPOTENCY_KEY);
    if !named || *request.method() != Method::POST || !makes(request.uri().path()) {
        return next.run(request).await;
    }
    answer(&app, request, next).await.unwrap_or_else(Problem::into_response)
}

/// Whether a POST to this path makes something.
fn makes(path: &str) -> bool {
    let is = |row: &str| {
        let (mut given, mut wanted) = (path.split('/'), row.split('/'));
        loop {
            match (given.next(), wanted.next()) {
                (None, None) => return true,
                (Some(part), Some(row)) if part == row || row.starts_with('{') => {}
                (_, _) => return false,
            }
        }
    };
    OPERATIONS.iter().any(|row| makes_something(row) && is(row.path))
}

async fn answer(app: &Arc<App>, request: Request, next: Next) -> Result<Response> {
    let name = name_of(&request)?;
    let (mut parts, body) = request.into_parts();
    let Caller(who) = Caller::from_request_parts(&mut parts, app).await?;
    let body = read_body(body).await?;
    let call = NamedCall::new(&who, parts.method.as_str(), parts.uri.path(), &name, &body);
    // Who asks is settled; nobody is to be asked for it twice.
    parts.extensions.insert(Known(who));
    match app.control.claim_call(&call).await? {
        Precedent::Other => Err(Problem::invalid_field(
            "Idempotency-Key",
            "names a call with another body; give every call a name of its own",
        )),
        Precedent::UnderWay => Err(under_way()),
        Precedent::Made(told) => Ok(again(&told, parts, next).await),
        Precedent::None => {
            let app = Arc::clone(app);
            let made = app.tasks.spawn(make(
                Arc::clone(&app),
                call,
                Request::from_parts(parts, Body::from(body)),
                next,
            ));
            made.await.map_err(|error| Problem::internal(error.to_string()))
        }
    }
}

fn name_of(request: &Request) -> Result<String> {
    let mut given = request.headers().get_all(&IDEMPOTENCY_KEY).iter();
    let name = given.next().and_then(|name| name.to_str().ok()).unwrap_or_default();
    let plain = (1..=LONGEST).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if given.next().is_some() || !plain {
        return Err(Problem::invalid_field(
            "Idempotency-Key",
            "once, 1 to 255 visible ASCII characters, made by chance and new for each call",
        ));
    }
    Ok(name.to_owned())
}

/// Makes the call, and remembers what it made if it succeeded.
async fn make(app: Arc<App>, call: NamedCall, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let kept = if response.status().is_success() {
        app.control.finish_call(&call, &Again::told(&response)).await
    } else {
        app.control.drop_call(&call).await
    };
    if let Err(error) = kept {
        // The answer holds all the same; the call counts as under way until it is forgotten.
        tracing::error!(%error, "what became of a named call cannot be remembered");
    }
    response
}

fn under_way() -> Problem {
    let detail = "The first call under this Idempotency-Key is not done. If the server was stopped meanwhile, look whether it was \
                  made, and send it under a new one if not.";
    Problem::new(StatusCode::CONFLICT, "under-way", "Under way", detail).retry_after(ASK_AGAIN)
}

fn made_before(at: &str) -> Problem {
    let detail = "This call was made under this Idempotency-Key. Its answer held a secret, which was shown once and is not to be \
                  had again; if it was lost, delete what was made and make another.";
    Problem::new(StatusCode::CONFLICT, "already-made", "Already made", detail).at(at)
}

fn gone(at: &str) -> Problem {
    let detail = "This call was made under this Idempotency-Key, and what it made is no longer there.";
    Problem::new(StatusCode::CONFLICT, "already-made", "Already made", detail).at(at)
}

/// What the first call made, as it is now.
async fn again(told: &str, mut parts: Parts, next: Next) -> Response {
    let (again, at) = Again::read(told);
    let Some(uri) = at.parse().ok().filter(|_| again != Again::Refused) else {
        return made_before(at).into_response();
    };
    parts.method = Method::GET;
    parts.uri = uri;
    // The conditions and the body were those of the call.
    for name in [CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let response = next.run(Request::from_parts(parts, Body::empty())).await;
    match response.status() {
        StatusCode::OK => replayed(in_its_place(response, again).await, again, at),
        StatusCode::NOT_FOUND => gone(at).into_response(),
        _ => response,
    }
}

/// A record where the first answer had it.
async fn in_its_place(response: Response, again: Again) -> Response {
    if again != Again::User {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let record = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let record: Value = serde_json::from_slice(&record).unwrap_or_default();
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(json!({ "user": record, "invitation": null }).to_string()))
}

fn replayed(mut response: Response, again: Again, at: &str) -> Response {
    *response.status_mut() = if again == Again::Begun { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let headers = response.headers_mut();
    if let Ok(at) = HeaderValue::try_from(at) {
        headers.insert(LOCATION, at);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
