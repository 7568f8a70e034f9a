//! The token service: `AssumeRole` and `GetSessionToken`.

use std::time::Duration;

use portcullis_domain::{Permission, Scope};
use portcullis_sigv4::{AmzDate, Payload, RawRequest, Service, Signer};
use sha2::{Digest as _, Sha256};

use crate::client::{Client, Response, exchange, path};
use crate::world::{Credentials, NOW, World};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const ASSUME_ROLE: &str =
    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx&RoleSessionName=ann";

/// A form as an SDK sends it: signed for the service `sts`, without a word of its body in the headers.
struct Call<'a> {
    world: &'a World,
    id: String,
    secret: String,
    token: Option<String>,
    service: Service,
    sent: Option<&'a str>,
}

impl<'a> Call<'a> {
    fn by(world: &'a World, credentials: &Credentials) -> Self {
        let secret = credentials.secret.reveal().to_owned();
        Self { world, id: credentials.id.clone(), secret, token: None, service: Service::Sts, sent: None }
    }

    async fn send(&self, form: &str) -> Response {
        let date = AmzDate::from_unix(NOW.seconds()).unwrap();
        let signer =
            Signer::for_service(self.service, &self.id, self.secret.as_bytes(), "us-east-1", &date).unwrap();
        let host = self.world.address.to_string();
        let mut headers = vec![("host", host.as_bytes()), ("content-type", FORM.as_bytes())];
        if let Some(token) = &self.token {
            headers.push(("x-amz-security-token", token.as_bytes()));
        }
        let request = RawRequest { method: "POST", path: "/", query: None, headers: &headers };
        let payload = Payload::Signed(Sha256::digest(form).into());
        let signed = signer.sign(&request, &date, payload).unwrap();
        let body = self.sent.unwrap_or(form);
        let mut text = "POST / HTTP/1.1\r\n".to_owned();
        for (name, value) in &headers {
            text += &format!("{name}: {}\r\n", str::from_utf8(value).unwrap());
        }
        text += &format!(
            "x-amz-date: {}\r\nx-amz-content-sha256: {}\r\nauthorization: {}\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            signed.date,
            signed.content_sha256,
            signed.authorization,
            body.len(),
        );
        exchange(self.world.address, text.as_bytes(), false).await
    }
}

fn client_of(world: &World, told: &Response) -> Client {
    let part = |name: &str| told.element(name).unwrap();
    Client::new(world.address, &part("AccessKeyId"), &part("SecretAccessKey"))
        .with_token(&part("SessionToken"))
}

#[tokio::test]
async fn both_actions_give_credentials_that_do_what_the_key_does() {
    let (world, storage, owner) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    owner.put(&at, "x").send().await.ok();
    let key = world.key(&storage, Permission::Read).await;
    let call = Call::by(&world, &key);
    let role = call.send(ASSUME_ROLE).await.ok();
    assert_eq!(role.header("content-type"), Some("text/xml"));
    assert_eq!(role.header("cache-control"), Some("no-store"));
    assert_eq!(role.element("Expiration").as_deref(), Some("2027-01-15T09:00:00.000Z"));
    let arn = role.element("Arn").unwrap();
    assert!(arn.starts_with("arn:aws:sts::") && arn.ends_with("/ann"), "{arn}");
    assert_eq!(role.element("RequestId").as_deref(), role.header("x-amz-request-id"));
    let session = call.send("Action=GetSessionToken&Version=2011-06-15").await.ok();
    assert_eq!(session.element("Expiration").as_deref(), Some("2027-01-15T20:00:00.000Z"));
    assert!(session.element("AssumedRoleUser").is_none());
    for told in [&role, &session] {
        let client = client_of(&world, told);
        assert_ne!(told.element("AccessKeyId").as_deref(), Some(key.id.as_str()));
        assert_eq!(client.get(&at).send().await.ok().text(), "x");
        client.get(&at).send_presigned(60).await.ok();
        client.put(&at, "y").send().await.fails(403, "AccessDenied");
    }
    let deeds = world.trail(key.key.id).await;
    for told in [&role, &session] {
        let made = told.element("AccessKeyId").unwrap();
        let is_it = |(action, object, allowed): &(String, Option<String>, bool)| {
            action == "temporary_credentials"
                && *allowed
                && object.as_ref().is_some_and(|object| object.contains(&made))
        };
        assert!(deeds.iter().any(is_it), "{deeds:?}");
    }
    world.delete_key(&key).await;
    client_of(&world, &role).get(&at).send().await.fails(403, "InvalidAccessKeyId");
}

#[tokio::test]
async fn how_long_they_last() {
    let (world, storage, _) = World::with_storage().await;
    let end = NOW.after(Duration::from_secs(600));
    let key = world.key_with(&storage, |key| key.expires = Some(end)).await;
    let call = Call::by(&world, &key);
    let told = call.send("Action=GetSessionToken&DurationSeconds=60").await.ok();
    assert_eq!(told.element("Expiration").as_deref(), Some("2027-01-15T08:01:00.000Z"));
    let told = call.send("Action=GetSessionToken&DurationSeconds=43200").await.ok();
    assert_eq!(told.element("Expiration").as_deref(), Some("2027-01-15T08:10:00.000Z"), "the end of the key");
    for wrong in ["59", "43201", "x"] {
        let told = call.send(&format!("Action=GetSessionToken&DurationSeconds={wrong}")).await;
        told.fails(400, "ValidationError");
    }
}

#[tokio::test]
async fn who_gets_none() {
    let (world, storage, _) = World::with_storage().await;
    let key = world.key(&storage, Permission::Read).await;
    let ask = "Action=GetSessionToken";
    let right = Call::by(&world, &key);
    let told = right.send(ask).await.ok();
    // What came by this way makes nothing further.
    let temporary = Call {
        id: told.element("AccessKeyId").unwrap(),
        secret: told.element("SecretAccessKey").unwrap(),
        token: told.element("SessionToken"),
        ..Call::by(&world, &key)
    };
    let refused = temporary.send(ask).await.fails(403, "AccessDenied");
    assert!(refused.element("Message").unwrap().contains("cannot make further ones"));
    let without = Call { token: None, ..temporary };
    without.send(ask).await.fails(403, "InvalidClientTokenId");
    let foreign = Call { token: Some("x".to_owned()), ..Call::by(&world, &key) };
    foreign.send(ask).await.fails(400, "InvalidClientTokenId");
    let unknown = Call { id: "PCAAAAAAAAAAAAAAAAAA".to_owned(), ..Call::by(&world, &key) };
    unknown.send(ask).await.fails(403, "InvalidClientTokenId");
    let forged = Call { secret: "wrong".to_owned(), ..Call::by(&world, &key) };
    forged.send(ask).await.fails(403, "SignatureDoesNotMatch");
    let changed =
        Call { sent: Some("Action=GetSessionToken&DurationSeconds=43200"), ..Call::by(&world, &key) };
    changed.send(ask).await.fails(403, "SignatureDoesNotMatch");
    let for_s3 = Call { service: Service::S3, ..Call::by(&world, &key) };
    for_s3.send(ask).await.fails(400, "IncompleteSignature");
    let client = world.client(&key);
    let anonymous = client.post("/", ask).unsigned_header("content-type", FORM);
    anonymous.send_anonymously().await.fails(403, "AccessDenied");
    let off = world.key(&storage, Permission::Read).await;
    world.change_key(&off, |key| key.permission = Permission::None).await;
    Call::by(&world, &off).send(ask).await.fails(403, "AccessDenied");
    let ended = world.key_with(&storage, |key| key.expires = Some(NOW)).await;
    Call::by(&world, &ended).send(ask).await.fails(400, "ExpiredToken");
    assert!(matches!(key.key.scope, Scope::Storage(_)));
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let (world, storage, owner) = World::with_storage().await;
    let call = Call::by(&world, &world.key(&storage, Permission::Read).await);
    for (form, code) in [
        ("", "MissingAction"),
        ("Version=2011-06-15", "MissingAction"),
        ("Action=GetFederationToken&Name=x", "InvalidAction"),
        ("Action=AssumeRoleWithWebIdentity&WebIdentityToken=x", "InvalidAction"),
        ("Action=AssumeRole&Policy=%7B%7D", "ValidationError"),
        ("Action=AssumeRole&PolicyArns.member.1.arn=x", "ValidationError"),
        ("Action=AssumeRole&Tags.member.1.Key=a&Tags.member.1.Value=b", "ValidationError"),
        ("Action=GetSessionToken&SerialNumber=1&TokenCode=123456", "ValidationError"),
    ] {
        let told = call.send(form).await.fails(400, code);
        assert!(
            told.text().starts_with("<?xml") && told.text().contains("<ErrorResponse xmlns=\"https://sts.")
        );
        assert_eq!(told.element("Type").as_deref(), Some("Sender"));
    }
    let long = format!("Action=AssumeRole&ExternalId={}", "x".repeat(20_000));
    call.send(&long).await.fails(400, "ValidationError");
    // Anything else that is posted to the service is no business of this one.
    owner.post("/", "Action=GetSessionToken").send().await.fails(405, "MethodNotAllowed");
    owner.get("/?Action=GetSessionToken").send().await.fails(501, "NotImplemented");
    owner.get("/").send().await.ok();
}
