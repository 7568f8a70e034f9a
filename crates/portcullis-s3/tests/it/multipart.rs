//! Multipart uploads.

use portcullis_domain::Permission;

use crate::client::{Client, path, value};
use crate::world::World;

const PART: usize = 5 * 1024 * 1024;

async fn begin(client: &Client, at: &str, headers: &[(&str, &str)]) -> String {
    let mut request = client.post(&format!("{at}?uploads"), "");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await.ok().element("UploadId").unwrap()
}

async fn part(client: &Client, at: &str, upload: &str, number: u16, body: Vec<u8>) -> String {
    let target = format!("{at}?partNumber={number}&uploadId={}", value(upload));
    client.put(&target, body).send().await.ok().header("etag").unwrap().to_owned()
}

fn list(parts: &[(u16, &str)]) -> String {
    let part = |(number, etag): &(u16, &str)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    };
    format!(
        "<CompleteMultipartUpload>{}</CompleteMultipartUpload>",
        parts.iter().map(part).collect::<String>()
    )
}

#[tokio::test]
async fn an_upload_from_its_beginning_to_its_end() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let at = path(bucket, "big");
    let upload = begin(&client, &at, &[("x-amz-meta-a", "1"), ("content-type", "a/b")]).await;
    let id = value(&upload);
    let second = part(&client, &at, &upload, 7, b"tail".to_vec()).await;
    let first = part(&client, &at, &upload, 2, vec![b'x'; PART]).await;

    let parts = client.get(&format!("{at}?uploadId={id}&max-parts=1")).send().await.ok();
    assert_eq!(parts.elements("PartNumber"), ["2"]);
    assert_eq!(
        (parts.element("IsTruncated").as_deref(), parts.element("Size")),
        (Some("true"), Some(PART.to_string()))
    );
    let rest = client.get(&format!("{at}?uploadId={id}&part-number-marker=2")).send().await.ok();
    assert_eq!(rest.elements("PartNumber"), ["7"]);
    let uploads = client.get(&format!("/{bucket}?uploads")).send().await.ok();
    assert_eq!(
        (uploads.elements("Key"), uploads.elements("UploadId")),
        (vec!["big".to_owned()], vec![upload.clone()])
    );

    let complete = format!("{at}?uploadId={id}");
    let fails = async |body: String, code: &str| {
        client.post(&complete, body).send().await.fails(400, code);
    };
    fails(list(&[]), "MalformedXML").await;
    fails(list(&[(7, &second), (2, &first)]), "InvalidPartOrder").await;
    fails(list(&[(2, &first), (3, &second)]), "InvalidPart").await;
    fails(list(&[(2, &second), (7, &second)]), "InvalidPart").await;
    client.get(&at).send().await.fails(404, "NoSuchKey");
    let quoted = second.replace('"', "&quot;");
    let done = client.post(&complete, list(&[(2, first.trim_matches('"')), (7, &quoted)])).send().await.ok();
    let etag = done.element("ETag").unwrap().replace("&quot;", "\"");
    assert!(etag.ends_with("-2\""), "{etag}");
    assert_eq!(done.element("Location").as_deref(), Some(at.as_str()));
    let again = client.post(&complete, list(&[(2, &first), (7, &second)])).send().await.ok();
    assert_eq!(again.element("ETag"), done.element("ETag"));

    let head = client.request("HEAD", &at).send().await.ok();
    assert_eq!(head.header("content-length"), Some((PART + 4).to_string().as_str()));
    assert_eq!((head.header("etag"), head.header("x-amz-meta-a")), (Some(etag.as_str()), Some("1")));
    let tail = client.get(&format!("{at}?partNumber=7")).send().await.ok();
    assert_eq!(
        (tail.status, tail.text().as_str(), tail.header("x-amz-mp-parts-count")),
        (206, "tail", Some("2"))
    );
    let head = client.request("HEAD", &format!("{at}?partNumber=7")).send().await;
    assert_eq!((head.status, head.header("content-length")), (206, Some("4")));
    assert_eq!(head.header("content-range"), tail.header("content-range"));
    client.get(&format!("{at}?partNumber=3")).send().await.fails(416, "InvalidPartNumber");
    client.get(&format!("{at}?partNumber=0")).send().await.fails(400, "InvalidArgument");
}

#[tokio::test]
async fn small_parts_foreign_numbers_and_unknown_uploads() {
    let (_world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    let upload = begin(&client, &at, &[]).await;
    let (one, two) =
        (part(&client, &at, &upload, 1, vec![b'x'; 10]).await, part(&client, &at, &upload, 2, vec![]).await);
    let complete = format!("{at}?uploadId={}", value(&upload));
    client.post(&complete, list(&[(1, &one), (2, &two)])).send().await.fails(400, "EntityTooSmall");
    for number in ["0", "10001", "-1", "x"] {
        let target = format!("{at}?partNumber={number}&uploadId={}", value(&upload));
        client.put(&target, "x").send().await.fails(400, "InvalidArgument");
    }
    for unknown in ["nothing", "", "%FF", &"u".repeat(100)] {
        let response = client.put(&format!("{at}?partNumber=1&uploadId={unknown}"), "x").send().await;
        let expected = if unknown == "%FF" { (400, "InvalidURI") } else { (404, "NoSuchUpload") };
        response.fails(expected.0, expected.1);
    }
    let elsewhere = path(storage.bucket.as_str(), "other");
    client.get(&format!("{elsewhere}?uploadId={}", value(&upload))).send().await.fails(404, "NoSuchUpload");
    assert_eq!(client.request("DELETE", &complete).send().await.status, 204);
    client.request("DELETE", &complete).send().await.fails(404, "NoSuchUpload");
    client.post(&complete, list(&[(1, &one)])).send().await.fails(404, "NoSuchUpload");
}

#[tokio::test]
async fn parts_can_be_pieces_of_objects() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let (from, to) = (path(bucket, "from"), path(bucket, "to"));
    client.put(&from, "0123456789").send().await.ok();
    let upload = begin(&client, &to, &[]).await;
    let target = format!("{to}?partNumber=1&uploadId={}", value(&upload));
    let copy = |range: &'static str| {
        client
            .put(&target, "")
            .header("x-amz-copy-source", &from)
            .header("x-amz-copy-source-range", range)
            .send()
    };
    for wrong in ["bytes=5-10", "bytes=5-", "bytes=6-5", "5-6"] {
        copy(wrong).await.fails(400, "InvalidArgument");
    }
    let done = copy("bytes=3-5").await.ok();
    let etag = done.element("ETag").unwrap();
    client.post(&format!("{to}?uploadId={}", value(&upload)), list(&[(1, &etag)])).send().await.ok();
    assert_eq!(client.get(&to).send().await.text(), "345");
}

#[tokio::test]
async fn checksums_of_parts_make_the_checksum_of_the_object() {
    let (_world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    let wrong = client.post(&format!("{at}?uploads"), "").header("x-amz-checksum-algorithm", "SHA256");
    wrong.header("x-amz-checksum-type", "FULL_OBJECT").send().await.fails(400, "InvalidRequest");
    client
        .post(&format!("{at}?uploads"), "")
        .header("x-amz-checksum-algorithm", "MD4")
        .send()
        .await
        .fails(400, "InvalidRequest");
    let upload = begin(&client, &at, &[("x-amz-checksum-algorithm", "CRC32")]).await;
    let target = format!("{at}?partNumber=1&uploadId={}", value(&upload));
    client
        .put(&target, "123456789")
        .header("x-amz-checksum-crc32", "AAAAAA==")
        .send()
        .await
        .fails(400, "BadDigest");
    let put = client.put(&target, "123456789").header("x-amz-checksum-crc32", "y/Q5Jg==").send().await.ok();
    assert_eq!(put.header("x-amz-checksum-crc32"), Some("y/Q5Jg=="));
    let etag = put.header("etag").unwrap();
    let complete = format!("{at}?uploadId={}", value(&upload));
    let done = client.post(&complete, list(&[(1, etag)])).send().await.ok();
    assert_eq!(done.element("ChecksumType").as_deref(), Some("COMPOSITE"));
    assert!(done.element("ChecksumCRC32").unwrap().ends_with("-1"));
    let got = client.get(&at).header("x-amz-checksum-mode", "ENABLED").send().await.ok();
    assert_eq!(got.header("x-amz-checksum-type"), Some("COMPOSITE"));
}

#[tokio::test]
async fn a_key_that_may_only_write_has_its_own_uploads() {
    let (world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let writer = world.client(&world.key(&storage, Permission::Write).await);
    let at = path(bucket, "k");
    let foreign = begin(&client, &at, &[]).await;
    let own = begin(&writer, &at, &[]).await;
    let etag = part(&writer, &at, &own, 1, b"x".to_vec()).await;
    let uploads = writer.get(&format!("/{bucket}?uploads")).send().await.ok();
    assert_eq!(uploads.elements("UploadId"), std::slice::from_ref(&own));
    assert_eq!(
        writer.get(&format!("{at}?uploadId={}", value(&own))).send().await.ok().elements("PartNumber"),
        ["1"]
    );
    let there = writer.get(&format!("{at}?uploadId={}", value(&foreign))).send().await;
    there.fails(404, "NoSuchUpload");
    writer
        .request("DELETE", &format!("{at}?uploadId={}", value(&foreign)))
        .send()
        .await
        .fails(404, "NoSuchUpload");
    writer.post(&format!("{at}?uploadId={}", value(&own)), list(&[(1, &etag)])).send().await.ok();
    assert_eq!(client.get(&format!("/{bucket}?uploads")).send().await.ok().elements("UploadId"), [foreign]);
}
