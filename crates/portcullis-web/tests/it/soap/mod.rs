//! The web service at `/soap`, as its clients use it.

mod blind;
mod bounds;
mod calls;
mod content;
mod security;
mod uploads;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use serde_json::{Value, json};

use crate::world::{Answer, World};

pub(crate) const V11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(crate) const V12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// A storage with a key of the channel `web-service`.
pub(crate) struct Service {
    pub(crate) world: World,
    pub(crate) storage: Value,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) secret: String,
}

impl Service {
    pub(crate) async fn new() -> Self {
        Self::with("read_write").await
    }

    pub(crate) async fn with(permission: &str) -> Self {
        let world = World::new().await;
        let storage = world.storage("Files").await;
        let scope = json!({"storage": storage["id"]});
        let made = world
            .key(&json!({"name": "service", "channel": "web-service", "scope": scope, "permission": permission}))
            .await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (id, name) = (text(&made["key"]["id"]), text(&made["key"]["access_key"]));
        Self { world, storage, id, name, secret: text(&made["secret"]) }
    }

    /// Another key of the same storage: its name and secret.
    pub(crate) async fn another(&self, more: &Value) -> (String, String) {
        let scope = json!({"storage": self.storage["id"]});
        let mut given =
            json!({"name": "other", "channel": "web-service", "scope": scope, "permission": "read_write"});
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        let made = self.world.key(&given).await;
        (made["key"]["access_key"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
    }

    pub(crate) fn basic(&self) -> String {
        basic(&self.name, &self.secret)
    }

    /// Sends an envelope of SOAP 1.1 with this operation in it.
    pub(crate) async fn call(&self, operation: &str) -> Answer {
        self.call_as(&self.basic(), operation).await
    }

    pub(crate) async fn call_as(&self, basic: &str, operation: &str) -> Answer {
        let ask = self.world.ask("POST", "/soap").header("content-type", "text/xml; charset=utf-8");
        ask.header("authorization", basic).body(envelope(V11, "", operation)).send().await
    }

    /// The same, and insists that it is done.
    pub(crate) async fn done(&self, operation: &str) -> Answer {
        let answer = self.call(operation).await;
        assert_eq!(answer.status, 200, "{operation}: {answer:?}");
        assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
        well_formed(&text(&answer));
        answer
    }

    /// The code of the fault that it is answered with.
    pub(crate) async fn fault(&self, operation: &str) -> String {
        code(&self.call(operation).await)
    }

    pub(crate) async fn put(&self, path: &str, content: &[u8]) -> Answer {
        self.done(&put_file(path, "", content)).await
    }

    /// The bytes of a file; none if it is not there.
    pub(crate) async fn content(&self, path: &str) -> Option<Vec<u8>> {
        let answer = self.call(&get_file(path, "")).await;
        if answer.status == 500 && code(&answer) == "NotFound" {
            return None;
        }
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        Some(STANDARD.decode(value(&answer, "content")).unwrap())
    }
}

pub(crate) fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}

pub(crate) fn envelope(version: &str, header: &str, operation: &str) -> String {
    let header = if header.is_empty() { String::new() } else { format!("<e:Header>{header}</e:Header>") };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<e:Envelope xmlns:e=\"{version}\" xmlns=\"urn:portcullis:files:1\">{header}\
         <e:Body>{operation}</e:Body></e:Envelope>"
    )
}

pub(crate) fn put_file(path: &str, more: &str, content: &[u8]) -> String {
    let content = STANDARD.encode(content);
    format!("<PutFile><path>{path}</path>{more}<content>{content}</content></PutFile>")
}

pub(crate) fn get_file(path: &str, more: &str) -> String {
    format!("<GetFile><path>{path}</path>{more}</GetFile>")
}

pub(crate) fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// Every text of this element of the service's namespace.
pub(crate) fn values(answer: &Answer, name: &str) -> Vec<String> {
    let text = text(answer);
    let (begin, end) = (format!("<f:{name}>"), format!("</f:{name}>"));
    text.split(&begin).skip(1).map(|rest| rest.split(&end).next().unwrap().to_owned()).collect()
}

/// The only one.
pub(crate) fn value(answer: &Answer, name: &str) -> String {
    let all = values(answer, name);
    assert_eq!(all.len(), 1, "{name}: {answer:?}");
    all.into_iter().next().unwrap()
}

/// The code of a fault.
pub(crate) fn code(answer: &Answer) -> String {
    assert!(!answer.status.is_success(), "{answer:?}");
    well_formed(&text(answer));
    assert_eq!(value(answer, "requestId"), answer.header("x-request-id"));
    value(answer, "code")
}

/// Sees that a document is one.
pub(crate) fn well_formed(document: &str) {
    let mut reader = quick_xml::reader::NsReader::from_str(document);
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}: {document}"));
        if let Event::Start(tag) = &event {
            let (space, _) = reader.resolver().resolve_element(tag.name());
            assert!(!matches!(space, ResolveResult::Unknown(_)), "{document}");
        }
        if matches!(event, Event::Eof) {
            return;
        }
    }
}
