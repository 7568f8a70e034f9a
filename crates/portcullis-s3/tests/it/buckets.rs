//! Buckets, and what tools ask of them before they begin.

use portcullis_domain::{Permission, Scope};

use crate::client::path;
use crate::world::World;

#[tokio::test]
async fn a_key_sees_the_buckets_that_it_opens() {
    let (world, storage, client) = World::with_storage().await;
    let other = world.storage("other").await;
    let told = client.get("/").send().await.ok();
    assert_eq!(told.elements("Name"), [storage.bucket.as_str()]);
    assert_eq!(told.element("CreationDate").as_deref(), Some("2027-01-15T08:00:00.000Z"));
    let owner = world.owner();
    let wide = world.client(&world.key_with(&storage, |key| key.scope = Scope::User(owner)).await);
    assert_eq!(
        wide.get("/").send().await.ok().elements("Name"),
        [storage.bucket.as_str(), other.bucket.as_str()]
    );
    let first = wide.get("/?max-buckets=1").send().await.ok();
    assert_eq!(first.elements("Name"), [storage.bucket.as_str()]);
    let token = first.element("ContinuationToken").unwrap();
    let second = wide.get(&format!("/?max-buckets=1&continuation-token={token}")).send().await.ok();
    assert_eq!(
        (second.elements("Name"), second.element("ContinuationToken")),
        (vec![other.bucket.to_string()], None)
    );
    let from = path(storage.bucket.as_str(), "k");
    wide.put(&from, "data").send().await.ok();
    wide.put(&path(other.bucket.as_str(), "k"), "").header("x-amz-copy-source", &from).send().await.ok();
    assert_eq!(wide.get(&path(other.bucket.as_str(), "k")).send().await.ok().text(), "data");
    client.get(&path(other.bucket.as_str(), "k")).send().await.fails(403, "AccessDenied");
}

#[tokio::test]
async fn questions_about_a_bucket() {
    let (world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let head = client.request("HEAD", &format!("/{bucket}")).send().await.ok();
    assert_eq!(head.header("x-amz-bucket-region"), Some("us-east-1"));
    let here = client.get(&format!("/{bucket}/?location")).send().await.ok();
    assert!(here.text().ends_with("<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"));
    let far = world.storage_with("far", |new| new.region = "eu-central-1".to_owned()).await;
    let there = world.client(&world.key(&far, Permission::Write).await);
    let told = there.get(&format!("/{}?location", far.bucket)).send().await.ok();
    assert!(told.text().ends_with(">eu-central-1</LocationConstraint>"));
    let made = client.put(&format!("/{bucket}"), "<CreateBucketConfiguration/>").send().await.ok();
    assert_eq!(made.header("location"), Some(format!("/{bucket}").as_str()));
    let refused = client.put("/usr-00001-itm-00001-new", "").send().await.fails(403, "AccessDenied");
    let gone = client.request("DELETE", &format!("/{bucket}")).send().await.fails(403, "AccessDenied");
    assert_eq!(refused.element("Message"), gone.element("Message"));
    for (query, answer) in [
        ("versioning", "VersioningConfiguration"),
        ("acl", "AccessControlPolicy"),
        ("requestPayment", "RequestPaymentConfiguration"),
        ("logging", "BucketLoggingStatus"),
        ("notification", "NotificationConfiguration"),
        ("accelerate", "AccelerateConfiguration"),
    ] {
        let told = client.get(&format!("/{bucket}?{query}")).send().await.ok();
        assert!(told.text().contains(&format!("</{answer}>")), "{query}");
    }
    for (query, code) in [
        ("policy", "NoSuchBucketPolicy"),
        ("cors", "NoSuchCORSConfiguration"),
        ("tagging", "NoSuchTagSet"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("website", "NoSuchWebsiteConfiguration"),
        ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
        ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        ("ownershipControls", "OwnershipControlsNotFoundError"),
    ] {
        client.get(&format!("/{bucket}?{query}")).send().await.fails(404, code);
    }
    for query in ["replication", "analytics", "unknown", "acl&policy"] {
        client.get(&format!("/{bucket}?{query}")).send().await.fails(501, "NotImplemented");
        client.get(&format!("/{bucket}?{query}")).send_anonymously().await.fails(501, "NotImplemented");
    }
    client.put(&format!("/{bucket}?policy"), "{}").send().await.fails(501, "NotImplemented");
    client.get("/UPPER").send().await.fails(400, "InvalidBucketName");
    client.request("PATCH", &format!("/{bucket}/k")).send().await.fails(405, "MethodNotAllowed");
}

#[tokio::test]
async fn a_bucket_can_stand_in_the_host_name() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let host = client.at_host(&format!("{bucket}.s3.test:9000"));
    host.put("/a/b", "data").send().await.ok();
    assert_eq!(host.get("/a/b").send().await.ok().text(), "data");
    assert_eq!(client.get(&path(bucket, "a/b")).send().await.ok().text(), "data");
    assert_eq!(host.get("/?list-type=2").send().await.ok().elements("Key"), ["a/b"]);
    assert_eq!(client.at_host("s3.test").get(&path(bucket, "a/b")).send().await.ok().text(), "data");
    client.at_host("other.s3.test").get("/a/b").send().await.fails(403, "AccessDenied");
}
