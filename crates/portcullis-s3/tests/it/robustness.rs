//! Whatever comes, the door answers, and never with a fault of its own.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, path};
use crate::world::World;

/// Requests that are nearly right: a signed one with one line replaced.
fn nearly_right() -> impl Strategy<Value = (String, String, Vec<(String, String)>)> {
    let names = prop::sample::select(vec![
        "range",
        "if-match",
        "if-none-match",
        "content-md5",
        "x-amz-copy-source",
        "x-amz-tagging",
        "x-amz-checksum-crc32",
        "x-amz-meta-a",
        "x-amz-trailer",
        "x-amz-decoded-content-length",
        "content-encoding",
        "x-amz-acl",
        "content-type",
    ]);
    let query = "(|[a-z]{1,8}|list-type=2&[a-z-]{1,10}=[a-z%/0-9]{0,6}|uploadId=[a-z]{0,4}&partNumber=[0-9-]{0,6}|[ -~]{0,20})";
    let method = prop::sample::select(vec!["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"]);
    (method, "[a-zA-Z0-9%/._~*+-]{0,20}", query, prop::collection::vec((names, "[ -~]{0,30}"), 0..4))
        .prop_map(|(method, key, query, headers)| {
            let query: String = query.chars().filter(|c| !c.is_whitespace() && *c != '#').collect();
            let target = if query.is_empty() { key } else { format!("{key}?{query}") };
            let mut seen = std::collections::HashSet::new();
            let headers = headers.into_iter().filter(|(name, _)| seen.insert(*name));
            (method.to_owned(), target, headers.map(|(name, value)| (name.to_owned(), value)).collect())
        })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn nearly_right_requests_never_fail_inside() {
    let runtime = runtime();
    let (world, storage, client) = runtime.block_on(World::with_storage());
    let bucket = storage.bucket.to_string();
    let config = ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((method, target, headers) in nearly_right())| {
        let mut request = client.request(&method, &format!("/{bucket}/{target}"));
        for (name, value) in &headers {
            request = request.header(name, value.trim());
        }
        let response = runtime.block_on(request.send());
        prop_assert!(response.status < 500 || response.status == 501, "{} {:?}", response.status, response.text());
    });
    runtime.block_on(still_works(&client, &bucket));
    drop(world);
}

#[test]
fn arbitrary_bytes_never_fail_inside() {
    let runtime = runtime();
    let (world, storage, client) = runtime.block_on(World::with_storage());
    let bucket = storage.bucket.to_string();
    let config = ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(target in prop::collection::vec(any::<u8>(), 0..60), name in "[!-~]{1,20}", value in prop::collection::vec(any::<u8>(), 0..60))| {
        let mut bytes = b"GET /".to_vec();
        bytes.extend_from_slice(&target);
        bytes.extend_from_slice(b" HTTP/1.1\r\nhost: h\r\nconnection: close\r\n");
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(&value);
        bytes.extend_from_slice(b"\r\n\r\n");
        let answer = runtime.block_on(answer(world.address, &bytes));
        // Silence is an answer to what is no HTTP at all.
        let status = answer.get(9..12).map(|digits| String::from_utf8_lossy(digits).into_owned());
        prop_assert!(!status.as_deref().is_some_and(|status| status.starts_with('5') && status != "501"), "{status:?}");
    });
    runtime.block_on(still_works(&client, &bucket));
}

async fn answer(address: std::net::SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    drop(stream.write_all(bytes).await);
    drop(stream.shutdown().await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    answer
}

async fn still_works(client: &Client, bucket: &str) {
    let at = path(bucket, "after all");
    client.put(&at, "x").send().await.ok();
    assert_eq!(client.get(&at).send().await.ok().text(), "x");
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let (world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    let kept = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("connection: close\r\n", "");
    let put = kept(client.put(&at, "hello").bytes());
    let missing = kept(client.get(&path(storage.bucket.as_str(), "missing")).bytes());
    let refused = kept(client.put(&at, "hello").header("content-md5", "wrong").bytes());
    let last = String::from_utf8(client.get(&at).bytes()).unwrap();
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(format!("{put}{missing}{refused}{put}{last}").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let statuses: Vec<&str> =
        text.split("HTTP/1.1 ").skip(1).map(|rest| rest.get(..3).unwrap_or_default()).collect();
    assert_eq!(statuses, ["200", "404", "400", "200", "200"], "{text}");
    assert!(text.ends_with("hello"));
}
