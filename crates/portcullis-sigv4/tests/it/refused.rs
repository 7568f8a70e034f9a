//! Malformed credentials, each with its exact error.

use portcullis_sigv4::{AuthParseError, Malformed, NotImplemented, Payload, PresentedPolicy};

use crate::support::Request;

const HOST: (&str, &str) = ("host", "h");

fn good() -> Request {
    Request::new("GET", "/", None, &[HOST, ("x-amz-meta-a", "1")]).signed(Payload::Unsigned)
}

fn header(from: &str, to: &str) -> AuthParseError {
    let mut request = good();
    let authorization = request.header("authorization").replace(from, to);
    assert_ne!(authorization, request.header("authorization"), "{from}");
    request.set("authorization", &authorization);
    request.error()
}

#[test]
fn authorization_headers() {
    let malformed = AuthParseError::Header;
    for (from, to, expected) in [
        ("AWS4-HMAC-SHA256 ", "AWS ", AuthParseError::UnsupportedMechanism),
        ("AWS4-HMAC-SHA256 ", "Basic ", AuthParseError::UnsupportedAuthorizationType),
        ("AWS4-HMAC-SHA256 ", "aws4-hmac-sha256 ", AuthParseError::UnsupportedAuthorizationType),
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA512 ", malformed(Malformed::Algorithm)),
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256", malformed(Malformed::Algorithm)),
        (
            "AWS4-HMAC-SHA256 ",
            "AWS4-ECDSA-P256-SHA256 ",
            AuthParseError::NotImplemented(NotImplemented::Ecdsa),
        ),
        ("Credential=", "", malformed(Malformed::Syntax)),
        ("Credential=", "Credentials=", malformed(Malformed::UnknownComponent)),
        ("Credential=", "credential=", malformed(Malformed::UnknownComponent)),
        (",SignedHeaders", ",,SignedHeaders", malformed(Malformed::Syntax)),
        ("SignedHeaders=", "Signature=", malformed(Malformed::DuplicateComponent)),
        ("AKIAIOSFODNN7EXAMPLE/", "", malformed(Malformed::Credential)),
        ("AKIAIOSFODNN7EXAMPLE/", "/", malformed(Malformed::Credential)),
        ("AKIAIOSFODNN7EXAMPLE/", "A/B/", malformed(Malformed::Credential)),
        ("/20130524/", "/2013-05-24/", malformed(Malformed::CredentialDate)),
        ("/20130524/", "/20130523/", malformed(Malformed::DateMismatch)),
        ("us-east-1", "us east 1", malformed(Malformed::Region)),
        ("/s3/", "/iam/", malformed(Malformed::Service)),
        ("aws4_request", "aws_request", malformed(Malformed::Terminator)),
        ("host;", "Host;", malformed(Malformed::SignedHeaders)),
        ("host;", "host;host;", malformed(Malformed::SignedHeaders)),
        ("host;", "zebra;", malformed(Malformed::SignedHeaders)),
        ("host;", "host;;", malformed(Malformed::SignedHeaders)),
        ("host;", "host;range;", AuthParseError::SignedHeaderMissing("range".to_owned())),
        ("host;", "", AuthParseError::HeadersNotSigned(vec!["host".to_owned()])),
        (";x-amz-date", "", AuthParseError::HeadersNotSigned(vec!["x-amz-date".to_owned()])),
        (";x-amz-meta-a", "", AuthParseError::HeadersNotSigned(vec!["x-amz-meta-a".to_owned()])),
        (",Signature=", ",Signature=0", AuthParseError::SignatureShape),
        (",Signature=", ",Signature=zz", AuthParseError::SignatureShape),
    ] {
        assert_eq!(header(from, to), expected, "{from:?} -> {to:?}");
    }
}

#[test]
fn missing_parts_of_the_header() {
    let mut request = good();
    for (authorization, expected) in [
        ("", AuthParseError::UnsupportedAuthorizationType),
        ("AWS4-HMAC-SHA256", AuthParseError::Header(Malformed::MissingCredential)),
        ("AWS4-HMAC-SHA256  ", AuthParseError::Header(Malformed::MissingCredential)),
        ("AWS4-HMAC-SHA256 Credential=x", AuthParseError::Header(Malformed::MissingSignedHeaders)),
        (
            "AWS4-HMAC-SHA256 Credential=x,SignedHeaders=host",
            AuthParseError::Header(Malformed::MissingSignature),
        ),
    ] {
        request.set("authorization", authorization);
        assert_eq!(request.error(), expected, "{authorization}");
    }
    request.headers.retain(|(name, _)| name != "authorization");
    request.headers.push(("authorization".to_owned(), b"AWS4-HMAC-SHA256 \xff".to_vec()));
    assert_eq!(request.error(), AuthParseError::Header(Malformed::Syntax));
}

#[test]
fn other_headers() {
    let change = |edit: &dyn Fn(&mut Request)| {
        let mut request = good();
        edit(&mut request);
        request.error()
    };
    assert_eq!(change(&|request| request.remove("x-amz-date")), AuthParseError::MissingDate);
    assert_eq!(change(&|request| request.set("x-amz-date", "yesterday")), AuthParseError::MissingDate);
    assert_eq!(change(&|request| request.remove("x-amz-content-sha256")), AuthParseError::MissingPayloadHash);
    assert_eq!(
        change(&|request| request.set("x-amz-content-sha256", "abc")),
        AuthParseError::InvalidPayloadHash
    );
    assert_eq!(
        change(&|request| request.set("x-amz-content-sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")),
        AuthParseError::NotImplemented(NotImplemented::StreamingPayload)
    );
    assert_eq!(
        change(&|request| request.remove("host")),
        AuthParseError::SignedHeaderMissing("host".to_owned())
    );
    for name in ["authorization", "host", "x-amz-content-sha256", "x-amz-date"] {
        let twice = change(&|request| {
            let value = request.header(name).to_owned();
            request.add(name, &value);
        });
        assert_eq!(twice, AuthParseError::DuplicateHeader(name));
    }
}

fn query(from: &str, to: &str) -> AuthParseError {
    let mut request = Request::new("GET", "/", Some("acl"), &[HOST]).presigned(600);
    let changed = request.query.as_ref().unwrap().replace(from, to);
    assert_ne!(Some(&changed), request.query.as_ref(), "{from}");
    request.query = Some(changed);
    request.error()
}

#[test]
fn presigned_urls() {
    let malformed = AuthParseError::Query;
    for (from, to, expected) in [
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256&", "", malformed(Malformed::MissingAlgorithm)),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", malformed(Malformed::Algorithm)),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", AuthParseError::NotImplemented(NotImplemented::Ecdsa)),
        ("X-Amz-Credential=", "x=", malformed(Malformed::MissingCredential)),
        ("X-Amz-Date=", "x=", malformed(Malformed::MissingDate)),
        ("X-Amz-Expires=", "x=", malformed(Malformed::MissingExpires)),
        ("X-Amz-SignedHeaders=", "x=", malformed(Malformed::MissingSignedHeaders)),
        ("X-Amz-Signature=", "x=", malformed(Malformed::MissingSignature)),
        ("Expires=600", "Expires=0", malformed(Malformed::Expires)),
        ("Expires=600", "Expires=604801", malformed(Malformed::Expires)),
        ("Expires=600", "Expires=-1", malformed(Malformed::Expires)),
        ("Expires=600", "Expires=%2B600", malformed(Malformed::Expires)),
        ("Expires=600", "Expires=", malformed(Malformed::Expires)),
        ("Expires=600", "Expires=99999999999999999999", malformed(Malformed::Expires)),
        ("Date=20130524T", "Date=20130525T", malformed(Malformed::DateMismatch)),
        ("Date=20130524T", "Date=2013", malformed(Malformed::Date)),
        ("%2Fs3%2F", "%2Fec2%2F", malformed(Malformed::Service)),
        ("Credential=AKIA", "Credential=%FF", malformed(Malformed::Syntax)),
        ("SignedHeaders=host", "SignedHeaders=", malformed(Malformed::SignedHeaders)),
        ("SignedHeaders=host", "SignedHeaders=HOST", malformed(Malformed::SignedHeaders)),
        (
            "SignedHeaders=host",
            "SignedHeaders=x-none",
            AuthParseError::SignedHeaderMissing("x-none".to_owned()),
        ),
        ("X-Amz-Signature=", "X-Amz-Signature=00", AuthParseError::SignatureShape),
        ("acl", "X-Amz-Content-Sha256=abc", AuthParseError::InvalidPayloadHash),
    ] {
        assert_eq!(query(from, to), expected, "{from:?} -> {to:?}");
    }
    for name in [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
    ] {
        assert_eq!(query("acl", &format!("{name}=1")), AuthParseError::DuplicateQuery(name));
    }
}

#[test]
fn one_mechanism_and_the_right_one() {
    for parameter in ["X-Amz-Algorithm=x", "X-Amz-Credential=x", "X-Amz-Signature", "%58-Amz-Signature=x"] {
        let mut request = good();
        request.query = Some(parameter.to_owned());
        assert_eq!(request.error(), AuthParseError::MultipleMechanisms, "{parameter}");
    }
    let version_2 =
        "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D";
    let request = Request::new("GET", "/", Some(version_2), &[HOST]);
    assert_eq!(request.error(), AuthParseError::UnsupportedMechanism);
}

#[test]
fn forms() {
    let signature = "0".repeat(64);
    let good: Vec<(&str, &str)> = vec![
        ("policy", "e30="),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-AMZ-CREDENTIAL", "A/20130524/r/s3/aws4_request"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-signature", &signature),
    ];
    assert!(matches!(PresentedPolicy::parse(&good), Ok(Some(_))));
    assert!(matches!(PresentedPolicy::parse(&[("key", "k"), ("file", "f")]), Ok(None)));
    let malformed = AuthParseError::Form;
    let missing = [
        Malformed::MissingPolicy,
        Malformed::MissingAlgorithm,
        Malformed::MissingCredential,
        Malformed::MissingDate,
        Malformed::MissingSignature,
    ];
    for (index, expected) in missing.into_iter().enumerate() {
        let mut fields = good.clone();
        fields.remove(index);
        assert_eq!(PresentedPolicy::parse(&fields).unwrap_err(), malformed(expected));
    }
    for (index, value, expected) in [
        (1, "AWS4-HMAC-SHA1", malformed(Malformed::Algorithm)),
        (1, "AWS4-ECDSA-P256-SHA256", AuthParseError::NotImplemented(NotImplemented::Ecdsa)),
        (2, "A/20130524/r/s3", malformed(Malformed::Credential)),
        (2, "A/20130525/r/s3/aws4_request", malformed(Malformed::DateMismatch)),
        (3, "Fri, 24 May 2013 00:00:00 GMT", malformed(Malformed::Date)),
        (4, "NpgCjnDzrM+WFzoENXmpNDUsSn8=", AuthParseError::SignatureShape),
    ] {
        let mut fields = good.clone();
        fields[index].1 = value;
        assert_eq!(PresentedPolicy::parse(&fields).unwrap_err(), expected);
    }
    let mut twice = good.clone();
    twice.push(("Policy", "e30="));
    assert_eq!(PresentedPolicy::parse(&twice).unwrap_err(), malformed(Malformed::DuplicateComponent));
    let version_2 = [("AWSAccessKeyId", "A"), ("policy", "e30="), ("signature", "x")];
    assert_eq!(PresentedPolicy::parse(&version_2).unwrap_err(), AuthParseError::UnsupportedMechanism);
}

#[test]
fn codes_and_statuses() {
    let malformed = Malformed::Syntax;
    for (error, code, status) in [
        (AuthParseError::UnsupportedMechanism, "InvalidRequest", 400),
        (AuthParseError::UnsupportedAuthorizationType, "InvalidArgument", 400),
        (AuthParseError::MultipleMechanisms, "InvalidArgument", 400),
        (AuthParseError::DuplicateHeader("host"), "InvalidRequest", 400),
        (AuthParseError::DuplicateQuery("X-Amz-Date"), "AuthorizationQueryParametersError", 400),
        (AuthParseError::Header(malformed), "AuthorizationHeaderMalformed", 400),
        (AuthParseError::Query(malformed), "AuthorizationQueryParametersError", 400),
        (AuthParseError::Form(malformed), "InvalidArgument", 400),
        (AuthParseError::MissingDate, "AccessDenied", 403),
        (AuthParseError::MissingPayloadHash, "InvalidRequest", 400),
        (AuthParseError::InvalidPayloadHash, "InvalidArgument", 400),
        (AuthParseError::NotImplemented(NotImplemented::Ecdsa), "NotImplemented", 501),
        (AuthParseError::HeadersNotSigned(vec!["host".to_owned()]), "AccessDenied", 403),
        (AuthParseError::SignedHeaderMissing("host".to_owned()), "AccessDenied", 403),
        (AuthParseError::SignatureShape, "SignatureDoesNotMatch", 403),
    ] {
        assert_eq!((error.code(), error.status()), (code, status), "{error:?}");
    }
}
