//! One module for each noun. A handler parses, asks, and renders; what may be done is decided elsewhere.

#![expect(unused_qualifications, reason = "in code that utoipa generates, under the spans of ours")]

pub(crate) mod advice;
pub(crate) mod audit;
pub(crate) mod audit_export;
pub(crate) mod audit_sinks;
pub(crate) mod csv;
pub(crate) mod dead_keys;
pub(crate) mod ending;
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod found;
pub(crate) mod grants;
pub(crate) mod groups;
pub(crate) mod health;
pub(crate) mod imports;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod me;
pub(crate) mod networks;
pub(crate) mod overlap;
pub(crate) mod passkeys;
pub(crate) mod prove;
pub(crate) mod refusals;
pub(crate) mod second_factor;
pub(crate) mod sessions;
pub(crate) mod sites;
pub(crate) mod storages;
pub(crate) mod sync;
pub(crate) mod transfers;
pub(crate) mod usage;
pub(crate) mod users;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use serde::Serialize;

use crate::once::Again;
use crate::problem::{Problem, Result};

/// A document as JSON. Nothing that this API says may be kept by a cache.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<Response> {
    let text = serde_json::to_vec(body).map_err(|error| Problem::internal(error.to_string()))?;
    let kind = (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok((status, [kind, (CACHE_CONTROL, HeaderValue::from_static("no-store"))], text).into_response())
}

fn ok<T: Serialize>(body: &T) -> Result<Response> {
    json(StatusCode::OK, body)
}

/// A document about what was made, and where it is.
fn created<T: Serialize>(at: &str, body: &T) -> Result<Response> {
    let mut response = json(StatusCode::CREATED, body)?;
    if let Ok(at) = HeaderValue::try_from(at) {
        response.headers_mut().insert(LOCATION, at);
    }
    Ok(response)
}

/// An answer with a secret, which a call that is sent again does not get.
fn told_once(mut response: Response) -> Response {
    response.extensions_mut().insert(Again::Refused);
    response
}

/// An answer that holds the record of a user and could have held an invitation.
fn told_of_user(mut response: Response) -> Response {
    response.extensions_mut().insert(Again::User);
    response
}
