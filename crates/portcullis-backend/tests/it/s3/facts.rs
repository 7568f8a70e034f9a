//! What is taken from a provider's answers about an object, and what is not.

use std::sync::Arc;

use portcullis_backend::s3::{RemoteCapabilities, S3Backend};
use portcullis_backend::{
    Backend, BackendErrorKind, ChecksumKind, CopyOptions, Etag, GetOptions, GetOutcome, ListRequest,
    ObjectMeta,
};
use portcullis_domain::{ObjectKey, Provider};

use super::proxy::{Mode, Proxy};
use super::world::{OURS, World, connect, quick};

const MD5: &str = "0123456789abcdef0123456789abcdef";

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

async fn answering(world: &World, mode: Mode) -> (Proxy, Arc<S3Backend>) {
    let proxy = Proxy::start(world.address, mode).await;
    let remote = world.bucket().await.remote(&proxy.endpoint(), OURS);
    (proxy, connect(quick(), remote))
}

async fn head(world: &World, tag: &str, headers: &[&str]) -> ObjectMeta {
    let mut text = format!(
        "HTTP/1.1 200 OK\r\nETag: \"{tag}\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 9\r\n"
    );
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    let (_proxy, backend) = answering(world, Mode::Answer(text + "\r\n")).await;
    match backend.head(&key("k"), &GetOptions::default()).await.unwrap() {
        GetOutcome::Found(meta) => meta,
        GetOutcome::NotModified(_) => panic!("nobody asked"),
    }
}

/// The tag of an object under a key of the customer's looks like an MD5 and is none; it is still the tag that a listing gives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_of_sealed_objects_are_no_digests() {
    let world = World::start().await;
    let digest = hex::decode(MD5).unwrap().try_into().unwrap();
    let listed = Etag::Md5 { digest, parts: None };
    for (header, is_md5) in [
        ("x-other: 1", true),
        ("x-amz-server-side-encryption: AES256", true),
        ("x-amz-server-side-encryption: aws:kms", false),
        ("x-amz-server-side-encryption: aws:kms:dsse", false),
        ("x-amz-server-side-encryption-customer-algorithm: AES256", false),
    ] {
        let etag = head(&world, MD5, &[header]).await.etag;
        assert_eq!(matches!(etag, Etag::Md5 { .. }), is_md5, "{header}");
        assert_eq!((&etag, etag.to_string()), (&listed, MD5.to_owned()), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checksum_is_of_all_bytes_only_if_that_is_told() {
    let world = World::start().await;
    let in_parts = format!("{MD5}-3");
    for (tag, headers, told) in [
        (MD5, &["x-amz-checksum-crc32: AAAAAA=="][..], Some(ChecksumKind::FullObject)),
        (&in_parts, &["x-amz-checksum-crc32: AAAAAA=="], None),
        (
            &in_parts,
            &["x-amz-checksum-crc32: AAAAAA==", "x-amz-checksum-type: FULL_OBJECT"],
            Some(ChecksumKind::FullObject),
        ),
        (&in_parts, &["x-amz-checksum-crc32: AAAAAA==-3"], Some(ChecksumKind::Composite(3))),
        (
            &in_parts,
            &["x-amz-checksum-crc32: AAAAAA==-3", "x-amz-checksum-type: COMPOSITE"],
            Some(ChecksumKind::Composite(3)),
        ),
        (&in_parts, &["x-amz-checksum-crc32: AAAAAA==", "x-amz-checksum-type: COMPOSITE"], None),
    ] {
        let checksum = head(&world, tag, headers).await.checksum;
        assert_eq!(checksum.map(|checksum| checksum.kind), told, "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_an_archive_says_so() {
    let world = World::start().await;
    let classes = [
        ("DEEP_ARCHIVE", true),
        ("GLACIER", true),
        ("GLACIER_IR", false),
        ("INTELLIGENT_TIERING", false),
        ("STANDARD", false),
        ("STANDARD_IA", false),
    ];
    let entry = |class: &str| {
        format!(
            "<Contents><Key>{class}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
             <ETag>\"x\"</ETag><Size>1</Size><StorageClass>{class}</StorageClass></Contents>"
        )
    };
    let entries: String = classes.iter().map(|(class, _)| entry(class)).collect();
    let body = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>");
    let page = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (_proxy, backend) = answering(&world, Mode::Answer(page)).await;
    let listed = backend.list(&ListRequest { limit: 10, ..ListRequest::default() }).await.unwrap();
    let told: Vec<_> = listed.objects.iter().map(|found| (found.key.as_str(), found.archived)).collect();
    assert_eq!(told, classes);
    let fault = "<Error><Code>InvalidObjectState</Code></Error>";
    let answer = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n{fault}", fault.len());
    let (_proxy, backend) = answering(&world, Mode::Answer(answer)).await;
    let read = backend.get(&key("k"), &GetOptions::default()).await;
    assert_eq!(read.unwrap_err().kind, BackendErrorKind::Archived);
}

/// What a provider was found to be able to do is what is told of a bucket of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abilities_follow_from_what_was_found() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let told = |found: RemoteCapabilities, prefix: &str, provider| {
        let mut remote = bucket.remote(&world.endpoint(), found);
        (remote.prefix, remote.provider) = (prefix.parse().unwrap(), provider);
        connect(quick(), remote).capabilities()
    };
    let ours = told(OURS, "", Provider::S3);
    assert!(ours.remote && ours.conditional_puts && ours.conditional_copies && ours.conditional_deletes);
    assert!(ours.etag_is_md5 && ours.file_beside_folder && !ours.folds_case && !ours.folds_unicode);
    assert_eq!((ours.longest_key, ours.largest_copy, ours.largest_object), (1024, 5 << 30, 5 << 40));
    assert_eq!(told(OURS, "a place/", Provider::S3).longest_key, 1024 - 8);
    assert!(told(OURS, "", Provider::CloudflareR2).folds_unicode);
    let unknown = told(RemoteCapabilities::default(), "", Provider::S3);
    assert!(!unknown.conditional_puts && !unknown.conditional_copies && !unknown.conditional_deletes);
    assert!(!unknown.etag_is_md5 && unknown.file_beside_folder);
    let no_deletes = RemoteCapabilities { conditional_deletes: false, ..OURS };
    let no_deletes = told(no_deletes, "", Provider::S3);
    assert!(no_deletes.conditional_puts && !no_deletes.conditional_writes);
    let no_sources = RemoteCapabilities { conditional_sources: false, ..OURS };
    assert!(!told(no_sources, "", Provider::S3).conditional_copies);
}

/// The source of a copy is named with its tag, so that no other object is copied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_names_the_tag_of_its_source() {
    let world = World::start().await;
    let say = |head: &str| {
        let meta = format!("ETag: \"{MD5}\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT");
        if head.starts_with("HEAD") {
            return format!("HTTP/1.1 200 OK\r\n{meta}\r\nContent-Length: 9\r\n\r\n");
        }
        let pinned = head
            .lines()
            .any(|line| line.to_ascii_lowercase() == format!("x-amz-copy-source-if-match: \"{MD5}\""));
        let body = if pinned {
            format!("<CopyObjectResult><ETag>\"{MD5}\"</ETag></CopyObjectResult>")
        } else {
            "<Error><Code>InvalidRequest</Code></Error>".to_owned()
        };
        let status = if pinned { "200 OK" } else { "400 Bad Request" };
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let (_proxy, backend) = answering(&world, Mode::AnswerBy(say)).await;
    let copied = backend.copy(&key("k"), &key("c"), CopyOptions::default()).await.unwrap();
    assert_eq!(copied.etag.to_string(), MD5);
}
