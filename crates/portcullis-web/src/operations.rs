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
    /// The right to administer the site, or that the key is one's own.
    Keeper,
    /// The right to administer the site, of a person who signed in: a key works in one site, and this reaches beyond.
    AdminSession,
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

/// The calls that make something and may be sent again under the same `Idempotency-Key`. Nobody is known yet at a sign-in or where
/// an invitation is taken up: those are not among them.
const MAKING: &[&str] = &[
    "/api/v1/storages",
    "/api/v1/keys",
    "/api/v1/keys/{id}/temporary-credentials",
    "/api/v1/share-links",
    "/api/v1/sites",
    "/api/v1/users",
    "/api/v1/groups",
    "/api/v1/grants",
    "/api/v1/sync-jobs",
    "/api/v1/storages/{id}/sync-plans",
    "/api/v1/sync-plans/{id}/run",
    "/api/v1/sync-runs/{id}/restore",
    "/api/v1/kept-versions/{id}/restore",
    "/api/v1/sync-jobs/{id}/run",
];

/// Records with an entity tag.
const RECORDS: &[&str] = &[
    "/api/v1/storages/{id}",
    "/api/v1/keys/{id}",
    "/api/v1/keys/{id}/overlap",
    "/api/v1/keys/{id}/trial",
    "/api/v1/storages/{id}/trial",
    "/api/v1/share-links/{id}",
    "/api/v1/sites/{id}",
    "/api/v1/users/{id}",
    "/api/v1/groups/{id}",
    "/api/v1/grants/{id}",
    "/api/v1/sync-plans/{id}",
    "/api/v1/sync-jobs/{id}",
];

/// Whether an operation makes something, once for each `Idempotency-Key`.
pub(crate) fn makes_something(operation: &Operation) -> bool {
    operation.method == "POST" && MAKING.contains(&operation.path)
}

/// Whether an operation looks at `If-Match`.
pub(crate) fn takes_condition(operation: &Operation) -> bool {
    let deed = ["/rotate", "/reset", "/enforce", "/run", "/choices"]
        .into_iter()
        .find_map(|deed| operation.path.strip_suffix(deed));
    match (operation.method, deed) {
        ("PATCH" | "DELETE", None) => RECORDS.contains(&operation.path),
        ("POST" | "PUT", Some(record)) => RECORDS.contains(&record),
        (_, _) => false,
    }
}

/// Whether an operation answers with one record and its entity tag.
pub(crate) fn tells_record(operation: &Operation) -> bool {
    let made = RECORDS.iter().any(|record| record.strip_suffix("/{id}") == Some(operation.path));
    match operation.method {
        "GET" | "PATCH" => RECORDS.contains(&operation.path),
        "PUT" => operation.path == "/api/v1/sync-plans/{id}/choices",
        "POST" => made && makes_something(operation),
        _ => false,
    }
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
    operation("POST", "/api/v1/sessions/passkey/options", Needs::Nothing),
    operation("POST", "/api/v1/sessions/passkey", Needs::Nothing),
    operation("POST", "/api/v1/sessions/current/confirm", Needs::Session),
    operation("DELETE", "/api/v1/sessions/{id}", Needs::Session),
    operation("GET", "/api/v1/me/totp", Needs::Session),
    operation("POST", "/api/v1/me/totp", Needs::Session),
    operation("DELETE", "/api/v1/me/totp", Needs::Session),
    operation("POST", "/api/v1/me/totp/confirm", Needs::Session),
    operation("POST", "/api/v1/me/recovery-codes", Needs::Session),
    operation("GET", "/api/v1/me/passkeys", Needs::Session),
    operation("POST", "/api/v1/me/passkeys", Needs::Session),
    operation("POST", "/api/v1/me/passkeys/options", Needs::Session),
    operation("DELETE", "/api/v1/me/passkeys/{id}", Needs::Session),
    operation("GET", "/api/v1/storages", Needs::Admin),
    operation("POST", "/api/v1/storages", Needs::Admin),
    operation("GET", "/api/v1/storages/{id}", Needs::Admin),
    operation("PATCH", "/api/v1/storages/{id}", Needs::Admin),
    operation("DELETE", "/api/v1/storages/{id}", Needs::Admin),
    operation("GET", "/api/v1/storages/{id}/impact", Needs::Admin),
    operation("POST", "/api/v1/storages/{id}/attach", Needs::Admin),
    operation("POST", "/api/v1/storages/{id}/pause", Needs::Admin),
    operation("DELETE", "/api/v1/storages/{id}/pause", Needs::Admin),
    operation("POST", "/api/v1/storages/{id}/test", Needs::Admin),
    operation("POST", "/api/v1/storages/test-connection", Needs::Admin),
    operation("GET", "/api/v1/storages/{id}/file", Needs::Grant(Action::Get)),
    operation("HEAD", "/api/v1/storages/{id}/file", Needs::Grant(Action::Get)),
    operation("PUT", "/api/v1/storages/{id}/file", Needs::Grant(Action::Put)),
    operation("DELETE", "/api/v1/storages/{id}/file", Needs::Grant(Action::Delete)),
    operation("GET", "/api/v1/storages/{id}/files", Needs::Grant(Action::List)),
    operation("GET", "/api/v1/keys", Needs::Keeper),
    operation("POST", "/api/v1/keys", Needs::Keeper),
    operation("GET", "/api/v1/keys/{id}", Needs::Keeper),
    operation("PATCH", "/api/v1/keys/{id}", Needs::Keeper),
    operation("POST", "/api/v1/keys/{id}/rotate", Needs::Keeper),
    operation("GET", "/api/v1/keys/{id}/overlap", Needs::Keeper),
    operation("PATCH", "/api/v1/keys/{id}/overlap", Needs::Keeper),
    operation("DELETE", "/api/v1/keys/{id}/overlap", Needs::Keeper),
    operation("POST", "/api/v1/keys/{id}/temporary-credentials", Needs::Keeper),
    operation("POST", "/api/v1/keys/{id}/prove", Needs::Keeper),
    operation("DELETE", "/api/v1/keys/{id}", Needs::Keeper),
    operation("POST", "/api/v1/keys/{id}/networks/preview", Needs::Keeper),
    operation("GET", "/api/v1/keys/{id}/trial", Needs::Keeper),
    operation("PUT", "/api/v1/keys/{id}/trial", Needs::Keeper),
    operation("DELETE", "/api/v1/keys/{id}/trial", Needs::Keeper),
    operation("POST", "/api/v1/keys/{id}/trial/enforce", Needs::Keeper),
    operation("POST", "/api/v1/storages/{id}/networks/preview", Needs::Admin),
    operation("GET", "/api/v1/storages/{id}/trial", Needs::Admin),
    operation("PUT", "/api/v1/storages/{id}/trial", Needs::Admin),
    operation("DELETE", "/api/v1/storages/{id}/trial", Needs::Admin),
    operation("POST", "/api/v1/storages/{id}/trial/enforce", Needs::Admin),
    operation("GET", "/api/v1/share-links", Needs::Admin),
    operation("POST", "/api/v1/share-links", Needs::Admin),
    operation("GET", "/api/v1/share-links/{id}", Needs::Admin),
    operation("PATCH", "/api/v1/share-links/{id}", Needs::Admin),
    operation("DELETE", "/api/v1/share-links/{id}", Needs::Admin),
    operation("GET", "/api/v1/advice", Needs::Admin),
    operation("GET", "/api/v1/advice/taken", Needs::Admin),
    operation("POST", "/api/v1/advice/{id}/undo", Needs::Keeper),
    operation("GET", "/api/v1/keys/{id}/advice", Needs::Keeper),
    operation("POST", "/api/v1/keys/{id}/advice/{what}", Needs::Keeper),
    operation("GET", "/api/v1/usage", Needs::Admin),
    operation("GET", "/api/v1/transfers", Needs::Admin),
    operation("DELETE", "/api/v1/transfers/{id}", Needs::Admin),
    operation("POST", "/api/v1/storages/{id}/sync-plans", Needs::Admin),
    operation("GET", "/api/v1/sync-plans", Needs::Admin),
    operation("GET", "/api/v1/sync-plans/{id}", Needs::Admin),
    operation("DELETE", "/api/v1/sync-plans/{id}", Needs::Admin),
    operation("GET", "/api/v1/sync-plans/{id}/actions", Needs::Admin),
    operation("GET", "/api/v1/sync-plans/{id}/actions.csv", Needs::Admin),
    operation("PUT", "/api/v1/sync-plans/{id}/choices", Needs::Admin),
    operation("POST", "/api/v1/sync-plans/{id}/run", Needs::Admin),
    operation("GET", "/api/v1/sync-runs", Needs::Admin),
    operation("GET", "/api/v1/sync-runs/{id}", Needs::Admin),
    operation("GET", "/api/v1/sync-runs/{id}/events", Needs::Admin),
    operation("GET", "/api/v1/sync-runs/{id}/steps", Needs::Admin),
    operation("POST", "/api/v1/sync-runs/{id}/pause", Needs::Admin),
    operation("POST", "/api/v1/sync-runs/{id}/resume", Needs::Admin),
    operation("POST", "/api/v1/sync-runs/{id}/cancel", Needs::Admin),
    operation("POST", "/api/v1/sync-runs/{id}/restore", Needs::Admin),
    operation("GET", "/api/v1/kept-versions", Needs::Admin),
    operation("POST", "/api/v1/kept-versions/{id}/restore", Needs::Admin),
    operation("GET", "/api/v1/sync-jobs", Needs::Admin),
    operation("POST", "/api/v1/sync-jobs", Needs::Admin),
    operation("GET", "/api/v1/sync-jobs/{id}", Needs::Admin),
    operation("PATCH", "/api/v1/sync-jobs/{id}", Needs::Admin),
    operation("DELETE", "/api/v1/sync-jobs/{id}", Needs::Admin),
    operation("POST", "/api/v1/sync-jobs/{id}/run", Needs::Admin),
    operation("GET", "/api/v1/audit-events", Needs::Admin),
    operation("GET", "/api/v1/audit-events/export", Needs::Admin),
    operation("GET", "/api/v1/audit-events/{request_id}/explanation", Needs::Admin),
    operation("POST", "/api/v1/audit-events/{request_id}/fix", Needs::Admin),
    operation("GET", "/api/v1/dead-keys", Needs::Admin),
    operation("GET", "/api/v1/keys/{id}/knocks", Needs::Keeper),
    operation("GET", "/api/v1/audit-events/public-key", Needs::Admin),
    operation("GET", "/api/v1/audit-sinks", Needs::Admin),
    operation("POST", "/api/v1/imports/accounts", Needs::AdminSession),
    operation("GET", "/api/v1/sites", Needs::Admin),
    operation("POST", "/api/v1/sites", Needs::AdminSession),
    operation("GET", "/api/v1/sites/{id}", Needs::Admin),
    operation("PATCH", "/api/v1/sites/{id}", Needs::Admin),
    operation("DELETE", "/api/v1/sites/{id}", Needs::AdminSession),
    operation("PUT", "/api/v1/sessions/current/site", Needs::Session),
    operation("GET", "/api/v1/users", Needs::Admin),
    operation("POST", "/api/v1/users", Needs::Admin),
    operation("GET", "/api/v1/users/{id}", Needs::Admin),
    operation("PATCH", "/api/v1/users/{id}", Needs::Admin),
    operation("POST", "/api/v1/users/{id}/reset", Needs::Admin),
    operation("GET", "/api/v1/users/{id}/sessions", Needs::Admin),
    operation("DELETE", "/api/v1/users/{id}/sessions", Needs::Admin),
    operation("POST", "/api/v1/invitations/accept", Needs::Nothing),
    operation("GET", "/api/v1/groups", Needs::Admin),
    operation("POST", "/api/v1/groups", Needs::Admin),
    operation("GET", "/api/v1/groups/{id}", Needs::Admin),
    operation("PATCH", "/api/v1/groups/{id}", Needs::Admin),
    operation("DELETE", "/api/v1/groups/{id}", Needs::Admin),
    operation("GET", "/api/v1/groups/{id}/members", Needs::Admin),
    operation("PUT", "/api/v1/groups/{id}/members/{user}", Needs::Admin),
    operation("DELETE", "/api/v1/groups/{id}/members/{user}", Needs::Admin),
    operation("GET", "/api/v1/grants", Needs::Admin),
    operation("POST", "/api/v1/grants", Needs::Admin),
    operation("GET", "/api/v1/grants/{id}", Needs::Admin),
    operation("PATCH", "/api/v1/grants/{id}", Needs::Admin),
    operation("DELETE", "/api/v1/grants/{id}", Needs::Admin),
    operation("GET", "/api/v1/me/storages", Needs::Credentials),
];
