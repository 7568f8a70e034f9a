//! Uploads in steps.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::content::pieces;
use super::{Service, V11, basic, code, envelope, value, values};

fn part(id: &str, offset: usize, content: &[u8]) -> String {
    let content = STANDARD.encode(content);
    format!(
        "<UploadPart><uploadId>{id}</uploadId><offset>{offset}</offset><content>{content}</content></UploadPart>"
    )
}

fn on(operation: &str, id: &str) -> String {
    format!("<{operation}><uploadId>{id}</uploadId></{operation}>")
}

impl Service {
    async fn begin(&self, path: &str, length: usize) -> String {
        let operation = format!(
            "<BeginUpload><path>{path}</path><length>{length}</length><contentType>text/plain</contentType></BeginUpload>"
        );
        let begun = self.done(&operation).await;
        assert_eq!(value(&begun, "offset"), "0");
        assert_eq!(value(&begun, "expires"), "2027-02-07T18:00:00Z");
        value(&begun, "uploadId")
    }
}

#[tokio::test]
async fn a_file_comes_in_steps() {
    let service = Service::new().await;
    // More than one part, so that some of it lies in the storage and some beside it.
    let whole: Vec<u8> = (0..=250).cycle().take(20 * 1024 * 1024).collect();
    for (path, whole) in [("/in/large", whole.as_slice()), ("/in/small", b"hello world")] {
        let id = service.begin(path, whole.len()).await;
        let mut at = 0;
        for end in [whole.len() / 10, whole.len() / 2, whole.len() / 2 + 1, whole.len()] {
            assert_eq!(service.fault(&on("CompleteUpload", &id)).await, "InvalidOffset");
            assert_eq!(service.content(path).await, None);
            let answer = service.done(&part(&id, at, &whole[at..end])).await;
            assert_eq!(value(&answer, "offset"), end.to_string());
            if at > 0 {
                let wrong = service.call(&part(&id, at, b"once more")).await;
                assert_eq!(
                    (code(&wrong).as_str(), value(&wrong, "offset")),
                    ("InvalidOffset", end.to_string())
                );
            }
            at = end;
        }
        for _ in 0..2 {
            let done = service.done(&on("CompleteUpload", &id)).await;
            assert_eq!(value(&done, "path"), path);
            assert_eq!(value(&done, "size"), whole.len().to_string());
            assert_eq!(value(&done, "contentType"), "text/plain");
        }
        assert!(service.content(path).await.unwrap() == whole, "{path}");
        service.done(&on("AbortUpload", &id)).await;
        assert_eq!(service.fault(&on("CompleteUpload", &id)).await, "NotFound");
        assert!(service.content(path).await.unwrap() == whole, "{path}");
    }
}

#[tokio::test]
async fn what_breaks_off_is_gone_on_with() {
    let service = Service::new().await;
    let id = service.begin("a", 11).await;
    let whole = envelope(V11, "", &part(&id, 0, b"hello world"));
    // All of its bytes, but not all of the request.
    for end in ["</content>", "</UploadPart>", "</e:Envelope>"] {
        let cut = whole.split(end).next().unwrap().to_owned();
        let ask = service.world.ask("POST", "/soap").header("content-type", "text/xml");
        let answer = ask.header("authorization", &service.basic()).body(Body::from(cut)).send().await;
        assert_eq!(code(&answer), "Broken", "{end}");
        assert_eq!(service.content("a").await, None, "{end}");
    }
    let damaged = part(&id, 0, b"hello world").replace("</content>", "*</content>");
    assert_eq!(service.fault(&damaged).await, "InvalidRequest");
    assert_eq!(service.content("a").await, None);
    let asked = service.call(&on("CompleteUpload", &id)).await;
    let at: usize = value(&asked, "offset").parse().unwrap();
    service.done(&part(&id, at, &b"hello world"[at..])).await;
    assert_eq!(service.content("a").await.unwrap(), b"hello world");
}

#[tokio::test]
async fn an_upload_is_its_keys_alone() {
    let service = Service::new().await;
    let id = service.begin("a", 5).await;
    let (name, secret) = service.another(&json!({})).await;
    let other = basic(&name, &secret);
    for operation in [part(&id, 0, b"hello"), on("CompleteUpload", &id), on("AbortUpload", &id)] {
        let mine = service.call_as(&other, &operation).await;
        let none = service.call_as(&other, &operation.replace(&id, "00000000000000000000000000000000")).await;
        for answer in [mine, none] {
            assert_eq!(code(&answer), "NotFound", "{operation}");
        }
    }
    service.done(&part(&id, 0, b"hello")).await;
    let empty = service.begin("empty", 0).await;
    service.done(&on("CompleteUpload", &empty)).await;
    assert_eq!(service.content("empty").await.unwrap(), b"");
    let too_long = service.begin("b", 3).await;
    let too_much = envelope(V11, "", &part(&too_long, 0, b"hello"));
    for size in [1, 4, too_much.len()] {
        let ask = service.world.ask("POST", "/soap").header("content-type", "text/xml");
        let answer = ask.header("authorization", &service.basic()).body(pieces(&too_much, size)).send().await;
        assert_eq!(code(&answer), "TooLarge", "{size}");
        assert_eq!(service.content("b").await, None, "{size}");
    }
    for (operation, wanted) in [
        ("<BeginUpload><path>/</path><length>1</length></BeginUpload>", "IsFolder"),
        ("<BeginUpload><path>/x</path></BeginUpload>", "InvalidRequest"),
        ("<BeginUpload><path>/x</path><length>9223372036854775807</length></BeginUpload>", "TooLarge"),
        ("<UploadPart><uploadId>x</uploadId><offset>0</offset></UploadPart>", "InvalidRequest"),
        ("<UploadPart><uploadId>x</uploadId><content/></UploadPart>", "InvalidRequest"),
        ("<CompleteUpload><uploadId>../x</uploadId></CompleteUpload>", "NotFound"),
    ] {
        assert_eq!(service.fault(operation).await, wanted, "{operation}");
    }
}

#[tokio::test]
async fn whoever_may_only_write_uploads_in_steps() {
    let service = Service::new().await;
    service.put("a", b"old").await;
    let (name, secret) = service.another(&json!({"permission": "write"})).await;
    let blind = basic(&name, &secret);
    for path in ["a", "b"] {
        let begin = format!("<BeginUpload><path>{path}</path><length>3</length></BeginUpload>");
        let id = value(&service.call_as(&blind, &begin).await, "uploadId");
        assert_eq!(service.call_as(&blind, &part(&id, 0, b"new")).await.status, 200);
        let done = service.call_as(&blind, &on("CompleteUpload", &id)).await;
        assert_eq!((value(&done, "size").as_str(), values(&done, "etag").len()), ("3", 0));
        assert_eq!(service.content(path).await.unwrap(), b"new");
    }
}
