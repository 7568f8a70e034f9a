//! Uploads in steps: tus 1.0.0 under `/files`.

use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use sha2::{Digest as _, Sha256};

use crate::files_http::{Place, http_key};
use crate::world::Answer;

const MIB: usize = 1 << 20;

/// Bytes of which no two stretches are alike.
fn bytes(length: usize) -> Bytes {
    let block = |number: usize| Sha256::digest(number.to_be_bytes());
    let blocks = (0..length.div_ceil(32)).flat_map(|number| block(number).to_vec());
    blocks.take(length).collect::<Vec<u8>>().into()
}

/// An upload under way.
struct Upload<'a> {
    place: &'a Place,
    at: String,
}

impl<'a> Upload<'a> {
    async fn begin(place: &'a Place, below: &str, length: usize, headers: &[(&str, &str)]) -> Self {
        let length = length.to_string();
        let mut all = vec![("tus-resumable", "1.0.0"), ("upload-length", length.as_str())];
        all.extend_from_slice(headers);
        let answer = place.send("POST", below, &all, "").await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
        Self { place, at: answer.header("location").to_owned() }
    }

    async fn ask(&self, method: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let ask = self.place.world.ask(method, &self.at).header("authorization", &self.place.basic);
        let mut ask = ask.header("tus-resumable", "1.0.0").body(body);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        ask.send().await
    }

    async fn patch(&self, offset: usize, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let offset = offset.to_string();
        let mut all =
            vec![("upload-offset", offset.as_str()), ("content-type", "application/offset+octet-stream")];
        all.extend_from_slice(headers);
        self.ask("PATCH", &all, body).await
    }

    async fn offset(&self) -> usize {
        let answer = self.ask("HEAD", &[], "").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.header("upload-offset").parse().unwrap()
    }

    /// Sends all of it from `offset` on in pieces; each has to be kept whole.
    async fn send(&self, all: &Bytes, mut offset: usize, piece: usize) {
        while offset < all.len() {
            let next = (offset + piece).min(all.len());
            let length = (next - offset).to_string();
            let answer = self.patch(offset, &[("content-length", &length)], all.slice(offset..next)).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{offset}: {answer:?}");
            assert_eq!(answer.header("upload-offset"), next.to_string());
            offset = next;
        }
    }
}

/// Bytes, and then a connection that breaks.
fn broken(bytes: Bytes) -> Body {
    let items = [Ok(bytes), Err(std::io::Error::other("the client is gone"))];
    Body::from_stream(stream::iter(items))
}

#[tokio::test]
async fn a_file_comes_in_steps() {
    let place = Place::new("read_write").await;
    for (name, length, piece) in [
        ("small", 100, 7),
        ("one", 5 * MIB, MIB),
        ("whole", 8 * MIB, 8 * MIB),
        ("several", 20 * MIB + 17, 5 * MIB + 3),
        ("at-once", 17 * MIB, 17 * MIB),
    ] {
        let all = bytes(length);
        let told = [("upload-metadata", "filetype dGV4dC9wbGFpbg==,filename eA==")];
        let upload = Upload::begin(&place, name, length, &told).await;
        assert_eq!(upload.offset().await, 0);
        assert_eq!(place.send("GET", name, &[], "").await.status, StatusCode::NOT_FOUND, "not yet");
        upload.send(&all, 0, piece).await;
        // Who did not hear that it is done asks, and may say the last word again.
        assert_eq!(upload.offset().await, length);
        assert_eq!(upload.patch(length, &[], "").await.status, StatusCode::NO_CONTENT);
        let look = upload.ask("HEAD", &[], "").await;
        assert_eq!(look.header("upload-length"), length.to_string());
        assert_eq!(look.header("upload-metadata"), told[0].1);
        let file = place.send("GET", name, &[], "").await;
        assert!(file.body == all, "{name}: other bytes");
        assert_eq!(file.header("content-type"), "text/plain");
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_for_another_node() {
    let mut place = Place::new("read_write").await;
    let all = bytes(19 * MIB);
    let upload = Upload::begin(&place, "a", all.len(), &[]).await;
    upload.send(&all.slice(..11 * MIB), 0, MIB).await;
    let at = upload.at.clone();
    place.world = place.world.behind_another_door();
    let upload = Upload { place: &place, at };
    assert_eq!(upload.offset().await, 11 * MIB);
    upload.send(&all, 11 * MIB, 3 * MIB).await;
    assert!(place.send("GET", "a", &[], "").await.body == all);
}

#[tokio::test]
async fn what_came_before_it_broke_off_is_kept() {
    let place = Place::new("read_write").await;
    for length in [6 * MIB, 30 * MIB] {
        let all = bytes(length);
        let upload = Upload::begin(&place, "a", length, &[]).await;
        let mut offset = 0;
        for step in [MIB, 3 * MIB / 2, 2 * MIB, 19 * MIB] {
            let next = (offset + step).min(length - 1);
            // As long as all the rest was said to be, and without a word of it.
            let said = (length - offset).to_string();
            let headers: &[(&str, &str)] = if step == MIB { &[] } else { &[("content-length", &said)] };
            let answer = upload.patch(offset, headers, broken(all.slice(offset..next))).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
            assert_eq!(upload.offset().await, next, "{length}: {step}");
            offset = next;
        }
        upload.send(&all, offset, 4 * MIB).await;
        assert!(place.send("GET", "a", &[], "").await.body == all);
        place.send("DELETE", "a", &[], "").await;
    }
}

#[tokio::test]
async fn bytes_that_are_not_those_of_their_digest_do_not_count() {
    let place = Place::new("read_write").await;
    let sum = |bytes: &Bytes| format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes)));
    for length in [3 * MIB, 20 * MIB] {
        let all = bytes(length);
        let upload = Upload::begin(&place, "a", length, &[]).await;
        let mut offset = 0;
        let wrong = sum(&Bytes::from_static(b"others"));
        for step in [MIB, MIB / 2, 9 * MIB, length] {
            let next = (offset + step).min(length);
            let (piece, length) = (all.slice(offset..next), (next - offset).to_string());
            let headers = [("upload-checksum", wrong.as_str()), ("content-length", length.as_str())];
            let answer = upload.patch(offset, &headers, piece.clone()).await;
            assert_eq!(answer.status.as_u16(), 460, "{answer:?}");
            assert_eq!(upload.offset().await, offset);
            // Neither do those that broke off before it could be seen.
            let right = sum(&piece);
            let headers = [("upload-checksum", right.as_str()), ("content-length", length.as_str())];
            let answer = upload.patch(offset, &headers, broken(piece.slice(..piece.len() / 2))).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert_eq!(upload.offset().await, offset);
            let answer = upload.patch(offset, &headers, piece).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
            assert_eq!(answer.header("upload-offset"), next.to_string());
            offset = next;
            if offset == all.len() {
                break;
            }
        }
        assert!(place.send("GET", "a", &[], "").await.body == all);
        place.send("DELETE", "a", &[], "").await;
    }
    // What was not told to have a digest goes on after what was.
    let all = bytes(20 * MIB);
    let upload = Upload::begin(&place, "b", all.len(), &[]).await;
    let wrong = sum(&all);
    let answer = upload.patch(0, &[("upload-checksum", &wrong)], all.slice(..19 * MIB)).await;
    assert_eq!(answer.status.as_u16(), 460);
    upload.send(&all, 0, 3 * MIB).await;
    assert!(place.send("GET", "b", &[], "").await.body == all);
}

#[tokio::test]
async fn what_is_refused() {
    let place = Place::new("read_write").await;
    let upload = Upload::begin(&place, "a", 10, &[]).await;
    let tus = ("tus-resumable", "1.0.0");
    for (headers, status) in [
        (&[("upload-length", "1")][..], 412),
        (&[("tus-resumable", "0.2.2"), ("upload-length", "1")], 412),
        (&[tus], 400),
        (&[tus, ("upload-length", "-1")], 400),
        (&[tus, ("upload-defer-length", "1")], 400),
        (&[tus, ("upload-length", "1"), ("upload-concat", "partial")], 400),
        (&[tus, ("upload-length", "335544320001")], 413),
        (&[tus, ("upload-length", "1"), ("upload-metadata", "filename *")], 400),
        (&[tus, ("upload-length", "1"), ("if-none-match", "*")], 400),
    ] {
        let answer = place.send("POST", "b", headers, "").await;
        assert_eq!(answer.status.as_u16(), status, "{headers:?}: {answer:?}");
    }
    for (metadata, status) in [("filename L2V0Yy9wYXNzd2Q=", 400), ("name eA==", 400), ("filename eA==", 201)]
    {
        let headers = [tus, ("upload-length", "1"), ("upload-metadata", metadata)];
        let answer = place.send("POST", "folder/", &headers, "").await;
        assert_eq!(answer.status.as_u16(), status, "{metadata}");
        if status == 201 {
            assert!(answer.header("location").starts_with(&place.path("folder/x?upload=")), "{answer:?}");
        }
    }
    let wrong = upload.patch(5, &[], "x").await;
    assert_eq!((wrong.status, wrong.header("upload-offset")), (StatusCode::CONFLICT, "0"));
    assert_eq!(upload.patch(0, &[("content-length", "11")], "12345678901").await.status.as_u16(), 413);
    let kind = upload.ask("PATCH", &[("upload-offset", "0"), ("content-type", "text/plain")], "x").await;
    assert_eq!(kind.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for method in ["GET", "PUT", "POST"] {
        assert_eq!(upload.ask(method, &[("upload-length", "1")], "x").await.status.as_u16(), 405, "{method}");
    }
    assert_eq!(upload.offset().await, 0);
    // What is said with POST by those who cannot say it otherwise.
    let headers = [
        ("x-http-method-override", "PATCH"),
        ("upload-offset", "0"),
        ("content-type", "application/offset+octet-stream"),
    ];
    assert_eq!(upload.ask("POST", &headers, "0123456789").await.status, StatusCode::NO_CONTENT);
    assert_eq!(place.send("GET", "a", &[], "").await.body, "0123456789");
}

#[tokio::test]
async fn an_upload_is_its_keys_alone() {
    let place = Place::new("read_write").await;
    let (other, ..) = http_key(&place.world, &place.storage, "read_write").await;
    let upload = Upload::begin(&place, "a", 20 * MIB, &[]).await;
    let ask = |path: String| {
        place.world.ask("HEAD", &path).header("authorization", &other).header("tus-resumable", "1.0.0")
    };
    assert_eq!(ask(upload.at.clone()).send().await.status, StatusCode::NOT_FOUND);
    let elsewhere = upload.at.replace("/a?", "/b?");
    let own = place.world.ask("HEAD", &elsewhere).header("authorization", &place.basic);
    assert_eq!(own.header("tus-resumable", "1.0.0").send().await.status, StatusCode::NOT_FOUND);
    // Ended, it is none.
    assert_eq!(upload.ask("DELETE", &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(upload.ask("HEAD", &[], "").await.status, StatusCode::NOT_FOUND);
    // And so it is when its time is over; the next one of the key gives its parts up.
    let late = Upload::begin(&place, "late", 20 * MIB, &[]).await;
    late.send(&bytes(9 * MIB), 0, 9 * MIB).await;
    place.world.clock.advance(Duration::from_secs(7 * 24 * 3600));
    place.world.access.refresh(&place.world.system).await.unwrap();
    assert_eq!(late.ask("HEAD", &[], "").await.status, StatusCode::NOT_FOUND);
    let id = late.at.split_once('=').unwrap().1;
    assert!(place.world.metadata.resumable(id).await.unwrap().is_some());
    Upload::begin(&place, "new", 1, &[]).await;
    assert!(place.world.metadata.resumable(id).await.unwrap().is_none());
}

#[tokio::test]
async fn whoever_may_only_write_can_too() {
    let place = Place::new("write").await;
    place.plant("there", "planted").await;
    let mut told = Vec::new();
    for name in ["there", "new"] {
        let all = bytes(18 * MIB);
        let upload = Upload::begin(&place, name, all.len(), &[]).await;
        upload.send(&all, 0, 5 * MIB).await;
        told.push(upload.offset().await);
    }
    assert_eq!(told, [18 * MIB; 2]);
}

#[tokio::test]
async fn a_right_that_is_gone_ends_an_upload() {
    let place = Place::new("read_write").await;
    let upload = Upload::begin(&place, "a", 20 * MIB, &[]).await;
    upload.send(&bytes(9 * MIB), 0, 9 * MIB).await;
    let path = format!("/api/v1/keys/{}", place.key["id"].as_str().unwrap());
    let narrowed = serde_json::json!({"permission": "read"});
    assert_eq!(place.world.admin("PATCH", &path).json(&narrowed).send().await.status, StatusCode::OK);
    for (method, status) in [("HEAD", 403), ("PATCH", 403), ("DELETE", 403)] {
        assert_eq!(upload.ask(method, &[], "").await.status.as_u16(), status, "{method}");
    }
    assert_eq!(place.world.admin("DELETE", &path).send().await.status, StatusCode::OK);
    assert_eq!(upload.ask("HEAD", &[], "").await.status, StatusCode::UNAUTHORIZED);
    assert!(place.keys().await.is_empty());
}

#[tokio::test]
async fn some_come_with_the_first_word() {
    let place = Place::new("read_write").await;
    let kind = ("content-type", "application/offset+octet-stream");
    let tus = ("tus-resumable", "1.0.0");
    for (length, sent) in [("5", "hello"), ("9", "hello"), ("0", "")] {
        let answer = place.send("POST", "a", &[tus, kind, ("upload-length", length)], sent).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        assert_eq!(answer.header("upload-offset"), sent.len().to_string());
    }
    assert_eq!(place.send("GET", "a", &[], "").await.body, "");
}
