//! Every operation under every kind of key: what is refused, and what a refusal tells.

use portcullis_domain::{NetworkEntry, Networks, Permission, Storage, Timestamp};
use portcullis_s3::{Level, Operation};

use crate::client::{Client, Request, Response, path};
use crate::world::{NOW, World};

const DELETE: &str = "<Delete><Object><Key>there</Key></Object></Delete>";
const TAGS: &str = "<Tagging><TagSet/></Tagging>";
const PARTS: &str = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>";

/// A request of this operation about a key.
#[expect(clippy::wildcard_enum_match_arm, reason = "few operations have a document")]
fn request<'a>(client: &'a Client, operation: Operation, bucket: &str, key: &str) -> Request<'a> {
    let shape = operation.shape();
    let place = match shape.level {
        Level::Service => "/".to_owned(),
        Level::Bucket => format!("/{bucket}"),
        Level::Object => path(bucket, key),
    };
    let selectors: Vec<String> = shape
        .selectors
        .iter()
        .map(|name| match *name {
            "list-type" => "list-type=2".to_owned(),
            "partNumber" => "partNumber=1".to_owned(),
            "uploadId" => "uploadId=nothing".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    let target = if selectors.is_empty() { place } else { format!("{place}?{}", selectors.join("&")) };
    let mut request = client.request(shape.method.as_str(), &target);
    if shape.copies {
        request = request.header("x-amz-copy-source", path(bucket, key));
        request = request.header("x-amz-metadata-directive", "REPLACE");
    }
    let document = match operation {
        Operation::DeleteObjects => DELETE.replace("there", key),
        Operation::PutObjectTagging => TAGS.to_owned(),
        Operation::CompleteMultipartUpload => PARTS.to_owned(),
        _ => String::new(),
    };
    if operation == Operation::DeleteObjects {
        request = request.header("content-md5", md5(&document));
    }
    if operation == Operation::GetObjectAttributes {
        request = request.header("x-amz-object-attributes", "ETag");
    }
    request.body(document.into_bytes())
}

fn md5(text: &str) -> String {
    use base64::Engine as _;
    let mut digester = portcullis_access::Digester::new(&[portcullis_access::DigestAlgorithm::Md5]);
    digester.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(&digester.finish()[0].value)
}

/// Whether the answer is a refusal; those of a list of removals stand inside it.
fn refused(response: &Response) -> bool {
    response.status == 403 || response.text().contains("<Code>AccessDenied</Code>")
}

/// Forms carry their credentials inside; they have tests of their own.
fn operations() -> impl Iterator<Item = Operation> {
    Operation::ALL.iter().copied().filter(|operation| *operation != Operation::PostObject)
}

async fn seeded() -> (World, Storage, Client) {
    let (world, storage, client) = World::with_storage().await;
    client.put(&path(storage.bucket.as_str(), "there"), "x").send().await.ok();
    (world, storage, client)
}

#[tokio::test]
async fn the_matrix_of_permissions() {
    let (world, storage, client) = seeded().await;
    let bucket = storage.bucket.as_str();
    let whole = world.key(&storage, Permission::ReadWrite).await;
    let shared = world.member("shared").await;
    world.share(&storage, shared, "", Permission::ReadWrite).await;
    for permission in [Permission::Read, Permission::Write, Permission::ReadWrite] {
        let granted = world.member(permission.as_str()).await;
        world.share(&storage, granted, "", permission).await;
        let kinds = [
            ("a key", world.client(&world.key(&storage, permission).await)),
            ("temporary credentials", world.temporary(&whole, |left| left.permission = permission).1),
            ("a user's key", world.client(&world.user_key(shared, permission).await)),
            ("a user's grant", world.client(&world.user_key(granted, Permission::ReadWrite).await)),
        ];
        for (kind, key) in &kinds {
            for operation in operations() {
                let response = request(key, operation, bucket, "there").send().await;
                let permitted = operation.shape().needs.iter().all(|action| permission.permits(*action));
                assert_eq!(
                    refused(&response),
                    !permitted,
                    "{} by {kind} under {permission}: {}",
                    operation.as_str(),
                    response.text()
                );
                client.put(&path(bucket, "there"), "x").send().await.ok();
            }
        }
    }
}

#[tokio::test]
async fn who_is_refused_everything() {
    let (world, storage, client) = seeded().await;
    let bucket = storage.bucket.as_str();
    let other = world.storage("other").await;
    let here = |list: &[&str]| {
        Networks::new(list.iter().map(|raw| NetworkEntry::parse(raw, "").unwrap()).collect()).unwrap()
    };
    let deleted = world.key(&storage, Permission::ReadWrite).await;
    world.delete_key(&deleted).await;
    let none = world.key(&storage, Permission::ReadWrite).await;
    world.change_key(&none, |key| key.permission = Permission::None).await;
    let expired =
        world.key_with(&storage, |key| key.expires = Some(Timestamp::from_seconds(NOW.seconds()))).await;
    let network = world.key_with(&storage, |key| key.networks = here(&["203.0.113.0/24"])).await;
    let foreign = world.key(&other, Permission::ReadWrite).await;
    let good = world.key(&storage, Permission::ReadWrite).await;
    let stranger = world.user_key(world.member("stranger").await, Permission::ReadWrite).await;
    let elsewhere = world.temporary(&good, |left| left.storage = Some(other.id)).1;
    let away = world.temporary(&good, |left| left.networks = here(&["203.0.113.0/24"])).1;
    let orphan = world.key(&storage, Permission::ReadWrite).await;
    let orphan = (world.temporary(&orphan, |_| ()).1, world.delete_key(&orphan).await).0;
    let part = world.temporary(&good, |_| ()).0;
    let part = Client::new(world.address, part.access_key.as_str(), part.secret.reveal());
    let kinds = [
        ("deleted", world.client(&deleted), "InvalidAccessKeyId"),
        ("none", world.client(&none), "AccessDenied"),
        ("expired", world.client(&expired), "ExpiredToken"),
        ("network", world.client(&network), "AccessDenied"),
        ("another storage", world.client(&foreign), "AccessDenied"),
        ("a user without grants", world.client(&stranger), "AccessDenied"),
        ("temporary, of another storage", elsewhere, "AccessDenied"),
        ("temporary, network", away, "AccessDenied"),
        ("temporary, of a deleted key", orphan, "InvalidAccessKeyId"),
        ("temporary, without its token", part.clone(), "InvalidAccessKeyId"),
        ("temporary, with a wrong token", part.with_token("wrong"), "InvalidToken"),
        (
            "unknown",
            Client::new(world.address, "PC000000000000000000", good.secret.reveal()),
            "InvalidAccessKeyId",
        ),
        ("wrong secret", Client::new(world.address, &good.id, "wrong"), "SignatureDoesNotMatch"),
    ];
    for (kind, client, code) in &kinds {
        for operation in [Operation::GetObject, Operation::HeadObject] {
            let response = request(client, operation, bucket, "there").send().await;
            assert!((400..404).contains(&response.status), "{} {kind}", operation.as_str());
        }
        let told = request(client, Operation::GetObject, bucket, "there").send().await;
        assert_eq!(told.element("Code").as_deref(), Some(*code), "{kind}");
    }
    for operation in operations() {
        for (kind, key, _) in kinds.iter().take(11) {
            let response = request(key, operation, bucket, "there").send().await;
            // What they reach is shown, and be it nothing at all.
            let owns = ["another storage", "a user without grants", "temporary, of another storage"];
            let lists_its_own = owns.contains(kind) && operation == Operation::ListBuckets;
            let dead = ["expired", "temporary, with a wrong token"].contains(kind) && response.status == 400;
            assert!(
                dead || lists_its_own || response.status == 403,
                "{} {kind}: {}",
                operation.as_str(),
                response.status
            );
        }
        let response = request(&client, operation, bucket, "there").send_anonymously().await;
        assert_eq!(response.status, 403, "{} anonymously", operation.as_str());
    }
}

/// Two keys of one length whose text occurs nowhere else in an answer.
const PRESENT: &str = "qq-1";
const ABSENT: &str = "qq-2";

/// The answer without what differs between any two requests.
fn comparable(response: &Response, key: &str) -> (u16, Vec<(String, String)>, String) {
    let id = response.header("x-amz-request-id").unwrap().to_owned();
    let text = response.text().replace(&id, "ID").replace(key, "KEY");
    let mut headers = response.headers.clone();
    headers.retain(|(name, _)| name != "x-amz-request-id" && name != "date");
    (response.status, headers, text)
}

#[tokio::test]
async fn a_key_that_may_only_write_learns_nothing() {
    let (world, storage, client) = seeded().await;
    let bucket = storage.bucket.as_str();
    client.put(&path(bucket, PRESENT), "x").send().await.ok();
    let writer = world.client(&world.key(&storage, Permission::Write).await);
    for operation in operations() {
        let there = request(&writer, operation, bucket, PRESENT).send().await;
        let absent = request(&writer, operation, bucket, ABSENT).send().await;
        let (there, absent) = (comparable(&there, PRESENT), comparable(&absent, ABSENT));
        if operation == Operation::PutObject || operation == Operation::ListMultipartUploads {
            client.request("DELETE", &path(bucket, ABSENT)).send().await.ok();
        }
        if operation != Operation::CreateMultipartUpload {
            assert_eq!(there, absent, "{}", operation.as_str());
        }
    }
    for (name, value) in [("if-none-match", "*"), ("if-match", "\"x\"")] {
        let there = writer.put(&path(bucket, PRESENT), "y").header(name, value).send().await;
        let absent = writer.put(&path(bucket, ABSENT), "y").header(name, value).send().await;
        assert_eq!(there.status, 403, "{name}");
        assert_eq!(comparable(&there, PRESENT), comparable(&absent, ABSENT), "{name}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_theirs_looks_like_none() {
    let (world, storage, _client) = seeded().await;
    let other = world.storage("other").await;
    let client = world.client(&world.key(&storage, Permission::ReadWrite).await);
    let none = other.bucket.as_str().replace("other", "othre");
    for operation in operations().filter(|operation| *operation != Operation::ListBuckets) {
        let real = request(&client, operation, other.bucket.as_str(), "k").send().await;
        let unreal = request(&client, operation, &none, "k").send().await;
        assert_eq!(real.status, 403, "{}", operation.as_str());
        assert_eq!(
            comparable(&real, other.bucket.as_str()),
            comparable(&unreal, &none),
            "{}",
            operation.as_str()
        );
    }
}

#[tokio::test]
async fn a_key_for_a_prefix_reaches_nothing_else() {
    let (world, storage, client) = seeded().await;
    let bucket = storage.bucket.as_str();
    let inside = world.key_with(&storage, |key| key.prefix = "in/".parse().unwrap()).await;
    let inside = world.client(&inside);
    inside.put(&path(bucket, "in/a"), "x").send().await.ok();
    inside.put(&path(bucket, "out"), "x").send().await.fails(403, "AccessDenied");
    inside.get(&path(bucket, "there")).send().await.fails(403, "AccessDenied");
    inside.get(&format!("/{bucket}?list-type=2")).send().await.fails(403, "AccessDenied");
    let listed = inside.get(&format!("/{bucket}?list-type=2&prefix=in%2F")).send().await.ok();
    assert_eq!(listed.elements("Key"), ["in/a"]);
    let copied = inside.put(&path(bucket, "in/b"), "").header("x-amz-copy-source", path(bucket, "there"));
    copied.send().await.fails(403, "AccessDenied");
    let document = DELETE.to_owned();
    let told = inside
        .post(&format!("/{bucket}?delete"), document.clone())
        .header("content-md5", md5(&document))
        .send()
        .await;
    assert_eq!(told.ok().elements("Code"), ["AccessDenied"]);
    client.get(&path(bucket, "there")).send().await.ok();
}
