//! The examples of the Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".

use portcullis_sigv4::aws_chunked::{Trailer, canonical_trailers, encode_end, encode_header};
use portcullis_sigv4::{ChunkSigner, ChunkVerifier, Payload, PresentedPolicy, Signature, SigningKey};
use sha2::{Digest as _, Sha256};

use crate::support::{ACCESS_KEY_ID, EMPTY, Request, SECRET, now, signer};

const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");

/// A request of the documentation must verify, and our signer must make the same signature for it.
fn check(mut request: Request, payload: &str, signed_headers: &str, signature: &str) -> Request {
    let credential = format!("{ACCESS_KEY_ID}/20130524/us-east-1/s3/aws4_request");
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={signed_headers},Signature={signature}"
    );
    let payload_read = Payload::parse(payload.as_bytes()).unwrap();
    let made = request.clone().signed(payload_read);
    assert_eq!(made.header("authorization"), authorization);
    request.add("x-amz-content-sha256", payload);
    request.add("x-amz-date", "20130524T000000Z");
    request.add("authorization", &authorization.replace(",S", ", S"));
    request.verified();
    request
}

#[test]
fn get_object_with_range() {
    check(
        Request::new("GET", "/test.txt", None, &[HOST, ("range", "bytes=0-9")]),
        EMPTY,
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
}

#[test]
fn put_object() {
    let headers =
        [HOST, ("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
    check(
        Request::new("PUT", "/test$file.text", None, &headers),
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
}

#[test]
fn get_bucket_lifecycle() {
    check(
        Request::new("GET", "/", Some("lifecycle"), &[HOST]),
        EMPTY,
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
}

#[test]
fn list_objects() {
    check(
        Request::new("GET", "/", Some("max-keys=2&prefix=J"), &[HOST]),
        EMPTY,
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
}

#[test]
fn presigned_url() {
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3\
                 %2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
                 &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    Request::new("GET", "/test.txt", Some(query), &[HOST]).verified();
    let made = Request::new("GET", "/test.txt", None, &[HOST]).presigned(86_400);
    assert_eq!(made.query.as_deref(), Some(query));
}

fn upload(payload: &str, more: &[(&str, &str)], signed_headers: &str, signature: &str) -> Request {
    let mut headers = vec![
        ("host", "s3.amazonaws.com"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    headers.extend_from_slice(more);
    check(
        Request::new("PUT", "/examplebucket/chunkObject.txt", None, &headers),
        payload,
        signed_headers,
        signature,
    )
}

fn check_chunks(request: &Request, expected: [&str; 3]) -> (ChunkSigner, ChunkVerifier) {
    let seed = request.verified();
    let mut signing = ChunkSigner::new(signer().key().clone(), seed);
    let mut verifying = ChunkVerifier::new(signer().key().clone(), seed);
    for (size, text) in [65_536, 1_024, 0].into_iter().zip(expected) {
        let hash = Sha256::digest(vec![b'a'; size]).into();
        assert_eq!(signing.sign_chunk(&hash).to_hex(), text);
        assert_eq!(verifying.verify_chunk(&hash, &Signature::from_hex(text.as_bytes()).unwrap()), Ok(()));
    }
    (signing, verifying)
}

#[test]
fn streaming_upload() {
    let request = upload(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        &[("content-length", "66824")],
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
         x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    );
    check_chunks(
        &request,
        [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
    );
}

#[test]
fn streaming_upload_with_trailer() {
    let request = upload(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        &[("x-amz-trailer", "x-amz-checksum-crc32c")],
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;\
         x-amz-trailer",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    );
    let (signing, verifying) = check_chunks(
        &request,
        [
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        ],
    );
    let trailer = Trailer { name: "x-amz-checksum-crc32c".to_owned(), value: "sOO8/Q==".to_owned() };
    let canonical = canonical_trailers(std::slice::from_ref(&trailer));
    let expected = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
    assert_eq!(signing.sign_trailer(&canonical).to_hex(), expected);
    let presented = Signature::from_hex(expected.as_bytes()).unwrap();
    assert!(verifying.clone().verify_trailer(b"x-amz-checksum-crc32c:sOO8/R==\n", &presented).is_err());
    assert_eq!(verifying.verify_trailer(&canonical, &presented), Ok(()));
    let headers: usize =
        [65_536, 1_024, 0].map(|size| encode_header(size, Some(&presented)).len()).iter().sum();
    let framed = headers + 65_536 + 2 + 1_024 + 2 + encode_end(&[trailer], Some(&presented)).len();
    assert_eq!(framed, 66_946, "the Content-Length of the example");
}

/// "Browser-Based Upload using HTTP POST": the policy of the example, in Base64.
const POLICY: &str = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1\
Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6\
ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25h\
d3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAg\
eyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0s\
DQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5O\
N0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEy\
NTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";

#[test]
fn post_form() {
    let fields = [
        ("key", "user/user1/picture.jpg"),
        ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Date", "20151229T000000Z"),
        ("Policy", POLICY),
        ("X-Amz-Signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"),
    ];
    let form = PresentedPolicy::parse(&fields).unwrap().unwrap();
    assert_eq!(form.access_key_id(), ACCESS_KEY_ID);
    let key = SigningKey::derive(SECRET, form.scope());
    assert_eq!(form.verify(&key), Ok(POLICY));
    assert!(form.verify(&SigningKey::derive(b"other", form.scope())).is_err());
    let changed = POLICY.replacen('N', "M", 1);
    let mut fields = fields;
    fields[4].1 = &changed;
    assert!(PresentedPolicy::parse(&fields).unwrap().unwrap().verify(&key).is_err());
}

#[test]
fn the_canonical_request_can_be_shown() {
    let request = Request::new("GET", "/test.txt", None, &[HOST]).signed(Payload::Unsigned);
    let text = request.with_raw(|raw| portcullis_sigv4::parse(raw).unwrap().unwrap().canonical_request());
    let expected = format!(
        "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nx-amz-content-sha256:UNSIGNED-PAYLOAD\n\
         x-amz-date:{}\n\nhost;x-amz-content-sha256;x-amz-date\nUNSIGNED-PAYLOAD",
        now()
    );
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}
