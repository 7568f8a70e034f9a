//! What belongs to another site is like what does not exist: for every operation that names something, to the byte.

use http::StatusCode;
use portcullis_domain::Role;
use portcullis_web::{Needs, OPERATIONS, Operation};
use serde_json::{Value, json};

use crate::examples::{Things, example};
use crate::world::{Answer, PASSWORD, World};

/// An answer without what tells requests apart.
fn plain(answer: &Answer) -> (StatusCode, Vec<String>, String) {
    let id = answer.header("x-request-id").to_owned();
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id");
    let mut headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    (answer.status, headers, String::from_utf8_lossy(&answer.body).replace(&id, ""))
}

async fn ask(world: &World, token: &str, operation: &Operation, things: &Things) -> Answer {
    let (path, body) = example(operation, things);
    let ask = world.ask(operation.method, &path).bearer(token);
    match &body {
        Some(body) => ask.json(body).send().await,
        None => ask.send().await,
    }
}

/// Whether what is asked for is named by an id, in the address or in the body.
fn names_something(operation: &Operation) -> bool {
    let in_body = [
        "/api/v1/keys",
        "/api/v1/share-links",
        "/api/v1/grants",
        "/api/v1/sync-jobs",
        "/api/v1/sessions/current/site",
    ];
    operation.path.contains("{id}")
        || (["POST", "PUT"].contains(&operation.method) && in_body.contains(&operation.path))
}

#[tokio::test]
async fn what_belongs_to_another_site_is_like_what_does_not_exist() {
    let world = World::new().await;
    let stranger = world.other_site().await;
    let theirs = Things::made(&world, &stranger).await.synced(&world, &stranger).await;
    let ours = Things::made(&world, &world.token).await.synced(&world, &world.token).await;
    let key = json!({"name": "k", "channel": "rest", "scope": "site", "permission": "full"});
    let key = world.key(&key).await["bearer"].as_str().unwrap().to_owned();
    let member = world.user(world.main_site().await, "bob", Role::Member).await;
    let member_token = world.sign_in("bob", PASSWORD).await;
    assert_eq!(member.len(), 36);
    let mut compared = 0;
    // Those above do not reach down without going there, nor do those below reach up.
    for (who, foreign) in
        [(&world.token, &theirs), (&key, &theirs), (&member_token, &theirs), (&stranger, &ours)]
    {
        for operation in OPERATIONS.iter().filter(|operation| names_something(operation)) {
            // Admins see the sites below theirs, and may go there.
            let sites = operation.path.starts_with("/api/v1/sites") || operation.path.ends_with("/site");
            if sites && foreign.site == theirs.site && *who == world.token {
                continue;
            }
            let of_theirs = ask(&world, who, operation, foreign).await;
            let of_nothing = ask(&world, who, operation, &Things::none()).await;
            let (method, path) = (operation.method, operation.path);
            assert_eq!(plain(&of_theirs), plain(&of_nothing), "{method} {path}");
            assert!(of_theirs.status.is_client_error(), "{method} {path}: {of_theirs:?}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
    // Nothing was changed by all that: what is theirs is there for them, as they made it.
    for (path, id) in [
        ("keys", &theirs.key),
        ("grants", &theirs.grant),
        ("share-links", &theirs.link),
        ("sync-plans", &theirs.plan),
        ("sync-jobs", &theirs.job),
    ] {
        let path = format!("/api/v1/{path}/{id}");
        let answer = world.ask("GET", &path).bearer(&stranger).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_ne!(answer.json()["name"], json!("changed by the matrix"));
    }
}

/// A list names nothing of another site, and a filter by what is of another site finds as much as one by nothing.
#[tokio::test]
async fn lists_hold_nothing_of_another_site() {
    let world = World::new().await;
    let stranger = world.other_site().await;
    let theirs = Things::made(&world, &stranger).await.synced(&world, &stranger).await;
    let Things { storage, key, link, user, group, grant, plan, run, kept, job, other, .. } = &theirs;
    let none = Things::none();
    let lists = [
        "storages",
        "keys",
        "share-links",
        "users",
        "groups",
        "grants",
        "audit-events",
        "me/storages",
        "sync-plans",
        "sync-runs",
        "kept-versions",
        "sync-jobs",
    ];
    for list in lists {
        let all = world.get(&format!("/api/v1/{list}?limit=1000")).await.to_string();
        for id in [storage, key, link, user, group, grant, plan, run, kept, job, other] {
            assert!(!all.contains(id.as_str()), "{list}: {all}");
        }
    }
    for (list, filter, theirs, none) in [
        ("keys", "storage", storage, &none.storage),
        ("keys", "user", user, &none.user),
        ("share-links", "storage", storage, &none.storage),
        ("grants", "storage", storage, &none.storage),
        ("grants", "user", user, &none.user),
        ("grants", "group", group, &none.group),
        ("sync-plans", "storage", other, &none.other),
        ("sync-runs", "storage", other, &none.other),
        ("kept-versions", "storage", other, &none.other),
        ("kept-versions", "run", run, &none.run),
        ("sync-jobs", "storage", other, &none.other),
        ("audit-events", "storage", storage, &none.storage),
        ("audit-events", "key", key, &none.key),
    ] {
        let list = async |id: &str| world.get(&format!("/api/v1/{list}?{filter}={id}")).await;
        let found: Value = list(theirs).await;
        assert_eq!(found, list(none).await, "{filter}");
        assert_eq!(found["items"], json!([]), "{filter}");
    }
}

/// Every row that needs an admin is refused to the admin of another site by what it names, not by who they are.
#[tokio::test]
async fn going_there_makes_it_ones_own_site() {
    let world = World::new().await;
    let stranger = world.other_site().await;
    let theirs = Things::made(&world, &stranger).await.synced(&world, &stranger).await;
    let site = world.get("/api/v1/sites?search=other").await["items"][0]["id"].clone();
    let given = json!({"site": site});
    let switched = world.admin("PUT", "/api/v1/sessions/current/site").json(&given).send().await;
    assert_eq!(switched.status, StatusCode::OK, "{switched:?}");
    for operation in OPERATIONS
        .iter()
        .filter(|operation| operation.method == "GET" && operation.needs == Needs::Admin)
        .filter(|operation| operation.path.contains("{id}"))
    {
        let answer = ask(&world, &world.token, operation, &theirs).await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {answer:?}", operation.path);
    }
}
