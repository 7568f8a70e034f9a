//! Requests as clients send them, answers as they read them.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use tokio::io::AsyncReadExt as _;

use super::super::version::Version;
use super::*;

const KIND: &str = "multipart/related; type=\"application/xop+xml\"; start=\"<root@x>\"; start-info=\"text/xml\"; boundary=\"uuid:b+id=1\"";

/// Parts of head and bytes, between the boundaries of `KIND`.
fn parts(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, bytes) in parts {
        body.extend_from_slice(format!("--uuid:b+id=1\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--uuid:b+id=1--\r\n");
    body
}

const ROOT: (&str, &[u8]) = (
    "Content-Type: application/xop+xml;\r\n charset=UTF-8; type=\"text/xml\"\r\nContent-ID: <root@x>",
    b"<Envelope/>",
);
const FILE: &[u8] = b"\r\n--uuid:b\r\n\0\xff bytes";

fn file(id: &str) -> String {
    format!("Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {id}")
}

fn spool() -> (tempfile::TempDir, Arc<Spool>) {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::with(dir.path().join("soap"), 1024 * 1024, 512 * 1024);
    (dir, spool)
}

async fn open(kind: &str, body: &[u8], spool: &Arc<Spool>, is_known: bool) -> Result<Related, RelatedFault> {
    let pieces: Vec<_> = body.chunks(11).map(Bytes::copy_from_slice).map(Ok::<_, std::io::Error>).collect();
    let body = Body::from_stream(stream::iter(pieces));
    Related::open(&HeaderValue::from_str(kind).unwrap(), body, spool, is_known).await
}

/// The envelope, the part that `cid` names, and whether the end came.
async fn read(mut related: Related, cid: &str) -> Result<(String, Vec<u8>), RelatedFault> {
    let (mut root, mut content) = (String::new(), Vec::new());
    if let Err(error) = related.read_to_string(&mut root).await {
        return Err(RelatedFault::of(&error).unwrap());
    }
    related.attachment(cid).await?;
    while let Some(chunk) = related.chunk().await? {
        content.extend_from_slice(&chunk);
    }
    related.end().await?;
    Ok((root, content))
}

#[tokio::test]
async fn the_envelope_comes_first_however_it_is_named() {
    let (_dir, spool) = spool();
    for (kind, id, cid) in [
        (KIND.to_owned(), "<a@b>", "a@b"),
        (KIND.replace("<root@x>", "root@x"), "a@b", "a@b"),
        (KIND.replace("start=\"<root@x>\"; ", ""), "<a@b>", "a%40b"),
        (KIND.to_owned(), "<a%40b>", "a@b"),
        (KIND.to_owned(), "<a%40b>", "a%40b"),
        (KIND.to_owned(), "<\u{e9}@b>", "%C3%A9@b"),
    ] {
        let body = parts(&[ROOT, ("Content-ID: <other>", b"passed over"), (&file(id), FILE)]);
        let related = open(&kind, &body, &spool, false).await.unwrap();
        assert_eq!((related.root_type(), related.action()), ("text/xml", None));
        assert_eq!(read(related, cid).await.unwrap(), ("<Envelope/>".to_owned(), FILE.to_vec()), "{cid}");
    }
}

#[tokio::test]
async fn parts_before_the_envelope_wait_without_a_name() {
    let (dir, spool) = spool();
    let body = parts(&[("Content-ID: <other>", b"other"), (&file("<a@b>"), FILE), ROOT, ("A: b", b"more")]);
    let related = open(KIND, &body, &spool, true).await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path().join("soap")).unwrap().count(), 0, "files have no name");
    assert_eq!(read(related, "a@b").await.unwrap(), ("<Envelope/>".to_owned(), FILE.to_vec()));
    let stranger = open(KIND, &body, &spool, false).await.err().unwrap();
    assert!(matches!(stranger, RelatedFault::Malformed(text) if text.contains("HTTP Basic")), "{stranger}");
}

#[tokio::test]
async fn room_to_wait_is_bounded_and_comes_back() {
    let (_dir, spool) = spool();
    let large = vec![b'x'; 400 * 1024];
    let body = parts(&[(&file("<a@b>"), &large), ROOT]);
    let first = open(KIND, &body, &spool, true).await.unwrap();
    let second = open(KIND, &body, &spool, true).await.unwrap();
    assert_eq!(open(KIND, &body, &spool, true).await.err(), Some(RelatedFault::Unavailable));
    drop(first);
    let third = open(KIND, &body, &spool, true).await.unwrap();
    assert!(read(second, "a@b").await.unwrap().1 == large && read(third, "a@b").await.unwrap().1 == large);
    let larger = parts(&[(&file("<a@b>"), &large), (&file("<b@b>"), &large), ROOT]);
    assert!(matches!(open(KIND, &larger, &spool, true).await.err(), Some(RelatedFault::TooLarge(_))));
    let many: Vec<(&str, &[u8])> = std::iter::repeat_n(("A: b", &b"x"[..]), 11).chain([ROOT]).collect();
    assert!(matches!(open(KIND, &parts(&many), &spool, true).await.err(), Some(RelatedFault::TooLarge(_))));
}

#[tokio::test]
async fn what_a_content_type_tells_of_the_envelope() {
    let (_dir, spool) = spool();
    let head = "Content-Type: application/xop+xml; type=\"application/soap+xml; action=\\\"urn:x#Stat\\\"\"";
    let body = parts(&[(head, b"<E/>")]);
    let kind = "multipart/related;type=\"Application/XOP+xml\";start-info=\"application/soap+xml\";boundary=\"uuid:b+id=1\"";
    let related = open(kind, &body, &spool, false).await.unwrap();
    assert_eq!((related.root_type(), related.action()), ("application/soap+xml", Some("urn:x#Stat")));
    let related = open(&format!("{kind};action=\"urn:x#Put\""), &body, &spool, false).await.unwrap();
    assert_eq!(related.action(), Some("urn:x#Put"));
    // Without a type inside, start-info tells.
    let body = parts(&[("Content-Type: application/xop+xml", b"<E/>")]);
    let related = open(kind, &body, &spool, false).await.unwrap();
    assert_eq!(related.root_type(), "application/soap+xml");
}

#[tokio::test]
async fn what_is_no_such_request_is_refused() {
    let (_dir, spool) = spool();
    let good = parts(&[ROOT, (&file("<a@b>"), FILE)]);
    for kind in [
        "text/xml",
        "multipart/related; boundary=\"uuid:b+id=1\"",
        "multipart/related; type=\"text/xml\"; boundary=\"uuid:b+id=1\"",
        "multipart/mixed; type=\"application/xop+xml\"; boundary=\"uuid:b+id=1\"",
        "multipart/related; type=\"application/xop+xml\"",
    ] {
        let fault = open(kind, &good, &spool, true).await.err();
        assert!(matches!(fault, Some(RelatedFault::Malformed(_))), "{kind}: {fault:?}");
    }
    for wrong in [
        parts(&[("Content-Type: text/xml\r\nContent-ID: <root@x>", b"<E/>")]),
        parts(&[("Content-ID: <other@x>", b"<E/>")]),
        parts(&[(
            "Content-Type: application/xop+xml\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <root@x>",
            b"PEUvPg==",
        )]),
    ] {
        let fault = open(KIND, &wrong, &spool, true).await.err();
        assert!(matches!(fault, Some(RelatedFault::Malformed(_))), "{fault:?}");
    }
    let related = open(KIND, &good, &spool, true).await.unwrap();
    assert!(matches!(read(related, "c@b").await, Err(RelatedFault::Malformed(_))));
    let encoded = file("<a@b>").replace("binary", "base64");
    let related = open(KIND, &parts(&[ROOT, (&encoded, b"YQ==")]), &spool, true).await.unwrap();
    assert!(matches!(read(related, "a@b").await, Err(RelatedFault::Malformed(_))));
}

#[tokio::test]
async fn a_request_that_ends_too_early_never_reaches_its_end() {
    let (_dir, spool) = spool();
    let whole = parts(&[ROOT, (&file("<a@b>"), FILE), (&file("<c@b>"), FILE)]);
    for at in 0..whole.len() - 2 {
        let outcome = match open(KIND, &whole[..at], &spool, true).await {
            Ok(related) => read(related, "a@b").await,
            Err(fault) => Err(fault),
        };
        assert_eq!(outcome, Err(RelatedFault::Broken), "{at}");
    }
    let epilogue = [&whole[..], &[b'x'; 9 * 1024]].concat();
    let related = open(KIND, &epilogue, &spool, true).await.unwrap();
    assert!(matches!(read(related, "a@b").await, Err(RelatedFault::TooLarge(_))));
}

#[tokio::test]
async fn what_is_answered_is_read_back() {
    let (_dir, spool) = spool();
    for version in [Version::V11, Version::V12] {
        let content = stream::iter([Ok(Bytes::from_static(FILE)), Ok(Bytes::from_static(b"more"))]).boxed();
        let response = answer(version, "<E><c>", "</c></E>", content, u64::try_from(FILE.len() + 4).unwrap());
        let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(bytes.len(), length);
        let related = open(&kind, &bytes, &spool, false).await.unwrap();
        assert_eq!(related.root_type(), version.media_type());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let cid = text.split("href=\"cid:").nth(1).unwrap().split('"').next().unwrap();
        let (root, content) = read(related, cid).await.unwrap();
        assert!(root.starts_with("<E><c><xop:Include ") && root.ends_with("/></c></E>"), "{root}");
        assert_eq!(content, [FILE, b"more"].concat());
    }
}

#[test]
fn who_reads_such_answers() {
    let with = |name: http::HeaderName, value: &str| {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    };
    assert!(wanted(&with(CONTENT_TYPE, KIND)));
    assert!(wanted(&with(ACCEPT, "text/xml, Multipart/Related; q=0.5")));
    assert!(wanted(&with(ACCEPT, "application/xop+xml")));
    for other in ["*/*", "text/xml, application/soap+xml", "multipart/mixed"] {
        assert!(!wanted(&with(ACCEPT, other)), "{other}");
    }
}
