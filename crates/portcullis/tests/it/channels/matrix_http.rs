//! The refusal matrix of the file channels: every method of WebDAV and of plain HTTP × everybody who may come; as that of FTP.

use portcullis_web::{DAV_METHODS, FILES_METHODS, FilesMethod, FilesPlace};

use super::raw_http;
use super::stage::{CONTENT, Stage, Who, table};
use crate::world::Access;

/// A method of WebDAV for the files of the stage: the answer's status and all that is told.
fn dav(stage: &Stage, method: &str, root: &str, file: &str, key: Option<&Access>) -> (u16, String) {
    let base = format!("/dav{root}");
    let (path, mut headers): (String, Vec<(&str, String)>) = match method {
        "PUT" => (format!("{base}fresh.txt"), vec![]),
        "MKCOL" => (format!("{base}fresh/"), vec![]),
        "COPY" | "MOVE" => {
            let to = format!("{}{base}moved.txt", stage.world.web);
            (format!("{base}{file}"), vec![("destination", to)])
        }
        "PROPFIND" => (base, vec![("depth", "1".to_owned())]),
        "UNLOCK" => (format!("{base}{file}"), vec![("lock-token", "<urn:uuid:none>".to_owned())]),
        _ => (format!("{base}{file}"), vec![]),
    };
    let body: &[u8] = match method {
        "PUT" => b"fresh",
        "PROPPATCH" => {
            b"<?xml version=\"1.0\"?><D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><a xmlns=\"urn:x\">1</a></D:prop></D:set></D:propertyupdate>"
        }
        "LOCK" => {
            b"<?xml version=\"1.0\"?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>"
        }
        _ => b"",
    };
    if !body.is_empty() && method != "PUT" {
        headers.push(("content-type", "application/xml".to_owned()));
    }
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = raw_http::call(&stage.world, key, method, &path, &headers, body);
    if let Some(token) = answer.header("lock-token") {
        // The next row is to meet no lock of this one.
        let there = [("lock-token", token)];
        raw_http::call(&stage.world, key, "UNLOCK", &path, &there, b"");
        if answer.status == 201 {
            raw_http::call(&stage.world, key, "DELETE", &path, &[], b"");
        }
    }
    (answer.status, answer.text())
}

#[test]
fn every_method_of_webdav() {
    let stage = Stage::of("http");
    let mut rows = Vec::new();
    for method in DAV_METHODS {
        let mut cells = Vec::new();
        for (who, key) in &stage.keys {
            stage.set();
            let (status, told) =
                dav(&stage, method.method, &who.root(&stage.bucket), "there.txt", key.as_ref());
            let row = format!("{} with {who:?}: {status} {told}", method.method);
            assert!(status < 500, "{row}");
            assert!(who.enters() || status == 401 || method.action.is_none(), "{row}");
            assert!(who.reads() || !told.contains(CONTENT), "{row}");
            // A lock names what it was asked for, there or not.
            let echoes = status >= 400 || method.method == "LOCK";
            assert!(who.reads() || !told.contains("there.txt") || echoes, "{row}");
            assert!(who.writes() || stage.untouched(), "{row}");
            cells.push(status.to_string());
        }
        rows.push((method.method.to_owned(), cells));
    }
    insta::assert_snapshot!("webdav", table(&rows, &Who::ALL));
}

#[test]
fn webdav_tells_a_writer_nothing() {
    let stage = Stage::of("http");
    let writer = stage.keys.iter().find(|(who, _)| *who == Who::Write).unwrap().1.clone();
    for method in DAV_METHODS {
        let told = ["there.txt", "nope!.txt"].map(|file| {
            stage.set();
            let (status, text) = dav(&stage, method.method, "/", file, writer.as_ref());
            (status, text.replace(file, "FILE"))
        });
        assert_eq!(told[0], told[1], "{} tells whether a file is there", method.method);
    }
}

/// Uploads in steps say so.
const TUS: (&str, &str) = ("tus-resumable", "1.0.0");

/// A method of plain HTTP for the files of the stage: the answer's status and all that is told.
fn files(stage: &Stage, row: &FilesMethod, file: &str, key: Option<&Access>) -> (u16, String) {
    let base = format!("/files/{}", stage.bucket);
    let call = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        raw_http::call(&stage.world, key, method, path, headers, body)
    };
    let begin = [TUS, ("upload-length", "5")];
    let answer = match (row.at, row.method) {
        (FilesPlace::Folder, method) => call(method, &format!("{base}/"), &[("accept", "text/html")], b""),
        (FilesPlace::File, "PUT") => call("PUT", &format!("{base}/fresh.txt"), &[], b"fresh"),
        (FilesPlace::File, "POST") => call("POST", &format!("{base}/fresh.txt"), &begin, b""),
        (FilesPlace::File, method) => call(method, &format!("{base}/{file}"), &[], b""),
        (FilesPlace::Upload, method) => {
            let begun = call("POST", &format!("{base}/fresh.txt"), &begin, b"");
            let nowhere = format!("{base}/{file}?upload=00000000000000000000000000000000");
            let at =
                begun.header("location").map_or(nowhere, |at| at[at.find("/files/").unwrap()..].to_owned());
            let kind = ("content-type", "application/offset+octet-stream");
            let body: &[u8] = if method == "PATCH" { b"fresh" } else { b"" };
            call(method, &at, &[TUS, ("upload-offset", "0"), kind], body)
        }
    };
    (answer.status, answer.text())
}

#[test]
fn every_method_of_plain_http() {
    let stage = Stage::of("http");
    let mut rows = Vec::new();
    for row in FILES_METHODS {
        let name = format!("{} {:?}", row.method, row.at);
        let mut cells = Vec::new();
        for (who, key) in &stage.keys {
            stage.set();
            let (status, told) = files(&stage, row, "there.txt", key.as_ref());
            let line = format!("{name} with {who:?}: {status} {told}");
            assert!(status < 500, "{line}");
            assert!(who.enters() || status == 401 || row.action.is_none(), "{line}");
            assert!(!who.reads_nothing_of_others() || status >= 400 || row.action.is_none(), "{line}");
            assert!(who.reads() || !told.contains(CONTENT), "{line}");
            assert!(who.reads() || !told.contains("there.txt") || status >= 400, "{line}");
            assert!(who.writes() || stage.untouched(), "{line}");
            cells.push(status.to_string());
        }
        rows.push((name, cells));
    }
    insta::assert_snapshot!("http", table(&rows, &Who::ALL));
}

#[test]
fn plain_http_tells_a_writer_nothing() {
    let stage = Stage::of("http");
    let writer = stage.keys.iter().find(|(who, _)| *who == Who::Write).unwrap().1.clone();
    for row in FILES_METHODS.iter().filter(|row| row.at != FilesPlace::Upload) {
        let told = ["there.txt", "nope!.txt"].map(|file| {
            stage.set();
            let (status, text) = files(&stage, row, file, writer.as_ref());
            // Each answer names its own request.
            let text = text
                .split("\"request_id\"")
                .next()
                .unwrap()
                .split("request's id. (")
                .next()
                .unwrap()
                .to_owned();
            (status, text.replace(file, "FILE"))
        });
        assert_eq!(told[0], told[1], "{} tells whether a file is there", row.method);
    }
}
