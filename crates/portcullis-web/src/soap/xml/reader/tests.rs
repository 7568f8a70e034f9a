//! Markup, in whatever pieces it comes.

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::*;
use crate::soap::source::Source;

fn source(begun: &'static str) -> Source {
    let begun = stream::iter([Ok::<_, io::Error>(Bytes::from_static(begun.as_bytes()))]);
    Source::plain(Body::from_stream(begun.chain(stream::pending())))
}

#[tokio::test]
async fn whoever_stops_in_the_middle_is_not_waited_for() {
    let mut reader = XmlReader::with_patience(source("<a><b"), Duration::ZERO);
    reader.deadline = Instant::now() + PATIENCE;
    assert!(matches!(reader.next().await, Ok(Token::Start(_))));
    reader.deadline = Instant::now();
    assert!(reader.next().await.is_err());
}

#[tokio::test]
async fn patience_begins_anew_after_content() {
    let mut reader = XmlReader::new(source("<a>aGk=</a"));
    assert!(reader.next().await.is_ok());
    reader.patience = Duration::ZERO;
    let mut decoder = Decoder::default();
    assert!(!reader.base64(&mut decoder).await.unwrap());
    assert_eq!(decoder.decoded(), "hi");
    assert!(reader.next().await.is_err());
}

#[tokio::test]
async fn pieces_of_markup() {
    let document = "<?xml version='1.0'?><!-- c --><p:a xmlns:p='urn:p' p:k=' 1&amp;2 '><b/>t&lt;<![CDATA[<u>]]></p:a>\n";
    let mut reader = XmlReader::new(document.as_bytes());
    let Ok(Token::Start(root)) = reader.next().await else { panic!("no root") };
    assert!(root.name.is("urn:p", "a"));
    assert_eq!(root.attribute("urn:p", "k"), Some(" 1&2 "));
    assert!(matches!(reader.next().await, Ok(Token::Start(b)) if b.name.is("", "b")));
    assert!(matches!(reader.next().await, Ok(Token::End)));
    assert_eq!(reader.text().await.unwrap(), "t<<u>");
    assert!(matches!(reader.next().await, Ok(Token::Eof)));
}

/// Everything that is read of a document which comes in pieces of this size.
async fn read(document: &[u8], size: usize) -> String {
    let pieces: Vec<_> =
        document.chunks(size).map(|piece| Ok::<_, io::Error>(Bytes::copy_from_slice(piece))).collect();
    let mut reader = XmlReader::new(Source::plain(Body::from_stream(stream::iter(pieces))));
    let mut told = String::new();
    loop {
        let token = reader.next().await;
        told.push_str(&format!("{token:?}\n"));
        if matches!(token, Err(_) | Ok(Token::Eof)) {
            return told;
        }
    }
}

#[tokio::test]
async fn pieces_make_no_difference_whatever_it_is() {
    let document = "<?xml version='1.0' encoding='utf-8'?>\n<e:a xmlns:e='urn:e' k=\"v\"><!-- c --><b/>\u{fc}&lt;x&#13;\
                    <c e:d='1'><![CDATA[<u>]]></c>\r\n</e:a>";
    let markup = b"<>&;'\"/!?-[]=: \n\0\xffax";
    let mut state = 1u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut well = 0;
    for _ in 0..2_000 {
        let mut bytes = document.as_bytes().to_vec();
        for _ in 0..=next(3) {
            let (at, with) = (next(bytes.len()), markup[next(markup.len())]);
            match next(3) {
                0 => bytes[at] = with,
                1 => bytes.insert(at, with),
                _ => drop(bytes.remove(at)),
            }
        }
        let whole = read(&bytes, bytes.len()).await;
        well += usize::from(whole.ends_with("Ok(Eof)\n"));
        for size in [1, 2, 7] {
            assert_eq!(read(&bytes, size).await, whole, "{}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!((100..1_900).contains(&well), "{well} were read to their end");
}
