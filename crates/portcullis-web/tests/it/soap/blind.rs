//! Keys that may not do everything: whoever may only write learns nothing, and whoever may only read changes nothing.

use portcullis_domain::Action;
use portcullis_web::SoapOperation;
use serde_json::json;

use super::{Service, basic, code, put_file, text, value, values};

/// An operation on a path, as far as it needs to be whole.
fn on(operation: SoapOperation, path: &str) -> String {
    let name = operation.name();
    let rest = match operation {
        SoapOperation::PutFile => "<content>eA==</content>",
        SoapOperation::Move => "<to>/moved</to>",
        SoapOperation::BeginUpload => "<length>1</length>",
        SoapOperation::ListFolder
        | SoapOperation::Stat
        | SoapOperation::GetFile
        | SoapOperation::Delete
        | SoapOperation::MakeFolder
        | SoapOperation::UploadPart
        | SoapOperation::CompleteUpload
        | SoapOperation::AbortUpload => "",
    };
    format!("<{name}><path>{path}</path>{rest}</{name}>")
}

#[tokio::test]
async fn whoever_may_only_write_learns_nothing() {
    let service = Service::new().await;
    service.put("/there/file", b"old").await;
    let (name, secret) = service.another(&json!({"permission": "write"})).await;
    let blind = basic(&name, &secret);
    for operation in SoapOperation::ALL.into_iter().filter(|operation| operation.action() != Action::Put) {
        let mut told = Vec::new();
        for path in ["/there/file", "/there", "/not", "/there/file/below", "/"] {
            let answer = service.call_as(&blind, &on(operation, path)).await;
            assert_eq!(code(&answer), "AccessDenied", "{operation:?} {path}");
            told.push(text(&answer).replace(answer.header("x-request-id"), ""));
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{operation:?}: {told:?}");
    }
    // Over what is there and where nothing is, the answers differ in nothing but the name.
    let mut told = Vec::new();
    for name in ["file", "none"] {
        let answer = service.call_as(&blind, &put_file(&format!("/there/{name}"), "", b"new")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        told.push(text(&answer).replace(&format!(">{name}<"), "><").replace(&format!("/{name}<"), "/<"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    for more in ["<createOnly>true</createOnly>", "<ifMatch>x</ifMatch>"] {
        for path in ["/there/file", "/there/nothing"] {
            let answer = service.call_as(&blind, &put_file(path, more, b"newer")).await;
            assert_eq!(code(&answer), "AccessDenied", "{more} {path}");
        }
    }
    assert_eq!(service.call_as(&blind, &on(SoapOperation::MakeFolder, "/there/made")).await.status, 200);
    assert_eq!(service.call_as(&blind, &on(SoapOperation::MakeFolder, "/there/made")).await.status, 200);
}

#[tokio::test]
async fn refusals_are_written_down_with_the_right_that_is_missing() {
    let service = Service::new().await;
    let (name, secret) = service.another(&json!({"permission": "write"})).await;
    for (operation, action) in [
        (SoapOperation::ListFolder, "list"),
        (SoapOperation::GetFile, "get"),
        (SoapOperation::Delete, "delete"),
    ] {
        let answer = service.call_as(&basic(&name, &secret), &on(operation, "/x")).await;
        let id = value(&answer, "requestId");
        service.world.flush().await;
        let events = service.world.get("/api/v1/audit-events?limit=20").await;
        let found =
            events["items"].as_array().unwrap().iter().find(|event| event["request_id"] == id.as_str());
        let found = found.unwrap_or_else(|| panic!("{operation:?}: {events}"));
        assert_eq!(found["action"], action, "{found}");
        assert_eq!(found["allowed"], false, "{found}");
        assert_eq!(found["reason"], "key_permission", "{found}");
        assert_eq!(found["channel"], "web-service", "{found}");
    }
}

#[tokio::test]
async fn whoever_may_only_read_changes_nothing() {
    let service = Service::new().await;
    service.put("/there/file", b"old").await;
    let (name, secret) = service.another(&json!({"permission": "read"})).await;
    let reader = basic(&name, &secret);
    for operation in SoapOperation::ALL {
        let answer = service.call_as(&reader, &on(operation, "/there/file")).await;
        match operation {
            SoapOperation::Stat | SoapOperation::GetFile => assert_eq!(answer.status, 200, "{answer:?}"),
            SoapOperation::ListFolder => assert_eq!(code(&answer), "NotFolder"),
            // These name an upload, which there is none of.
            SoapOperation::UploadPart | SoapOperation::CompleteUpload | SoapOperation::AbortUpload => {
                assert_eq!(code(&answer), "InvalidRequest");
            }
            SoapOperation::MakeFolder => {
                assert_eq!(code(&answer), "AccessDenied");
                let answer = service.call_as(&reader, &on(operation, "/there/made")).await;
                assert_eq!(code(&answer), "AccessDenied");
            }
            SoapOperation::PutFile
            | SoapOperation::Delete
            | SoapOperation::Move
            | SoapOperation::BeginUpload => assert_eq!(code(&answer), "AccessDenied", "{operation:?}"),
        }
    }
    let all = service.done("<ListFolder><path>/there</path></ListFolder>").await;
    assert_eq!(values(&all, "name"), ["file"]);
    assert_eq!(service.content("/there/file").await.unwrap(), b"old");
}

#[tokio::test]
async fn a_key_with_a_prefix_is_in_its_folder() {
    let service = Service::new().await;
    service.put("/in/a", b"mine").await;
    service.put("/out/b", b"other").await;
    let (name, secret) = service.another(&json!({"prefix": "in/"})).await;
    let mine = basic(&name, &secret);
    let listed = service.call_as(&mine, "<ListFolder><path>/</path></ListFolder>").await;
    assert_eq!(values(&listed, "path"), ["/a"]);
    for path in ["/out/b", "/b"] {
        let answer = service.call_as(&mine, &on(SoapOperation::GetFile, path)).await;
        assert_eq!(code(&answer), "NotFound", "{path}");
    }
    assert_eq!(service.call_as(&mine, &put_file("/c", "", b"new")).await.status, 200);
    assert_eq!(service.content("/in/c").await.unwrap(), b"new");
}
