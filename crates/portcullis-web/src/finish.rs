//! What every answer has: a name for the request, and a problem document where something is wrong.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::problem::Problem;
use crate::request_id::RequestId;

/// The header that names the request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, lets it be answered, and gives the answer its last form.
pub(crate) async fn finish(mut request: Request, next: Next) -> Response {
    let id = RequestId::generate();
    request.extensions_mut().insert(id.clone());
    let mut response = with_document(next.run(request).await, &id);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    // A page has a rule of its own, so that forms can be told from those of other sites.
    headers.entry("referrer-policy").or_insert(HeaderValue::from_static("no-referrer"));
    response
}

/// Puts a problem document into an answer that says no.
fn with_document(mut response: Response, id: &RequestId) -> Response {
    let status = response.status();
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem.render(&id.0, HeaderMap::new()),
        // The router's own refusals, such as of a method that an address does not have.
        None if (status.is_client_error() || status.is_server_error()) && !has_own_form(&response) => {
            let allow = response.headers().get(ALLOW).cloned();
            Problem::of_status(status).render(&id.0, allow.map(|allow| (ALLOW, allow)).into_iter().collect())
        }
        None => response,
    }
}

/// A problem document, a page that says it to a person, or what WebDAV and the web service say it with.
fn has_own_form(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| {
        kind == b"application/problem+json"
            || kind.starts_with(b"text/html")
            || [&b"application/xml"[..], b"text/xml", b"application/soap+xml"]
                .iter()
                .any(|own| kind.starts_with(own))
    })
}
