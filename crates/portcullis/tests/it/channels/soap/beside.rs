//! Bytes beside the envelope, by hand: in every order, cut off anywhere, and many of them.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;

use super::super::{raw_http, rig};
use crate::http::{Answer, connect, head};
use crate::memory::peak;
use crate::world::{Access, World};

const KIND: &str = "multipart/related; type=\"application/xop+xml\"; start=\"<root@x>\"; start-info=\"text/xml\"; boundary=\"b-1\"";
const INCLUDE: &str =
    "<xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:bytes@x\"/>";

/// An envelope of SOAP 1.1 with this header around an operation, cut in two where the content belongs.
fn envelope(header: &str, operation: &str, fields: &str) -> [String; 2] {
    let before = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>{header}</s:Header><s:Body>\
         <f:{operation} xmlns:f=\"urn:portcullis:files:1\">{fields}"
    );
    [before, format!("</f:{operation}></s:Body></s:Envelope>")]
}

fn put_file(path: &str, header: &str, content: &str) -> String {
    let [before, after] =
        envelope(header, "PutFile", &format!("<f:path>{path}</f:path><f:content>{content}"));
    format!("{before}</f:content>{after}")
}

fn part(id: &str, bytes: &[u8]) -> Vec<u8> {
    let kind = if id == "root@x" { "application/xop+xml; type=\"text/xml\"" } else { "image/png" };
    let head = format!("--b-1\r\nContent-Type: {kind}\r\nContent-ID: <{id}>\r\n\r\n");
    [head.as_bytes(), bytes, b"\r\n"].concat()
}

fn replaced(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let at = bytes.windows(what.len()).position(|window| window == what).unwrap();
    [&bytes[..at], with, &bytes[at + what.len()..]].concat()
}

fn post(world: &World, key: Option<&Access>, body: &[u8]) -> Answer {
    raw_http::call(world, key, "POST", "/soap", &[("content-type", KIND), ("soapaction", "\"\"")], body)
}

fn code(answer: &Answer) -> String {
    let text = answer.text();
    text.split("<f:code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or(&text).to_owned()
}

#[test]
fn what_comes_before_the_envelope_waits_for_those_who_are_known() {
    let world = rig::plain();
    let (storage, _) = world.storage("Beside");
    let (key, s3) =
        (rig::key(&world, &storage, "web-service", "read_write"), world.key(&storage, "read_write"));
    let bytes = b"\x89PNG\r\n\r\n--b-\r\n".repeat(50_000);
    let root = put_file("last.png", "", INCLUDE);
    let body = [part("bytes@x", &bytes), part("root@x", root.as_bytes()), b"--b-1--\r\n".to_vec()].concat();
    let answer = post(&world, Some(&key), &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(super::of_s3(&world, &s3, "last.png") == bytes);
    // Nothing of it has a name, neither now nor while it waits.
    assert_eq!(fs::read_dir(world.data_dir().join("soap")).unwrap().count(), 0);
    // Who somebody is that says it in the envelope is not known before it: those have it come first.
    let token = format!(
        "<w:Security xmlns:w=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\"><w:UsernameToken>\
         <w:Username>{}</w:Username><w:Password>{}</w:Password></w:UsernameToken></w:Security>",
        key.access_key, key.secret
    );
    let root = put_file("first.png", &token, INCLUDE);
    let parts = [part("root@x", root.as_bytes()), part("bytes@x", &bytes)];
    let first = [&parts[0][..], &parts[1], b"--b-1--"].concat();
    let last = [&parts[1][..], &parts[0], b"--b-1--"].concat();
    let refused = post(&world, None, &last);
    assert_eq!((refused.status, code(&refused)), (500, "InvalidRequest".to_owned()), "{}", refused.text());
    assert!(refused.text().contains("HTTP Basic"), "{}", refused.text());
    assert_eq!(rig::stored(&world, &s3).len(), 1);
    assert_eq!(post(&world, None, &first).status, 200);
    assert!(super::of_s3(&world, &s3, "first.png") == bytes);
}

#[test]
fn nothing_is_stored_before_the_last_boundary() {
    let world = rig::plain();
    let (storage, _) = world.storage("Beside");
    let (key, s3) =
        (rig::key(&world, &storage, "web-service", "read_write"), world.key(&storage, "read_write"));
    let root = part("root@x", put_file("cut.bin", "", INCLUDE).as_bytes());
    let whole = [root.clone(), part("bytes@x", &[7; 100_000]), b"--b-1--".to_vec()].concat();
    for missing in [1, 2, 7, 9, 50, 99_000, 100_100] {
        let answer = post(&world, Some(&key), &whole[..whole.len() - missing]);
        assert_eq!(
            (answer.status, code(&answer)),
            (500, "Broken".to_owned()),
            "{missing}: {}",
            answer.text()
        );
    }
    let cases = [
        ("InvalidRequest", [&root[..], &part("other@x", b"x"), b"--b-1--"].concat()),
        ("InvalidRequest", [&root[..], b"--b-1--"].concat()),
        ("InvalidRequest", replaced(&whole, b"cid:bytes@x", b"http://bytes")),
        ("RequestTooLarge", [&whole[..], &[b'x'; 20_000]].concat()),
    ];
    for (wanted, body) in cases {
        let answer = post(&world, Some(&key), &body);
        assert_eq!(code(&answer), wanted, "{}", answer.text());
    }
    assert!(rig::stored(&world, &s3).is_empty(), "{:?}", rig::stored(&world, &s3));
    assert_eq!(post(&world, Some(&key), &whole).status, 200);
    assert_eq!(rig::stored(&world, &s3), [("cut.bin".to_owned(), 100_000)]);
}

/// Sends a request with so many times `block` between what comes before and after; a stream that has its answer.
fn send(
    world: &World,
    key: &Access,
    kind: &str,
    (before, block, times, after): (&[u8], &[u8], usize, &[u8]),
) -> BufReader<TcpStream> {
    let host = raw_http::host(world);
    let mut stream = connect(host);
    let who = raw_http::basic(key);
    let headers = [("authorization", who.as_str()), ("content-type", kind), ("accept", KIND)];
    let length = (before.len() + block.len() * times + after.len()) as u64;
    stream.write_all(&head(host, "POST", "/soap", &headers, length)).unwrap();
    stream.write_all(before).unwrap();
    for _ in 0..times {
        stream.write_all(block).unwrap();
    }
    stream.write_all(after).unwrap();
    BufReader::new(stream)
}

/// The beginning of an answer, and how long it is altogether.
fn drained(mut answer: BufReader<TcpStream>) -> (String, u64) {
    let mut start = vec![0; 4096];
    let read = answer.read(&mut start).unwrap();
    let rest = std::io::copy(&mut answer, &mut std::io::sink()).unwrap();
    (String::from_utf8_lossy(&start[..read]).into_owned(), read as u64 + rest)
}

#[test]
fn large_files_pass_in_constant_memory() {
    /// A multiple of three, so that base64 has no end within it.
    const BLOCK: usize = 3 << 18;
    const TIMES: usize = 320;
    const SIZE: u64 = (BLOCK * TIMES) as u64;
    let world = rig::plain();
    let (storage, _) = world.storage("Large");
    let (key, s3) =
        (rig::key(&world, &storage, "web-service", "read_write"), world.key(&storage, "read_write"));
    let before = peak(world.pid());
    let raw = vec![0; BLOCK];
    let head = [
        part("root@x", put_file("beside.bin", "", INCLUDE).as_bytes()),
        b"--b-1\r\nContent-ID: <bytes@x>\r\n\r\n".to_vec(),
    ];
    let (told, _) = drained(send(&world, &key, KIND, (&head.concat(), &raw, TIMES, b"\r\n--b-1--\r\n")));
    assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    let whole = put_file("inside.bin", "", "|");
    let (first, last) = whole.split_once('|').unwrap();
    let base64 = vec![b'A'; BLOCK / 3 * 4];
    let (told, _) =
        drained(send(&world, &key, "text/xml", (first.as_bytes(), &base64, TIMES, last.as_bytes())));
    assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    let stored = rig::stored(&world, &s3);
    assert_eq!(stored, [("beside.bin".to_owned(), SIZE), ("inside.bin".to_owned(), SIZE)]);
    let [first, last] = envelope("", "GetFile", "<f:path>beside.bin</f:path>");
    let (told, got) = drained(send(&world, &key, "text/xml", (first.as_bytes(), b"", 0, last.as_bytes())));
    assert!(told.starts_with("HTTP/1.1 200 ") && told.contains("multipart/related"), "{told}");
    assert!((SIZE..SIZE + 5_000).contains(&got), "{got}");
    let answer = raw_http::call(
        &world,
        Some(&key),
        "POST",
        "/soap",
        &[("content-type", "text/xml")],
        format!("{first}{last}").as_bytes(),
    );
    assert!(
        (SIZE / 3 * 4..SIZE / 3 * 4 + 5_000).contains(&(answer.body.len() as u64)),
        "{}",
        answer.body.len()
    );
    let grown = peak(world.pid()) - before;
    println!(
        "{SIZE} bytes in and out, beside the envelope and in it: the peak of resident memory grew by {} KiB",
        grown / 1024
    );
    assert!(grown < 64 << 20, "grew by {grown} bytes");
}
