//! What is told of files and folders, and what clients leave with them.

use super::{Share, between, hrefs, noise, text};

fn asked(inner: &str) -> String {
    format!("<?xml version=\"1.0\"?><propfind xmlns=\"DAV:\">{inner}</propfind>")
}

fn update(inner: &str) -> String {
    format!(
        "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:Z=\"urn:schemas-microsoft-com:\" xmlns:x=\"urn:x\">{inner}</D:propertyupdate>"
    )
}

#[tokio::test]
async fn a_folder_is_told_with_what_is_in_it() {
    let share = Share::new().await;
    share.expect(201, "MKCOL", "/dav/b", &[], "").await;
    let etag = share.put("/dav/a%20%26", "12345").await.header("etag").to_owned();
    let answer = share.expect(207, "PROPFIND", "/dav/", &[("depth", "1")], "").await;
    assert_eq!(answer.header("content-type"), "application/xml; charset=utf-8");
    assert_eq!(hrefs(&answer), ["/dav/", "/dav/a%20%26", "/dav/b/"]);
    let told = text(&answer);
    let file = told.split("<D:response>").nth(2).unwrap();
    for part in [
        "<D:resourcetype/>",
        "<D:displayname>a &amp;</D:displayname>",
        "<D:getcontentlength>5</D:getcontentlength>",
        &format!("<D:getetag>{}</D:getetag>", etag.replace('"', "&quot;")),
        "<D:getlastmodified>Sun, 31 Jan 2027 18:00:00 GMT</D:getlastmodified>",
        "<D:creationdate>2027-01-31T18:00:00Z</D:creationdate>",
        "<D:lockdiscovery></D:lockdiscovery>",
        "<D:exclusive/>",
        "HTTP/1.1 200 OK",
    ] {
        assert!(file.contains(part), "{part}: {file}");
    }
    assert!(
        !told.contains("quota") && told.contains("<D:resourcetype><D:collection/></D:resourcetype>"),
        "{told}"
    );
    // A file has nothing in it, at any depth.
    for depth in ["0", "1", "infinity"] {
        let answer = share.expect(207, "PROPFIND", "/dav/a%20%26", &[("depth", depth)], "").await;
        assert_eq!(hrefs(&answer).len(), 1);
    }
    assert_eq!(hrefs(&share.expect(207, "PROPFIND", "/dav/b", &[("depth", "0")], "").await), ["/dav/b/"]);
    share.expect(404, "PROPFIND", "/dav/none", &[("depth", "0")], "").await;
}

#[tokio::test]
async fn what_is_asked_for_is_told_and_what_is_not_there_is_said_to_be_missing() {
    let share = Share::new().await;
    share.put("/dav/f", "12345").await;
    let body = asked("<prop><getcontentlength/><nothing xmlns=\"urn:x\"/><quota-used-bytes/></prop>");
    let told = text(&share.expect(207, "PROPFIND", "/dav/f", &[("depth", "0")], &body).await);
    assert!(
        told.contains("<D:getcontentlength>5</D:getcontentlength></D:prop><D:status>HTTP/1.1 200 OK"),
        "{told}"
    );
    assert!(
        told.contains("<x:nothing xmlns:x=\"urn:x\"/><D:quota-used-bytes/></D:prop><D:status>HTTP/1.1 404"),
        "{told}"
    );
    for brief in [("brief", "t"), ("prefer", "return=minimal")] {
        let told = text(&share.expect(207, "PROPFIND", "/dav/f", &[("depth", "0"), brief], &body).await);
        assert!(!told.contains("404") && told.contains("getcontentlength"), "{told}");
    }
    let told = text(&share.expect(207, "PROPFIND", "/dav/f", &[("depth", "0")], &asked("<propname/>")).await);
    assert!(told.contains("<D:getetag/>") && !told.contains("12345"), "{told}");
    let folder = asked("<prop><quota-used-bytes/><quota-available-bytes/><getcontentlength/></prop>");
    let told = text(&share.expect(207, "PROPFIND", "/dav/", &[("depth", "0")], &folder).await);
    assert_eq!(between(&told, "<D:quota-used-bytes>", "<"), Some("5"), "{told}");
}

#[tokio::test]
async fn quota_tells_what_is_left() {
    let share = Share::new().await;
    let path = format!("/api/v1/storages/{}", share.storage["id"].as_str().unwrap());
    let answer =
        share.world.admin("PATCH", &path).json(&serde_json::json!({"quota_bytes": 1000})).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    share.put("/dav/f", "12345").await;
    let folder = asked("<prop><quota-used-bytes/><quota-available-bytes/></prop>");
    let told = text(&share.expect(207, "PROPFIND", "/dav/", &[("depth", "0")], &folder).await);
    assert_eq!(between(&told, "<D:quota-available-bytes>", "<"), Some("995"), "{told}");
    share.expect(507, "PUT", "/dav/large", &[], &"x".repeat(2000)).await;
    share.expect(404, "GET", "/dav/large", &[], "").await;
}

#[tokio::test]
async fn nothing_is_walked_to_its_end() {
    let share = Share::new().await;
    for headers in [&[][..], &[("depth", "infinity")], &[("depth", "infinity"), ("x-litmus", "props: 1")]] {
        let told = text(&share.expect(403, "PROPFIND", "/dav/", headers, "").await);
        assert!(told.contains("<D:propfind-finite-depth/>"), "{told}");
    }
    share.expect(400, "PROPFIND", "/dav/", &[("depth", "2")], "").await;
}

#[tokio::test]
async fn documents_that_are_none() {
    let share = Share::new().await;
    let bomb = "<!DOCTYPE d [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><propfind xmlns=\"DAV:\"><prop>&b;</prop></propfind>";
    let prefix = "<D:propfind xmlns:D=\"DAV:\"><D:prop><x:foo xmlns:x=\"\"/></D:prop></D:propfind>";
    for wrong in [
        bomb,
        prefix,
        "<propfind/>",
        "<propfind xmlns=\"DAV:\"/>",
        "x",
        "<propfind xmlns=\"DAV:\"><allprop/>",
    ] {
        share.expect(400, "PROPFIND", "/dav/", &[("depth", "0")], wrong).await;
    }
    let long = asked(&format!("<prop>{}</prop>", "<getetag/>".repeat(7000)));
    share.expect(413, "PROPFIND", "/dav/", &[("depth", "0")], &long).await;
}

#[tokio::test]
async fn what_a_client_leaves_with_a_file_stays_with_it() {
    let share = Share::new().await;
    share.put("/dav/f", "one").await;
    let set = update(
        "<D:set><D:prop><x:colour xml:lang=\"de\">r&amp;t<b/></x:colour><plain>1</plain></D:prop></D:set><D:remove><D:prop><x:none/></D:prop></D:remove>",
    );
    let told = text(&share.expect(207, "PROPPATCH", "/dav/f", &[], &set).await);
    assert!(told.contains("200 OK") && !told.contains("403"), "{told}");
    let wanted = asked("<prop><colour xmlns=\"urn:x\"/><plain xmlns=\"\"/></prop>");
    let mark = "<x:colour xmlns:x=\"urn:x\" xml:lang=\"de\">r&amp;t<b></b></x:colour><plain>1</plain>";
    let told = text(&share.expect(207, "PROPFIND", "/dav/f", &[("depth", "0")], &wanted).await);
    assert!(told.contains(mark), "{told}");
    // A new content, another name, a copy.
    share.expect(204, "PUT", "/dav/f", &[], "two").await;
    share.expect(201, "MOVE", "/dav/f", &[("destination", "/dav/g")], "").await;
    share.expect(201, "COPY", "/dav/g", &[("destination", "/dav/h")], "").await;
    for path in ["/dav/g", "/dav/h"] {
        let told = text(&share.expect(207, "PROPFIND", path, &[("depth", "0")], "").await);
        assert!(told.contains(mark), "{told}");
        assert_eq!(share.content(path).await.as_deref(), Some("two"));
    }
    share
        .expect(207, "PROPPATCH", "/dav/g", &[], &update("<D:remove><D:prop><x:colour/></D:prop></D:remove>"))
        .await;
    let told = text(&share.expect(207, "PROPFIND", "/dav/g", &[("depth", "0")], &wanted).await);
    assert!(told.contains("<plain>1</plain>") && told.contains("<x:colour xmlns:x=\"urn:x\"/>"), "{told}");
}

#[tokio::test]
async fn all_of_a_change_or_nothing() {
    let share = Share::new().await;
    share.put("/dav/f", "one").await;
    let both = update("<D:set><D:prop><x:a>1</x:a><D:getetag>2</D:getetag></D:prop></D:set>");
    let told = text(&share.expect(207, "PROPPATCH", "/dav/f", &[], &both).await);
    assert!(
        told.contains("<D:getetag/></D:prop><D:status>HTTP/1.1 403")
            && told.contains("cannot-modify-protected-property"),
        "{told}"
    );
    assert!(told.contains("<x:a xmlns:x=\"urn:x\"/></D:prop><D:status>HTTP/1.1 424"), "{told}");
    let told = text(&share.expect(207, "PROPFIND", "/dav/f", &[("depth", "0")], "").await);
    assert!(!told.contains("urn:x"), "{told}");
    let noise = noise(4000);
    let large = update(&format!("<D:set><D:prop><x:a>{noise}</x:a></D:prop></D:set>"));
    assert!(text(&share.expect(207, "PROPPATCH", "/dav/f", &[], &large).await).contains("HTTP/1.1 507"));
    share.expect(400, "PROPPATCH", "/dav/f", &[], "").await;
    share.expect(400, "PROPPATCH", "/dav/f", &[], &update("")).await;
    share.expect(404, "PROPPATCH", "/dav/none", &[], &both).await;
}

#[tokio::test]
async fn times_are_those_of_the_writer() {
    let share = Share::new().await;
    let answer = share.expect(201, "PUT", "/dav/f", &[("x-oc-mtime", "784111777")], "one").await;
    assert_eq!(answer.header("x-oc-mtime"), "accepted");
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(share.expect(200, "GET", "/dav/f", &[], "").await.header("last-modified"), date);
    let told = text(&share.expect(207, "PROPFIND", "/dav/f", &[("depth", "0")], "").await);
    assert_eq!(between(&told, "<D:getlastmodified>", "<"), Some(date));
    assert_eq!(between(&told, "<Z:Win32LastModifiedTime>", "<"), Some(date));
    let windows = update(
        "<D:set><D:prop><Z:Win32LastModifiedTime>Mon, 07 Nov 1994 08:49:37 GMT</Z:Win32LastModifiedTime></D:prop></D:set>",
    );
    assert!(text(&share.expect(207, "PROPPATCH", "/dav/f", &[], &windows).await).contains("200 OK"));
    let got = share.expect(200, "GET", "/dav/f", &[], "").await;
    assert_eq!((got.header("last-modified"), text(&got).as_str()), ("Mon, 07 Nov 1994 08:49:37 GMT", "one"));
    let wrong =
        update("<D:set><D:prop><Z:Win32LastModifiedTime>soon</Z:Win32LastModifiedTime></D:prop></D:set>");
    assert!(text(&share.expect(207, "PROPPATCH", "/dav/f", &[], &wrong).await).contains("409"));
}
