//! What cannot be written to the audit trail does not happen: every operation that changes something, of the table of operations, with a
//! trail that takes nothing.

use portcullis_domain::Action;
use portcullis_web::{Needs, OPERATIONS, Operation};
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};

use crate::examples::{Things, example, is_of_sync};
use crate::world::{PASSWORD, World};

/// What changes nothing that lasts, or is about what is in storages, which is written down as the site chooses.
fn leaves_no_entry(operation: &Operation) -> bool {
    let asks = ["/options", "/me/totp", "/preview"].iter().any(|end| operation.path.ends_with(end));
    matches!(operation.method, "GET" | "HEAD")
        || (operation.method == "POST" && asks)
        || matches!(operation.needs, Needs::Grant(Action::Put | Action::Delete))
}

/// For these the examples are of nobody's second factor, of no provider outside, and of no advice, transfer or refusal that there is: what
/// they come down to is asked of the database's verbs, each by itself.
fn comes_to_nothing(operation: &Operation) -> bool {
    let path = operation.path;
    path.contains("passkey")
        || path.ends_with("/test-connection")
        || path.ends_with("/recovery-codes")
        || path.ends_with("/fix")
        || path.contains("/advice/")
        || path.contains("/transfers/")
        || path.starts_with("/api/v1/me/totp")
}

fn beside(world: &World) -> Connection {
    let connection = Connection::open(world.database()).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    connection
}

fn refuse_entries(world: &World, refuse: bool) {
    let sql = if refuse {
        "CREATE TRIGGER no_entries BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the trail is full'); END"
    } else {
        "DROP TRIGGER no_entries"
    };
    beside(world).execute_batch(sql).unwrap();
}

/// Tables of which a row may come without an entry: the trail's own, and pairs, which are but names of two places. One may stay behind when what
/// was to be done between them could not be written down.
const SILENT: [&str; 2] = ["audit", "sync_pairs"];

/// Every row of every other table.
fn everything(world: &World) -> Vec<(String, Vec<Vec<Cell>>)> {
    let connection = beside(world);
    let mut tables = connection
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )
        .unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let rows = |table: &String| {
        let mut all = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = all.column_count();
        let rows = all.query_map([], |row| (0..columns).map(|column| row.get(column)).collect());
        let mut rows: Vec<Vec<Cell>> = rows.unwrap().collect::<Result<_, _>>().unwrap();
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    tables
        .iter()
        .filter(|table| !SILENT.contains(&table.as_str()))
        .map(|table| (table.clone(), rows(table)))
        .collect()
}

/// How many entries in each chain say that the request did what it asked for.
fn entries(world: &World, request: &str) -> Vec<i64> {
    let connection = beside(world);
    let sql = "SELECT COUNT(*) FROM audit WHERE request_id = ?1 AND allowed = 1 GROUP BY chain, action";
    let mut counts = connection.prepare(sql).unwrap();
    counts.query_map([request], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Things to work on, and somebody to do it, of whom nothing else depends.
async fn ready(world: &World, operation: &Operation) -> (String, String, Option<Value>) {
    let token = world.sign_in("admin", PASSWORD).await;
    let mut things = Things::made(world, &token).await;
    if is_of_sync(operation) {
        things = things.synced(world, &token).await;
    }
    let mut body = None;
    match (operation.method, operation.path) {
        ("DELETE", "/api/v1/sessions/{id}") => {
            world.sign_in("admin", PASSWORD).await;
            let sessions = world.ask("GET", "/api/v1/sessions").bearer(&token).send().await.json();
            let other =
                sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == false);
            things.session = other.unwrap()["id"].as_str().unwrap().to_owned();
        }
        ("POST", "/api/v1/invitations/accept") => {
            let reset = world.ask("POST", &format!("/api/v1/users/{}/reset", things.user));
            let reset = reset.bearer(&token).json(&json!({"second_factor": false})).send().await.json();
            body =
                Some(json!({"token": reset["invitation"]["token"], "password": "a password of their own"}));
        }
        ("DELETE", "/api/v1/users/{id}/sessions") => {
            let reset = world.ask("POST", &format!("/api/v1/users/{}/reset", things.user));
            reset.bearer(&token).json(&json!({"second_factor": false})).send().await;
        }
        ("PUT", "/api/v1/groups/{id}/members/{user}") => {
            let path = format!("/api/v1/groups/{}/members/{}", things.group, things.user);
            assert!(world.ask("DELETE", &path).bearer(&token).send().await.status.is_success());
        }
        ("DELETE" | "POST", "/api/v1/storages/{id}" | "/api/v1/storages/{id}/attach") => {
            let path = format!("/api/v1/storages/{}", things.storage);
            let storage = world.ask("GET", &path).bearer(&token).send().await.json();
            let confirm = json!({"confirm": storage["name"]});
            if operation.method == "POST" {
                let ended = world.ask("DELETE", &path).bearer(&token).json(&confirm).send().await;
                assert!(ended.status.is_success(), "{ended:?}");
            } else {
                body = Some(confirm);
            }
        }
        ("DELETE", "/api/v1/storages/{id}/pause") => {
            let path = format!("/api/v1/storages/{}/pause", things.storage);
            let paused = world.ask("POST", &path).bearer(&token).json(&json!({"minutes": 30})).send().await;
            assert!(paused.status.is_success(), "{paused:?}");
        }
        (
            "POST",
            path @ ("/api/v1/sync-runs/{id}/pause"
            | "/api/v1/sync-runs/{id}/resume"
            | "/api/v1/sync-runs/{id}/cancel"),
        ) => {
            // A run that nobody has taken up yet.
            let run = world.ask("POST", &format!("/api/v1/sync-plans/{}/run", things.plan));
            let run = run.bearer(&token).send().await.json();
            things.run = run["id"].as_str().unwrap().to_owned();
            if path.ends_with("/resume") {
                let pause = world.ask("POST", &format!("/api/v1/sync-runs/{}/pause", things.run));
                assert!(pause.bearer(&token).send().await.status.is_success());
            }
        }
        (_, _) => {}
    }
    let (path, usual) = example(operation, &things);
    (token, path, body.or(usual))
}

#[tokio::test]
async fn nothing_happens_that_cannot_be_recorded() {
    let (mut asked, mut wrong) = (0, Vec::new());
    for operation in OPERATIONS {
        if leaves_no_entry(operation) || comes_to_nothing(operation) {
            continue;
        }
        // Each for itself: what one of them does, such as a new password, would be in the way of the next.
        let world = World::new().await;
        let (token, path, body) = ready(&world, operation).await;
        let send = async || {
            let ask = world.ask(operation.method, &path).bearer(&token);
            match &body {
                Some(body) => ask.json(body),
                None => ask,
            }
            .send()
            .await
        };
        let named = format!("{} {path}", operation.method);
        world.flush().await;
        let before = everything(&world);
        refuse_entries(&world, true);
        let refused = send().await;
        if !refused.status.is_server_error() {
            wrong.push(format!("{named} was not refused: {refused:?}"));
        }
        if everything(&world) != before {
            wrong.push(format!("{named} changed something and left no entry"));
        }
        refuse_entries(&world, false);
        let done = send().await;
        let entries = entries(&world, done.header("x-request-id"));
        if !done.status.is_success() || entries.is_empty() || entries.iter().any(|count| *count != 1) {
            wrong.push(format!("{named} has not one entry in each trail: {entries:?} {done:?}"));
        }
        asked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked > 30, "{asked}");
}
