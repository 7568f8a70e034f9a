//! For each operation a request that would do something, were it allowed: of the table of operations, so that a new one without an
//! example fails.

use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_domain::{
    GrantId, GroupId, KeptId, KeyId, LinkId, PasskeyId, SessionId, SiteId, StorageId, SyncJobId, SyncPlanId,
    SyncRunId, UserId,
};
use portcullis_web::Operation;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

/// One of each thing that an operation can name.
#[derive(Clone, Debug)]
pub(crate) struct Things {
    pub(crate) storage: String,
    pub(crate) key: String,
    pub(crate) link: String,
    pub(crate) site: String,
    pub(crate) user: String,
    pub(crate) group: String,
    pub(crate) grant: String,
    pub(crate) session: String,
    pub(crate) passkey: String,
    /// A storage besides.
    pub(crate) other: String,
    /// A plan that is ready.
    pub(crate) plan: String,
    /// A run that is over.
    pub(crate) run: String,
    /// What that run kept.
    pub(crate) kept: String,
    pub(crate) job: String,
}

/// A word that was not used before.
pub(crate) fn unused(word: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{word}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Things {
    /// New ones, made by an admin with this token; the user is in the group, with whom the storage is shared.
    pub(crate) async fn made(world: &World, token: &str) -> Self {
        let make = async |path: &str, given: Value| {
            let answer = world.ask("POST", path).bearer(token).json(&given).send().await;
            assert_eq!(answer.status, 201, "{path}: {answer:?}");
            answer.json()
        };
        let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
        let storage =
            id(&make("/api/v1/storages", json!({"name": unused("s"), "provider": "builtin"})).await);
        let key =
            json!({"name": "kept", "channel": "s3", "scope": {"storage": storage}, "permission": "read"});
        let key = id(&make("/api/v1/keys", key).await["key"]);
        // With earlier credentials that still work.
        let rotate = world.ask("POST", &format!("/api/v1/keys/{key}/rotate")).bearer(token);
        assert_eq!(rotate.json(&json!({"overlap_seconds": 3600})).send().await.status, 200);
        let tried = json!({"networks": ["203.0.113.0/24"]});
        for record in [format!("storages/{storage}"), format!("keys/{key}")] {
            let trial = world.ask("PUT", &format!("/api/v1/{record}/trial")).bearer(token).json(&tried);
            assert_eq!(trial.send().await.status, 200);
        }
        let link = json!({"storage": storage, "folder": "", "name": "kept", "permission": "read"});
        let link = id(&make("/api/v1/share-links", link).await["link"]);
        let site = make("/api/v1/sites", json!({"name": unused("site")})).await;
        let user = make("/api/v1/users", json!({"username": unused("user"), "role": "member"})).await;
        let user = id(&user["user"]);
        let group = id(&make("/api/v1/groups", json!({"name": unused("group")})).await);
        let member = format!("/api/v1/groups/{group}/members/{user}");
        assert_eq!(world.ask("PUT", &member).bearer(token).send().await.status, 204);
        let grant = json!({"storage": storage, "group": group, "permission": "read"});
        let grant = id(&make("/api/v1/grants", grant).await);
        let none = Self::none();
        Self { storage, key, link, site: id(&site), user, group, grant, ..none }
    }

    /// The same with a plan, a run, what it kept, and a job.
    pub(crate) async fn synced(self, world: &World, token: &str) -> Self {
        let ask = async |method: &str, path: &str, given: Value, status: u16| {
            let answer = world.ask(method, path).bearer(token).json(&given).send().await;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
            answer.json()
        };
        let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
        let storage = async || {
            let given = json!({"name": unused("s"), "provider": "builtin"});
            id(&ask("POST", "/api/v1/storages", given, 201).await)
        };
        let (one, other) = (storage().await, storage().await);
        for (side, text) in [(&one, "new"), (&other, "older")] {
            let file = format!("/api/v1/storages/{side}/file?key=kept");
            assert_eq!(world.ask("PUT", &file).bearer(token).body(text).send().await.status, 200);
        }
        let plans = format!("/api/v1/storages/{one}/sync-plans");
        let terms = json!({"with": {"storage": other}, "mode": "mirror"});
        let plan = id(&ask("POST", &plans, terms.clone(), 202).await);
        world.round().await;
        let run = id(&ask("POST", &format!("/api/v1/sync-plans/{plan}/run"), json!({}), 202).await);
        world.round().await;
        let kept = world.ask("GET", &format!("/api/v1/kept-versions?run={run}")).bearer(token).send().await;
        let kept = id(&kept.json()["items"][0]);
        let file = format!("/api/v1/storages/{one}/file?key=since");
        assert_eq!(world.ask("PUT", &file).bearer(token).body("then").send().await.status, 200);
        let plan = id(&ask("POST", &plans, terms, 202).await);
        world.round().await;
        let job = json!({"name": unused("job"), "storage": one, "with": {"storage": other}, "mode": "copy"});
        let job = id(&ask("POST", "/api/v1/sync-jobs", job, 201).await);
        Self { other, plan, run, kept, job, ..self }
    }

    /// Ids of nothing.
    pub(crate) fn none() -> Self {
        Self {
            storage: StorageId::generate().to_string(),
            key: KeyId::generate().to_string(),
            link: LinkId::generate().to_string(),
            site: SiteId::generate().to_string(),
            user: UserId::generate().to_string(),
            group: GroupId::generate().to_string(),
            grant: GrantId::generate().to_string(),
            session: SessionId::generate().to_string(),
            passkey: PasskeyId::generate().to_string(),
            other: StorageId::generate().to_string(),
            plan: SyncPlanId::generate().to_string(),
            run: SyncRunId::generate().to_string(),
            kept: KeptId::generate().to_string(),
            job: SyncJobId::generate().to_string(),
        }
    }

    fn of(&self, path: &str) -> &str {
        let noun =
            path.strip_prefix("/api/v1/").unwrap_or_default().split("/{id}").next().unwrap_or_default();
        match noun {
            "storages" => &self.storage,
            "keys" => &self.key,
            "share-links" => &self.link,
            "sites" => &self.site,
            "users" => &self.user,
            "groups" => &self.group,
            "grants" => &self.grant,
            "sessions" | "advice" => &self.session,
            "me/passkeys" => &self.passkey,
            "sync-plans" => &self.plan,
            "sync-runs" => &self.run,
            "kept-versions" => &self.kept,
            "sync-jobs" => &self.job,
            "transfers" => "0123456789abcdef0123456789abcdef",
            other => panic!("{other} has no example"),
        }
    }
}

/// The address and the body, both right, so that only the credentials, or what is named, can be wrong.
pub(crate) fn example(operation: &Operation, things: &Things) -> (String, Option<Value>) {
    let id = if operation.path.contains("{id}") { things.of(operation.path) } else { "" };
    let path = operation
        .path
        .replace("{id}", id)
        .replace("{user}", &things.user)
        .replace("{request_id}", "OF-NOTHING")
        .replace("{what}", "networks");
    let path = if path.ends_with("/file") { format!("{path}?key=kept") } else { path };
    (path, body(operation, things))
}

fn body(operation: &Operation, things: &Things) -> Option<Value> {
    if is_of_sync(operation) {
        return body_of_sync(operation, things);
    }
    let Things { storage, site, group, .. } = things;
    let changed = json!({"name": unused("changed by the matrix")});
    Some(match (operation.method, operation.path) {
        ("POST", "/api/v1/sessions") => json!({"username": "admin", "password": PASSWORD}),
        ("POST", "/api/v1/sessions/passkey") => json!({
            "state": "", "credential_id": "", "client_data": "", "authenticator_data": "", "signature": "",
            "user_handle": null,
        }),
        ("POST", "/api/v1/sessions/current/confirm") => json!({"password": PASSWORD}),
        ("PUT", "/api/v1/sessions/current/site") => json!({"site": site}),
        ("POST", "/api/v1/me/totp/confirm") => json!({"state": "", "code": "123456"}),
        ("POST", "/api/v1/me/passkeys") => {
            json!({"name": "matrix", "state": "", "client_data": "", "attestation": ""})
        }
        ("PUT", "/api/v1/me/password") => json!({"current": PASSWORD, "new": "changed by the matrix"}),
        ("POST", "/api/v1/invitations/accept") => json!({"token": "of nothing", "password": PASSWORD}),
        ("POST", "/api/v1/storages") => json!({"name": "made by the matrix", "provider": "builtin"}),
        ("POST", "/api/v1/storages/test-connection") => json!({
            "provider": "s3", "endpoint": "https://s3.example.org", "region": "us-east-1", "bucket": "elsewhere",
            "access_key_id": "AKIDEXAMPLE", "secret_access_key": "not a secret",
        }),
        ("POST", "/api/v1/keys") => {
            json!({"name": "matrix", "channel": "s3", "scope": {"storage": storage}, "permission": "read"})
        }
        ("DELETE", "/api/v1/storages/{id}") => json!({"confirm": "NAS"}),
        ("POST", "/api/v1/storages/{id}/pause") => json!({"minutes": 30}),
        ("POST", "/api/v1/keys/{id}/rotate") => json!({"overlap_seconds": 0}),
        (
            "POST" | "PUT",
            "/api/v1/keys/{id}/networks/preview"
            | "/api/v1/storages/{id}/networks/preview"
            | "/api/v1/keys/{id}/trial"
            | "/api/v1/storages/{id}/trial",
        ) => json!({"networks": ["203.0.113.0/24", "192.0.2.0/24"]}),
        ("POST", "/api/v1/keys/{id}/trial/enforce" | "/api/v1/storages/{id}/trial/enforce") => json!({}),
        ("PATCH", "/api/v1/keys/{id}/overlap") => json!({"seconds": 7200}),
        ("POST", "/api/v1/keys/{id}/prove") => json!({"from": "192.0.2.1"}),
        ("POST", "/api/v1/keys/{id}/temporary-credentials") => json!({"duration_seconds": 900}),
        ("POST", "/api/v1/audit-events/{request_id}/fix") => json!({"fix": "allow_address"}),
        ("POST", "/api/v1/share-links") => {
            json!({"storage": storage, "folder": "", "name": "matrix", "permission": "read"})
        }
        ("POST", "/api/v1/sites") => json!({"name": unused("made by the matrix")}),
        ("POST", "/api/v1/imports/accounts") => {
            json!({"accounts": [{"id": unused("account"), "name": unused("account"), "created": "2024-01-01"}]})
        }
        ("POST", "/api/v1/users") => json!({"username": unused("matrix"), "role": "member"}),
        ("PATCH", "/api/v1/users/{id}") => json!({"role": "admin"}),
        ("POST", "/api/v1/users/{id}/reset") => json!({"second_factor": true}),
        ("POST", "/api/v1/groups") => json!({"name": unused("made by the matrix")}),
        ("POST", "/api/v1/grants") => {
            json!({"storage": storage, "group": group, "prefix": unused("a/"), "permission": "read"})
        }
        ("PATCH", "/api/v1/grants/{id}") => json!({"permission": "write"}),
        (
            "PATCH",
            "/api/v1/storages/{id}"
            | "/api/v1/keys/{id}"
            | "/api/v1/share-links/{id}"
            | "/api/v1/sites/{id}"
            | "/api/v1/groups/{id}",
        ) => changed,
        (
            "POST",
            "/api/v1/sessions/passkey/options"
            | "/api/v1/me/passkeys/options"
            | "/api/v1/me/totp"
            | "/api/v1/me/recovery-codes"
            | "/api/v1/storages/{id}/attach"
            | "/api/v1/storages/{id}/test"
            | "/api/v1/keys/{id}/advice/{what}"
            | "/api/v1/advice/{id}/undo",
        )
        | ("PUT", "/api/v1/storages/{id}/file" | "/api/v1/groups/{id}/members/{user}")
        | ("GET" | "HEAD" | "DELETE", _) => return None,
        (method, path) => panic!("{method} {path} has no example"),
    })
}

fn body_of_sync(operation: &Operation, things: &Things) -> Option<Value> {
    let Things { storage, other, .. } = things;
    Some(match (operation.method, operation.path) {
        ("POST", "/api/v1/storages/{id}/sync-plans") => json!({"with": {"storage": other}, "mode": "copy"}),
        ("PUT", "/api/v1/sync-plans/{id}/choices") => {
            json!({"choices": [{"reason": "new_bucket", "choice": "skip"}]})
        }
        ("POST", "/api/v1/sync-jobs") => {
            json!({"name": unused("job"), "storage": storage, "with": {"storage": other}, "mode": "copy"})
        }
        ("PATCH", "/api/v1/sync-jobs/{id}") => json!({"name": unused("changed by the matrix")}),
        (
            "POST",
            "/api/v1/sync-plans/{id}/run"
            | "/api/v1/sync-runs/{id}/pause"
            | "/api/v1/sync-runs/{id}/resume"
            | "/api/v1/sync-runs/{id}/cancel"
            | "/api/v1/sync-runs/{id}/restore"
            | "/api/v1/kept-versions/{id}/restore"
            | "/api/v1/sync-jobs/{id}/run",
        )
        | ("GET" | "DELETE", _) => return None,
        (method, path) => panic!("{method} {path} has no example"),
    })
}

/// Whether an operation is about plans, runs or jobs.
pub(crate) fn is_of_sync(operation: &Operation) -> bool {
    operation.path.contains("/sync-") || operation.path.contains("/kept-versions")
}
