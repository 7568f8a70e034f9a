//! What our signer signs verifies, over everything that a path and a query can be.

use portcullis_sigv4::encode::encode_path;
use portcullis_sigv4::{AmzDate, Payload, SignError, Signer, SigningKey, parse};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use sha2::{Digest as _, Sha256};

use crate::support::{ACCESS_KEY_ID, EMPTY, NOW, Request, SECRET, now, signer};

const HOST: (&str, &str) = ("host", "localhost:9000");

const ODD_PATHS: [&str; 17] = [
    "/",
    "//",
    "/a//b",
    "/a/./b/../c",
    "/a%20b",
    "/a+b",
    "/a%2Bb",
    "/a%2Fb",
    "/a%2fb",
    "/*",
    "/a=b:c@d",
    "/é",
    "/%C3%A9",
    "/%c3%a9",
    "/%FF",
    "/100%",
    "/%zz",
];

const ODD_QUERIES: [&str; 12] = [
    "",
    "acl",
    "acl=",
    "a=1&a=2&a=1",
    "b&a",
    "a=b=c",
    "&&a=1&&",
    "=",
    "p=a+b",
    "p=a%2Bb",
    "p=%zz",
    "p=é&p=%C3%A9",
];

#[test]
fn odd_paths_and_queries() {
    for path in ODD_PATHS {
        for query in ODD_QUERIES {
            Request::new("GET", path, Some(query), &[HOST]).signed(Payload::Unsigned).verified();
            Request::new("GET", path, Some(query), &[HOST]).presigned(60).verified();
        }
    }
}

proptest! {
    #[test]
    fn any_key_and_metadata(key in any::<Vec<u8>>(), value in vec(0x20..0x7f_u8, 0..40), utf8 in "\\PC{0,10}") {
        let path = format!("/{}", encode_path(&key));
        let mut request = Request::new("PUT", &path, None, &[HOST]);
        request.headers.push(("x-amz-meta-a".to_owned(), value));
        request.headers.push(("x-amz-meta-a".to_owned(), utf8.into_bytes()));
        request.clone().signed(Payload::StreamingUnsignedTrailer).verified();
        request.presigned(1).verified();
    }

    #[test]
    fn any_path_text(path in "/[ -~éß]{0,16}", query in "[ -~é]{0,16}") {
        // A fragment or a second query never reaches a server; white space breaks the request line.
        let path = path.replace(' ', "%20");
        if !query.contains("X-Amz-") {
            Request::new("GET", &path, Some(&query), &[HOST]).signed(Payload::Signed([1; 32])).verified();
        }
    }
}

/// Signs the canonical request as written here, whatever the library would have made of it.
fn sign_by_hand(request: &mut Request, canonical_path: &str) {
    let canonical = format!(
        "GET\n{canonical_path}\n\nhost:localhost:9000\nx-amz-date:{}\n\nhost;x-amz-date\n{EMPTY}",
        now()
    );
    let hash: String = Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("AWS4-HMAC-SHA256\n{}\n{}\n{hash}", now(), signer().scope());
    let signature = SigningKey::derive(SECRET, signer().scope()).sign(text.as_bytes()).to_hex();
    request.set("x-amz-date", now().as_str());
    request.set("x-amz-content-sha256", EMPTY);
    let credential = format!("{ACCESS_KEY_ID}/{}", signer().scope());
    request.set(
        "authorization",
        &format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
        ),
    );
}

#[test]
fn a_path_signed_as_sent_is_accepted_too() {
    let mut request = Request::new("GET", "/b/year=2024/a:b*(c)", None, &[HOST]);
    sign_by_hand(&mut request, "/b/year%3D2024/a%3Ab%2A%28c%29");
    request.verified();
    sign_by_hand(&mut request, "/b/year=2024/a:b*(c)");
    request.verified();
    for other in
        ["/b/year=2024/a%3Ab*(c)", "/b/year=2024/a:b*(c)/", "/b/year%253D2024/a%253Ab%252A%2528c%2529"]
    {
        sign_by_hand(&mut request, other);
        assert!(matches!(request.judge(), crate::support::Outcome::Mismatch), "{other}");
    }
}

#[test]
fn a_path_with_a_line_break_is_nobodys() {
    let mut request = Request::new("GET", "/b\n\nhost:evil", None, &[HOST]);
    sign_by_hand(&mut request, "/b\n\nhost:evil");
    assert!(matches!(request.judge(), crate::support::Outcome::Mismatch));
    let refused = request.with_raw(|raw| signer().sign(raw, &now(), Payload::Unsigned).map(|_| ()));
    assert_eq!(refused, Err(SignError::Request));
}

#[test]
fn a_hash_in_capitals_is_signed_as_sent() {
    let mut request = Request::new("GET", "/", None, &[HOST]);
    sign_by_hand(&mut request, "/");
    request.set("x-amz-content-sha256", &EMPTY.to_ascii_uppercase());
    assert!(matches!(request.judge(), crate::support::Outcome::Mismatch));
}

#[test]
fn a_date_header_stands_in_for_x_amz_date() {
    let mut request = Request::new("GET", "/", None, &[HOST, ("date", "Fri, 24 May 2013 00:00:00 GMT")]);
    let canonical =
        format!("GET\n/\n\ndate:Fri, 24 May 2013 00:00:00 GMT\nhost:localhost:9000\n\ndate;host\n{EMPTY}");
    let hash: String = Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("AWS4-HMAC-SHA256\n20130524T000000Z\n{}\n{hash}", signer().scope());
    let signature = signer().key().sign(text.as_bytes()).to_hex();
    let credential = format!("{ACCESS_KEY_ID}/{}", signer().scope());
    request.set("x-amz-content-sha256", EMPTY);
    request.set(
        "authorization",
        &format!("AWS4-HMAC-SHA256 Credential={credential},SignedHeaders=date;host,Signature={signature}"),
    );
    request.verified();
    request.with_raw(|raw| assert_eq!(parse(raw).unwrap().unwrap().date().unix(), NOW));
}

#[test]
fn what_the_signer_refuses() {
    let date = now();
    assert_eq!(Signer::new("", b"s", "r", &date).unwrap_err(), SignError::AccessKeyId);
    assert_eq!(Signer::new("a/b", b"s", "r", &date).unwrap_err(), SignError::AccessKeyId);
    assert_eq!(Signer::new("a", b"s", "r/r", &date).unwrap_err(), SignError::Region);
    let attempt = |headers: &[(&str, &str)], date: &AmzDate| {
        let request = Request::new("GET", "/", None, headers);
        request.with_raw(|raw| signer().sign(raw, date, Payload::Unsigned).map(|_| ())).err()
    };
    assert_eq!(attempt(&[HOST], &date), None);
    assert_eq!(attempt(&[], &date), Some(SignError::Host));
    assert_eq!(attempt(&[HOST, HOST], &date), Some(SignError::Host));
    assert_eq!(attempt(&[HOST, ("X-Amz-Acl", "private")], &date), Some(SignError::Request));
    assert_eq!(attempt(&[HOST, ("a;b", "")], &date), Some(SignError::Request));
    assert_eq!(attempt(&[HOST], &AmzDate::from_unix(NOW + 86_400).unwrap()), Some(SignError::OtherDay));
    for expires in [0, 604_801] {
        let request = Request::new("GET", "/", None, &[HOST]);
        assert_eq!(request.with_raw(|raw| signer().presign(raw, &date, expires)), Err(SignError::Expires));
    }
}

#[test]
fn nothing_shows_a_signature_or_a_secret() {
    let request = Request::new("GET", "/", None, &[HOST, ("x-amz-security-token", "TOKEN")]);
    let signed = request.with_raw(|raw| signer().sign(raw, &now(), Payload::Unsigned)).unwrap();
    let signature = signed.authorization.rsplit('=').next().unwrap().to_owned();
    let request = request.signed(Payload::Unsigned);
    let shown = request.with_raw(|raw| format!("{:?}", parse(raw).unwrap().unwrap()));
    let seed = request.verified();
    let verifier = portcullis_sigv4::ChunkVerifier::new(signer().key().clone(), seed);
    for text in [
        shown,
        format!("{signed:?}"),
        format!("{seed:?}"),
        format!("{:?}", signer()),
        format!("{verifier:?}"),
    ] {
        assert!(!text.contains(&signature) && !text.contains("wJalr") && !text.contains("TOKEN"), "{text}");
    }
}
