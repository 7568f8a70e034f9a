//! Keys of the channels with user names: credentials that people choose, and public keys.

use http::StatusCode;
use serde_json::{Value, json};

use crate::files_http::basic;
use crate::world::{Answer, World};

const CHOSEN: &str = "umbrella-teapot-42";
const OTHER: &str = "lantern-orchard-77";
const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO7yGvJ1dJGxQ1m3cAxzQbSyO0KyyQ8vMN0BlR7zQ1Xc laptop";

struct Scene {
    world: World,
    storage: Value,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let storage = world.storage("Scans").await;
        Self { world, storage }
    }

    fn draft(&self, channel: &str, more: &Value) -> Value {
        let mut given = json!({
            "name": "scanner", "channel": channel, "scope": {"storage": self.storage["id"]}, "permission": "read_write",
        });
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        given
    }

    async fn make(&self, channel: &str, more: &Value) -> Answer {
        self.world.admin("POST", "/api/v1/keys").json(&self.draft(channel, more)).send().await
    }

    async fn works(&self, name: &str, secret: &str) -> bool {
        let ask = self.world.ask("GET", "/files/").header("authorization", &basic(name, secret));
        let answer = ask.send().await;
        assert!(matches!(answer.status, StatusCode::OK | StatusCode::UNAUTHORIZED), "{answer:?}");
        answer.status == StatusCode::OK
    }
}

fn path(made: &Value) -> String {
    format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap())
}

#[tokio::test]
async fn chosen_words_open_their_channel_and_are_told_to_nobody() {
    let scene = Scene::new().await;
    let chosen = json!({"credentials": {"user_name": "Scanner.1", "secret": CHOSEN}});
    let answer = scene.make("http", &chosen).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let made = answer.json();
    assert_eq!((&made["secret"], &made["bearer"]), (&Value::Null, &Value::Null));
    assert_eq!(made["key"]["login"], "scanner.1");
    let files = "https://gate.example.org/files/";
    assert_eq!(made["addresses"], json!({"files": files, "dav": "https://gate.example.org/dav/"}));
    assert!(made["setup"]["curl"].as_str().unwrap().contains("scanner.1"), "{}", made["setup"]);
    let access_key = made["key"]["access_key"].as_str().unwrap();
    for (name, secret, works) in [
        ("scanner.1", CHOSEN, true),
        ("SCANNER.1", CHOSEN, true),
        (access_key, CHOSEN, true),
        ("scanner.1", OTHER, false),
        ("scanner.2", CHOSEN, false),
    ] {
        assert_eq!(scene.works(name, secret).await, works, "{name}");
    }
    // The same words on another channel are another key, which knows nothing of this one.
    let taken = scene.make("http", &chosen).await;
    assert!(taken.fields().contains(&"credentials.user_name".to_owned()), "{taken:?}");
    assert_eq!(scene.make("ftp", &chosen).await.status, StatusCode::CREATED);
    assert_eq!(scene.world.admin("DELETE", &path(&made)).send().await.status, StatusCode::OK);
    assert!(!scene.works("scanner.1", CHOSEN).await, "the other key opens FTP and nothing else");
    let told = scene.world.told.lock().unwrap();
    assert!(!told.iter().any(|answer| answer.contains(CHOSEN)), "a chosen secret was told");
}

#[tokio::test]
async fn a_name_of_ones_own_for_a_generated_secret() {
    let scene = Scene::new().await;
    let made = scene.make("http", &json!({"credentials": {"user_name": "backup"}})).await.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(made["bearer"].as_str().unwrap().ends_with(secret));
    assert!(scene.works("backup", secret).await);
    let found = scene.world.get("/api/v1/keys?search=backup&channel=http").await;
    assert_eq!(found["items"][0]["login"], "backup");
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_chosen() {
    let scene = Scene::new().await;
    let credentials =
        |name: &str, secret: &str| json!({"credentials": {"user_name": name, "secret": secret}});
    for (channel, more, field) in [
        ("http", credentials("scanner", "short"), "credentials.secret"),
        ("http", credentials("scanner", "scanner-scanner"), "credentials.secret"),
        ("http", credentials("scanner", "aaaaaaaaaaaaaaaa"), "credentials.secret"),
        ("http", credentials("a b", CHOSEN), "credentials.user_name"),
        ("http", credentials("PC4QZ0V7M2K9X1B8N6TD", CHOSEN), "credentials.user_name"),
        ("s3", json!({"credentials": {"user_name": "scanner"}}), "credentials.user_name"),
        ("s3", json!({"credentials": {"secret": CHOSEN}}), "credentials.secret"),
        ("http", json!({"public_keys": [LINE]}), "public_keys"),
        ("ftp", json!({"public_keys": ["ssh-rsa AAAA"]}), "public_keys[0]"),
        ("ftp", json!({"public_keys": [LINE, "-----BEGIN OPENSSH PRIVATE KEY-----"]}), "public_keys[1]"),
    ] {
        let answer = scene.make(channel, &more).await;
        assert_eq!(answer.fields(), [field], "{channel} {more}: {answer:?}");
    }
    assert_eq!(scene.world.get("/api/v1/keys").await["items"], json!([]));
}

#[tokio::test]
async fn chosen_words_are_changed_with_an_overlap() {
    let scene = Scene::new().await;
    let chosen = json!({"credentials": {"user_name": "scanner", "secret": CHOSEN}});
    let made = scene.make("http", &chosen).await.json();
    let rotate = async |given: Value| {
        scene.world.admin("POST", &format!("{}/rotate", path(&made))).json(&given).send().await
    };
    let given = json!({"overlap_seconds": 3600, "keep_access_key": true, "credentials": {"secret": OTHER}});
    let rotated = rotate(given).await;
    assert_eq!(rotated.status, StatusCode::OK, "{rotated:?}");
    assert_eq!(
        (&rotated.json()["secret"], &rotated.json()["key"]["login"]),
        (&Value::Null, &json!("scanner"))
    );
    assert!(scene.works("scanner", CHOSEN).await && scene.works("scanner", OTHER).await, "both, for a while");
    assert_eq!(
        scene.world.admin("DELETE", &format!("{}/overlap", path(&made))).send().await.status.as_u16(),
        200
    );
    assert!(!scene.works("scanner", CHOSEN).await && scene.works("scanner", OTHER).await);
    assert_eq!(rotate(json!({"credentials": {"secret": "short"}})).await.fields(), ["credentials.secret"]);
    // Back to what is generated.
    let rotated = rotate(json!({"credentials": {"user_name": null}})).await.json();
    let (name, secret) =
        (rotated["key"]["access_key"].as_str().unwrap(), rotated["secret"].as_str().unwrap());
    assert!(scene.works(name, secret).await && !scene.works("scanner", OTHER).await);
    assert_eq!(rotated["key"]["login"], Value::Null);
}

#[tokio::test]
async fn keys_for_web_services_and_mail() {
    let scene = Scene::new().await;
    let made = scene.make("web-service", &json!({})).await.json();
    assert_eq!(made["addresses"], json!({"soap": "https://gate.example.org/soap"}));
    assert_eq!((&made["bearer"], &made["key"]["mail"]), (&Value::Null, &Value::Null));
    let secret = made["secret"].as_str().unwrap();
    assert!(!scene.works(made["key"]["access_key"].as_str().unwrap(), secret).await, "it opens SOAP alone");
    let with_rules = json!({"mail": {"keep": ["text"]}});
    assert_eq!(scene.make("web-service", &with_rules).await.fields(), ["mail"]);
    assert_eq!(scene.make("email", &json!({"scope": "site"})).await.fields(), ["scope"]);

    let made = scene.make("email", &with_rules).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let (tag, made) = (made.header("etag").to_owned(), made.json());
    let rules = |keep: Value, most: Value, hour: u32| json!({"folder": "address", "keep": keep, "max_message": most, "per_hour": hour});
    assert_eq!(made["key"]["mail"], rules(json!(["text"]), Value::Null, 600));
    let change = async |given: Value, tag: &str| {
        scene.world.admin("PATCH", &path(&made)).header("if-match", tag).json(&given).send().await
    };
    let changed = change(json!({"mail": {"max_message": 65536, "per_hour": 5}}), &tag).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    assert_eq!(changed.json()["mail"], rules(json!(["text"]), json!(65536), 5), "what is left out stays");
    let nothing = json!({"mail": {"keep": [], "max_message": null}});
    assert_eq!(
        change(nothing.clone(), &tag).await.status,
        StatusCode::PRECONDITION_FAILED,
        "they were changed"
    );
    let last = change(nothing, changed.header("etag")).await;
    assert_eq!(last.json()["mail"], rules(json!([]), Value::Null, 5));
    assert_eq!(scene.world.get(&path(&made)).await["mail"], last.json()["mail"]);
    for (given, field) in [
        (json!({"mail": {"keep": ["pictures"]}}), "mail.keep"),
        (json!({"mail": {"folder": "sender"}}), "mail.folder"),
        (json!({"mail": {"per_hour": 0}}), "mail"),
        (json!({"mail": {"max_message": 1}}), "mail"),
    ] {
        assert_eq!(change(given.clone(), last.header("etag")).await.fields(), [field], "{given}");
    }
}

#[tokio::test]
async fn public_keys_come_and_go() {
    let scene = Scene::new().await;
    let made = scene.make("ftp", &json!({"public_keys": [LINE]})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let (tag, made) = (made.header("etag").to_owned(), made.json());
    let shown = scene.world.get(&path(&made)).await;
    assert_eq!(shown["public_keys"][0]["line"], LINE);
    let fingerprint = shown["public_keys"][0]["fingerprint"].as_str().unwrap();
    assert!(fingerprint.starts_with("SHA256:") && fingerprint.len() == 50, "{fingerprint}");
    let change = async |given: Value| {
        scene.world.admin("PATCH", &path(&made)).header("if-match", &tag).json(&given).send().await
    };
    let none = change(json!({"public_keys": []})).await;
    assert_eq!((none.status, &none.json()["public_keys"]), (StatusCode::OK, &json!([])), "{none:?}");
    assert!(none.json()["receipt"].is_object() && none.header("etag") != tag);
    assert_eq!(change(json!({"name": "other"})).await.status, StatusCode::PRECONDITION_FAILED);
}
