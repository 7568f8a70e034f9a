//! Pages and assets made smaller on their way: gzip (RFC 1952) for browsers that read it.

use std::io::Write as _;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method};

use super::error::PanelError;

/// Longer than any page.
const MOST: usize = 8 * 1024 * 1024;

/// Packs pages that are only looked at.
///
/// What answers a form goes as it is. The length of a packed text tells a little of what is in it to whoever reads the wire and may
/// choose a part of it; a secret is only in the answer to a form, and no other site can have a page fetched with somebody's
/// session, since its cookie is `SameSite=Strict`.
pub(super) async fn pack_pages(request: Request, next: Next) -> Response {
    let wanted = request.method() == Method::GET && reads_gzip(request.headers());
    let mut response = next.run(request).await;
    if !is_page(response.headers()) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    if !wanted {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(page) = to_bytes(body, MOST).await else { return PanelError::Failed.into_response() };
    let Some(packed) = pack(&page, Compression::fast()) else {
        return Response::from_parts(parts, Body::from(page));
    };
    parts.headers.remove(CONTENT_LENGTH);
    mark(&mut parts.headers);
    Response::from_parts(parts, Body::from(packed))
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/html") && !headers.contains_key(CONTENT_ENCODING)
}

/// Says that a body is packed.
pub(super) fn mark(headers: &mut HeaderMap) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
}

/// The packed bytes; `None` if that would not make them fewer.
pub(super) fn pack(bytes: &[u8], effort: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), effort);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < bytes.len())
}

/// Whether the browser says that it reads gzip (RFC 9110 section 12.5.3).
pub(super) fn reads_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::Router;
    use axum::middleware::from_fn;
    use axum::response::Html;
    use axum::routing::get;
    use flate2::read::GzDecoder;
    use tower::ServiceExt as _;

    use super::*;

    fn headers(line: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(line))])
    }

    #[test]
    fn gzip_is_sent_to_whoever_reads_it() {
        for yes in ["gzip", "br, GZIP;q=0.5", "deflate, gzip"] {
            assert!(reads_gzip(&headers(yes)), "{yes}");
        }
        for no in ["br", "gzip;q=0", "identity, gzip; q=0.0", "xgzip", ""] {
            assert!(!reads_gzip(&headers(no)), "{no}");
        }
        assert!(!reads_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn only_pages_that_are_looked_at_are_packed() {
        let text = "<p>portcullis</p>".repeat(100);
        let (page, form) = (text.clone(), text.clone());
        let app: Router = Router::new()
            .route("/page", get(async move || Html(page)).post(async move || Html(form)))
            .route("/small", get(async || Html("<p>")))
            .route("/file", get(async || "text".repeat(100)))
            .layer(from_fn(pack_pages));
        for (method, path, encoding, packed) in [
            ("GET", "/page", "gzip, br", true),
            ("GET", "/page", "br", false),
            ("POST", "/page", "gzip", false),
            ("GET", "/small", "gzip", false),
            ("GET", "/file", "gzip", false),
        ] {
            let request = Request::builder().method(method).uri(path).header(ACCEPT_ENCODING, encoding);
            let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let what = format!("{method} {path} {encoding}");
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), packed, "{what}");
            assert_eq!(response.headers().contains_key(VARY), path != "/file", "{what}");
            let body = to_bytes(response.into_body(), MOST).await.unwrap();
            if packed {
                let mut plain = String::new();
                GzDecoder::new(&*body).read_to_string(&mut plain).unwrap();
                assert_eq!(plain, text);
                assert!(body.len() < text.len() / 4);
            } else if path == "/page" {
                assert_eq!(body, text);
            }
        }
    }
}
