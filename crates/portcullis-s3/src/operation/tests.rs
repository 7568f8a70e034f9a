use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn parse(method: &Method, level: Level, query: &str, headers: &[&'static str]) -> Result<Operation, Code> {
    let query = Query::parse(Some(query)).unwrap();
    let map = headers.iter().map(|name| ((*name).parse().unwrap(), HeaderValue::from_static("x"))).collect();
    Operation::parse(method, level, &query, &map).map_err(|error| error.code)
}

#[test]
fn every_operation_is_found_by_its_own_shape() {
    for operation in Operation::ALL {
        let shape = operation.shape();
        let headers: &[&str] = if shape.copies { &["x-amz-copy-source"] } else { &[] };
        let bare = shape.selectors.join("=1&");
        assert_eq!(parse(&shape.method, shape.level, &bare, headers), Ok(*operation));
        let full: Vec<String> =
            shape.selectors.iter().chain(shape.parameters).map(|name| format!("{name}=1")).collect();
        assert_eq!(parse(&shape.method, shape.level, &full.join("&"), headers), Ok(*operation));
    }
}

#[test]
fn what_is_not_offered_is_not_implemented() {
    let get = Method::GET;
    for (method, level, query) in [
        (&get, Level::Bucket, "replication"),
        (&get, Level::Bucket, "acl&policy"),
        (&get, Level::Bucket, "list-type=2&unknown=1"),
        (&get, Level::Object, "torrent"),
        (&get, Level::Object, "uploadId=1&versionId=2"),
        (&Method::PUT, Level::Bucket, "policy"),
        (&Method::PUT, Level::Bucket, "versioning"),
        (&Method::PUT, Level::Object, "acl"),
        (&Method::PUT, Level::Object, "partNumber=1"),
        (&Method::PUT, Level::Object, "x-amz-meta-a=b"),
        (&Method::POST, Level::Object, "restore"),
        (&Method::POST, Level::Object, "select&select-type=2"),
        (&Method::DELETE, Level::Bucket, "policy"),
    ] {
        assert_eq!(parse(method, level, query, &[]), Err(Code::NotImplemented), "{method} {query}");
    }
    for header in ["x-amz-server-side-encryption", "x-amz-object-lock-mode", "x-amz-grant-read", "x-amz-new"]
    {
        assert_eq!(parse(&Method::PUT, Level::Object, "", &[header]), Err(Code::NotImplemented), "{header}");
    }
    for (method, level) in
        [(Method::PATCH, Level::Object), (Method::OPTIONS, Level::Bucket), (Method::POST, Level::Object)]
    {
        assert_eq!(parse(&method, level, "", &[]), Err(Code::MethodNotAllowed), "{method}");
    }
}

#[test]
fn what_only_authenticates_changes_nothing() {
    let signed = "x-id=GetObject&X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Date=c&X-Amz-Expires=d&\
                  X-Amz-SignedHeaders=e&X-Amz-Signature=f&X-Amz-Content-Sha256=g";
    assert_eq!(parse(&Method::GET, Level::Object, signed, &[]), Ok(Operation::GetObject));
    let hoisted = format!("{signed}&x-amz-checksum-crc32=h&X-Amz-Meta-A=i");
    assert_eq!(parse(&Method::PUT, Level::Object, &hoisted, &[]), Ok(Operation::PutObject));
    let version_2 = "AWSAccessKeyId=a&Signature=b&Expires=c&content-type=d";
    assert_eq!(parse(&Method::PUT, Level::Object, version_2, &[]), Err(Code::InvalidRequest));
}

#[test]
fn names_of_hoisted_headers() {
    assert_eq!(hoisted("X-Amz-Meta-A").as_deref(), Some("x-amz-meta-a"));
    assert_eq!(hoisted("x-amz-signature"), None);
    assert_eq!(hoisted("prefix"), None);
    assert_eq!(hoisted("x-ämz-"), None);
}

proptest! {
    #[test]
    fn nothing_unknown_passes(name in "[a-zA-Z-]{1,16}", level in prop::sample::select(vec![Level::Service, Level::Bucket, Level::Object])) {
        for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::HEAD] {
            if let Ok(operation) = parse(&method, level, &name, &[]) {
                let shape = operation.shape();
                let known = shape.selectors.iter().chain(shape.parameters).chain(SILENT).any(|known| *known == name);
                prop_assert!(known, "{} lets {name} pass", operation.as_str());
            }
        }
    }
}
