//! What the audit trail tells of web services and mail: every refusal, and every use of a file where the site writes those down.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use portcullis_web::SoapOperation;
use serde_json::{Value, json};

use super::raw_smtp::{Smtp, recipient};
use super::raw_soap::{call, outcome, parameter, said};
use super::rig::{self, Secure};
use crate::world::{Access, World};

/// What the trail tells of a key, the oldest first.
fn trail(world: &World, key: &Access) -> Vec<Value> {
    let path = format!("/audit-events?limit=200&key={}", key.key_id);
    let mut events = world.admin("GET", &path, None)["items"].as_array().unwrap().clone();
    events.reverse();
    // Deeds of the admin, who made it, are another matter.
    events.retain(|event| event["channel"] != "rest");
    events
}

/// Action, object, and whether it was allowed or why not.
fn in_short(events: &[Value]) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let short = |event: &Value| {
        let why = if event["allowed"] == true { "allowed".to_owned() } else { text(&event["reason"]) };
        (text(&event["action"]), text(&event["object"]), why)
    };
    events.iter().map(short).collect()
}

fn told(action: &str, object: &str, why: &str) -> (String, String, String) {
    (action.to_owned(), object.to_owned(), why.to_owned())
}

/// A server that writes down every use of a file.
fn wary() -> (Secure, String) {
    let secure = Secure::start();
    let sites = secure.world.admin("GET", "/sites", None);
    let site = sites["items"][0]["id"].as_str().unwrap().to_owned();
    secure.world.admin("PATCH", &format!("/sites/{site}"), Some(&json!({"rules": {"data_events": "all"}})));
    let (storage, _) = secure.world.storage("Written down");
    (secure, storage)
}

#[test]
fn what_a_web_service_was_used_for_and_refused() {
    let (secure, storage) = wary();
    let world = &secure.world;
    let [both, reader, writer] = rig::three(world, &storage, "web-service");
    let path = parameter("path", "/invoices.txt");
    let put = path.clone() + &parameter("content", &BASE64_STANDARD.encode("one, two"));
    for (operation, parameters) in
        [(SoapOperation::PutFile, &put), (SoapOperation::GetFile, &path), (SoapOperation::Delete, &path)]
    {
        let answer = call(world, Some(&both), operation, parameters);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // Looking whether something is there is a use as well.
    let events = trail(world, &both);
    for action in ["put", "get", "delete"] {
        assert!(in_short(&events).contains(&told(action, "invoices.txt", "allowed")), "{events:#?}");
    }
    for event in &events {
        assert_eq!(event["channel"], "web-service", "{event}");
        assert_eq!(event["storage"], storage.as_str(), "{event}");
        assert_eq!(event["actor"], format!("key:{}", both.key_id), "{event}");
    }
    // A refusal is found by what its fault names.
    for (key, operation, parameters, action, reason) in [
        (&reader, SoapOperation::PutFile, &put, "put", "key_permission"),
        (&writer, SoapOperation::GetFile, &path, "get", "key_permission"),
        (
            &Access { secret: "wrong".into(), ..both },
            SoapOperation::Stat,
            &path,
            "authenticate",
            "bad_secret",
        ),
    ] {
        let answer = call(world, Some(key), operation, parameters);
        let text = answer.text();
        let id = said(&text, "requestId").unwrap_or_else(|| panic!("{text}"));
        let events = trail(world, key);
        let found = events.iter().find(|event| event["request_id"] == id);
        let found = found.unwrap_or_else(|| panic!("{} is not in {events:#?}", outcome(&answer)));
        assert_eq!(
            (found["action"].as_str(), found["reason"].as_str(), found["allowed"].as_bool()),
            (Some(action), Some(reason), Some(false)),
            "{found}"
        );
        assert!(!text.contains(reason) && !text.contains("permission"), "it is told: {text}");
    }
}

#[test]
fn what_mail_was_used_for_and_refused() {
    let (secure, storage) = wary();
    let world = &secure.world;
    let [_, reader, writer] = rig::three(world, &storage, "email");
    let told_of = Smtp::login(world, &writer).message("invoices", "one.txt", "one, two");
    assert_eq!(told_of.0, 250, "{told_of:?}");
    let events = trail(world, &writer);
    assert_eq!(in_short(&events), [told("put", "invoices/one.txt", "allowed")], "{events:#?}");
    let (channel, session) = (&events[0]["channel"], events[0]["request_id"].as_str().unwrap());
    assert!(channel == "email" && session.starts_with("SMTP"), "{events:#?}");

    let mut smtp = Smtp::login(world, &reader);
    assert_eq!(smtp.say("MAIL FROM:<a@example.com>").0, 250);
    assert_eq!(smtp.say(&recipient("invoices")).0, 550);
    let events = trail(world, &reader);
    let (action, _, why) = in_short(&events).pop().unwrap();
    assert_eq!((action.as_str(), why.as_str()), ("put", "key_permission"), "{events:#?}");

    let mut smtp = Smtp::secure(world);
    assert_eq!(smtp.enter(&Access { secret: "wrong".into(), ..writer.clone() }).0, 535);
    let last = trail(world, &writer).pop().unwrap();
    assert_eq!((&last["action"], &last["reason"]), (&json!("authenticate"), &json!("bad_secret")), "{last}");
    let all = world.admin("GET", "/audit-events?limit=500", None).to_string();
    assert!(!all.contains(&writer.secret) && !all.contains("one, two"));
}
