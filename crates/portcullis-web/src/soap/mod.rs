//! The web service at `/soap`: SOAP 1.1 and 1.2, document/literal, for keys of the channel `web-service`. Its description (WSDL) is at
//! `/soap?wsdl`.
//!
//! * **An envelope is read as it comes**: headers, then the operation, and its content straight into the storage. What is not content has
//!   64 KiB and half a minute.
//! * **Who asks is settled before the operation is looked at**, by HTTP Basic or a UsernameToken. Whoever is not let in is told one and
//!   the same thing.
//! * **Nothing is stored before all of it has come**: the end of the envelope, and of the parts beside it.
//! * **Whoever may only write** puts files and makes folders, and is refused everything else, whatever is there.

mod answer;
mod base64;
mod caller;
mod code;
mod content;
mod envelope;
mod fault;
mod mtom;
mod operation;
mod ops;
mod params;
mod said;
mod security;
mod source;
mod version;
mod wsdl;
mod xml;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use portcullis_files::{Top, Tree, TreeConfig};

pub(crate) use mtom::Spool;
pub use operation::{SOAP_OPERATIONS, SoapOperation};
pub(crate) use version::Version;

use crate::app::App;
use crate::channel::refuse_foreign;
use crate::problem::Problem;
use crate::request_id::RequestId;
use caller::Caller;
use fault::{Code, Fault, Result};
use ops::Call;
use said::Said;
use source::Source;
use xml::XmlReader;

/// The route of this door.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new().route("/soap", any(serve))
}

async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match parts.method {
        Method::GET | Method::HEAD => match parts.uri.query() {
            Some(query) if query.eq_ignore_ascii_case("wsdl") => wsdl::described(&app.web_address),
            Some(_) | None => nothing_to_get().into_response(),
        },
        Method::POST => match Said::of(&parts.headers) {
            Ok(said) => post(&app, said, parts, body).await,
            Err(problem) => problem.into_response(),
        },
        _ => nothing_to_get().into_response(),
    }
}

fn nothing_to_get() -> Problem {
    let detail = "This is a web service: POST envelopes of SOAP. Its description is at /soap?wsdl.";
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed", detail);
    problem.with_header(ALLOW, HeaderValue::from_static("GET, HEAD, POST"))
}

async fn post(app: &Arc<App>, said: Said, parts: Parts, body: Body) -> Response {
    let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    // In the version of the envelope, as soon as that is known.
    let mut version = said.version;
    let answered = answer(app, said, parts, body, &mut version).await;
    answered.unwrap_or_else(|fault| fault.render(version, &request_id))
}

async fn answer(
    app: &Arc<App>,
    mut said: Said,
    parts: Parts,
    body: Body,
    version: &mut Version,
) -> Result<Response> {
    let caller = Caller::of(&parts)?;
    let known = caller.by_header(app, &parts).await?;
    refuse_foreign(&parts.method, &parts.headers).map_err(Fault::from)?;
    let source = match &said.related {
        None => Source::plain(body),
        Some(kind) => {
            let related = mtom::Related::open(kind, body, &app.spool, known.is_some()).await;
            let related = related.map_err(source::of_related)?;
            said.action = related.action().map(str::to_owned).or(said.action);
            Source::Related(Box::new(related))
        }
    };
    if let Source::Related(related) = &source {
        *version = Version::of(related.root_type()).unwrap_or(*version);
    }
    let mut reader = XmlReader::new(source);
    let spoken = envelope::begin(&mut reader).await?;
    // Of parts clients tell the media type of the other version.
    if said.related.is_none() && spoken != said.version {
        let message = "The content type is that of another version of SOAP than the envelope: text/xml is 1.1, application/soap+xml 1.2.";
        return Err(Fault::new(Code::VersionMismatch, message));
    }
    *version = spoken;
    let security = envelope::headers(&mut reader, spoken).await?;
    let who = caller.decide(app, known, security).await?;
    let operation = envelope::operation(&mut reader).await?;
    said.agrees(operation)?;
    let config = TreeConfig { top: Top::Home, tasks: app.tasks.clone() };
    let tree = Tree::new(app.access.clone(), who.clone(), config);
    let call =
        Call { app: Arc::clone(app), who, tree, version: spoken, operation, takes_mtom: said.takes_mtom };
    let answered = Box::pin(ops::carry_out(&call, reader)).await;
    match answered {
        // A key that is gone since is a stranger's.
        Err(fault) if fault.code() == Code::AccessDenied => {
            app.access.still(&call.who).map_err(Fault::of_entry)?;
            Err(fault)
        }
        answered => answered,
    }
}
