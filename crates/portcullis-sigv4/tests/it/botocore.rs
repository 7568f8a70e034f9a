//! Requests as botocore 1.43.11 sent them, its clock set to 2013-05-24T00:00:00Z.

use portcullis_sigv4::encode::decode_path;
use portcullis_sigv4::{AuthParseError, Malformed, Payload, Service, SigningKey, parse_sts};
use sha2::{Digest as _, Sha256};

use crate::support::{EMPTY, Request, SECRET};

const HOST: (&str, &str) = ("host", "s3.example.com:9000");
const CREDENTIAL: &str =
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/eu-west-1/s3/aws4_request";

#[test]
fn put_object_with_a_difficult_key_and_metadata() {
    let authorization = format!(
        "{CREDENTIAL}, SignedHeaders=content-type;host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;\
         x-amz-meta-note;x-amz-sdk-checksum-algorithm, \
         Signature=59a6d0002079d61705c6f8a30e71172b5a0897cf135dde407ddee9fa5428d868"
    );
    let headers = [
        HOST,
        ("x-amz-meta-note", "one  two   three"),
        ("content-type", "text/plain"),
        ("expect", "100-continue"),
        ("x-amz-checksum-crc32", "NhCmhg=="),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-content-sha256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
        ("authorization", authorization.as_str()),
        ("amz-sdk-request", "attempt=1"),
        ("content-length", "5"),
    ];
    let path = "/b/a//b%20c%2Bd%3De%2A%28f%29/%C3%A9/%252F/..";
    assert_eq!(&*decode_path(path), "/b/a//b c+d=e*(f)/é/%2F/..".as_bytes());
    Request::new("PUT", path, None, &headers).verified();
    Request::new("PUT", "/b/a//b%20c+d=e*(f)/%c3%a9/%252F/..", None, &headers).verified();
}

#[test]
fn list_objects() {
    let authorization = format!(
        "{CREDENTIAL}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
         Signature=fe94a61fde4955747ca0124faf2f0b4a5037b09589039ab25d55d4788a17cefa"
    );
    let headers = [
        HOST,
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-content-sha256", EMPTY),
        ("authorization", authorization.as_str()),
    ];
    for query in [
        "list-type=2&prefix=a%20b%2Bc%2F%C3%A9%26%3D&delimiter=%2F&encoding-type=url&start-after=~",
        // The same, as another library writes it.
        "list-type=2&prefix=a+b%2bc/%C3%A9%26%3d&delimiter=/&encoding-type=url&start-after=%7E",
    ] {
        Request::new("GET", "/b", Some(query), &headers).verified();
    }
}

#[test]
fn presigned_get_object() {
    let query = "response-content-disposition=attachment%3B%20filename%3D%22a%20b%2Bc.txt%22&versionId=x\
                 &X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Feu-west-1%2Fs3%2Faws4_request\
                 &X-Amz-Date=20130524T000000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host\
                 &X-Amz-Signature=10ecc6d2e1d77a0bcc9312d0d31673b72496b10c85f990080417c945c438cdea";
    Request::new("GET", "/b/a//b%20c%2Bd%3De%2A%28f%29/%C3%A9", Some(query), &[HOST]).verified();
}

const ASSUME_ROLE: &[u8] =
    b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Fany\
                             &RoleSessionName=a+b&DurationSeconds=900";

fn assume_role() -> Request {
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/sts/aws4_request, \
                         SignedHeaders=content-type;host;x-amz-date, \
                         Signature=f49e6556362a46ee7a02ad80ab33d619650c6fb1a8876321cef797b1c9e22203";
    let headers = [
        HOST,
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("x-amz-date", "20130524T000000Z"),
        ("authorization", authorization),
    ];
    Request::new("POST", "/", None, &headers)
}

#[test]
fn a_request_to_the_token_service_says_nothing_of_its_body_and_signs_it() {
    let verified = |body: &[u8]| {
        assume_role().with_raw(|raw| {
            let presented = parse_sts(raw, Sha256::digest(body).into()).unwrap().unwrap();
            assert_eq!(presented.scope().service(), Service::Sts);
            presented.verify(&SigningKey::derive(SECRET, presented.scope())).is_ok()
        })
    };
    assert!(verified(ASSUME_ROLE));
    assert!(!verified(&ASSUME_ROLE.to_ascii_lowercase()));
    assert!(!verified(b""));
}

#[test]
fn a_signature_for_one_service_is_none_for_the_other() {
    let mut there = assume_role();
    there.add("x-amz-content-sha256", EMPTY);
    assert_eq!(there.error(), AuthParseError::Header(Malformed::Service));
    let here = Request::new("POST", "/", None, &[HOST]).signed(Payload::Unsigned);
    let refused = here.with_raw(|raw| parse_sts(raw, [0; 32]).unwrap_err());
    assert_eq!(refused, AuthParseError::Header(Malformed::Service));
    let anonymous = Request::new("POST", "/", None, &[HOST]);
    assert!(anonymous.with_raw(|raw| parse_sts(raw, [0; 32]).unwrap().is_none()));
    // What is not under the signature is refused here too.
    let mut added = assume_role();
    added.add("x-amz-security-token", "token");
    let refused = added.with_raw(|raw| parse_sts(raw, [0; 32]).unwrap_err());
    assert_eq!(refused, AuthParseError::HeadersNotSigned(vec!["x-amz-security-token".to_owned()]));
}
