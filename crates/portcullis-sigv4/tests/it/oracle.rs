//! `aws-sigv4`, the signer of the AWS SDK for Rust, as an independent opinion.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use portcullis_sigv4::encode::{encode_component, encode_path};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};

use crate::support::{ACCESS_KEY_ID, NOW, Request, SECRET};

/// Lets the oracle sign, and puts into the request what it says to put there.
fn sign_with_oracle(request: &mut Request, body: SignableBody<'_>, expires: Option<u64>) {
    let identity = Credentials::from_keys(ACCESS_KEY_ID, std::str::from_utf8(SECRET).unwrap(), None).into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    if let Some(expires) = expires {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(expires));
    }
    let time = UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs());
    let params = v4::SigningParams::builder().identity(&identity).region("eu-west-1").name("s3");
    let params = params.time(time).settings(settings).build().unwrap().into();
    let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let uri = format!("http://{}{}{query}", request.header("host"), request.path);
    let headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), String::from_utf8(value.clone()).unwrap()))
        .collect();
    let borrowed = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let signable = SignableRequest::new(&request.method, uri, borrowed, body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    for (name, value) in instructions.headers() {
        request.set(&name.to_ascii_lowercase(), value);
    }
    for (name, value) in instructions.params() {
        let pair = format!("{name}={}", encode_component(value.as_bytes()));
        request.query = Some(match request.query.take() {
            Some(query) => format!("{query}&{pair}"),
            None => pair,
        });
    }
}

/// Paths as a client sends them: encoded, with pieces that libraries like to normalise away.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::string::string_regex("[ -~]{0,8}").unwrap(),
        proptest::string::string_regex("[é中🚪a]{0,4}").unwrap(),
        proptest::sample::select(vec!["", ".", "..", "%2F", "a+b", "*=:@!$&'()", " "])
            .prop_map(str::to_owned),
    ];
    vec(piece, 0..5).prop_map(|pieces| encode_path(format!("/{}", pieces.join("/")).as_bytes()).into_owned())
}

fn query() -> impl Strategy<Value = Option<String>> {
    let text = proptest::string::string_regex("[a-cé /=+~%-]{0,3}").unwrap();
    let pair =
        (proptest::string::string_regex("[a-cA-C.é~ -]{1,3}").unwrap(), text).prop_map(|(name, value)| {
            format!("{}={}", encode_component(name.as_bytes()), encode_component(value.as_bytes()))
        });
    proptest::option::of(vec(pair, 1..5).prop_map(|pairs| pairs.join("&")))
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = proptest::string::string_regex("[!-~]{1,5}( {1,3}[!-~]{1,5}){0,2}").unwrap();
    let name = proptest::string::string_regex("x-amz-meta-[a-z0-9_-]{1,6}").unwrap();
    vec((name, value), 0..4)
}

proptest! {
    #[test]
    fn what_the_oracle_signs_verifies(path in path(), query in query(), more in headers(), body in any::<Vec<u8>>()) {
        let mut request = Request::new("PUT", &path, query.as_deref(), &[("host", "b.example.com:9000")]);
        for (name, value) in &more {
            request.add(name, value);
        }
        sign_with_oracle(&mut request, SignableBody::Bytes(&body), None);
        request.verified();
    }

    #[test]
    fn what_the_oracle_presigns_verifies(path in path(), query in query(), expires in 1..604_800u64) {
        let mut request = Request::new("GET", &path, query.as_deref(), &[("host", "b.example.com")]);
        sign_with_oracle(&mut request, SignableBody::UnsignedPayload, Some(expires));
        request.verified();
    }
}

#[test]
fn streaming_payloads() {
    for (body, word) in [
        (SignableBody::StreamingUnsignedPayloadTrailer, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        (SignableBody::StreamingSignedPayloadTrailer, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
        (SignableBody::UnsignedPayload, "UNSIGNED-PAYLOAD"),
    ] {
        let headers = [("host", "b.example.com"), ("x-amz-trailer", "x-amz-checksum-crc32")];
        let mut request = Request::new("PUT", "/b/k", None, &headers);
        sign_with_oracle(&mut request, body, None);
        assert_eq!(request.header("x-amz-content-sha256"), word);
        request.verified();
    }
}
