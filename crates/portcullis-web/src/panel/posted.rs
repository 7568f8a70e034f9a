//! Forms that were sent.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, Limited};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::cookie::{csrf_of, form_of};
use super::error::PanelError;
use super::fields::Fields;
use crate::app::App;

/// The longest form.
const MAX_BYTES: usize = 256 * 1024;

/// The fields of a form that one of our pages sent: its token is that of the session, or of the visit before there is one.
pub(super) struct Posted(Fields);

impl Deref for Posted {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl FromRequest<Arc<App>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(PanelError::Malformed.into_response());
        }
        let body = Limited::new(body, MAX_BYTES).collect().await;
        let bytes = body.map_err(|_| PanelError::TooLarge.into_response())?.to_bytes();
        let bytes = Zeroizing::new(bytes.to_vec());
        let fields = Fields::parse(&bytes);
        let secure = app.is_secure();
        let expected = form_of(&parts.headers, secure).map(csrf_of).unwrap_or_default();
        let given = fields.get("_csrf");
        if expected.is_empty() || !bool::from(given.as_bytes().ct_eq(expected.as_bytes())) {
            return Err(PanelError::Forged.into_response());
        }
        Ok(Self(fields))
    }
}
