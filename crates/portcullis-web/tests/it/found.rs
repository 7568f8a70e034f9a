//! The page for whoever found a secret: it says the same to everybody, whatever they send.

use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::world::{Answer, World};

/// What an answer tells, but for the id of the request.
fn told(answer: &Answer) -> (StatusCode, Vec<(String, String)>, Vec<u8>) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.body.to_vec())
}

impl World {
    async fn report(&self, body: String, form: bool, from: u8) -> Answer {
        let ask = self.ask("POST", "/found").from(IpAddr::from([198, 51, 100, from]));
        let ask = match form {
            true => {
                ask.header("content-type", "application/x-www-form-urlencoded").header("accept", "text/html")
            }
            false => ask.header("content-type", "application/json"),
        };
        ask.body(body).send().await
    }

    /// Has the work in the background done what waits.
    async fn look_at_reports(&self, until: impl AsyncFn() -> bool) {
        let stop = CancellationToken::new();
        let wait = async {
            while !until().await {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        tokio::join!(self.control.follow_leak_reports(&self.system, stop.clone()), wait);
    }

    async fn key_now(&self, key: &Value) -> Value {
        self.get(&format!("/api/v1/keys/{}", key["key"]["id"].as_str().unwrap())).await
    }
}

fn site_key(on_leak: &str) -> Value {
    json!({"name": "a key", "channel": "rest", "scope": "site", "permission": "full", "on_leak": on_leak})
}

#[tokio::test]
async fn it_is_no_oracle() {
    let world = World::new().await;
    let key = world.key(&site_key("disable")).await;
    let off = world.key(&site_key("alarm")).await;
    let path = format!("/api/v1/keys/{}", off["key"]["id"].as_str().unwrap());
    world.admin("PATCH", &path).json(&json!({"permission": "none"})).send().await;
    let secret = |key: &Value| key["secret"].as_str().unwrap().to_owned();
    let unknown = portcullis_domain::Secret::from_entropy(&[3; 32]).reveal().to_owned();
    let mut damaged = secret(&key);
    damaged.replace_range(10..11, if damaged.as_bytes()[10] == b'x' { "y" } else { "x" });
    for form in [true, false] {
        let sent = |text: &str| match form {
            true => format!("secret={text}"),
            false => json!({"secret": text}).to_string(),
        };
        let all = [
            sent(&unknown),
            sent(&damaged),
            sent(""),
            sent("something else"),
            "not even a form {".to_owned(),
            String::new(),
            sent(&secret(&off)),
            sent(&secret(&key)),
            sent(&format!("{}.{}", key["key"]["access_key"].as_str().unwrap(), secret(&key))),
        ];
        let mut answers = Vec::new();
        for (number, body) in all.into_iter().enumerate() {
            let answer = world.report(body, form, u8::try_from(number).unwrap()).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED);
            answers.push(told(&answer));
        }
        assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    }
}

#[tokio::test]
async fn what_was_reported_is_dealt_with_and_shown() {
    let world = World::new().await;
    let (one, two) = (world.key(&site_key("disable")).await, world.key(&site_key("alarm")).await);
    assert_eq!((&one["key"]["on_leak"], &one["key"]["leaked_at"]), (&json!("disable"), &Value::Null));
    let secrets = json!({"secrets": [one["secret"], two["secret"]]});
    assert_eq!(world.report(secrets.to_string(), false, 1).await.status, StatusCode::ACCEPTED);
    world.look_at_reports(async || world.key_now(&two).await["leaked_at"] != Value::Null).await;
    let (one_now, two_now) = (world.key_now(&one).await, world.key_now(&two).await);
    assert_eq!((&one_now["state"], &two_now["state"]), (&json!("disabled"), &json!("active")));
    assert_eq!(one_now["leaked_at"], "2027-01-31T18:00:00Z");
    let bearer = one["bearer"].as_str().unwrap();
    assert_eq!(world.ask("GET", "/api/v1/me").bearer(bearer).send().await.status, StatusCode::FORBIDDEN);
    let audit = world.get("/api/v1/audit-events?limit=100").await.to_string();
    assert!(audit.contains("leak_reported") && audit.contains("198.51.100.1"), "{audit}");
    // How it is handled can be changed, and nothing else is accepted for it.
    let path = format!("/api/v1/keys/{}", two["key"]["id"].as_str().unwrap());
    let changed = world.admin("PATCH", &path).json(&json!({"on_leak": "disable"})).send().await;
    assert_eq!(changed.json()["on_leak"], "disable");
    let wrong = world.admin("PATCH", &path).json(&json!({"on_leak": "nothing"})).send().await;
    assert_eq!(wrong.fields(), ["on_leak"]);
    // What was made known of the secrets: the one answer each that made them.
    let told = world.told.lock().unwrap();
    let secret = one["secret"].as_str().unwrap();
    assert_eq!(told.iter().filter(|answer| answer.contains(secret)).count(), 1);
}

#[tokio::test]
async fn one_address_sends_so_many() {
    let world = World::new().await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(world.report("{}".to_owned(), false, 7).await.status.as_u16());
    }
    assert_eq!(statuses, [[202; 10].as_slice(), &[429, 429]].concat());
    let refused = world.report("secret=x".to_owned(), true, 7).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "6"));
    assert_eq!(world.report("{}".to_owned(), false, 8).await.status, StatusCode::ACCEPTED);
    world.clock.advance(Duration::from_secs(6));
    assert_eq!(world.report("{}".to_owned(), false, 7).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_huge_body_is_refused_and_more_than_can_wait_is_told() {
    let world = World::new().await;
    for form in [true, false] {
        let huge = world.report("x".repeat(16 * 1024 + 1), form, 1).await;
        assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(world.report("x".repeat(16 * 1024), false, 2).await.status, StatusCode::ACCEPTED);
    let mut busy = 0;
    for from in 10..100u8 {
        let answer = world.report("{}".to_owned(), false, from).await;
        busy += u32::from(answer.status == StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(busy, 90 - 63);
}

#[tokio::test]
async fn the_page_needs_no_sign_in_and_runs_nothing() {
    let world = World::new().await;
    let page = world.ask("GET", "/found").header("accept", "text/html").send().await;
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert_eq!(page.status, StatusCode::OK);
    assert!(!html.contains("<script") && !html.contains("set-cookie"), "{html}");
    assert!(html.contains("<textarea") && html.contains("action=\"/found\""), "{html}");
    assert!(page.headers.get("set-cookie").is_none() && page.header("cache-control") == "no-store");
}
