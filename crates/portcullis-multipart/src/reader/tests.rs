//! Bodies cut into pieces of every size.

use std::convert::Infallible;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use proptest::prelude::*;

use super::*;
use crate::content_type::{ContentType, Quoting};

const LIMITS: Limits = Limits { head: 256, parts: 5 };

type Body = Multipart<BoxStream<'static, Result<Bytes, Infallible>>>;
type Parts = Vec<(Option<String>, Vec<u8>)>;

fn body(bytes: &[u8], piece: usize) -> Body {
    let boundary = ContentType::new("a/b; boundary=XX").boundary(Quoting::Escaped).unwrap();
    let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Multipart::new(stream::iter(pieces).boxed(), &boundary, LIMITS)
}

async fn read(bytes: &[u8], piece: usize) -> Result<Parts, Fault<Infallible>> {
    let (mut body, mut parts) = (body(bytes, piece), Vec::new());
    while let Some(head) = body.next_part().await? {
        let mut value = Vec::new();
        while let Some(piece) = body.next_piece().await? {
            assert!(!piece.is_empty());
            value.extend_from_slice(&piece);
        }
        assert_eq!(body.next_piece().await?, None);
        parts.push((head.get("a").map(str::to_owned), value));
    }
    body.finish().await?;
    Ok(parts)
}

const THREE: &str = "before\r\n--XX\r\na: 1\r\n\r\nhello\r\n--XX \t\r\na: 2\r\nb:\r\n c\r\n\r\n\
    one\r\n--X\r\n\r\n--XX\r\n\r\n\r\n--XX--\r\nafter";

#[tokio::test]
async fn parts_come_whole_however_they_are_cut() {
    let wanted = [(Some("1"), "hello"), (Some("2"), "one\r\n--X\r\n"), (None, "")];
    let wanted = wanted.map(|(name, value)| (name.map(str::to_owned), value.as_bytes().to_vec()));
    for piece in [1, 2, 3, 4, 5, 7, 64, 4096] {
        assert_eq!(read(THREE.as_bytes(), piece).await.unwrap(), wanted, "{piece}");
    }
}

#[tokio::test]
async fn a_part_that_is_not_read_is_passed_over() {
    let mut body = body(THREE.as_bytes(), 5);
    let mut names = Vec::new();
    while let Some(head) = body.next_part().await.unwrap() {
        names.push(head.get("a").map(str::to_owned));
    }
    assert_eq!(names, [Some("1".to_owned()), Some("2".to_owned()), None]);
    assert_eq!((body.next_part().await, body.next_piece().await), (Ok(None), Ok(None)));
}

#[tokio::test]
async fn what_is_cut_off_is_said_wherever_it_is() {
    let end = THREE.find("--XX--").unwrap() + 6;
    for at in 0..end {
        for piece in [1, 16] {
            assert_eq!(read(&THREE.as_bytes()[..at], piece).await, Err(Fault::Incomplete), "{at}");
        }
    }
    assert!(read(&THREE.as_bytes()[..end], 16).await.is_ok());
}

#[tokio::test]
async fn a_source_that_ended_is_not_asked_again() {
    let mut body = body(b"--XX\r\n\r\nab", 3);
    body.next_part().await.unwrap();
    while let Ok(Some(_)) = body.next_piece().await {}
    assert_eq!(body.next_piece().await, Err(Fault::Incomplete));
    assert_eq!(body.finish().await, Err(Fault::Incomplete));
}

#[tokio::test]
async fn what_is_no_part_is_refused_as_soon_as_it_is_seen() {
    for wrong in ["--XXyz\r\n\r\n", "--XX-x", "--XX\n\n", "--XX \n", "--XX --", "--XX\r\nnonsense\r\n\r\n"] {
        for piece in [1, 64] {
            assert_eq!(read(wrong.as_bytes(), piece).await, Err(Fault::Malformed), "{wrong}");
        }
    }
    assert_eq!(read(b"--XX\r\na: \xff\r\n\r\n", 64).await, Err(Fault::Malformed));
}

#[tokio::test]
async fn nothing_is_longer_than_allowed() {
    let long = "a".repeat(2 * LIMITS.head);
    let many = "--XX\r\n\r\n\r\n".repeat(LIMITS.parts + 1);
    let cases = [
        long.clone(),
        format!("{long}\r\n--XX--"),
        format!("--XX\r\na: {long}"),
        format!("--XX\r\na: {long}\r\n\r\n"),
        format!("--XX{}", " ".repeat(2 * LIMITS.head)),
        format!("--XX--\r\n{long}"),
        many,
    ];
    for long in &cases {
        for piece in [1, 4096] {
            assert_eq!(read(long.as_bytes(), piece).await, Err(Fault::TooLong), "{long}");
        }
    }
}

#[tokio::test]
async fn what_the_source_says_is_passed_on() {
    let boundary = ContentType::new("a/b; boundary=XX").boundary(Quoting::Escaped).unwrap();
    let pieces = stream::iter([Ok(Bytes::from_static(b"--XX\r\n\r\nab")), Err("gone")]).boxed();
    let mut body = Multipart::new(pieces, &boundary, LIMITS);
    assert!(body.next_part().await.unwrap().is_some());
    let mut read = Vec::new();
    let fault = loop {
        match body.next_piece().await {
            Ok(Some(piece)) => read.extend_from_slice(&piece),
            Ok(None) => panic!("it never ended"),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault, Fault::Source("gone"));
    assert!(b"ab".starts_with(&read));
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        values in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'X'), any::<u8>()], 0..40), 0..5),
        piece in 1_usize..20,
    ) {
        prop_assume!(values.iter().all(|value| memmem::find(&[b"\r\n", &value[..]].concat(), b"\r\n--XX").is_none()));
        let mut bytes = Vec::new();
        for value in &values {
            bytes.extend_from_slice(b"--XX\r\na: 1\r\n\r\n");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"--XX--\r\n");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(read(&bytes, piece)).unwrap();
        let wanted: Parts = values.into_iter().map(|value| (Some("1".to_owned()), value)).collect();
        prop_assert_eq!(read, wanted);
    }
}
