//! Content on its way: in pieces, broken off, cut off, damaged, and beside the envelope.

use std::io;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;

use super::{Service, V11, code, envelope, get_file, put_file, text, value};

/// A body in pieces of this size.
pub(super) fn pieces(text: &str, size: usize) -> Body {
    let pieces: Vec<_> =
        text.as_bytes().chunks(size).map(|piece| Ok::<_, io::Error>(Bytes::copy_from_slice(piece))).collect();
    Body::from_stream(stream::iter(pieces))
}

impl Service {
    async fn stream(&self, body: Body) -> crate::world::Answer {
        let ask = self.world.ask("POST", "/soap").header("content-type", "text/xml");
        ask.header("authorization", &self.basic()).body(body).send().await
    }
}

#[tokio::test]
async fn in_whatever_pieces_it_comes() {
    let service = Service::new().await;
    let wanted: Vec<u8> = (0..=255).cycle().take(2000).collect();
    let body = envelope(V11, "", &put_file("a", "<length>2000</length>", &wanted));
    for size in [1, 2, 3, 7, 100] {
        let answer = service.stream(pieces(&body, size)).await;
        assert_eq!(answer.status, 200, "{size}: {answer:?}");
        assert_eq!(service.content("a").await.unwrap(), wanted, "{size}");
    }
}

#[tokio::test]
async fn base64_is_written_in_many_ways() {
    let service = Service::new().await;
    for content in ["aGVsbG8=", " \r\n aGVs\r\n bG8= \r\n", "aGVs&#xD;\nbG8=&#13;&#10;", "<!-- a comment -->"]
    {
        let put = format!("<PutFile><path>a</path><content>{content}</content></PutFile>");
        let answer = service.call(&put).await;
        assert_eq!(answer.status, 200, "{content}: {answer:?}");
        let stored = service.content("a").await.unwrap();
        assert!(stored == b"hello" || (stored.is_empty() && content.starts_with("<!")), "{content}");
    }
    for content in [
        "aGVsbG8",
        "aGVsbG8=aGVs",
        "aGVsbG8*",
        "aGVsbG9=",
        "aGVs<!-- x -->bG8=",
        "aGVs<![CDATA[bG8=]]>",
        "<![CDATA[aGVs]]>",
        "aGVs<x/>",
        "&#x20AC;",
        "&amp;",
        "\u{fc}",
        "<xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:x\"/>",
        "<Include href=\"cid:x\"/>",
    ] {
        let put = format!("<PutFile><path>b</path><content>{content}</content></PutFile>");
        assert_eq!(service.fault(&put).await, "InvalidRequest", "{content}");
        assert_eq!(service.content("b").await, None, "{content}");
    }
}

#[tokio::test]
async fn nothing_is_stored_before_all_of_it_has_come() {
    let service = Service::new().await;
    service.put("a", b"old").await;
    for length in [10, 3_000_000] {
        let put = put_file("a", "", &vec![b'x'; length]);
        let whole = envelope(V11, "", &put);
        let ends = ["<content>", "</content>", "</PutFile>", "</e:Body>", "</e:Envelope>"];
        let cuts = ends.iter().flat_map(|end| {
            let at = whole.find(end).unwrap();
            [at, at + 1, at + end.len() - 1]
        });
        for cut in cuts {
            for broken in [true, false] {
                let begun = Ok::<_, io::Error>(Bytes::copy_from_slice(&whole.as_bytes()[..cut]));
                let end = broken.then(|| Err(io::ErrorKind::ConnectionReset.into()));
                let body = Body::from_stream(stream::iter([begun]).chain(stream::iter(end)));
                let told = code(&service.stream(body).await);
                assert!(["Broken", "InvalidRequest"].contains(&told.as_str()), "{cut}: {told}");
                assert_eq!(service.content("a").await.unwrap(), b"old", "{cut} {broken}");
            }
        }
        for more in ["<more/>", "text"] {
            for end in ends.iter().skip(1) {
                let longer = whole.replacen(end, &format!("{end}{more}"), 1);
                assert_eq!(code(&service.stream(Body::from(longer)).await), "InvalidRequest", "{end} {more}");
                assert_eq!(service.content("a").await.unwrap(), b"old", "{end} {more}");
            }
        }
    }
}

#[tokio::test]
async fn whoever_may_not_is_told_before_anything_is_sent() {
    let service = Service::with("read").await;
    let head = envelope(V11, "", &put_file("a", "", b""));
    let head = head.split("</content>").next().unwrap().to_owned();
    let never = stream::iter([Ok::<_, io::Error>(Bytes::from(head))]).chain(stream::pending());
    assert_eq!(code(&service.stream(Body::from_stream(never)).await), "AccessDenied");
}

#[tokio::test]
async fn a_right_that_is_taken_away_ends_what_comes() {
    let service = Service::new().await;
    service.put("a", b"old").await;
    let head = envelope(V11, "", &put_file("a", "", &vec![b'x'; 6_000_000]));
    let head = head.split("</content>").next().unwrap().to_owned();
    let never = stream::iter([Ok::<_, io::Error>(Bytes::from(head))]).chain(stream::pending());
    let (sent, revoked) = tokio::join!(service.stream(Body::from_stream(never)), async {
        // As soon as the transfer is seen.
        loop {
            let under_way = service.world.get("/api/v1/transfers").await;
            if !under_way["items"].as_array().unwrap().is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
        service.world.admin("DELETE", &format!("/api/v1/keys/{}", service.id)).send().await
    });
    assert!(revoked.status.is_success(), "{revoked:?}");
    assert_eq!((sent.status, code(&sent).as_str()), (StatusCode::UNAUTHORIZED, "AuthenticationFailed"));
    let path = format!("/api/v1/storages/{}/file?key=a", service.storage["id"].as_str().unwrap());
    assert_eq!(service.world.admin("GET", &path).send().await.body, "old");
}

#[tokio::test]
async fn bytes_beside_the_envelope() {
    let service = Service::new().await;
    let put = "<PutFile><path>a</path><content><xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" \
               href=\"cid:content%40example\"/></content></PutFile>";
    let parts = |put: &str, end: &str| {
        format!(
            "--b\r\nContent-Type: application/xop+xml; type=\"text/xml\"\r\nContent-ID: <root@example>\r\n\r\n{}\r\n\
             --b\r\nContent-Type: application/octet-stream\r\nContent-ID: <content@example>\r\n\r\nhello\r\nworld\r\n{end}",
            envelope(V11, "", put)
        )
    };
    let send = async |body: String| {
        let ask = service.world.ask("POST", "/soap").header("authorization", &service.basic());
        let kind = "multipart/related; boundary=b; type=\"application/xop+xml\"; start=\"<root@example>\"; start-info=\"text/xml\"";
        ask.header("content-type", kind).body(body).send().await
    };
    for (body, wanted) in [
        (parts(put, ""), "Broken"),
        (parts(put, "--b"), "Broken"),
        (parts(put, "--b\r\n"), "Broken"),
        (parts(&put.replace("content%40", "other%40"), "--b--\r\n"), "InvalidRequest"),
        (parts(&put.replace("</content>", "aGk=</content>"), "--b--\r\n"), "InvalidRequest"),
        (parts(&put.replace("<content>", "<content>aGk="), "--b--\r\n"), "InvalidRequest"),
        (parts(&put.replace("cid:", "http:"), "--b--\r\n"), "InvalidRequest"),
    ] {
        assert_eq!(code(&send(body.clone()).await), wanted, "{body}");
        assert_eq!(service.content("a").await, None, "{body}");
    }
    let stored = send(parts(put, "--b--\r\n")).await;
    assert_eq!(stored.status, 200, "{stored:?}");
    assert_eq!(service.content("a").await.unwrap(), b"hello\r\nworld");
    // Whoever sends it is answered in it.
    let read = send(parts(&get_file("a", "<offset>7</offset>"), "--b--\r\n")).await;
    assert!(
        read.header("content-type").starts_with("multipart/related; type=\"application/xop+xml\""),
        "{read:?}"
    );
    let body = text(&read);
    assert!(body.contains("<f:length>5</f:length>") && body.contains("<xop:Include"), "{body}");
    assert!(body.contains("\r\n\r\nworld\r\n--MIME-"), "{body}");
    assert_eq!(read.header("content-length"), read.body.len().to_string());
    // What needs no bytes comes in one part, and small ones in the envelope.
    let stat = send(parts("<Stat><path>a</path></Stat>", "--b--\r\n")).await;
    assert_eq!((stat.status.as_u16(), value(&stat, "size").as_str()), (200, "12"));
    assert_eq!(send(parts(&put_file("b", "", b"inline"), "--b--\r\n")).await.status, 200);
    assert_eq!(service.content("b").await.unwrap(), b"inline");
}
