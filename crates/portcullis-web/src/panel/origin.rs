//! Whether a request was made by one of our own pages.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method};

use super::error::PanelError;

/// Lets only our own pages change anything: what a browser says of a request's source has to be this site.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && (is_foreign(request.headers()) || !is_known(request.headers())) {
        return PanelError::Foreign.into_response();
    }
    next.run(request).await
}

/// Whether the browser says that another site made the request. `Sec-Fetch-Site` (Fetch Metadata) is not sent to plain http
/// addresses other than loopback; `Origin` is, with everything but GET and HEAD.
pub(crate) fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let asked = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_none() || host != asked
}

fn is_known(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-site") || headers.contains_key(ORIGIN)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_our_own_pages() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect()
        };
        let host = ("host", "gate.example:8080");
        for ours in [
            &[host, ("sec-fetch-site", "same-origin")][..],
            &[host, ("origin", "https://gate.example:8080")],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert!(!is_foreign(&headers(ours)) && is_known(&headers(ours)), "{ours:?}");
        }
        for foreign in [
            &[host, ("sec-fetch-site", "cross-site")][..],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("origin", "null")],
            &[host, ("origin", "https://gate.example")],
            &[host, ("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://gate.example")],
        ] {
            assert!(is_foreign(&headers(foreign)), "{foreign:?}");
        }
        assert!(!is_known(&headers(&[host])));
    }
}
