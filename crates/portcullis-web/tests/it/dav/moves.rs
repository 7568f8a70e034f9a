//! Copies and new names.

use super::{Share, text};

#[tokio::test]
async fn files_are_copied_and_renamed() {
    let share = Share::new().await;
    share.put("/dav/a", "one").await;
    share.put("/dav/b", "two").await;
    share.expect(412, "COPY", "/dav/a", &[("destination", "/dav/b"), ("overwrite", "F")], "").await;
    share.expect(412, "MOVE", "/dav/a", &[("destination", "/dav/b"), ("overwrite", "f")], "").await;
    assert_eq!(share.content("/dav/b").await.as_deref(), Some("two"));
    share.expect(201, "COPY", "/dav/a", &[("destination", "https://gate.example.org/dav/c%20d")], "").await;
    assert_eq!(share.content("/dav/c%20d").await.as_deref(), Some("one"));
    share.expect(204, "MOVE", "/dav/a", &[("destination", "/dav/b"), ("overwrite", "T")], "").await;
    assert_eq!(
        (share.content("/dav/a").await, share.content("/dav/b").await.as_deref()),
        (None, Some("one"))
    );
    share.expect(404, "MOVE", "/dav/a", &[("destination", "/dav/x")], "").await;
    share.expect(409, "MOVE", "/dav/b", &[("destination", "/dav/no/x")], "").await;
    share.expect(403, "MOVE", "/dav/b", &[("destination", "/dav/b")], "").await;
    share.expect(400, "MOVE", "/dav/b", &[("destination", "/dav/x"), ("overwrite", "maybe")], "").await;
    share.expect(400, "MOVE", "/dav/b", &[("destination", "/dav/x"), ("depth", "0")], "").await;
    share.expect(400, "MOVE", "/dav/b", &[], "").await;
}

#[tokio::test]
async fn destinations_are_read_as_strictly_as_addresses() {
    let share = Share::new().await;
    share.put("/dav/a", "one").await;
    for (destination, status) in [
        ("https://evil.example/dav/x", 502),
        ("https://gate.example.org:8443/dav/x", 502),
        ("/files/x", 502),
        ("/davx", 502),
        ("/dav/y/../x", 400),
        ("/dav/y%2Fx", 400),
        ("/dav/%2e%2e/x", 400),
        ("/dav/x?y", 400),
        ("x", 400),
        ("", 400),
    ] {
        share.expect(status, "MOVE", "/dav/a", &[("destination", destination)], "").await;
    }
    share.expect(403, "MOVE", "/dav/a", &[("destination", "/dav/")], "").await;
    assert_eq!(share.content("/dav/a").await.as_deref(), Some("one"));
    assert_eq!(share.list("/dav/", &[]).await, ["/dav/", "/dav/a"]);
}

#[tokio::test]
async fn folders_go_with_everything_in_them() {
    let share = Share::new().await;
    for folder in ["/dav/a", "/dav/a/b", "/dav/t"] {
        share.expect(201, "MKCOL", folder, &[], "").await;
    }
    share.put("/dav/a/f", "1").await;
    share.put("/dav/a/b/g", "2").await;
    share.put("/dav/t/old", "3").await;
    share.expect(201, "COPY", "/dav/a", &[("destination", "/dav/c"), ("depth", "0")], "").await;
    assert_eq!(share.list("/dav/c", &[]).await, ["/dav/c/"]);
    // Onto a folder that is empty, and onto one that is not.
    share.expect(204, "COPY", "/dav/a/", &[("destination", "/dav/c/")], "").await;
    assert_eq!(share.list("/dav/c", &[]).await, ["/dav/c/", "/dav/c/b/", "/dav/c/f"]);
    share.expect(412, "MOVE", "/dav/a", &[("destination", "/dav/t"), ("overwrite", "F")], "").await;
    share.expect(204, "MOVE", "/dav/a", &[("destination", "/dav/t")], "").await;
    assert_eq!(share.list("/dav/t", &[]).await, ["/dav/t/", "/dav/t/b/", "/dav/t/f"]);
    assert_eq!(share.content("/dav/t/b/g").await.as_deref(), Some("2"));
    share.expect(404, "PROPFIND", "/dav/a", &[("depth", "0")], "").await;
    // A file takes the place of a folder, and a folder that of a file.
    share.put("/dav/f", "4").await;
    share.expect(204, "COPY", "/dav/f", &[("destination", "/dav/c")], "").await;
    assert_eq!(share.content("/dav/c").await.as_deref(), Some("4"));
    share.expect(204, "MOVE", "/dav/t", &[("destination", "/dav/c")], "").await;
    assert_eq!(share.content("/dav/c/f").await.as_deref(), Some("1"));
    assert_eq!(share.list("/dav/", &[]).await, ["/dav/", "/dav/c/", "/dav/f"]);
}

#[tokio::test]
async fn nothing_is_moved_into_itself() {
    let share = Share::new().await;
    for folder in ["/dav/a", "/dav/a/b"] {
        share.expect(201, "MKCOL", folder, &[], "").await;
    }
    share.put("/dav/a/b/f", "1").await;
    for (method, from, to) in [
        ("MOVE", "/dav/a", "/dav/a/b/c"),
        ("COPY", "/dav/a", "/dav/a/c"),
        ("COPY", "/dav/a", "/dav/a"),
        ("MOVE", "/dav/a/b", "/dav/a"),
        ("COPY", "/dav/a/b/f", "/dav/a"),
        ("MOVE", "/dav/", "/dav/x"),
    ] {
        let answer = share.expect(403, method, from, &[("destination", to)], "").await;
        assert!(text(&answer).contains("D:error"), "{answer:?}");
    }
    assert_eq!(share.content("/dav/a/b/f").await.as_deref(), Some("1"));
}

/// The temporary name's lock is all that Windows has for it.
#[tokio::test]
async fn a_locked_file_is_moved_by_whoever_holds_it() {
    let share = Share::new().await;
    share.put("/dav/doc", "old").await;
    share.put("/dav/tmp", "new").await;
    let token = share.lock("/dav/tmp", "0").await;
    share.expect(423, "MOVE", "/dav/tmp", &[("destination", "/dav/doc")], "").await;
    share
        .expect(204, "MOVE", "/dav/tmp", &[("destination", "/dav/doc"), ("if", &format!("(<{token}>)"))], "")
        .await;
    assert_eq!(share.content("/dav/doc").await.as_deref(), Some("new"));
    // The lock did not go along.
    share.expect(204, "PUT", "/dav/doc", &[], "newer").await;
    share.expect(201, "PUT", "/dav/tmp", &[], "another").await;
}

#[tokio::test]
async fn a_move_that_fails_loses_nothing() {
    let share = Share::new().await;
    for folder in ["/dav/from", "/dav/to"] {
        share.expect(201, "MKCOL", folder, &[], "").await;
    }
    share.put("/dav/from/f", "new").await;
    share.put("/dav/to/f", "old").await;
    // A key that may read and write, but what it may move is elsewhere: the target is put back.
    let reader = share.another_key("read").await;
    let answer = share.send_as(&reader, "MOVE", "/dav/from", &[("destination", "/dav/to")], "").await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(share.content("/dav/to/f").await.as_deref(), Some("old"));
    assert_eq!(share.content("/dav/from/f").await.as_deref(), Some("new"));
    assert_eq!(share.list("/dav/", &[]).await, ["/dav/", "/dav/from/", "/dav/to/"]);
}
