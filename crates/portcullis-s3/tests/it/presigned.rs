//! Presigned URLs: what the signer did not sign, the bearer may not add.

use std::time::Duration;

use crate::client::path;
use crate::world::World;

#[tokio::test]
async fn a_url_does_what_it_was_signed_for() {
    let (world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "a b");
    let query = format!(
        "{at}?x-id=PutObject&x-amz-meta-a=1&x-amz-checksum-crc32=y%2FQ5Jg%3D%3D&x-amz-sdk-checksum-algorithm=CRC32"
    );
    client.put(&query, "other").send_presigned(60).await.fails(400, "BadDigest");
    client.put(&query, "123456789").send_presigned(60).await.ok();
    let got = client.get(&at).send_presigned(604_800).await.ok();
    assert_eq!((got.text().as_str(), got.header("x-amz-meta-a")), ("123456789", Some("1")));
    world.clock.advance(Duration::from_secs(61));
    let late = client.get(&at).send_presigned(60).await.fails(403, "AccessDenied");
    assert_eq!(late.element("Message").as_deref(), Some("Request has expired"));
}

#[tokio::test]
async fn headers_that_were_not_signed_are_refused() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let (secret, open) = (path(bucket, "secret"), path(bucket, "open"));
    client.put(&secret, "x").send().await.ok();
    for header in ["x-amz-copy-source", "x-amz-meta-a", "x-amz-tagging", "x-amz-acl"] {
        for presigned in [true, false] {
            let request = client.put(&open, "").unsigned_header(header, &secret);
            let response = if presigned { request.send_presigned(60).await } else { request.send().await };
            let response = response.fails(403, "AccessDenied");
            assert_eq!(response.element("HeadersNotSigned").as_deref(), Some(header));
        }
    }
    client.get(&open).send().await.fails(404, "NoSuchKey");
}

#[tokio::test]
async fn malformed_and_mixed_credentials() {
    let (_world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00";
    client
        .get(&format!("{at}?{query}"))
        .send_anonymously()
        .await
        .fails(400, "AuthorizationQueryParametersError");
    let both = client.get(&format!("{at}?{query}")).send().await;
    both.fails(400, "InvalidArgument");
    let old = client.get(&at).unsigned_header("authorization", "AWS AKIA:c2ln").send_anonymously().await;
    old.fails(400, "InvalidRequest");
    let old = client.get(&format!("{at}?AWSAccessKeyId=a&Signature=b&Expires=1")).send_anonymously().await;
    old.fails(400, "InvalidRequest");
    let basic = client.get(&at).unsigned_header("authorization", "Basic YTpi").send_anonymously().await;
    basic.fails(400, "InvalidArgument");
    client.get(&at).header("x-amz-security-token", "t").send().await.fails(400, "InvalidToken");
    client.get(&at).send_anonymously().await.fails(403, "AccessDenied");
}

#[tokio::test]
async fn clocks_must_agree() {
    let (world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    world.clock.advance(Duration::from_secs(901));
    let late = client.get(&at).send().await.fails(403, "RequestTimeTooSkewed");
    assert_eq!(late.element("ServerTime").as_deref(), Some("2027-01-15T08:15:01.000Z"));
    assert_eq!(late.element("MaxAllowedSkewMilliseconds").as_deref(), Some("900000"));
}
