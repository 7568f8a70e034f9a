//! Networks before they hold: whom they would keep out, and lists that are tried out.

use std::net::IpAddr;

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World};

struct Scene {
    world: World,
    storage: String,
    key: String,
    bearer: String,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let storage = world.storage("NAS").await;
        let scope = json!({"storage": storage["id"]});
        let made =
            world.key(&json!({"name": "nas", "channel": "rest", "scope": scope, "permission": "read"})).await;
        Self {
            storage: storage["id"].as_str().unwrap().to_owned(),
            key: made["key"]["id"].as_str().unwrap().to_owned(),
            bearer: made["bearer"].as_str().unwrap().to_owned(),
            world,
        }
    }

    async fn come_from(&self, peer: &str) -> StatusCode {
        let files = format!("/api/v1/storages/{}/files", self.storage);
        let peer: IpAddr = peer.parse().unwrap();
        self.world.ask("GET", &files).bearer(&self.bearer).from(peer).send().await.status
    }

    fn of_key(&self, rest: &str) -> String {
        format!("/api/v1/keys/{}{rest}", self.key)
    }

    fn of_storage(&self, rest: &str) -> String {
        format!("/api/v1/storages/{}{rest}", self.storage)
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.world.admin(method, path).json(body).send().await
    }
}

fn column(rows: &Value, name: &str) -> Vec<String> {
    let text = |row: &Value| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
    rows.as_array().unwrap().iter().map(text).collect()
}

#[tokio::test]
async fn a_preview_says_whom_a_list_would_cut_off() {
    let scene = Scene::new().await;
    for peer in ["203.0.113.7", "203.0.113.7", "198.51.100.9"] {
        assert_eq!(scene.come_from(peer).await, StatusCode::OK);
    }
    let list = json!({"networks": ["203.0.113.7/24", {"network": "203.0.113.7", "note": "nas"}, "10.0.0.1"]});
    for path in [scene.of_key("/networks/preview"), scene.of_storage("/networks/preview")] {
        let answer = scene.send("POST", &path, &list).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let told = answer.json();
        assert_eq!(column(&told["cut_off"], "address"), ["198.51.100.9"]);
        assert_eq!(column(&told["kept"], "address"), ["203.0.113.7"]);
        let cut = &told["cut_off"][0];
        assert_eq!(
            (
                &cut["key_name"],
                &cut["tool"],
                &cut["requests"],
                &cut["several"],
                &cut["in_part"],
                &cut["transfers"]
            ),
            (&json!("nas"), &json!("test"), &json!(1), &json!(false), &json!(false), &json!(0))
        );
        assert_eq!(cut["last_seen"], "2027-01-31T18:00:00Z");
        assert_eq!(told["kept"][0]["requests"], 2);
        assert_eq!((&told["window_days"], &told["cuts_off_asker"]), (&json!(30), &json!(false)));
        // What the editor would say of the entries, and when somebody was last seen there.
        assert_eq!(column(&told["entries"], "network"), ["203.0.113.0/24", "203.0.113.7", "10.0.0.1"]);
        assert_eq!(
            column(&told["entries"], "last_seen"),
            ["2027-01-31T18:00:00Z", "2027-01-31T18:00:00Z", "null"]
        );
        let said = told["entries"].to_string();
        for part in
            ["203.0.113.7/24 means 203.0.113.0/24", "lets in all of 203.0.113.7", "10.0.0.1 is private"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    // Nothing was changed by it.
    assert_eq!(scene.come_from("198.51.100.9").await, StatusCode::OK);
    let saved = scene.send("PATCH", &scene.of_key(""), &list).await;
    assert_eq!(saved.status, StatusCode::OK, "{saved:?}");
    assert_eq!(scene.come_from("198.51.100.9").await, StatusCode::FORBIDDEN);
    let anywhere = json!({"networks": []});
    let told = scene.send("POST", &scene.of_key("/networks/preview"), &anywhere).await.json();
    assert_eq!(column(&told["let_in"], "address"), ["198.51.100.9"]);
    assert_eq!(
        (&told["cut_off"], column(&told["kept"], "address")),
        (&json!([]), vec!["203.0.113.7".to_owned()])
    );
}

#[tokio::test]
async fn a_list_that_is_wrong_is_explained() {
    let scene = Scene::new().await;
    for (network, said) in [
        ("0.0.0.0/0", "leave the list empty"),
        ("::/0", "leave the list empty"),
        ("0.0.0.0", "nobody's address"),
        ("203.0.113/24", "did you mean 203.0.113.0/24?"),
        ("nas.example.org", "names can't be used"),
    ] {
        let list = json!({"networks": ["10.0.0.1", network]});
        for (method, path) in [
            ("POST", scene.of_key("/networks/preview")),
            ("POST", scene.of_storage("/networks/preview")),
            ("PUT", scene.of_key("/trial")),
            ("PUT", scene.of_storage("/trial")),
            ("PATCH", scene.of_key("")),
            ("PATCH", scene.of_storage("")),
        ] {
            let answer = scene.send(method, &path, &list).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{method} {path} {network}");
            assert_eq!(answer.fields(), ["networks[1]"]);
            assert!(answer.json()["errors"][0]["message"].as_str().unwrap().contains(said), "{answer:?}");
        }
    }
    let none = scene.send("PUT", &scene.of_key("/trial"), &json!({"networks": []})).await;
    assert_eq!((none.status, none.fields()), (StatusCode::UNPROCESSABLE_ENTITY, vec!["networks".to_owned()]));
}

#[tokio::test]
async fn a_trial_refuses_nobody_and_says_whom_it_would_have() {
    let scene = Scene::new().await;
    for (record, other) in
        [(scene.of_key(""), scene.of_storage("")), (scene.of_storage(""), scene.of_key(""))]
    {
        let trial = format!("{record}/trial");
        assert_eq!(scene.world.admin("GET", &trial).send().await.status, StatusCode::NOT_FOUND);
        let begun = scene.send("PUT", &trial, &json!({"networks": ["203.0.113.0/24"]})).await;
        assert_eq!(begun.status, StatusCode::OK, "{begun:?}");
        for peer in ["203.0.113.7", "198.51.100.9", "198.51.100.9"] {
            assert_eq!(scene.come_from(peer).await, StatusCode::OK, "{trial}");
        }
        let shown = scene.world.admin("GET", &trial).send().await;
        let told = shown.json();
        assert_eq!(column(&told["refused"], "address"), ["198.51.100.9"]);
        assert_eq!((&told["refused"][0]["requests"], &told["refused_requests"]), (&json!(2), &json!(2)));
        assert_eq!(
            (column(&told["admitted"], "address"), &told["admitted_requests"]),
            (vec!["203.0.113.7".to_owned()], &json!(1))
        );
        let on_record = scene.world.get(&record).await["trial"].clone();
        assert_eq!(
            on_record,
            json!({"networks": [{"network": "203.0.113.0/24", "note": ""}], "since": told["since"]})
        );
        assert_eq!(scene.world.get(&other).await["trial"], Value::Null);
        // Of another trial than the one that was looked at nothing is put in force.
        let since = json!({"since": "2027-01-31T17:00:00Z"});
        let stale = scene.send("POST", &format!("{trial}/enforce"), &since).await;
        assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
        let old =
            scene.world.admin("POST", &format!("{trial}/enforce")).header("if-match", "\"0000000000000000\"");
        assert_eq!(old.send().await.status, StatusCode::PRECONDITION_FAILED);
        assert_eq!(scene.come_from("198.51.100.9").await, StatusCode::OK);
        let enforce =
            scene.world.admin("POST", &format!("{trial}/enforce")).header("if-match", shown.header("etag"));
        let now = enforce.json(&json!({"since": told["since"]})).send().await;
        assert_eq!(now.status, StatusCode::OK, "{now:?}");
        assert_eq!(
            (&now.json()["networks"][0]["network"], &now.json()["trial"]),
            (&json!("203.0.113.0/24"), &Value::Null)
        );
        assert_eq!(scene.come_from("198.51.100.9").await, StatusCode::FORBIDDEN);
        assert_eq!(scene.come_from("203.0.113.7").await, StatusCode::OK);
        // Once more there is nothing to put in force.
        let again = scene.send("POST", &format!("{trial}/enforce"), &json!({})).await;
        assert_eq!(
            (again.status, again.fields()),
            (StatusCode::UNPROCESSABLE_ENTITY, vec!["trial".to_owned()])
        );
        assert_eq!(scene.send("PATCH", &record, &json!({"networks": []})).await.status, StatusCode::OK);
        scene.world.clock.advance(std::time::Duration::from_secs(3600));
    }
    let begun = scene.send("PUT", &scene.of_key("/trial"), &json!({"networks": ["203.0.113.0/24"]})).await;
    assert_eq!(begun.status, StatusCode::OK);
    for _ in 0..2 {
        let ended = scene.world.admin("DELETE", &scene.of_key("/trial")).send().await;
        assert_eq!(ended.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(scene.come_from("198.51.100.9").await, StatusCode::OK);
    assert_eq!(scene.world.get(&scene.of_key("")).await["networks"], json!([]));
}

#[tokio::test]
async fn a_key_has_to_say_that_it_wants_to_lock_itself_out() {
    let world = World::new().await;
    let made =
        world.key(&json!({"name": "ci", "channel": "rest", "scope": "site", "permission": "full"})).await;
    let (bearer, id) = (made["bearer"].as_str().unwrap(), made["key"]["id"].as_str().unwrap());
    let path = format!("/api/v1/keys/{id}");
    let send = async |method: &str, path: &str, body: Value| {
        world.ask(method, path).bearer(bearer).json(&body).send().await
    };
    let preview =
        send("POST", &format!("{path}/networks/preview"), json!({"networks": ["10.0.0.0/8"]})).await.json();
    assert_eq!(
        (&preview["cuts_off_asker"], column(&preview["cut_off"], "address")),
        (&json!(true), vec!["192.0.2.1".to_owned()])
    );
    let refused = send("PATCH", &path, json!({"networks": ["10.0.0.0/8"]})).await;
    assert_eq!(
        (refused.status, refused.fields()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec!["networks".to_owned()])
    );
    assert!(
        refused.json()["errors"][0]["message"].as_str().unwrap().contains("confirm_lockout"),
        "{refused:?}"
    );
    assert_eq!(
        send("PUT", &format!("{path}/trial"), json!({"networks": ["10.0.0.0/8"]})).await.status,
        StatusCode::OK
    );
    let refused = send("POST", &format!("{path}/trial/enforce"), json!({})).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = send("POST", &format!("{path}/trial/enforce"), json!({"confirm_lockout": true})).await;
    assert_eq!(done.status, StatusCode::OK);
    assert_eq!(world.ask("GET", "/api/v1/keys").bearer(bearer).send().await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn members_look_at_their_own_keys_only() {
    let world = World::new().await;
    let bob = world.user(world.main_site().await, "bob", Role::Member).await;
    let token = world.sign_in("bob", PASSWORD).await;
    let own = world
        .key(&json!({"name": "mine", "channel": "rest", "scope": {"user": bob}, "permission": "read"}))
        .await;
    let other =
        world.key(&json!({"name": "ci", "channel": "rest", "scope": "site", "permission": "full"})).await;
    for (key, wanted) in [(&own, StatusCode::OK), (&other, StatusCode::NOT_FOUND)] {
        let id = key["key"]["id"].as_str().unwrap();
        let list = json!({"networks": ["10.0.0.0/8"]});
        for (method, path) in [("POST", "networks/preview"), ("PUT", "trial")] {
            let asked = world.ask(method, &format!("/api/v1/keys/{id}/{path}")).bearer(&token).json(&list);
            assert_eq!(asked.send().await.status, wanted, "{path}");
        }
        let trial = world.ask("GET", &format!("/api/v1/keys/{id}/trial")).bearer(&token).send().await;
        assert_eq!(trial.status, wanted);
    }
}
