//! Requests that another site's page made a browser send.

use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::problem::{Problem, Result};

/// Refuses to change anything when a browser says that the page of another site made it ask: it keeps the key's name and secret once
/// somebody typed them, and sends them along whoever asks.
///
/// # Errors
/// A problem with status 403.
pub(crate) fn refuse_foreign(method: &Method, headers: &HeaderMap) -> Result<()> {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let foreign = site.is_some_and(|site| site != b"same-origin" && site != b"none");
    if !foreign || method.is_safe() {
        return Ok(());
    }
    let detail = "A page of another site cannot change files here; do it with a program of your own.";
    Err(Problem::new(StatusCode::FORBIDDEN, "access-denied", "Access denied", detail))
}
