//! Two storages that are planned together, run, and taken back: one module for each noun.

#![expect(unused_qualifications, reason = "in code that utoipa generates, under the spans of ours")]

pub(crate) mod actions;
pub(crate) mod events;
pub(crate) mod jobs;
pub(crate) mod kept;
pub(crate) mod plans;
pub(crate) mod runs;
pub(crate) mod streams;

use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, LOCATION};
use portcullis_control::PlanView;
use serde::Serialize;

use super::{json, ok};
use crate::dto::PlanOut;
use crate::etag::{self, tagged};
use crate::problem::{Problem, Result};

/// A document about what was begun and goes on by itself, and where it is.
fn begun<T: Serialize>(at: &str, body: &T) -> Result<Response> {
    let mut response = json(StatusCode::ACCEPTED, body)?;
    if let Ok(at) = HeaderValue::try_from(at) {
        response.headers_mut().insert(LOCATION, at);
    }
    Ok(response)
}

/// A plan that is being made.
fn planning(plan: PlanView) -> Result<Response> {
    let (at, tag) = (format!("/api/v1/sync-plans/{}", plan.id), etag::of(&plan));
    Ok(tagged(begun(&at, &PlanOut::from(plan))?, &tag))
}

/// A plan as it is.
fn told(plan: PlanView) -> Result<Response> {
    let tag = etag::of(&plan);
    Ok(tagged(ok(&PlanOut::from(plan))?, &tag))
}

/// A parameter that is one of several words.
fn word<T: Copy>(
    name: &'static str,
    given: Option<&str>,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> Result<Option<T>> {
    let Some(given) = given else { return Ok(None) };
    let found = all.iter().copied().find(|one| as_str(*one) == given);
    found.map(Some).ok_or_else(|| {
        let words: Vec<_> = all.iter().map(|one| as_str(*one)).collect();
        Problem::invalid_field(name, format!("one of: {}", words.join(", ")))
    })
}
