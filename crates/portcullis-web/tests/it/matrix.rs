//! The refusal matrix: every operation for every kind of credentials, made of the table of operations, so that a new
//! operation without an example fails.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use portcullis_domain::{Action, Role};
use portcullis_web::{Needs, OPERATIONS, Operation};
use serde_json::{Value, json};

use crate::examples::{Things, example, is_of_sync};
use crate::world::{PASSWORD, World};

/// What somebody presents.
struct Presented {
    name: &'static str,
    authorization: Option<String>,
    /// What they get for what they may not do.
    refusal: fn(&Operation) -> u16,
    /// Whether they may do it.
    allowed: fn(&Operation) -> bool,
}

fn nothing(_: &Operation) -> bool {
    false
}

fn unauthorized(_: &Operation) -> u16 {
    401
}

fn forbidden(_: &Operation) -> u16 {
    403
}

/// A storage that may not be known of is not there.
fn forbidden_or_unseen(operation: &Operation) -> u16 {
    if matches!(operation.needs, Needs::Grant(_)) { 404 } else { 403 }
}

/// For a member neither is a key that is not theirs; that members make no keys here they are told first.
fn forbidden_or_not_theirs(operation: &Operation) -> u16 {
    let named = operation.needs == Needs::Keeper && operation.path.contains("{id}");
    if named && !operation.path.ends_with("/rotate") { 404 } else { forbidden_or_unseen(operation) }
}

fn a_member_may(operation: &Operation) -> bool {
    match operation.needs {
        Needs::Credentials => true,
        // Leaving would end what the other rows need, and going elsewhere is for admins; both are shown elsewhere.
        Needs::Session => !operation.path.starts_with("/api/v1/sessions/current"),
        // Of their own there are none.
        Needs::Keeper => operation.method == "GET" && !operation.path.contains("{id}"),
        Needs::Nothing | Needs::Grant(_) | Needs::Admin | Needs::AdminSession => false,
    }
}

fn needs_only(operation: &Operation, actions: &[Action]) -> bool {
    match operation.needs {
        Needs::Grant(action) => actions.contains(&action),
        Needs::Credentials => true,
        Needs::Nothing | Needs::Session | Needs::Admin | Needs::Keeper | Needs::AdminSession => false,
    }
}

async fn everybody(world: &World, storage: &Value) -> Vec<Presented> {
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let scope = json!({"storage": storage["id"]});
    let key = async |more: Value| {
        let mut given =
            json!({"name": "matrix", "channel": "rest", "scope": scope, "permission": "read_write"});
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        world.key(&given).await
    };
    let token = |made: &Value| bearer(made["bearer"].as_str().unwrap());
    let patch = async |made: &Value, change: Value| {
        let path = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
        world.admin("PATCH", &path).json(&change).send().await;
    };
    let (live, none, away) =
        (key(json!({})).await, key(json!({})).await, key(json!({"networks": ["203.0.113.0/24"]})).await);
    patch(&none, json!({"permission": "none"})).await;
    let deleted = key(json!({"scope": "site", "permission": "full"})).await;
    let path = format!("/api/v1/keys/{}", deleted["key"]["id"].as_str().unwrap());
    world.admin("DELETE", &path).send().await;
    let rotated = key(json!({"scope": "site", "permission": "full"})).await;
    let path = format!("/api/v1/keys/{}/rotate", rotated["key"]["id"].as_str().unwrap());
    assert_eq!(world.admin("POST", &path).send().await.status, 200);
    let s3 = key(json!({"channel": "s3"})).await;
    let s3_words =
        format!("{}.{}", s3["key"]["access_key"].as_str().unwrap(), s3["secret"].as_str().unwrap());
    let other = world.storage("other").await;
    let elsewhere = key(json!({"scope": {"storage": other["id"]}})).await;
    let (reader, writer) =
        (key(json!({"permission": "read"})).await, key(json!({"permission": "write"})).await);
    let whole = key(json!({"scope": "site", "permission": "read_write"})).await;
    let expired =
        key(json!({"scope": "site", "permission": "full", "expires_at": "2027-01-31T18:00:01Z"})).await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let member = world.sign_in("bob", PASSWORD).await;
    world.clock.advance(Duration::from_secs(1));

    let access_key = live["key"]["access_key"].as_str().unwrap();
    let wrong = format!("{access_key}.{}", none["secret"].as_str().unwrap());
    let unknown = format!("PCAAAAAAAAAAAAAAAAAA.{}", live["secret"].as_str().unwrap());
    let basic = format!("Basic {access_key}:{}", live["secret"].as_str().unwrap());
    type Refusal = fn(&Operation) -> u16;
    type Allowed = fn(&Operation) -> bool;
    let row = |name, authorization, refusal: Refusal, allowed: Allowed| Presented {
        name,
        authorization,
        refusal,
        allowed,
    };
    vec![
        row("nothing", None, unauthorized, nothing),
        row("another scheme", Some(basic), unauthorized, nothing),
        row("a wrong secret", bearer(&wrong), unauthorized, nothing),
        row("the secret alone", bearer(live["secret"].as_str().unwrap()), unauthorized, nothing),
        row("an unknown key", bearer(&unknown), unauthorized, nothing),
        row("a deleted key", token(&deleted), unauthorized, nothing),
        row("a key before its rotation", token(&rotated), unauthorized, nothing),
        row("an expired key", token(&expired), unauthorized, nothing),
        row("the words of an S3 key", bearer(&s3_words), unauthorized, nothing),
        row("a key that is off", token(&none), forbidden, nothing),
        row("a key from another network", token(&away), forbidden, nothing),
        row("a member", bearer(&member), forbidden_or_not_theirs, a_member_may),
        row("a key for another storage", token(&elsewhere), forbidden_or_unseen, |operation| {
            needs_only(operation, &[])
        }),
        row("a key to read", token(&reader), forbidden, |operation| {
            needs_only(operation, &[Action::Get, Action::List])
        }),
        row("a key to write", token(&writer), forbidden, |operation| needs_only(operation, &[Action::Put])),
        row("a site's key for files", token(&whole), forbidden, |operation| {
            needs_only(operation, &[Action::Get, Action::List, Action::Put, Action::Delete])
        }),
    ]
}

/// Everything that the matrix could have changed.
async fn state(world: &World) -> Value {
    let mut seen = Vec::new();
    for path in [
        "/api/v1/storages",
        "/api/v1/keys?limit=1000",
        "/api/v1/sessions",
        "/api/v1/sites",
        "/api/v1/users",
        "/api/v1/groups",
        "/api/v1/grants",
        "/api/v1/share-links",
        "/api/v1/sync-plans",
        "/api/v1/sync-runs",
        "/api/v1/sync-jobs",
    ] {
        let mut list = world.get(path).await;
        // That a key was used is noted, whatever it was refused.
        for item in list["items"].as_array_mut().unwrap() {
            item.as_object_mut().unwrap().remove("last_used");
        }
        seen.push(list);
    }
    json!(seen)
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_and_changes_nothing() {
    static PEER: AtomicU32 = AtomicU32::new(0);
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let id = storage["id"].as_str().unwrap();
    world.admin("PUT", &format!("/api/v1/storages/{id}/file?key=kept")).body("kept").send().await;
    let things = Things::made(&world, &world.token).await.synced(&world, &world.token).await;
    let things = Things { storage: id.to_owned(), ..things };
    let people = everybody(&world, &storage).await;
    let before = state(&world).await;
    let mut refused = 0;
    for person in &people {
        for operation in OPERATIONS
            .iter()
            .filter(|operation| operation.needs != Needs::Nothing && !(person.allowed)(operation))
        {
            // None of these is refused to a member.
            if person.name == "a member" && operation.path.starts_with("/api/v1/sessions/current") {
                continue;
            }
            let (path, body) = example(operation, &things);
            // Each from an address of its own: guessing is slowed down, and that is not what is asked here.
            let peer = Ipv4Addr::from_bits(0x0a00_0000 + PEER.fetch_add(1, Ordering::Relaxed));
            let mut ask = world.ask(operation.method, &path).from(peer);
            if let Some(authorization) = &person.authorization {
                ask = ask.header("authorization", authorization);
            }
            let ask = match &body {
                Some(body) => ask.json(body),
                None if operation.method == "PUT" => ask.body("changed by the matrix"),
                None => ask,
            };
            let answer = ask.send().await;
            let wanted = (person.refusal)(operation);
            assert_eq!(
                answer.status.as_u16(),
                wanted,
                "{}: {} {path}: {answer:?}",
                person.name,
                operation.method
            );
            refused += 1;
        }
    }
    assert!(refused > 700, "{refused}");
    assert_eq!(state(&world).await, before);
    let file = world.admin("GET", &format!("/api/v1/storages/{id}/file?key=kept")).send().await;
    assert_eq!(file.body, "kept");
}

/// What is allowed and comes to nothing here: nobody has a second factor, the examples' answers are of no passkey, their id is no
/// session's and no transfer's, their token no invitation's, and their request was never refused.
fn has_nothing_to_do(operation: &Operation, status: u16) -> bool {
    let nobodys =
        ["/api/v1/sessions/{id}", "/api/v1/me/passkeys/{id}", "/api/v1/me/totp", "/api/v1/transfers/{id}"];
    let about_nothing = [
        "/api/v1/sessions/passkey",
        "/api/v1/me/passkeys",
        "/api/v1/me/totp/confirm",
        "/api/v1/me/recovery-codes",
        "/api/v1/invitations/accept",
        "/api/v1/keys/{id}/trial/enforce",
        "/api/v1/keys/{id}/advice/{what}",
        "/api/v1/storages/{id}/trial/enforce",
    ];
    match (operation.method, status) {
        ("GET", 404) if operation.path.ends_with("/trial") => true,
        ("GET" | "POST", 404) => {
            operation.path.contains("{request_id}") || operation.path == "/api/v1/advice/{id}/undo"
        }
        ("DELETE", 404) => nobodys.contains(&operation.path),
        // The run is over.
        ("POST", 409) => ["/pause", "/resume", "/cancel"]
            .iter()
            .any(|verb| operation.path.strip_suffix(verb) == Some("/api/v1/sync-runs/{id}")),
        ("POST", 422) => about_nothing.contains(&operation.path),
        _ => false,
    }
}

/// What leaves a storage that is of no use to the other rows.
fn ends_or_pauses(operation: &Operation) -> bool {
    match (operation.method, operation.path.strip_prefix("/api/v1/storages/{id}")) {
        ("DELETE", Some("")) | (_, Some("/attach" | "/pause")) => true,
        (_, _) => false,
    }
}

/// A storage for one row alone; detached, if it is to be attached.
async fn to_be_ended(world: &World, operation: &Operation) -> String {
    let id = world.storage("NAS").await["id"].as_str().unwrap().to_owned();
    if operation.path.ends_with("/attach") {
        let ask = world.admin("DELETE", &format!("/api/v1/storages/{id}"));
        assert_eq!(ask.json(&json!({"confirm": "NAS"})).send().await.status, 200);
    }
    id
}

#[tokio::test]
async fn what_is_allowed_works() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let id = storage["id"].as_str().unwrap();
    let admin =
        world.key(&json!({"name": "admin", "channel": "rest", "scope": "site", "permission": "full"})).await;
    let mut people = everybody(&world, &storage).await;
    people.push(Presented {
        name: "an admin's key",
        authorization: Some(format!("Bearer {}", admin["bearer"].as_str().unwrap())),
        refusal: forbidden,
        allowed: |operation| !matches!(operation.needs, Needs::Session | Needs::AdminSession),
    });
    people.push(Presented {
        name: "an admin",
        authorization: Some(format!("Bearer {}", world.sign_in("admin", PASSWORD).await)),
        refusal: forbidden,
        // None of these: they end or move what the other rows need, and are shown elsewhere.
        allowed: |operation| {
            let own = ["/api/v1/sessions/current", "/api/v1/sessions/current/site", "/api/v1/me/password"];
            !own.contains(&operation.path)
        },
    });
    for person in &people {
        for operation in OPERATIONS
            .iter()
            .filter(|operation| operation.needs == Needs::Nothing || (person.allowed)(operation))
        {
            world.admin("PUT", &format!("/api/v1/storages/{id}/file?key=kept")).body("kept").send().await;
            // New ones for each: some are gone afterwards.
            let things = match operation.needs {
                Needs::Admin if is_of_sync(operation) => {
                    Things::made(&world, &world.token).await.synced(&world, &world.token).await
                }
                Needs::Admin | Needs::Keeper | Needs::AdminSession => {
                    Things::made(&world, &world.token).await
                }
                Needs::Nothing | Needs::Credentials | Needs::Session | Needs::Grant(_) => Things::none(),
            };
            let mut things = Things { storage: id.to_owned(), ..things };
            if person.name == "an admin's key" {
                // The only one that it sees.
                things.site = world.main_site().await.to_string();
            }
            if ends_or_pauses(operation) {
                things.storage = to_be_ended(&world, operation).await;
            }
            let (path, body) = example(operation, &things);
            let mut ask = world.ask(operation.method, &path);
            if let Some(authorization) = &person.authorization {
                ask = ask.header("authorization", authorization);
            }
            let answer = match &body {
                Some(body) => ask.json(body),
                None => ask,
            }
            .send()
            .await;
            // No remote driver stands behind this world: whoever may ask is told that there are no such providers.
            let without_driver = operation.path.ends_with("/test-connection") && answer.status == 422;
            let fine = answer.status.is_success()
                || has_nothing_to_do(operation, answer.status.as_u16())
                || without_driver;
            assert!(fine, "{}: {} {path}: {answer:?}", person.name, operation.method);
        }
    }
}
