//! Why commands and messages are not read by smtp-proto (ADR 22). A test that fails here says that it has changed, and that the
//! decision may be looked at again.

use std::borrow::Cow;

use smtp_proto::Request;
use smtp_proto::request::receiver::{DataReceiver, RequestReceiver};

fn parse(line: &[u8]) -> Result<Request<String>, smtp_proto::Error> {
    Request::<Cow<'_, str>>::parse(&mut line.iter()).map(Request::into_owned)
}

fn recipient(line: &[u8]) -> Option<String> {
    match parse(line) {
        Ok(Request::Rcpt { to }) => Some(to.address),
        _ => None,
    }
}

#[test]
fn it_knows_no_address_literals() {
    assert_eq!(recipient(b"RCPT TO:<files@[127.0.0.1]>\r\n"), None);
    assert_eq!(recipient(b"RCPT TO:<files@[IPv6:::1]>\r\n"), None);
}

#[test]
fn it_changes_names() {
    // What is no UTF-8 becomes another folder.
    assert_eq!(recipient(b"RCPT TO:<in+\xff@gate.test>\r\n").as_deref(), Some("in+\u{fffd}@gate.test"));
    // CR within a name is left out.
    assert_eq!(recipient(b"RCPT TO:<in+a\rb@gate.test>\r\n").as_deref(), Some("in+ab@gate.test"));
    // Where the local part ends is forgotten with the quotes.
    assert_eq!(recipient(b"RCPT TO:<\"a@b\"@gate.test>\r\n").as_deref(), Some("a@b@gate.test"));
}

#[test]
fn it_takes_lines_that_are_none() {
    assert_eq!(parse(b"DATA now\r\n"), Ok(Request::Data));
    assert_eq!(parse(b"STARTTLS\n"), Ok(Request::StartTls));
    let mut receiver = RequestReceiver::default();
    let mut bytes = b"RS\rET\r\n".iter();
    assert!(matches!(receiver.ingest(&mut bytes), Ok(Request::Rset)));
}

/// What one server takes for a line and another for the end hides a second message in the first.
#[test]
fn it_sees_an_end_that_is_none() {
    let (mut receiver, mut message) = (DataReceiver::new(), Vec::new());
    let mut bytes = b"a\r\n.\r\r\nMAIL FROM:<b@c>\r\n".iter();
    assert!(receiver.ingest(&mut bytes, &mut message));
    assert_eq!(bytes.as_slice(), b"MAIL FROM:<b@c>\r\n");
}

#[test]
fn it_sees_no_end_of_an_empty_message() {
    let (mut receiver, mut message) = (DataReceiver::new(), Vec::new());
    assert!(!receiver.ingest(&mut b".\r\nQUIT\r\n".iter(), &mut message));
    assert_eq!(message, b".\r\nQUIT\r\n");
}

#[test]
fn it_adds_a_byte_to_a_message_that_is_written_as_it_comes() {
    let (mut receiver, mut piece, mut message) = (DataReceiver::new(), Vec::new(), Vec::new());
    assert!(!receiver.ingest(&mut b"a\r\n.\r".iter(), &mut piece));
    message.append(&mut piece);
    assert!(receiver.ingest(&mut b"\n".iter(), &mut piece));
    message.append(&mut piece);
    assert_eq!(message, b"a\r\n\r");
}
