//! A signed request in which one thing is changed is not accepted.

use portcullis_sigv4::{AuthParseError, Payload};
use proptest::prelude::{any, proptest};

use crate::support::{Outcome, Request};

fn headers() -> [(&'static str, &'static str); 4] {
    [
        ("host", "b.example.com"),
        ("content-type", "text/plain"),
        ("x-amz-meta-a", "one two"),
        ("range", "bytes=0-9"),
    ]
}

fn by_header() -> Request {
    Request::new("PUT", "/photos/a%20b", Some("partNumber=1&uploadId=x"), &headers())
        .signed(Payload::StreamingSigned)
}

fn by_query() -> Request {
    Request::new("PUT", "/photos/a%20b", Some("partNumber=1&uploadId=x"), &headers()).presigned(600)
}

#[track_caller]
fn refused(request: &Request) {
    // Without its query a presigned request is an anonymous one.
    assert!(!matches!(request.judge(), Outcome::Verified(_)), "{request:?}");
}

#[test]
fn method_path_and_query() {
    for original in [by_header(), by_query()] {
        original.verified();
        let change = |edit: &dyn Fn(&mut Request)| {
            let mut request = original.clone();
            edit(&mut request);
            refused(&request);
        };
        change(&|request| request.method = "GET".to_owned());
        for path in
            ["/photos/a%20", "/photos/a%20b/", "//photos/a%20b", "/photos/a%2520b", "/photos/a+b", "/", ""]
        {
            change(&|request| request.path = path.to_owned());
        }
        let query = original.query.clone().unwrap();
        for other in [
            query.replace("partNumber=1", "partNumber=2"),
            query.replace("partNumber", "partnumber"),
            query.replace("uploadId=x", "uploadId=x&uploadId=x"),
            query.replace("uploadId=x", ""),
            format!("{query}&acl"),
        ] {
            change(&|request| request.query = Some(other.clone()));
        }
        change(&|request| request.query = None);
    }
}

#[test]
fn the_same_request_written_another_way_still_verifies() {
    for original in [by_header(), by_query()] {
        let mut request = original.clone();
        request.path = "/%70hotos/a%20b".to_owned();
        request.query = request.query.map(|query| format!("&{}", query.replace("uploadId", "upload%49d")));
        request.headers.reverse();
        request.set("x-amz-meta-a", "  one   two ");
        request.add("user-agent", "added on the way");
        request.verified();
    }
}

#[test]
fn every_byte_of_every_signed_header() {
    for original in [by_header(), by_query()] {
        for (index, (name, value)) in original.headers.iter().enumerate() {
            if name == "authorization" {
                continue;
            }
            for position in 0..value.len() {
                let mut request = original.clone();
                request.headers[index].1[position] ^= 1;
                refused(&request);
            }
            let mut without = original.clone();
            without.headers.remove(index);
            refused(&without);
            let mut twice = original.clone();
            twice.headers.push(original.headers[index].clone());
            refused(&twice);
        }
    }
}

#[test]
fn the_credentials_themselves() {
    let original = by_header();
    let authorization = original.header("authorization").to_owned();
    for (from, to) in [
        ("us-east-1", "us-east-2"),
        ("20130524", "20130525"),
        ("content-type;", ""),
        ("range;", ""),
        ("host;", ""),
        ("x-amz-date", "x-amz-dat"),
    ] {
        let mut request = original.clone();
        request.set("authorization", &authorization.replace(from, to));
        refused(&request);
    }
    let original = by_query();
    for (from, to) in [
        ("Expires=600", "Expires=601"),
        ("us-east-1", "us-east-2"),
        ("T000000Z", "T000001Z"),
        ("range%3B", ""),
        ("X-Amz-Expires=600", "X-Amz-Expires=600&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"),
    ] {
        let mut request = original.clone();
        request.query = request.query.map(|query| query.replace(from, to));
        refused(&request);
    }
}

#[test]
fn an_added_amazon_header_is_named() {
    for original in [by_header(), by_query()] {
        for name in ["x-amz-copy-source", "x-amz-meta-b", "x-amz-acl", "x-amz-security-token"] {
            let mut request = original.clone();
            request.add(name, "/other/secret");
            assert_eq!(request.error(), AuthParseError::HeadersNotSigned(vec![name.to_owned()]));
        }
    }
}

#[test]
fn an_unsigned_payload_header_may_only_demand_more() {
    let presented = |value: &str| {
        let mut request = by_query();
        request.add("x-amz-content-sha256", value);
        request
    };
    let hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    for value in ["UNSIGNED-PAYLOAD", hash] {
        let request = presented(value);
        request.verified();
        let payload = request.with_raw(|raw| portcullis_sigv4::parse(raw).unwrap().unwrap().payload());
        assert_eq!(payload.to_header(), value);
    }
    let request = presented("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_eq!(request.error(), AuthParseError::HeadersNotSigned(vec!["x-amz-content-sha256".to_owned()]));
}

proptest! {
    #[test]
    fn no_bit_of_a_signature_is_idle(bit in 0..256usize) {
        for mut request in [by_header(), by_query()] {
            let flip = |text: &str| {
                let start = text.len() - 64;
                let mut digits: Vec<u8> = text.as_bytes()[start..].to_vec();
                let digit = char::from(digits[bit / 4]).to_digit(16).unwrap() ^ (1 << (bit % 4));
                digits[bit / 4] = u8::try_from(char::from_digit(digit, 16).unwrap()).unwrap();
                format!("{}{}", text.split_at(start).0, String::from_utf8(digits).unwrap())
            };
            match request.query.clone().filter(|query| query.contains("X-Amz-Signature")) {
                Some(query) => request.query = Some(flip(&query)),
                None => { let text = flip(request.header("authorization")); request.set("authorization", &text) }
            }
            assert!(matches!(request.judge(), Outcome::Mismatch));
        }
    }

    #[test]
    fn nothing_panics(
        method in "\\PC{0,8}", path in "\\PC{0,32}", query in "\\PC{0,64}", authorization in any::<Vec<u8>>(),
        rest in "[A-Za-z0-9=,;/ -]{0,80}", value in any::<Vec<u8>>(),
    ) {
        let mut request = Request::new(&method, &path, Some(&query), &[("host", "h"), ("x-amz-date", "20130524T000000Z")]);
        request.headers.push(("x-amz-meta-a".to_owned(), value));
        request.judge();
        request.headers.push(("authorization".to_owned(), authorization));
        request.judge();
        request.set("authorization", &format!("AWS4-HMAC-SHA256 {rest}"));
        request.judge();
        request.remove("authorization");
        request.query = Some(format!("X-Amz-Algorithm=AWS4-HMAC-SHA256&{query}&X-Amz-Signature={rest}"));
        request.judge();
    }
}
