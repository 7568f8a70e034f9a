//! The refusal matrix of the file channels: every operation of the web service × everybody who may come; as that of FTP.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use portcullis_web::{SOAP_OPERATIONS, SoapOperation};

use super::raw_soap::{Way, call, call_by, outcome, parameter, said};
use super::stage::{CONTENT, Stage, Who, table};
use crate::world::Access;

/// An operation for the files of the stage: the outcome, and all that is told. What is stored goes to `fresh`.
fn soap(
    stage: &Stage,
    operation: SoapOperation,
    root: &str,
    (file, fresh): (&str, &str),
    key: Option<&Access>,
) -> (String, String) {
    let say = |operation, parameters: &str| call(&stage.world, key, operation, parameters);
    let content = parameter("content", &BASE64_STANDARD.encode("fresh"));
    let (there, fresh) = (parameter("path", &format!("{root}{file}")), format!("{root}{fresh}"));
    let begin = parameter("path", &fresh) + &parameter("length", "5");
    let upload = || {
        let begun = say(SoapOperation::BeginUpload, &begin).text();
        parameter("uploadId", said(&begun, "uploadId").unwrap_or("00000000000000000000000000000000"))
    };
    let part = |upload: &str| format!("{upload}{}{content}", parameter("offset", "0"));
    let parameters = match operation {
        SoapOperation::ListFolder => parameter("path", root),
        SoapOperation::Stat | SoapOperation::GetFile | SoapOperation::Delete => there,
        SoapOperation::Move => there + &parameter("to", &format!("{root}moved.txt")),
        SoapOperation::PutFile => parameter("path", &fresh) + &content,
        SoapOperation::MakeFolder => parameter("path", &format!("{root}fresh")),
        SoapOperation::BeginUpload => begin.clone(),
        SoapOperation::UploadPart => part(&upload()),
        SoapOperation::AbortUpload => upload(),
        SoapOperation::CompleteUpload => {
            let upload = upload();
            say(SoapOperation::UploadPart, &part(&upload));
            upload
        }
    };
    let answer = say(operation, &parameters);
    (outcome(&answer), answer.text())
}

#[test]
fn every_operation_of_the_web_service() {
    let stage = Stage::of("web-service");
    let content = BASE64_STANDARD.encode(CONTENT);
    let mut rows = Vec::new();
    for operation in SOAP_OPERATIONS {
        let name = operation.name();
        let mut cells = Vec::new();
        for (who, key) in &stage.keys {
            stage.set();
            let root = who.root(&stage.bucket);
            let (outcome, told) = soap(&stage, *operation, &root, ("there.txt", "fresh.txt"), key.as_ref());
            let row = format!("{name} with {who:?}: {outcome} {told}");
            assert!(!outcome.contains("Unavailable") && told.contains("Envelope"), "{row}");
            assert_eq!(outcome == "401 AuthenticationFailed", !who.enters(), "{row}");
            assert!(who.reads() || !told.contains(&content) && !told.contains(CONTENT), "{row}");
            assert!(who.reads() || !told.contains("there.txt"), "{row}");
            assert!(who.writes() || stage.untouched(), "{row}");
            // The status says nothing more than the code.
            cells.push(outcome.split(' ').next_back().unwrap().replace("AuthenticationFailed", "401"));
        }
        rows.push((name.to_owned(), cells));
    }
    insta::assert_snapshot!("soap", table(&rows, &Who::ALL));
}

#[test]
fn no_operation_is_done_for_a_key_that_is_gone() {
    let stage = Stage::of("web-service");
    stage.set();
    for operation in SOAP_OPERATIONS {
        let key = stage.another();
        let path = parameter("path", "/there.txt");
        assert_eq!(call(&stage.world, Some(&key), SoapOperation::Stat, &path).status, 200);
        stage.world.admin("DELETE", &format!("/keys/{}", key.key_id), None);
        for way in [Way::Basic, Way::Text, Way::Digest] {
            let told = call_by(&stage.world, &key, way, *operation, &path);
            assert_eq!(outcome(&told), "401 AuthenticationFailed", "{} {way:?}", operation.name());
        }
        assert!(stage.untouched(), "{}", operation.name());
    }
}

/// What is of this one answer: its id, and the moment of it.
fn without_moments(mut text: String) -> String {
    for name in ["requestId", "modified", "expires", "uploadId"] {
        if let Some(value) = said(&text, name).map(str::to_owned) {
            text = text.replace(&value, "…");
        }
    }
    text
}

#[test]
fn the_web_service_tells_a_writer_nothing() {
    let stage = Stage::of("web-service");
    let writer = stage.keys.iter().find(|(who, _)| *who == Who::Write).unwrap().1.clone();
    for operation in SOAP_OPERATIONS {
        let told = ["there.txt", "nope!.txt"].map(|file| {
            stage.set();
            let (outcome, text) = soap(&stage, *operation, "/", (file, file), writer.as_ref());
            (outcome, without_moments(text).replace(file, "FILE"))
        });
        assert_eq!(told[0], told[1], "{} tells whether a file is there", operation.name());
    }
}
