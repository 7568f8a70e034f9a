//! Objects: stored and read, with ranges and conditions.

use crate::client::path;
use crate::world::World;

#[tokio::test]
async fn an_object_comes_back_as_it_was_stored() {
    let (_world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "a/b.txt");
    let put = client
        .put(&at, "hello world")
        .header("content-type", "text/plain")
        .header("cache-control", "no-cache")
        .header("content-encoding", "aws-chunked,gzip")
        .header("x-amz-meta-mtime", "1700000000.5")
        .header("x-amz-meta-name", "é".as_bytes())
        .header("x-amz-tagging", "a=1&b=2")
        .hashed()
        .send()
        .await
        .ok();
    let etag = "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"";
    assert_eq!(put.header("etag"), Some(etag));
    assert_eq!(put.header("x-amz-version-id"), None);
    assert_eq!(put.header("x-amz-request-id").map(str::len), Some(16));
    assert!(put.header("x-amz-id-2").is_some() && put.header("server").is_none());

    for method in ["GET", "HEAD"] {
        let got = client.request(method, &at).send().await.ok();
        let header = |name| got.header(name);
        assert_eq!(header("content-length"), Some("11"));
        assert_eq!(header("content-type"), Some("text/plain"));
        assert_eq!(header("cache-control"), Some("no-cache"));
        assert_eq!(header("content-encoding"), Some("gzip"));
        assert_eq!(header("x-amz-meta-mtime"), Some("1700000000.5"));
        assert_eq!(header("x-amz-meta-name"), Some("=?UTF-8?B?w6k=?="));
        assert_eq!(header("x-amz-tagging-count"), Some("2"));
        assert_eq!(header("etag"), Some(etag));
        assert_eq!(header("last-modified"), Some("Fri, 15 Jan 2027 08:00:00 GMT"));
        assert_eq!(header("accept-ranges"), Some("bytes"));
        assert_eq!(header("x-amz-version-id"), None);
        assert_eq!(got.body, if method == "GET" { b"hello world".to_vec() } else { Vec::new() });
    }
    let got = client.get(&format!("{at}?response-content-type=a%2Fb&response-expires=x")).send().await.ok();
    assert_eq!((got.header("content-type"), got.header("expires")), (Some("a/b"), Some("x")));
    client.request("DELETE", &at).send().await.ok();
    client.get(&at).send().await.fails(404, "NoSuchKey");
    let head = client.request("HEAD", &at).send().await;
    assert_eq!((head.status, head.header("content-type")), (404, None));
    assert_eq!(client.request("DELETE", &at).send().await.status, 204);
}

#[tokio::test]
async fn keys_are_taken_literally() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let mut keys = vec![
        "a",
        "a/",
        "a//b",
        " a ",
        "/a",
        "a/../b",
        "./a",
        "..",
        "a+b",
        "a b",
        "%2F",
        "a%20b",
        "é",
        "e\u{301}",
        "dir/",
        "dir",
        "a?b=c",
        "a&b",
        "<\"'&>",
        "#",
        "\u{1}\u{1f}",
        "\u{7f}",
        "\u{10ffff}",
        "*~-._",
        "=:@,;$!()[]",
    ];
    for key in &keys {
        client.put(&path(bucket, key), *key).send().await.ok();
    }
    for key in &keys {
        assert_eq!(client.get(&path(bucket, key)).send().await.ok().text(), *key);
    }
    keys.sort_unstable();
    let listed = client.get(&format!("/{bucket}?list-type=2&encoding-type=url")).send().await.ok();
    let decode = |text: &String| {
        String::from_utf8(portcullis_sigv4::encode::decode_component(text).into_owned()).unwrap()
    };
    assert_eq!(listed.elements("Key").iter().map(decode).collect::<Vec<_>>(), keys);
    let plain = client.get(&format!("/{bucket}?list-type=2")).send().await.ok();
    assert!(
        plain.text().contains("<Key>&#x1;&#x1F;</Key>")
            && plain.text().contains("<Key>&lt;&quot;&#39;&amp;&gt;</Key>")
    );
    client.put(&path(bucket, &"k".repeat(1024)), "").send().await.ok();
    client.put(&path(bucket, &"k".repeat(1025)), "").send().await.fails(400, "KeyTooLongError");
    client.put(&format!("/{bucket}/%ff"), "").send().await.fails(400, "InvalidURI");
}

#[tokio::test]
async fn ranges_as_s3_reads_them() {
    let (_world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    let put = client.put(&at, "0123456789").send().await.ok();
    let etag = put.header("etag").unwrap().to_owned();
    for (range, status, body, told) in [
        ("bytes=2-4", 206, "234", Some("bytes 2-4/10")),
        ("bytes=8-99", 206, "89", Some("bytes 8-9/10")),
        ("bytes=9-", 206, "9", Some("bytes 9-9/10")),
        ("bytes=-3", 206, "789", Some("bytes 7-9/10")),
        ("bytes=-99", 206, "0123456789", Some("bytes 0-9/10")),
        ("bytes=5-2", 200, "0123456789", None),
        ("bytes=0-1,3-4", 200, "0123456789", None),
        ("lines=1-2", 200, "0123456789", None),
    ] {
        let got = client.get(&at).header("range", range).send().await;
        assert_eq!(
            (got.status, got.text().as_str(), got.header("content-range")),
            (status, body, told),
            "{range}"
        );
        let head = client.request("HEAD", &at).header("range", range).send().await;
        let length = body.len().to_string();
        assert_eq!(
            (head.status, head.header("content-length"), head.header("content-range")),
            (status, Some(length.as_str()), told),
            "{range}"
        );
    }
    for range in ["bytes=10-", "bytes=-0"] {
        let got = client.get(&at).header("range", range).send().await.fails(416, "InvalidRange");
        assert_eq!(got.header("content-range"), Some("bytes */10"));
        assert_eq!(client.request("HEAD", &at).header("range", range).send().await.status, 416);
    }
    let both = client.get(&format!("{at}?partNumber=1")).header("range", "bytes=0-1").send().await;
    both.fails(400, "InvalidRequest");
    let same = client.get(&at).header("range", "bytes=0-1").header("if-range", &etag).send().await;
    assert_eq!(same.status, 206);
    let other = client.get(&at).header("range", "bytes=0-1").header("if-range", "\"other\"").send().await;
    assert_eq!((other.status, other.body.len()), (200, 10));
}

#[tokio::test]
async fn conditions_on_reads_and_writes() {
    let (_world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    let lock = client.put(&at, "one").header("if-none-match", "*").send().await.ok();
    let etag = lock.header("etag").unwrap().to_owned();
    client.put(&at, "two").header("if-none-match", "*").send().await.fails(412, "PreconditionFailed");
    client.put(&at, "two").header("if-match", "\"other\"").send().await.fails(412, "PreconditionFailed");
    let missing = path(storage.bucket.as_str(), "missing");
    client.put(&missing, "two").header("if-match", &etag).send().await.fails(404, "NoSuchKey");
    client.put(&at, "two").header("if-match", "*").send().await.fails(501, "NotImplemented");
    assert_eq!(client.get(&at).send().await.text(), "one");
    for (name, tag, status) in [
        ("if-match", etag.as_str(), 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", "Fri, 15 Jan 2027 08:00:00 GMT", 304),
        ("if-unmodified-since", "Fri, 15 Jan 2027 07:59:59 GMT", 412),
    ] {
        let got = client.get(&at).header(name, tag).send().await;
        assert_eq!(got.status, status, "{name}: {tag}");
        if status == 304 {
            assert_eq!(got.header("content-length"), None);
            assert_eq!((got.header("etag"), got.body.len()), (Some(etag.as_str()), 0));
        }
    }
    client
        .request("DELETE", &at)
        .header("if-match", "\"other\"")
        .send()
        .await
        .fails(412, "PreconditionFailed");
    client.request("DELETE", &at).header("if-match", &etag).send().await.ok();
}
