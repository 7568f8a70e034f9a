//! The OpenAPI document: made of the handlers' own descriptions, completed with what all of them share.

mod headers;

use std::sync::OnceLock;

use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
    ResponseBuilder, Schema,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::problem::{FieldError, KINDS, PREFIX, ProblemBody};
use crate::router;

const ABOUT: &str = "Administration of storages and keys, and the files in them.\n\n\
    Send `Authorization: Bearer` with the token of a session, or with a REST key: its access key, a dot, its secret. \
    Times are RFC 3339 in UTC, sizes are bytes, ids are opaque. Lists come in pages: send `next_cursor` as `cursor` for \
    the next. Fields and parameters that are not described here are refused. Every refusal is a problem document \
    (RFC 9457), and every answer has the header `x-request-id`, under which the audit trail knows it.";

/// What stands above the routes.
pub(crate) fn head() -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of a session, or a REST key: its access key, a dot, its secret."))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .schema(ProblemBody::name(), ProblemBody::schema())
        .schema(FieldError::name(), FieldError::schema());
    let info = InfoBuilder::new()
        .title("Portcullis REST API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]))
        .build()
}

/// The whole document.
fn document() -> OpenApi {
    let (_, mut document) = router::routes().split_for_parts();
    let problem = ResponseBuilder::new()
        .description("Not answered as asked: a problem document (RFC 9457).")
        .content(
            "application/problem+json",
            Content::new(Some(RefOr::Ref(Ref::from_schema_name(ProblemBody::name())))),
        )
        .build();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            headers::describe(method, path, operation);
            headers::tighten(operation);
            operation
                .responses
                .responses
                .entry("default".to_owned())
                .or_insert_with(|| RefOr::T(problem.clone()));
        }
    }
    name_kinds(&mut document);
    document
}

/// Names the kinds of problems there are.
fn name_kinds(document: &mut OpenApi) {
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    let problem = schemas.and_then(|schemas| schemas.get_mut(ProblemBody::name().as_ref()));
    let Some(RefOr::T(Schema::Object(problem))) = problem else { return };
    let Some(RefOr::T(Schema::Object(kind))) = problem.properties.get_mut("type") else { return };
    let list: String = KINDS.iter().map(|(name, what)| format!("\n* `{name}` – {what}")).collect();
    kind.description = Some(format!("Names the kind of problem: `{PREFIX}` and one of these words.\n{list}"));
    kind.enum_values = Some(KINDS.iter().map(|(name, _)| format!("{PREFIX}{name}").into()).collect());
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, head, patch, .. } = item;
    let all =
        [("GET", get), ("PUT", put), ("POST", post), ("DELETE", delete), ("HEAD", head), ("PATCH", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The document as JSON.
pub(crate) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| document().to_pretty_json().unwrap_or_default())
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "about", operation_id = "getOpenApi", security(()),
    responses((status = 200, description = "The OpenAPI document of this API.", body = Object))
)]
pub(crate) async fn show() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text()).into_response()
}
