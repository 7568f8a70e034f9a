//! What of a request a signature covers, asked for by the front.

use portcullis_sigv4::{Location, Payload, parse};

use crate::support::{ACCESS_KEY_ID, Outcome, Request, now};

const HOST: (&str, &str) = ("host", "h");

#[test]
fn what_was_presented_can_be_read() {
    let headers = [HOST, ("content-encoding", "aws-chunked"), ("x-amz-security-token", "TOKEN")];
    let request = Request::new("PUT", "/", None, &headers).signed(Payload::StreamingSignedTrailer);
    request.with_raw(|raw| {
        let presented = parse(raw).unwrap().unwrap();
        assert_eq!(presented.access_key_id(), ACCESS_KEY_ID);
        assert_eq!(
            (presented.scope().region(), presented.scope().service()),
            ("us-east-1", portcullis_sigv4::Service::S3)
        );
        assert_eq!((presented.location(), presented.date()), (Location::Header, &now()));
        assert_eq!(presented.payload(), Payload::StreamingSignedTrailer);
        assert_eq!(presented.security_token(), Some(b"TOKEN".as_slice()));
        assert!(presented.is_signed("content-encoding") && !presented.is_signed("content"));
    });
    let request = Request::new("GET", "/", Some("X-Amz-Security-Token=a%2Fb"), &[HOST]).presigned(7);
    request.verified();
    request.with_raw(|raw| {
        let presented = parse(raw).unwrap().unwrap();
        assert_eq!(
            (presented.location(), presented.payload()),
            (Location::Query { expires: 7 }, Payload::Unsigned)
        );
        assert_eq!(presented.security_token(), Some(b"a/b".as_slice()));
        assert!(presented.is_signed("host") && !presented.is_signed("content-encoding"));
    });
}

#[test]
fn no_credentials_at_all() {
    for query in [None, Some("list-type=2&prefix=X-Amz-Signature"), Some("x-id=GetObject&X-Amz-Date=1")] {
        assert!(matches!(Request::new("GET", "/b", query, &[HOST]).judge(), Outcome::Anonymous));
    }
}

#[test]
fn parameters_are_found_however_they_are_escaped() {
    let mut request = Request::new("GET", "/b", None, &[HOST]).presigned(60);
    request.query = request.query.map(|query| query.replace("X-Amz-", "X%2dAmz-"));
    request.verified();
}
