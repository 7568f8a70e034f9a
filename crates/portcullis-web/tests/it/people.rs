//! Users, invitations, groups and grants over REST.

use std::collections::BTreeSet;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use portcullis_domain::Role;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::examples::Things;
use crate::world::{Answer, PASSWORD, World};

const NEW: &str = "red kettle in the hall";

/// Whether a document has the fields that are described, and no others.
fn is_as_described(schema: &str, answer: &Value) {
    let document: Value = serde_json::from_str(portcullis_web::openapi()).unwrap();
    let described = document["components"]["schemas"][schema]["properties"].as_object();
    let described = described.unwrap_or_else(|| panic!("{schema} is not described"));
    let described: BTreeSet<_> = described.keys().collect();
    let answered: BTreeSet<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(answered, described, "{schema}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

impl World {
    pub(crate) async fn post(&self, path: &str, given: &Value) -> Answer {
        self.admin("POST", path).json(given).send().await
    }

    /// Something new.
    pub(crate) async fn make(&self, path: &str, given: &Value) -> Value {
        let answer = self.post(path, given).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{path}: {answer:?}");
        let made = answer.json();
        let record = made.get("user").filter(|user| user.is_object()).unwrap_or(&made);
        assert_eq!(answer.header("location"), format!("{path}/{}", text(&record["id"])));
        assert_eq!(answer.header("cache-control"), "no-store");
        made
    }

    pub(crate) async fn patch(&self, path: &str, given: &Value) -> Answer {
        self.admin("PATCH", path).json(given).send().await
    }

    /// A member with [`PASSWORD`]: their id and their session.
    async fn member(&self, name: &str) -> (String, String) {
        let id = self.user(self.main_site().await, name, Role::Member).await;
        (id, self.sign_in(name, PASSWORD).await)
    }
}

#[tokio::test]
async fn somebody_is_invited() {
    let world = World::new().await;
    let made = world.make("/api/v1/users", &json!({"username": "Ada", "role": "member"})).await;
    let (user, invitation) = (&made["user"], &made["invitation"]);
    is_as_described("CreatedUser", &made);
    is_as_described("User", user);
    is_as_described("Invitation", invitation);
    assert_eq!((text(&user["username"]), text(&user["state"])), ("ada", "invited"));
    assert_eq!(invitation["expires_at"], "2027-02-07T18:00:00Z");
    let token = text(&invitation["token"]);
    assert_eq!(text(&invitation["url"]), format!("https://gate.example.org/join#{token}"));

    let accept =
        async |given: Value| world.ask("POST", "/api/v1/invitations/accept").json(&given).send().await;
    assert_eq!(accept(json!({"token": token, "password": "short"})).await.fields(), ["password"]);
    assert_eq!(accept(json!({"token": "x", "password": NEW})).await.fields(), ["token"]);
    assert_eq!(accept(json!({"token": token})).await.fields(), ["password"]);
    assert_eq!(accept(json!({"token": token, "password": NEW, "more": 1})).await.fields(), ["more"]);
    assert_eq!(accept(json!({"token": 5, "password": NEW})).await.fields(), ["token"]);
    let accepted = accept(json!({"token": token, "password": NEW})).await;
    assert_eq!((accepted.status, accepted.json()), (StatusCode::OK, json!({"username": "ada"})));
    assert_eq!(accept(json!({"token": token, "password": NEW})).await.fields(), ["token"]);
    world.sign_in("ada", NEW).await;
    let path = format!("/api/v1/users/{}", text(&user["id"]));
    let now = world.get(&path).await;
    assert_eq!((text(&now["state"]), &now["has_password"]), ("active", &json!(true)));
    assert_eq!(now["last_sign_in_at"], "2027-01-31T18:00:00Z");

    // The secret was in one answer.
    let told = world.told.lock().unwrap();
    assert_eq!(told.iter().filter(|answer| answer.contains(token)).count(), 1);
}

#[tokio::test]
async fn somebody_gets_a_password_and_a_reset() {
    let world = World::new().await;
    let given = json!({"username": "ada", "role": "member", "password": NEW});
    let made = world.make("/api/v1/users", &given).await;
    assert_eq!((&made["invitation"], &made["user"]["state"]), (&json!(null), &json!("active")));
    let token = world.sign_in("ada", NEW).await;
    let path = format!("/api/v1/users/{}", text(&made["user"]["id"]));
    let sessions = world.get(&format!("{path}/sessions")).await;
    is_as_described("Session", &sessions["items"][0]);
    assert_eq!(sessions["items"][0]["current"], json!(false));
    let reset = world.post(&format!("{path}/reset"), &json!({"second_factor": true})).await;
    assert_eq!(reset.status, StatusCode::OK, "{reset:?}");
    is_as_described("ResetUser", &reset.json());
    assert_eq!(reset.json()["ended"], json!({"sessions": 1, "transfers": 0}));
    let me = world.ask("GET", "/api/v1/me").bearer(&token).send().await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
    let accept = json!({"token": reset.json()["invitation"]["token"], "password": PASSWORD});
    let accepted = world.ask("POST", "/api/v1/invitations/accept").json(&accept).send().await;
    assert_eq!(accepted.fields(), ["password"], "as everybody tries it first");
    let accept = json!({"token": reset.json()["invitation"]["token"], "password": NEW});
    world.ask("POST", "/api/v1/invitations/accept").json(&accept).send().await;
    world.sign_in("ada", NEW).await;
    let ended = world.admin("DELETE", &format!("{path}/sessions")).send().await;
    assert_eq!((ended.status, ended.json()), (StatusCode::OK, json!({"sessions": 1, "transfers": 0})));
}

#[tokio::test]
async fn bad_input_is_a_problem_with_its_fields() {
    let world = World::new().await;
    let eve = world.other_site().await;
    let foreign = Things::made(&world, &eve).await;
    let storage = world.storage("NAS").await;
    let (bob, _) = world.member("bob").await;
    let group = world.make("/api/v1/groups", &json!({"name": "Editors"})).await;
    for (path, given, fields) in [
        ("users", json!({"username": "a b", "role": "owner"}), vec!["username", "role"]),
        ("users", json!({"username": "ada"}), vec!["role"]),
        ("users", json!({"username": "ada", "role": "member", "site": "x"}), vec!["site"]),
        ("users", json!({"username": 5, "role": "member"}), vec!["username"]),
        ("users", json!({"username": "ada", "role": "member", "password": "short"}), vec!["password"]),
        ("groups", json!({"name": " "}), vec!["name"]),
        ("groups", json!({}), vec!["name"]),
        ("groups", json!({"name": ["x"]}), vec!["name"]),
        ("grants", json!({"storage": storage["id"], "permission": "read"}), vec!["user", "group"]),
        (
            "grants",
            json!({"storage": storage["id"], "permission": "read", "user": bob, "group": group["id"]}),
            vec!["user", "group"],
        ),
        (
            "grants",
            json!({"storage": "x", "permission": "full", "user": "y"}),
            vec!["permission", "storage", "user"],
        ),
        (
            "grants",
            json!({"storage": storage["id"], "permission": "read", "user": foreign.user}),
            vec!["user"],
        ),
        ("grants", json!({"storage": foreign.storage, "permission": "read", "user": bob}), vec!["storage"]),
        (
            "grants",
            json!({"storage": storage["id"], "permission": "read", "group": foreign.group}),
            vec!["group"],
        ),
        ("grants", json!({"storage": storage["id"], "permission": "read", "user": 7}), vec!["user"]),
        ("sites", json!({"name": ""}), vec!["name"]),
        ("sites", json!({"name": "a", "parent": "x"}), vec!["parent"]),
        ("sites", json!({"name": "a", "rules": {"longest_key_days": 0}}), vec!["rules.longest_key_days"]),
        ("sites", json!({"name": "a", "rules": {"longest_key_days": -1}}), vec!["rules.longest_key_days"]),
        ("sites", json!({"name": "a", "rules": {"second_factor": true}}), vec!["rules.second_factor"]),
        ("sites", json!({"name": "a", "rules": {"other": true}}), vec!["rules.other"]),
        ("sites", json!({"name": "a", "rules": []}), vec!["rules"]),
    ] {
        let answer = world.post(&format!("/api/v1/{path}"), &given).await;
        assert_eq!(answer.fields(), fields, "{path} {given}");
    }
    for (path, given, field) in [
        ("users", json!({"username": "EVE", "role": "member"}), "username"),
        ("groups", json!({"name": "EDITORS"}), "name"),
        ("sites", json!({"name": "Other"}), "name"),
    ] {
        let answer = world.post(&format!("/api/v1/{path}"), &given).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{path}: {answer:?}");
        assert_eq!(answer.json()["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_field_or_is_not_there() {
    let world = World::new().await;
    let eve = world.other_site().await;
    let foreign = Things::made(&world, &eve).await;
    let group = world.make("/api/v1/groups", &json!({"name": "Editors"})).await;
    let me = world.get("/api/v1/me").await;
    let own = format!("/api/v1/users/{}", text(&me["user"]["id"]));
    let given = json!({"role": "member", "state": "disabled"});
    assert_eq!(world.patch(&own, &given).await.fields(), ["role", "state"]);
    assert_eq!(world.post(&format!("{own}/reset"), &json!({})).await.fields(), ["user"]);
    assert_eq!(world.patch(&own, &json!({"username": "x"})).await.fields(), ["username"]);
    for path in [
        "users?role=root",
        "users?state=",
        "users?limit=0",
        "groups?order=x",
        "grants?user=x",
        "sites?cursor=x",
    ] {
        let answer = world.admin("GET", &format!("/api/v1/{path}")).send().await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {answer:?}");
    }
    for path in ["users/x", "groups/x", "grants/x", "sites/x", "groups/x/members", "users/x/sessions"] {
        let answer = world.admin("GET", &format!("/api/v1/{path}")).send().await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let path = format!("/api/v1/groups/{}/members", text(&group["id"]));
    for user in ["x", &foreign.user] {
        let answer = world.admin("PUT", &format!("{path}/{user}")).send().await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{user}");
    }
}

#[tokio::test]
async fn groups_and_grants() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let (bob, token) = world.member("bob").await;
    let group = world.make("/api/v1/groups", &json!({"name": "Editors"})).await;
    is_as_described("Group", &group);
    let at = format!("/api/v1/groups/{}", text(&group["id"]));
    let member = format!("{at}/members/{bob}");
    assert_eq!(world.admin("PUT", &member).send().await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        world.admin("PUT", &member).send().await.status,
        StatusCode::NO_CONTENT,
        "as often as one likes"
    );
    let members = world.get(&format!("{at}/members")).await;
    is_as_described("Member", &members["items"][0]);
    assert_eq!((text(&members["items"][0]["id"]), &members["next_cursor"]), (bob.as_str(), &json!(null)));
    assert_eq!(world.get(&at).await["members"], 1);
    assert_eq!(world.patch(&at, &json!({"name": "Redaktion"})).await.json()["name"], "Redaktion");
    let groups = world.get(&format!("/api/v1/users/{bob}")).await["groups"].clone();
    assert_eq!(groups, json!([{"id": group["id"], "name": "Redaktion"}]));

    let given = json!({"storage": storage["id"], "group": group["id"], "prefix": "a/", "permission": "read"});
    let grant = world.make("/api/v1/grants", &given).await;
    is_as_described("Grant", &grant);
    assert_eq!((text(&grant["grantee_name"]), text(&grant["storage_name"])), ("Redaktion", "NAS"));
    let twice = world.post("/api/v1/grants", &given).await;
    assert_eq!((twice.status, &twice.json()["errors"][0]["field"]), (StatusCode::CONFLICT, &json!("prefix")));
    let own = async || {
        let answer = world.ask("GET", "/api/v1/me/storages").bearer(&token).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["items"].clone()
    };
    let reached = own().await;
    is_as_described("OwnStorage", &reached[0]);
    assert_eq!(reached[0]["reach"], json!([{"prefix": "a/", "permission": "read"}]));
    assert_eq!(reached[0]["bucket_name"], storage["bucket_name"]);
    let files = format!("/api/v1/storages/{}/file?key", text(&storage["id"]));
    world.admin("PUT", &format!("{files}=a/1")).body("x").send().await;
    let ask = async |method: &str, key: &str| {
        let ask = world.ask(method, &format!("{files}={key}")).bearer(&token);
        ask.body(if method == "PUT" { "y" } else { "" }).send().await.status
    };
    assert_eq!(ask("GET", "a/1").await, StatusCode::OK);
    assert_eq!(
        (ask("PUT", "a/1").await, ask("GET", "b").await),
        (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN)
    );

    let at = format!("/api/v1/grants/{}", text(&grant["id"]));
    let changed = world.patch(&at, &json!({"prefix": null, "permission": "write"})).await;
    is_as_described("ChangedGrant", &changed.json());
    assert_eq!((&changed.json()["grant"]["prefix"], &changed.json()["transfers"]), (&json!(""), &json!(0)));
    assert_eq!(own().await[0]["reach"], json!([{"prefix": "", "permission": "write"}]));
    assert_eq!((ask("PUT", "b").await, ask("GET", "a/1").await), (StatusCode::OK, StatusCode::FORBIDDEN));
    assert_eq!(world.get("/api/v1/storages").await["items"][0]["shared"], true);
    let shared = world.get(&format!("/api/v1/storages/{}", text(&storage["id"]))).await;
    assert_eq!((&shared["shared_people"], &shared["shared_links"]), (&json!(1), &json!(0)));

    let deleted = world.admin("DELETE", &at).send().await;
    assert_eq!((deleted.status, deleted.json()), (StatusCode::OK, json!({"transfers": 0})));
    assert_eq!(own().await, json!([]));
    assert_eq!(ask("PUT", "b").await, StatusCode::NOT_FOUND);
    assert_eq!(world.admin("GET", &at).send().await.status, StatusCode::NOT_FOUND);
}

/// The call that takes something away returns when what ran under it has ended.
#[tokio::test]
async fn what_is_taken_away_ends_what_is_under_way() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let (bob, token) = world.member("bob").await;
    let given = json!({"storage": storage["id"], "user": bob, "permission": "read_write"});
    let grant = world.make("/api/v1/grants", &given).await;
    let grant_at = format!("/api/v1/grants/{}", text(&grant["id"]));
    let user_at = format!("/api/v1/users/{bob}");
    let during_an_upload = async |path: &str, change: &Value, refusal: StatusCode| {
        let (sender, receiver) = mpsc::unbounded_channel::<Result<Bytes, std::io::Error>>();
        sender.send(Ok(Bytes::from_static(b"some"))).unwrap();
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|item| (item, receiver))
        });
        let to = format!("/api/v1/storages/{}/file?key=a", text(&storage["id"]));
        let upload = world.ask("PUT", &to).bearer(&token).body(Body::from_stream(stream)).send();
        let end = async {
            let ended = world.patch(path, change).await;
            assert!(sender.send(Ok(Bytes::from_static(b"more"))).is_err(), "nobody reads any more");
            ended
        };
        let (answer, ended) = tokio::join!(upload, end);
        assert_eq!(answer.status, refusal, "{answer:?}");
        assert_eq!(ended.status, StatusCode::OK, "{ended:?}");
        ended.json()
    };
    let narrowed = during_an_upload(&grant_at, &json!({"permission": "read"}), StatusCode::FORBIDDEN).await;
    assert_eq!(narrowed["transfers"], 1);
    let wider = json!({"permission": "read_write"});
    assert_eq!(world.patch(&grant_at, &wider).await.json()["transfers"], 0);
    let off = json!({"state": "disabled"});
    let disabled = during_an_upload(&user_at, &off, StatusCode::UNAUTHORIZED).await;
    assert_eq!(disabled["ended"], json!({"sessions": 1, "transfers": 1}));
    let me = world.ask("GET", "/api/v1/me").bearer(&token).send().await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
    let files = world.get(&format!("/api/v1/storages/{}/files", text(&storage["id"]))).await;
    assert_eq!(files["items"], json!([]), "nothing of what was cut is there");
}
