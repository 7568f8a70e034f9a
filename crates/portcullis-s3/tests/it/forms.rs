//! Uploads from HTML forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Permission;

use crate::client::{Client, Response, exchange, path};
use crate::world::World;

const EXPIRES: &str = "2027-01-15T09:00:00Z";

/// A form with a signed policy of these conditions; `fields` come before the file.
async fn post(
    client: &Client,
    bucket: &str,
    conditions: &str,
    fields: &[(&str, &str)],
    file: &[u8],
) -> Response {
    let date = client.date.to_string();
    let credential = format!("{}/{}", credential_id(client), client.signer.scope());
    let policy = format!(
        r#"{{"expiration": "{EXPIRES}", "conditions": [{{"bucket": "{bucket}"}}, {{"x-amz-date": "{date}"}},
            {{"x-amz-credential": "{credential}"}}, {{"x-amz-algorithm": "AWS4-HMAC-SHA256"}}, {conditions}]}}"#
    );
    let policy = STANDARD.encode(policy);
    let signature = client.signer.sign_policy(&policy).to_hex();
    let mut all = vec![
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Date", &date),
        ("X-Amz-Credential", &credential),
        ("Policy", &policy),
        ("X-Amz-Signature", &signature),
    ];
    all.extend_from_slice(fields);
    send(client, bucket, &all, Some(file)).await
}

fn credential_id(client: &Client) -> String {
    let bytes = client.get("/").bytes();
    let text = String::from_utf8(bytes).unwrap();
    text.split("Credential=").nth(1).unwrap().split('/').next().unwrap().to_owned()
}

async fn send(client: &Client, bucket: &str, fields: &[(&str, &str)], file: Option<&[u8]>) -> Response {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(
            format!("--BoundarY\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    if let Some(file) = file {
        let head = "--BoundarY\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\\\x\\\\a b.txt\"\r\nContent-Type: text/plain\r\n\r\n";
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--BoundarY--\r\n");
    let mut bytes = format!(
        "POST /{bucket} HTTP/1.1\r\nhost: {}\r\ncontent-type: multipart/form-data; boundary=BoundarY\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        client.host(),
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&body);
    exchange(client.address(), &bytes, false).await
}

const CONDITIONS: &str = r#"["starts-with", "$key", "up/"], ["content-length-range", 2, 300000], {"x-amz-meta-a": "1"},
    ["starts-with", "$success_action_status", ""]"#;
const FIELDS: [(&str, &str); 2] = [("key", "up/${filename}"), ("x-amz-meta-a", "1")];

#[tokio::test]
async fn a_form_stores_its_file() {
    let (world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let writer = world.client(&world.key(&storage, Permission::Write).await);
    let large: Vec<u8> = b"\r\n--Bound\r\n".iter().copied().cycle().take(200_000).collect();
    for file in [b"hello".to_vec(), large] {
        let posted = post(&writer, bucket, CONDITIONS, &FIELDS, &file).await;
        assert_eq!((posted.status, posted.header("x-amz-version-id")), (204, None), "{}", posted.text());
        let at = path(bucket, "up/a b.txt");
        assert_eq!(posted.header("location"), Some(at.as_str()));
        let got = client.get(&at).send().await.ok();
        assert!(got.body == file);
        assert_eq!((got.header("x-amz-meta-a"), got.header("content-type")), (Some("1"), Some("text/plain")));
    }
    let mut fields = FIELDS.to_vec();
    fields.push(("success_action_status", "201"));
    let posted = post(&client, bucket, CONDITIONS, &fields, b"hello").await;
    assert_eq!((posted.status, posted.element("Key").as_deref()), (201, Some("up/a b.txt")));
    let conditions = format!(r#"{CONDITIONS}, {{"success_action_redirect": "http://example.com/done"}}"#);
    let mut fields = FIELDS.to_vec();
    fields.push(("success_action_redirect", "http://example.com/done"));
    let posted = post(&client, bucket, &conditions, &fields, b"hello").await;
    let told = posted.header("location").unwrap();
    assert!(posted.status == 303 && told.starts_with("http://example.com/done?bucket="), "{told}");
}

#[tokio::test]
async fn the_policy_bounds_the_form() {
    let (world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let with = |field: (&'static str, &'static str)| {
        let mut fields: Vec<_> = FIELDS.into_iter().filter(|(name, _)| *name != field.0).collect();
        fields.push(field);
        fields
    };
    for fields in [
        with(("key", "other/a")),
        with(("x-amz-meta-a", "2")),
        with(("x-amz-meta-b", "1")),
        with(("acl", "public-read")),
    ] {
        post(&client, bucket, CONDITIONS, &fields, b"hello").await.fails(403, "AccessDenied");
    }
    post(&client, bucket, CONDITIONS, &FIELDS[1..], b"hello").await.fails(400, "UserKeyMustBeSpecified");
    post(&client, bucket, CONDITIONS, &FIELDS, b"h").await.fails(400, "EntityTooSmall");
    post(&client, bucket, CONDITIONS, &FIELDS, &vec![b'x'; 300_001]).await.fails(400, "EntityTooLarge");
    post(&client, bucket, r#"["unknown", "$key", "up/"]"#, &FIELDS, b"hello")
        .await
        .fails(400, "InvalidPolicyDocument");
    let reader = world.client(&world.key(&storage, Permission::Read).await);
    post(&reader, bucket, CONDITIONS, &FIELDS, b"hello").await.fails(403, "AccessDenied");
    let other = world.storage("other").await;
    post(&client, other.bucket.as_str(), CONDITIONS, &FIELDS, b"hello").await.fails(403, "AccessDenied");
    assert!(client.get(&format!("/{bucket}?list-type=2")).send().await.ok().elements("Key").is_empty());
    world.clock.advance(std::time::Duration::from_secs(3_600));
    post(&client, bucket, CONDITIONS, &FIELDS, b"hello").await.fails(403, "AccessDenied");
}

#[tokio::test]
async fn forms_without_credentials_and_forms_that_are_none() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    send(&client, bucket, &FIELDS, Some(b"hello")).await.fails(403, "AccessDenied");
    send(&client, bucket, &FIELDS, None).await.fails(400, "InvalidArgument");
    let large = "x".repeat(70_000);
    send(&client, bucket, &[("a", &large)], Some(b"hello")).await.fails(400, "MaxMessageLengthExceeded");
    send(&client, bucket, &[("a", "1"), ("A", "2")], Some(b"hello")).await.fails(400, "InvalidArgument");
    client.post(&format!("/{bucket}"), "hello").send().await.fails(400, "MalformedPOSTRequest");
    let broken = client
        .post(&format!("/{bucket}"), "--b\r\nnonsense")
        .header("content-type", "multipart/form-data; boundary=b");
    broken.send().await.fails(400, "MalformedPOSTRequest");
}
