//! The description of this service that clients are generated from (WSDL 1.1).

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use crate::dav::xml::escaped;

/// One schema, inline, and nothing imported: some generators follow no imports, and none has to go anywhere else.
const DESCRIPTION: &str = include_str!("files.wsdl");

/// The description, with the address that this installation is configured to have: what a request says of it is not believed.
pub(super) fn described(web_address: &str) -> Response {
    let address = format!("{}/soap", web_address.trim_end_matches('/'));
    let text = DESCRIPTION.replace("{address}", &escaped(&address));
    let kind = HeaderValue::from_static("text/xml; charset=utf-8");
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    (StatusCode::OK, headers, Body::from(text)).into_response()
}
