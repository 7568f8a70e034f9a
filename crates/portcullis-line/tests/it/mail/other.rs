//! Why messages are read by code of our own: what mailparse, which reads them for display, makes of what the corpus and the tests beside the
//! code hold. If one of these no longer holds, ADR 21 has a reason less.

use mailparse::{parse_content_disposition, parse_header, parse_mail};

use super::mail;

fn name(field: &str) -> Option<String> {
    parse_content_disposition(field).params.get("filename").cloned()
}

fn value(field: &str) -> String {
    parse_header(field.as_bytes()).unwrap().0.get_value()
}

/// The contents of the parts of a `multipart/mixed` whose boundary is `a`.
fn contents(body: &str) -> Vec<String> {
    let message = mail(&format!("Content-Type: multipart/mixed; boundary=a\n\n{body}"));
    let parsed = parse_mail(&message).unwrap();
    parsed.subparts.iter().map(|part| String::from_utf8(part.get_body_raw().unwrap()).unwrap()).collect()
}

#[test]
fn names_are_not_what_was_said() {
    // The name for old readers is taken, and the one that can say everything is not.
    let both = "attachment; filename=\"____.pdf\"; filename*=UTF-8''%E8%AB%8B%E6%B1%82%E6%9B%B8.pdf";
    assert_eq!(name(both).as_deref(), Some("____.pdf"));
    // What stood between the backslashes of a path becomes one name.
    assert_eq!(name("attachment; filename=\"C:\\temp\\new.pdf\"").as_deref(), Some("C:tempnew.pdf"));
    // A character in two words is lost.
    assert_eq!(value("Subject: =?utf-8?Q?gr=C3?= =?utf-8?Q?=BCn?="), "gr\u{fffd}\u{fffd}n");
    // Words in parameters are decoded before the parameters are read, or not at all.
    let words = "Content-Disposition: attachment; filename=\"=?utf-8?Q?a=22;_filename=22b?=\"";
    assert_eq!(name(&value(words)).as_deref(), Some("a"));
}

#[test]
fn content_is_lost_without_a_word() {
    // A line that begins like a boundary ends the part.
    assert_eq!(contents("--a\n\nx\n--ab\ny\n--a--\n"), ["x", ""]);
    // Parts within a boundary that is never closed.
    let inner = "--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--a\n\ny\n--a--\n";
    assert_eq!(contents(inner), ["", "y"]);
    // A message that ends in the middle, one that is never divided, and parts behind the last boundary.
    assert_eq!(contents("--a\n\nx\n--a\n\nhalf of y"), ["x", "half of y"]);
    assert!(contents("all of the text").is_empty());
    assert_eq!(contents("--a\n\nx\n--a--\n--a\n\ny\n--a--\n"), ["x"]);
    // Encodings that are broken, or that nobody knows.
    let encoded = |with: &str, text: &str| {
        contents(&format!("--a\nContent-Transfer-Encoding: {with}\n\n{text}\n--a--\n"))
    };
    assert_eq!(encoded("quoted-printable", "a=ZZ"), ["a=ZZ"]);
    assert_eq!(encoded("x-uuencode", "begin 644 a"), ["begin 644 a"]);
}
