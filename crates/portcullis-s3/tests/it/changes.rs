//! Objects: checksums, copies, removals, tags.

use portcullis_sigv4::Payload;

use crate::client::{path, value};
use crate::world::World;

#[tokio::test]
async fn promised_digests_are_kept_or_the_object_is_not() {
    let (_world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    for (name, wrong, code) in [
        ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==", "BadDigest"),
        ("content-md5", "nonsense", "InvalidDigest"),
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-crc32", "AAAA", "InvalidRequest"),
        ("x-amz-checksum-sha512", "AAAA", "InvalidRequest"),
        ("x-amz-sdk-checksum-algorithm", "CRC32", "InvalidRequest"),
    ] {
        client.put(&at, "123456789").header(name, wrong).send().await.fails(400, code);
    }
    let wrong = Payload::Signed([7; 32]);
    client.put(&at, "123456789").payload(wrong).send().await.fails(400, "XAmzContentSHA256Mismatch");
    client.get(&at).send().await.fails(404, "NoSuchKey");
    let put = client
        .put(&at, "123456789")
        .header("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")
        .header("x-amz-sdk-checksum-algorithm", "CRC32")
        .header("x-amz-checksum-crc32", "y/Q5Jg==")
        .hashed()
        .send()
        .await
        .ok();
    assert_eq!(put.header("x-amz-checksum-crc32"), Some("y/Q5Jg=="));
    assert_eq!(put.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    let got = client.get(&at).header("x-amz-checksum-mode", "ENABLED").send().await.ok();
    assert_eq!(got.header("x-amz-checksum-crc32"), Some("y/Q5Jg=="));
    let part =
        client.get(&at).header("x-amz-checksum-mode", "ENABLED").header("range", "bytes=0-1").send().await;
    assert_eq!(part.header("x-amz-checksum-crc32"), None);
    assert_eq!(client.get(&at).send().await.header("x-amz-checksum-crc32"), None);
    let told = client
        .get(&format!("{at}?attributes"))
        .header("x-amz-object-attributes", "ETag,Checksum,ObjectSize")
        .send()
        .await;
    let told = told.ok();
    assert_eq!(told.element("ETag").as_deref(), Some("25f9e794323b453885f5181f1b624d0b"));
    assert_eq!(told.element("ChecksumCRC32").as_deref(), Some("y/Q5Jg=="));
    assert_eq!(told.element("ObjectSize").as_deref(), Some("9"));
}

#[tokio::test]
async fn copies_need_both_rights_and_keep_or_replace() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let (from, to) = (path(bucket, "a b/ü"), path(bucket, "copy"));
    client.put(&from, "data").header("x-amz-meta-a", "1").header("content-type", "text/x").send().await.ok();
    let source = from.trim_start_matches('/').to_owned();
    let copy = client.put(&to, "").header("x-amz-copy-source", &source).send().await.ok();
    assert_eq!(copy.element("ETag").as_deref(), Some("&quot;8d777f385d3dfec8815d20f7496026dc&quot;"));
    let got = client.get(&to).send().await.ok();
    assert_eq!(
        (got.text().as_str(), got.header("x-amz-meta-a"), got.header("content-type")),
        ("data", Some("1"), Some("text/x"))
    );
    let itself = client.put(&from, "").header("x-amz-copy-source", &from).send().await;
    itself.fails(400, "InvalidRequest");
    client
        .put(&from, "")
        .header("x-amz-copy-source", &from)
        .header("x-amz-metadata-directive", "REPLACE")
        .header("x-amz-meta-b", "2")
        .send()
        .await
        .ok();
    let got = client.get(&from).send().await.ok();
    assert_eq!((got.header("x-amz-meta-a"), got.header("x-amz-meta-b")), (None, Some("2")));
    let missing = format!("{bucket}/missing");
    client.put(&to, "").header("x-amz-copy-source", &missing).send().await.fails(404, "NoSuchKey");
    client
        .put(&to, "")
        .header("x-amz-copy-source", "usr-1-itm-1-other/k")
        .send()
        .await
        .fails(403, "AccessDenied");
    let conditional = client
        .put(&to, "")
        .header("x-amz-copy-source", &source)
        .header("x-amz-copy-source-if-match", "\"x\"");
    conditional.send().await.fails(412, "PreconditionFailed");
}

#[tokio::test]
async fn many_removals_in_one_request() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    for key in ["a", "b&c", "kept"] {
        client.put(&path(bucket, key), "x").send().await.ok();
    }
    let document = "<Delete><Object><Key>a</Key></Object><Object><Key>b&amp;c</Key></Object><Object><Key>gone</Key></Object></Delete>";
    let at = format!("/{bucket}?delete");
    client.post(&at, document).send().await.fails(400, "InvalidRequest");
    let crc = |text: &str| {
        use base64::Engine as _;
        let mut digester = portcullis_access::Digester::new(&[portcullis_access::DigestAlgorithm::Crc32]);
        digester.update(text.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(&digester.finish()[0].value)
    };
    client
        .post(&at, document)
        .header("x-amz-checksum-crc32", "AAAAAA==")
        .send()
        .await
        .fails(400, "BadDigest");
    let done = client.post(&at, document).header("x-amz-checksum-crc32", crc(document)).send().await.ok();
    assert_eq!(done.elements("Key"), ["a", "b&amp;c", "gone"]);
    assert!(done.elements("Error").is_empty());
    let listed = client.get(&format!("/{bucket}?list-type=2")).send().await.ok();
    assert_eq!(listed.elements("Key"), ["kept"]);
    let quiet = "<Delete><Quiet>true</Quiet><Object><Key>kept</Key></Object></Delete>";
    let done = client.post(&at, quiet).header("x-amz-checksum-crc32", crc(quiet)).send().await.ok();
    assert!(done.elements("Deleted").is_empty());
    let many = format!("<Delete>{}</Delete>", "<Object><Key>a</Key></Object>".repeat(1001));
    client
        .post(&at, many.clone())
        .header("x-amz-checksum-crc32", crc(&many))
        .send()
        .await
        .fails(400, "MalformedXML");
    let bomb = "<!DOCTYPE d [<!ENTITY a \"aaaa\">]><Delete><Object><Key>&a;</Key></Object></Delete>";
    client.post(&at, bomb).header("x-amz-checksum-crc32", crc(bomb)).send().await.fails(400, "MalformedXML");
    let large = " ".repeat(2 * 1024 * 1024 + 1);
    client
        .post(&at, large.clone())
        .header("x-amz-checksum-crc32", crc(&large))
        .send()
        .await
        .fails(400, "MaxMessageLengthExceeded");
}

#[tokio::test]
async fn tags_are_replaced_and_removed() {
    let (_world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    let tagging = format!("{at}?tagging");
    client.get(&tagging).send().await.fails(404, "NoSuchKey");
    client.put(&at, "x").send().await.ok();
    assert_eq!(client.get(&tagging).send().await.ok().element("TagSet").as_deref(), Some(""));
    let document = "<Tagging><TagSet><Tag><Key>a</Key><Value>b &amp; c</Value></Tag></TagSet></Tagging>";
    client.put(&tagging, document).send().await.ok();
    let told = client.get(&tagging).send().await.ok();
    assert_eq!(
        (told.elements("Key"), told.elements("Value")),
        (vec!["a".to_owned()], vec!["b &amp; c".to_owned()])
    );
    client.put(&tagging, "<Tagging>").send().await.fails(400, "MalformedXML");
    assert_eq!(client.request("DELETE", &tagging).send().await.status, 204);
    assert!(client.get(&tagging).send().await.ok().elements("Key").is_empty());
    let unknown = format!("{at}?versionId={}", value("nothing"));
    client.get(&unknown).send().await.fails(404, "NoSuchVersion");
}
