//! Share links over REST: made, listed, changed, ended.

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, WEB_ADDRESS, World};

const LINKS: &str = "/api/v1/share-links";

fn wanted(storage: &Value) -> Value {
    json!({"storage": storage["id"], "folder": "reports/", "name": "Reports", "permission": "read"})
}

fn with(mut given: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        given[name] = value.clone();
    }
    given
}

async fn post(world: &World, given: &Value) -> Answer {
    world.admin("POST", LINKS).json(given).send().await
}

async fn make(world: &World, given: &Value) -> Value {
    let answer = post(world, given).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()
}

fn at(made: &Value) -> String {
    format!("{LINKS}/{}", made["link"]["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_address_is_told_once() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let given = json!({"password": "open sesame", "expires_at": "2027-03-01T00:00:00Z", "max_downloads": 5,
        "networks": ["203.0.113.0/24", {"network": "192.0.2.0/24", "note": "office"}]});
    let answer = post(&world, &with(wanted(&storage), &given)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let made = answer.json();
    assert_eq!(answer.header("location"), at(&made));
    let url = made["url"].as_str().unwrap();
    let token = url.strip_prefix(&format!("{WEB_ADDRESS}/s/")).unwrap().to_owned();
    assert_eq!(token.len(), 40);
    let id = &made["link"]["id"];
    assert_eq!(
        made["link"],
        json!({"id": id, "name": "Reports", "storage": storage["id"], "file": null, "folder": "reports/",
            "permission": "read", "has_password": true,
            "networks": [{"network": "203.0.113.0/24", "note": ""}, {"network": "192.0.2.0/24", "note": "office"}],
            "expires_at": "2027-03-01T00:00:00Z", "max_downloads": 5, "downloads": 0, "state": "active",
            "created_at": "2027-01-31T18:00:00Z"})
    );
    let shown = world.admin("GET", &at(&made)).send().await;
    assert_eq!(shown.json(), made["link"]);
    assert_eq!(shown.header("etag"), answer.header("etag"));
    assert_eq!(world.get(LINKS).await["items"], json!([made["link"]]));
    world.admin("PATCH", &at(&made)).json(&json!({"name": "Quarter"})).send().await;
    world.ask("GET", &format!("/s/{token}")).send().await;
    world.ask("POST", &format!("/s/{token}")).send().await;
    world.flush().await;
    world.get("/api/v1/audit-events").await;
    world.admin("DELETE", &at(&made)).send().await;
    {
        // Where the visitor asked for it, the test itself has noted the address.
        let told = world.told.lock().unwrap();
        let answers = told.iter().filter(|told| !told.contains(&format!(" /s/{token}\n")));
        assert_eq!(answers.filter(|told| told.contains(&token)).count(), 1);
        assert!(told.iter().all(|told| !told.contains("open sesame")));
    }
    // Neither does the database hold it.
    for file in std::fs::read_dir(world.database().parent().unwrap()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds(&token) && !holds("open sesame"));
    }
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let base = wanted(&storage);
    for (given, fields) in [
        (json!({"storage": "mine"}), &["storage"][..]),
        (json!({"storage": "01924f5c-0000-7000-8000-000000000000"}), &["storage"]),
        (json!({"folder": "reports"}), &["folder"]),
        (json!({"file": "a"}), &["file", "folder"]),
        (json!({"folder": null}), &["file"]),
        (json!({"folder": null, "file": ""}), &["file"]),
        (json!({"folder": null, "file": "a", "permission": "write"}), &["file"]),
        (json!({"name": ""}), &["name"]),
        (json!({"permission": "read_write"}), &["permission"]),
        (json!({"permission": "all"}), &["permission"]),
        (json!({"permission": "write", "max_downloads": 1}), &["max_downloads"]),
        (json!({"password": "seven c"}), &["password"]),
        (json!({"password": ""}), &["password"]),
        (json!({"expires_at": "2027-01-31T18:00:00Z"}), &["expires_at"]),
        (json!({"expires_at": "soon"}), &["expires_at"]),
        (json!({"max_downloads": 0}), &["max_downloads"]),
        (json!({"max_downloads": -1}), &["max_downloads"]),
        (json!({"networks": ["10.0.0.0/40"]}), &["networks[0]"]),
        (json!({"token": "mine"}), &["token"]),
        (
            json!({"name": "", "password": "short", "max_downloads": 0}),
            &["name", "password", "max_downloads"],
        ),
    ] {
        assert_eq!(post(&world, &with(base.clone(), &given)).await.fields(), fields, "{given}");
    }
    assert_eq!(world.get(LINKS).await["items"], json!([]), "nothing was made");
    let made = make(&world, &base).await;
    for (given, fields) in [
        (json!({"folder": "other/"}), &["folder"][..]),
        (json!({"permission": "write"}), &["permission"]),
        (json!({"expires_at": "2020-01-01T00:00:00Z"}), &["expires_at"]),
        (json!({"max_downloads": 0, "password": "x"}), &["password", "max_downloads"]),
    ] {
        let answer = world.admin("PATCH", &at(&made)).json(&given).send().await;
        assert_eq!(answer.fields(), fields, "{given}");
    }
}

#[tokio::test]
async fn changes_and_the_end() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = make(&world, &wanted(&storage)).await;
    let tag = world.admin("GET", &at(&made)).send().await.header("etag").to_owned();
    let given = json!({"name": "Quarter", "password": "open sesame", "expires_at": "2027-03-01T00:00:00Z",
        "max_downloads": 3, "networks": ["203.0.113.0/24"]});
    let changed = world.admin("PATCH", &at(&made)).header("if-match", &tag).json(&given).send().await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let link = changed.json();
    assert_eq!(
        (&link["name"], &link["has_password"], &link["max_downloads"]),
        (&json!("Quarter"), &json!(true), &json!(3))
    );
    let stale = world.admin("PATCH", &at(&made)).header("if-match", &tag).json(&given).send().await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let stale = world.admin("DELETE", &at(&made)).header("if-match", &tag).send().await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let open = json!({"password": null, "expires_at": null, "max_downloads": null, "networks": []});
    let open = world.admin("PATCH", &at(&made)).json(&open).send().await.json();
    assert_eq!(
        (&open["has_password"], &open["expires_at"], &open["max_downloads"], &open["networks"]),
        (&json!(false), &Value::Null, &Value::Null, &json!([]))
    );
    for _ in 0..2 {
        assert_eq!(world.admin("DELETE", &at(&made)).send().await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(world.get(&at(&made)).await["state"], "ended");
    let late = world.admin("PATCH", &at(&made)).json(&json!({"name": "again"})).send().await;
    assert_eq!(late.fields(), ["state"]);
}

#[tokio::test]
async fn lists_by_storage_and_in_pages() {
    let world = World::new().await;
    let (first, second) = (world.storage("First").await, world.storage("Second").await);
    for n in 0..5 {
        make(&world, &with(wanted(&first), &json!({"name": format!("Link {n}")}))).await;
    }
    make(&world, &with(wanted(&second), &json!({"name": "Elsewhere"}))).await;
    let names = |list: &Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|link| link["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let own = format!("{LINKS}?storage={}", first["id"].as_str().unwrap());
    assert_eq!(names(&world.get(&own).await).len(), 5);
    assert_eq!(names(&world.get(&format!("{LINKS}?search=ELSE")).await), ["Elsewhere"]);
    let (mut seen, mut next) = (Vec::new(), format!("{own}&limit=2"));
    loop {
        let page = world.get(&next).await;
        seen.extend(names(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{own}&limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["Link 0", "Link 1", "Link 2", "Link 3", "Link 4"]);
    for wrong in ["storage=x", "cursor=x", "limit=0", "state=active"] {
        let answer = world.admin("GET", &format!("{LINKS}?{wrong}")).send().await;
        assert_eq!(answer.fields().len(), 1, "{wrong}");
    }
}

#[tokio::test]
async fn another_site_has_other_links() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = make(&world, &wanted(&storage)).await;
    let eve = world.other_site().await;
    for method in ["GET", "PATCH", "DELETE"] {
        let ask = world.ask(method, &at(&made)).bearer(&eve);
        let ask = if method == "PATCH" { ask.json(&json!({"name": "mine"})) } else { ask };
        assert_eq!(ask.send().await.status, StatusCode::NOT_FOUND, "{method}");
    }
    let list = world.ask("GET", LINKS).bearer(&eve).send().await;
    assert_eq!(list.json()["items"], json!([]));
    let theirs = world.ask("POST", LINKS).bearer(&eve).json(&wanted(&storage)).send().await;
    assert_eq!(theirs.fields(), ["storage"]);
    assert_eq!(world.get(&at(&made)).await["name"], "Reports");
}

#[tokio::test]
async fn a_key_makes_no_link_wider_than_itself() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let key = json!({"name": "program", "channel": "rest", "scope": "site", "permission": "full",
        "networks": ["192.0.2.0/24"], "expires_at": "2027-02-28T00:00:00Z"});
    let bearer = world.key(&key).await["bearer"].as_str().unwrap().to_owned();
    let post = async |given: &Value| world.ask("POST", LINKS).bearer(&bearer).json(given).send().await;
    assert_eq!(post(&wanted(&storage)).await.fields(), ["networks", "expires_at"]);
    let within = json!({"networks": ["192.0.2.7"], "expires_at": "2027-02-27T00:00:00Z"});
    let made = post(&with(wanted(&storage), &within)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let longer =
        world.ask("PATCH", &at(&made.json())).bearer(&bearer).json(&json!({"networks": []})).send().await;
    assert_eq!(longer.fields(), ["networks"]);
}
