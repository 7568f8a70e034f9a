//! Who is let in, and that everybody else is told the same.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Clock as _;
use serde_json::json;

use super::{Service, V11, V12, basic, code, envelope, text};
use crate::world::Answer;

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const PROFILE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#";
const STAT: &str = "<Stat><path>/</path></Stat>";

fn security(inside: &str) -> String {
    format!("<w:Security xmlns:w=\"{WSSE}\" xmlns:u=\"{WSU}\" e:mustUnderstand=\"1\">{inside}</w:Security>")
}

fn token(name: &str, kind: &str, password: &str, more: &str) -> String {
    let kind = if kind.is_empty() { String::new() } else { format!(" Type=\"{PROFILE}{kind}\"") };
    format!(
        "<w:UsernameToken><w:Username>{name}</w:Username><w:Password{kind}>{password}</w:Password>{more}</w:UsernameToken>"
    )
}

/// A token with a digest of this secret.
fn digest(name: &str, secret: &str, nonce: &[u8], created: &str) -> String {
    let text = [nonce, created.as_bytes(), secret.as_bytes()].concat();
    let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
    let more = format!("<w:Nonce>{}</w:Nonce><u:Created>{created}</u:Created>", STANDARD.encode(nonce));
    token(name, "PasswordDigest", &STANDARD.encode(hash), &more)
}

/// The time on this service's clock.
fn now_of(service: &Service) -> String {
    service.world.clock.now().to_string()
}

impl Service {
    async fn with_header(&self, header: &str) -> Answer {
        let ask = self.world.ask("POST", "/soap").header("content-type", "text/xml");
        ask.body(envelope(V11, header, STAT)).send().await
    }

    /// Sees that nobody was let in, and that it does not show why.
    async fn refused(&self, answer: Answer, why: &str) {
        assert_eq!(answer.status, 401, "{why}: {answer:?}");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Portcullis\", charset=\"UTF-8\"");
        assert_eq!(code(&answer), "AuthenticationFailed");
        let plain = self.with_header("").await;
        let without_id = |answer: &Answer| text(answer).replace(answer.header("x-request-id"), "");
        assert_eq!(without_id(&answer), without_id(&plain), "{why}");
    }
}

#[tokio::test]
async fn by_basic_by_text_and_by_digest() {
    let service = Service::new().await;
    let (name, secret) = (&service.name, &service.secret);
    assert_eq!(service.call(STAT).await.status, 200);
    for kind in ["", "PasswordText"] {
        let answer = service.with_header(&security(&token(name, kind, secret, ""))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let now = now_of(&service);
    let times = [now.clone(), now.replace('Z', "+00:00"), now.replace('Z', ".123Z")];
    for (at, created) in times.iter().enumerate() {
        let nonce = [u8::try_from(at).unwrap(); 16];
        let header = security(&digest(name, secret, &nonce, created));
        assert_eq!(service.with_header(&header).await.status, 200, "{created}");
        // The same message once more is one that somebody else sends.
        service.refused(service.with_header(&header).await, "again").await;
    }
    let stamp =
        format!("<u:Timestamp><u:Created>{now}</u:Created><u:Expires>{now}</u:Expires></u:Timestamp>");
    let header = security(&format!("{stamp}{}", token(name, "PasswordText", secret, "")));
    assert_eq!(service.with_header(&header).await.status, 200);
    service.world.clock.advance(Duration::from_secs(301));
    service.refused(service.with_header(&header).await, "expired").await;
}

#[tokio::test]
async fn everybody_who_is_not_let_in_is_told_the_same() {
    let service = Service::new().await;
    let (name, secret) = (service.name.clone(), service.secret.clone());
    let now = now_of(&service);
    let text = |name: &str, secret: &str| security(&token(name, "PasswordText", secret, ""));
    for (why, header) in [
        ("no token", security("")),
        ("a wrong secret", text(&name, "pcs_wrong")),
        ("nobody's name", text("nobody", &secret)),
        ("a wrong digest", security(&digest(&name, "other", b"0123456789abcdef", &now))),
        ("an old digest", security(&digest(&name, &secret, b"0123456789abcdef", "2027-01-31T17:54:59Z"))),
        (
            "a digest of tomorrow",
            security(&digest(&name, &secret, b"0123456789abcdef", "2027-01-31T18:05:01Z")),
        ),
        ("a digest without a time", security(&digest(&name, &secret, b"0123456789abcdef", "now"))),
        ("a digest without a nonce", security(&digest(&name, &secret, b"", &now))),
        ("a long nonce", security(&digest(&name, &secret, &[7; 65], &now))),
        (
            "no base64",
            security(&token(
                &name,
                "PasswordDigest",
                "*",
                &format!("<w:Nonce>*</w:Nonce><u:Created>{now}</u:Created>"),
            )),
        ),
    ] {
        service.refused(service.with_header(&header).await, why).await;
    }
    for authorization in ["Basic", "Basic eA==", "Bearer x.y", "Basic eDp5", "Digest x", "x"] {
        service.refused(service.call_as(authorization, STAT).await, authorization).await;
    }
    // Two answers to who asks.
    let ask = service.world.ask("POST", "/soap").header("content-type", "text/xml");
    let ask = ask.header("authorization", &service.basic());
    let answer = ask.body(envelope(V11, &text(&name, &secret), STAT)).send().await;
    service.refused(answer, "two answers").await;
    // Keys that hold, elsewhere and otherwise.
    let scope = json!({"storage": service.storage["id"]});
    let dav = crate::dav::key(&service.world, &json!({"scope": scope})).await;
    service.refused(service.call_as(&dav, STAT).await, "a key of another channel").await;
    let (other, its) = service.another(&json!({"networks": ["198.51.100.0/24"]})).await;
    service.refused(service.call_as(&basic(&other, &its), STAT).await, "another network").await;
    let (other, its) = service.another(&json!({"expires_at": "2027-01-31T18:30:00Z"})).await;
    assert_eq!(service.call_as(&basic(&other, &its), STAT).await.status, 200);
    service.world.clock.advance(Duration::from_secs(1_801));
    service.refused(service.call_as(&basic(&other, &its), STAT).await, "an expired key").await;
    let path = format!("/api/v1/keys/{}", service.id);
    let disabled = service.world.admin("PATCH", &path).json(&json!({"permission": "none"})).send().await;
    assert_eq!(disabled.status, 200, "{disabled:?}");
    service.refused(service.call(STAT).await, "a disabled key").await;
    service.refused(service.with_header(&text(&name, &secret)).await, "a disabled key").await;
}

#[tokio::test]
async fn chosen_words_open_it_but_no_digest_of_them() {
    let service = Service::new().await;
    let secret = "seven grey herons over the lake";
    let chosen = json!({"user_name": "warehouse", "secret": secret});
    let scope = json!({"storage": service.storage["id"]});
    let given = json!({
        "name": "chosen", "channel": "web-service", "scope": scope, "permission": "read", "credentials": chosen,
    });
    let name = service.world.key(&given).await["key"]["access_key"].as_str().unwrap().to_owned();
    assert_eq!(service.call_as(&basic("warehouse", secret), STAT).await.status, 200);
    let header = security(&token("warehouse", "PasswordText", secret, ""));
    assert_eq!(service.with_header(&header).await.status, 200);
    let now = now_of(&service);
    for name in ["warehouse", &name] {
        let header = security(&digest(name, secret, b"0123456789abcdef", &now));
        service.refused(service.with_header(&header).await, "a digest of a chosen secret").await;
    }
}

#[tokio::test]
async fn headers_that_are_not_understood() {
    let service = Service::new().await;
    let whole = |header: &str| envelope(V11, header, STAT);
    let send = async |version: &str, kind: &str, body: String| {
        let ask = service.world.ask("POST", "/soap").header("content-type", kind);
        let _ = version;
        ask.header("authorization", &service.basic()).body(body).send().await
    };
    let must = |value: &str, more: &str| {
        format!("<x:Other xmlns:x=\"urn:x\" e:mustUnderstand=\"{value}\"{more}><x:y>z</x:y></x:Other>")
    };
    for header in [must("1", ""), must("1", " e:actor=\"http://schemas.xmlsoap.org/soap/actor/next\"")] {
        assert_eq!(code(&send(V11, "text/xml", whole(&header)).await), "MustUnderstand", "{header}");
    }
    let twelve =
        envelope(V12, &must("true", " e:role=\"http://www.w3.org/2003/05/soap-envelope/role/next\""), STAT);
    let answer = send(V12, "application/soap+xml", twelve).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (500, "MustUnderstand"));
    for header in [
        must("0", ""),
        must("1", " e:actor=\"urn:somebody-else\""),
        "<x:Other xmlns:x=\"urn:x\">z</x:Other>".to_owned(),
    ] {
        assert_eq!(send(V11, "text/xml", whole(&header)).await.status, 200, "{header}");
    }
    for header in [
        must("maybe", ""),
        security("<w:BinarySecurityToken/>"),
        security("<d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"/>"),
        security("<w:UsernameToken/>"),
        security("<w:UsernameToken><w:Username>a</w:Username></w:UsernameToken>"),
        security(&token("a", "PasswordDigest", "x", "")),
        security(&token("a", "Other", "x", "")),
        security(&token("a", "", "x", "<w:Username>b</w:Username>")),
        security(&format!("{}{}", token("a", "", "x", ""), token("a", "", "x", ""))),
        format!("{}{}", security(""), security("")),
    ] {
        assert_eq!(code(&send(V11, "text/xml", whole(&header)).await), "InvalidRequest", "{header}");
    }
}

#[tokio::test]
async fn pages_of_other_sites_do_nothing() {
    let service = Service::new().await;
    for (site, status) in [("cross-site", 500), ("same-site", 500), ("same-origin", 200), ("none", 200)] {
        let ask = service.world.ask("POST", "/soap").header("content-type", "text/xml");
        let ask = ask.header("authorization", &service.basic()).header("sec-fetch-site", site);
        let answer = ask.body(envelope(V11, "", STAT)).send().await;
        assert_eq!(answer.status.as_u16(), status, "{site}");
    }
}
