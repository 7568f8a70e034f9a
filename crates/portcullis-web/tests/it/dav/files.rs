//! Files up, down and away; folders.

use super::{Share, text};

#[tokio::test]
async fn what_went_up_comes_down() {
    let share = Share::new().await;
    let made =
        share.expect(201, "PUT", "/dav/a%20%C3%BC.txt", &[("content-type", "text/plain")], "hello").await;
    let etag = made.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 10, "{etag}");
    let got = share.expect(200, "GET", "/dav/a%20%C3%BC.txt", &[], "").await;
    assert_eq!(
        (text(&got).as_str(), got.header("etag"), got.header("content-length")),
        ("hello", etag.as_str(), "5")
    );
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-disposition", "attachment; filename*=UTF-8''a%20%C3%BC.txt"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, no-cache"),
    ] {
        assert_eq!(got.header(name), value);
    }
    let head = share.expect(200, "HEAD", "/dav/a%20%C3%BC.txt", &[], "").await;
    assert_eq!(
        (head.body.len(), head.header("content-length"), head.header("etag")),
        (0, "5", etag.as_str())
    );
    let again = share.expect(204, "PUT", "/dav/a%20%C3%BC.txt", &[], "other").await;
    assert_ne!(again.header("etag"), etag);
    share.expect(204, "DELETE", "/dav/a%20%C3%BC.txt", &[], "").await;
    share.expect(404, "GET", "/dav/a%20%C3%BC.txt", &[], "").await;
    share.expect(404, "DELETE", "/dav/a%20%C3%BC.txt", &[], "").await;
    share.expect(201, "PUT", "/dav/empty", &[], "").await;
    assert_eq!(share.content("/dav/empty").await.as_deref(), Some(""));
}

#[tokio::test]
async fn one_range_is_honoured_and_several_are_not() {
    let share = Share::new().await;
    let etag = share.put("/dav/f", "0123456789").await.header("etag").to_owned();
    for (range, status, body, told) in [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=0-1,3-4", 200, "0123456789", ""),
        ("items=0-1", 200, "0123456789", ""),
    ] {
        let answer = share.expect(status, "GET", "/dav/f", &[("range", range)], "").await;
        assert_eq!((text(&answer).as_str(), answer.header("content-range")), (body, told), "{range}");
    }
    let beyond = share.expect(416, "GET", "/dav/f", &[("range", "bytes=10-")], "").await;
    assert_eq!(beyond.header("content-range"), "bytes */10");
    share.put("/dav/empty", "").await;
    share.expect(416, "GET", "/dav/empty", &[("range", "bytes=0-0")], "").await;
    // Of a file that has changed since, all is sent.
    share.expect(206, "GET", "/dav/f", &[("range", "bytes=2-4"), ("if-range", &etag)], "").await;
    let whole =
        share.expect(200, "GET", "/dav/f", &[("range", "bytes=2-4"), ("if-range", "\"other\"")], "").await;
    assert_eq!(text(&whole), "0123456789");
    // A range is no matter for HEAD (RFC 9110 section 14.2).
    share.expect(200, "HEAD", "/dav/f", &[("range", "bytes=2-4")], "").await;
}

#[tokio::test]
async fn conditions_decide() {
    let share = Share::new().await;
    let etag = share.put("/dav/f", "one").await.header("etag").to_owned();
    share.expect(304, "GET", "/dav/f", &[("if-none-match", &etag)], "").await;
    share.expect(412, "GET", "/dav/f", &[("if-match", "\"other\"")], "").await;
    share.expect(200, "GET", "/dav/f", &[("if-match", &etag)], "").await;
    let date = share.expect(200, "GET", "/dav/f", &[], "").await.header("last-modified").to_owned();
    share.expect(304, "GET", "/dav/f", &[("if-modified-since", &date)], "").await;
    for (path, name, value) in [
        ("/dav/f", "if-none-match", "*"),
        ("/dav/f", "if-none-match", etag.as_str()),
        ("/dav/f", "if-match", "\"other\""),
        ("/dav/new", "if-match", "*"),
        ("/dav/new", "if-match", etag.as_str()),
        ("/dav/f", "if", "([\"other\"])"),
        ("/dav/f", "if", "(<urn:uuid:none>)"),
    ] {
        share.expect(412, "PUT", path, &[(name, value)], "two").await;
        assert_eq!(share.content("/dav/f").await.as_deref(), Some("one"), "{name}");
    }
    share.expect(412, "DELETE", "/dav/f", &[("if-match", "\"other\"")], "").await;
    share.expect(201, "PUT", "/dav/new", &[("if-none-match", "*")], "new").await;
    share.expect(204, "PUT", "/dav/f", &[("if-match", &etag)], "two").await;
    let now = share.expect(200, "HEAD", "/dav/f", &[], "").await.header("etag").to_owned();
    share.expect(204, "PUT", "/dav/f", &[("if", &format!("([{now}] Not <DAV:no-lock>)"))], "three").await;
}

#[tokio::test]
async fn what_is_no_whole_upload_is_refused() {
    let share = Share::new().await;
    share.put("/dav/f", "one").await;
    share.expect(400, "PUT", "/dav/f", &[("content-range", "bytes 0-2/3")], "two").await;
    share
        .expect(405, "PATCH", "/dav/f", &[("content-type", "application/x-sabredav-partialupdate")], "two")
        .await;
    share
        .expect(
            400,
            "PUT",
            "/dav/f",
            &[("x-expected-entity-length", "100"), ("transfer-encoding", "chunked")],
            "two",
        )
        .await;
    share
        .expect(
            400,
            "PUT",
            "/dav/f",
            &[("x-expected-entity-length", "2"), ("transfer-encoding", "chunked")],
            "two",
        )
        .await;
    share.expect(400, "PUT", "/dav/f", &[("x-expected-entity-length", "many")], "two").await;
    share.expect(400, "PUT", "/dav/f", &[("x-oc-mtime", "soon")], "two").await;
    assert_eq!(share.content("/dav/f").await.as_deref(), Some("one"));
    share
        .expect(
            204,
            "PUT",
            "/dav/f",
            &[("x-expected-entity-length", "3"), ("transfer-encoding", "chunked")],
            "two",
        )
        .await;
    assert_eq!(share.content("/dav/f").await.as_deref(), Some("two"));
}

#[tokio::test]
async fn folders_are_made_one_by_one() {
    let share = Share::new().await;
    share.expect(201, "MKCOL", "/dav/a/", &[], "").await;
    share.expect(405, "MKCOL", "/dav/a", &[], "").await;
    share.expect(409, "MKCOL", "/dav/x/y", &[], "").await;
    share.expect(409, "PUT", "/dav/x/y", &[], "1").await;
    share.expect(415, "MKCOL", "/dav/b", &[("content-type", "application/xml")], "<x/>").await;
    share.put("/dav/a/f", "1").await;
    share.expect(405, "MKCOL", "/dav/a/f", &[], "").await;
    share.expect(405, "PUT", "/dav/a", &[], "1").await;
    share.expect(405, "PUT", "/dav/a/", &[], "1").await;
    share.expect(405, "PUT", "/dav/", &[], "1").await;
    share.expect(405, "MKCOL", "/dav/", &[], "").await;
    share.expect(403, "DELETE", "/dav/", &[], "").await;
    assert_eq!(share.list("/dav/a", &[]).await, ["/dav/a/", "/dav/a/f"]);
    let folder = share.expect(200, "GET", "/dav/a/", &[], "").await;
    assert!(text(&folder).contains("WebDAV"));
    share.expect(400, "DELETE", "/dav/a/", &[("depth", "0")], "").await;
    share.expect(204, "DELETE", "/dav/a/", &[("depth", "infinity")], "").await;
    share.expect(404, "GET", "/dav/a/f", &[], "").await;
    assert_eq!(share.list("/dav/", &[]).await, ["/dav/"]);
}

#[tokio::test]
async fn an_address_is_what_it_says() {
    let share = Share::new().await;
    share.put("/dav/a", "1").await;
    for wrong in ["/dav/x/../a", "/dav/%2e%2e/a", "/dav/x%2Fa", "/dav/a?version=1", "/dav/a%00", "/dav/%ff"] {
        share.expect(400, "GET", wrong, &[], "").await;
        share.expect(400, "PUT", wrong, &[], "2").await;
    }
    assert_eq!(share.content("/dav/a").await.as_deref(), Some("1"));
    share.expect(405, "POST", "/dav/a", &[], "").await;
    share.expect(405, "TRACE", "/dav/a", &[], "").await;
}
