//! Every operation of this door with what it needs: the rows of the refusal matrix.
//!
//! A test compares this table with the OpenAPI document, so a route without a row fails.

use portcullis_domain::Action;

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: anybody may ask.
    Nothing,
    /// A key that works, or a session.
    Credentials,
    /// A session; a key is refused.
    Session,
    /// This action on the storage that is named.
    Grant(Action),
    /// The right to administer the site.
    Admin,
}

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The HTTP method.
    pub method: &'static str,
    /// The path, with `{id}` for the id of a storage or a key.
    pub path: &'static str,
    /// What it needs.
    pub needs: Needs,
}

const fn operation(method: &'static str, path: &'static str, needs: Needs) -> Operation {
    Operation { method, path, needs }
}

/// Every operation.
pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/healthz", Needs::Nothing),
    operation("GET", "/readyz", Needs::Nothing),
    operation("GET", "/api/v1/openapi.json", Needs::Nothing),
    operation("POST", "/api/v1/sessions", Needs::Nothing),
    operation("GET", "/api/v1/sessions", Needs::Session),
    operation("DELETE", "/api/v1/sessions/current", Needs::Session),
    operation("GET", "/api/v1/me", Needs::Credentials),
    operation("PUT", "/api/v1/me/password", Needs::Session),
    operation("GET", "/api/v1/storages", Needs::Admin),
    operation("POST", "/api/v1/storages", Needs::Admin),
    operation("GET", "/api/v1/storages/{id}", Needs::Admin),
    operation("PATCH", "/api/v1/storages/{id}", Needs::Admin),
    operation("POST", "/api/v1/storages/{id}/test", Needs::Admin),
    operation("POST", "/api/v1/storages/test-connection", Needs::Admin),
    operation("GET", "/api/v1/storages/{id}/file", Needs::Grant(Action::Get)),
    operation("HEAD", "/api/v1/storages/{id}/file", Needs::Grant(Action::Get)),
    operation("PUT", "/api/v1/storages/{id}/file", Needs::Grant(Action::Put)),
    operation("DELETE", "/api/v1/storages/{id}/file", Needs::Grant(Action::Delete)),
    operation("GET", "/api/v1/storages/{id}/files", Needs::Grant(Action::List)),
    operation("GET", "/api/v1/keys", Needs::Admin),
    operation("POST", "/api/v1/keys", Needs::Admin),
    operation("GET", "/api/v1/keys/{id}", Needs::Admin),
    operation("PATCH", "/api/v1/keys/{id}", Needs::Admin),
    operation("POST", "/api/v1/keys/{id}/rotate", Needs::Admin),
    operation("DELETE", "/api/v1/keys/{id}", Needs::Admin),
    operation("GET", "/api/v1/audit-events", Needs::Admin),
];
