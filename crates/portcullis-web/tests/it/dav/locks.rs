//! Locks, as those who hold them and those who do not meet them.

use std::time::Duration;

use super::{EXCLUSIVE, SHARED, Share, between, text};

fn with(token: &str) -> String {
    format!("(<{token}>)")
}

#[tokio::test]
async fn a_lock_keeps_others_out() {
    let share = Share::new().await;
    share.put("/dav/f", "one").await;
    let answer = share
        .expect(
            200,
            "LOCK",
            "/dav/f",
            &[("depth", "0"), ("timeout", "Infinite, Second-4100000000")],
            EXCLUSIVE,
        )
        .await;
    let token = answer.header("lock-token").trim_matches(['<', '>']).to_owned();
    let told = text(&answer);
    for part in [
        "<D:lockscope><D:exclusive/></D:lockscope>",
        "<D:depth>0</D:depth>",
        "<D:owner><D:href>somebody</D:href></D:owner>",
        "<D:timeout>Second-3600</D:timeout>",
        "<D:lockroot><D:href>/dav/f</D:href></D:lockroot>",
        &format!("<D:locktoken><D:href>{token}</D:href></D:locktoken>"),
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(token.starts_with("urn:uuid:") && token.len() == 45, "{token}");
    let colour =
        "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><c>1</c></D:prop></D:set></D:propertyupdate>";
    share.put("/dav/g", "other").await;
    for (method, path, headers, body) in [
        ("PUT", "/dav/f", &[][..], "two"),
        ("DELETE", "/dav/f", &[], ""),
        ("MOVE", "/dav/f", &[("destination", "/dav/h")], ""),
        ("MOVE", "/dav/g", &[("destination", "/dav/f")], ""),
        ("COPY", "/dav/g", &[("destination", "/dav/f")], ""),
        ("PROPPATCH", "/dav/f", &[], colour),
        ("LOCK", "/dav/f", &[("depth", "0")], EXCLUSIVE),
        ("LOCK", "/dav/f", &[("depth", "0")], SHARED),
    ] {
        let told = text(&share.expect(423, method, path, headers, body).await);
        assert!(told.contains("<D:href>/dav/f</D:href>"), "{method}: {told}");
    }
    // Looking and copying from there are free.
    share.expect(201, "COPY", "/dav/f", &[("destination", "/dav/h")], "").await;
    assert_eq!(share.content("/dav/f").await.as_deref(), Some("one"));
    // The token is of use to the key that was given it, and to nobody else.
    let other = share.another_key("read_write").await;
    let shown = with(&token);
    let answer = share.send_as(&other, "PUT", "/dav/f", &[("if", &shown)], "two").await;
    assert_eq!(answer.status, 423, "{answer:?}");
    let answer =
        share.send_as(&other, "UNLOCK", "/dav/f", &[("lock-token", &format!("<{token}>"))], "").await;
    assert_eq!(answer.status, 409, "{answer:?}");
    share.expect(204, "PUT", "/dav/f", &[("if", &shown)], "two").await;
    // Office names its lock in another header.
    share.expect(204, "PUT", "/dav/f", &[("lock-token", &format!("<{token}>"))], "three").await;
    share.expect(207, "PROPPATCH", "/dav/f", &[("if", &shown)], colour).await;
    share.expect(409, "UNLOCK", "/dav/g", &[("lock-token", &format!("<{token}>"))], "").await;
    share.expect(400, "UNLOCK", "/dav/f", &[], "").await;
    share.expect(204, "UNLOCK", "/dav/f", &[("lock-token", &format!("<{token}>"))], "").await;
    share.expect(412, "PUT", "/dav/f", &[("if", &shown)], "four").await;
    share.expect(204, "PUT", "/dav/f", &[], "four").await;
}

#[tokio::test]
async fn a_name_is_locked_before_there_is_a_file() {
    let share = Share::new().await;
    share.expect(409, "LOCK", "/dav/no/f", &[("depth", "0")], EXCLUSIVE).await;
    let answer = share.expect(201, "LOCK", "/dav/f", &[("depth", "0")], EXCLUSIVE).await;
    assert_eq!(share.content("/dav/f").await.as_deref(), Some(""));
    let shown = format!("({})", answer.header("lock-token"));
    share.expect(423, "PUT", "/dav/f", &[], "one").await;
    share.expect(204, "PUT", "/dav/f", &[("if", &shown)], "one").await;
    share.expect(204, "DELETE", "/dav/f", &[("if", &shown)], "").await;
    // The lock went with the file.
    share.expect(201, "PUT", "/dav/f", &[], "two").await;
}

#[tokio::test]
async fn a_locked_folder() {
    let share = Share::new().await;
    share.expect(201, "MKCOL", "/dav/a", &[], "").await;
    share.put("/dav/a/f", "one").await;
    let token = share.lock("/dav/a/", "infinity").await;
    share.expect(423, "PUT", "/dav/a/f", &[], "two").await;
    share.expect(423, "PUT", "/dav/a/new", &[], "two").await;
    share.expect(423, "MKCOL", "/dav/a/b", &[], "").await;
    share.expect(423, "DELETE", "/dav/a", &[], "").await;
    share.expect(423, "LOCK", "/dav/a/f", &[("depth", "0")], EXCLUSIVE).await;
    share.expect(201, "PUT", "/dav/a/new", &[("if", &with(&token))], "two").await;
    // A list about another address that holds: the token was sent along all the same.
    let tagged = format!("<https://gate.example.org/dav/a/> (<{token}>)");
    share.expect(204, "PUT", "/dav/a/new", &[("if", &tagged)], "three").await;
    let told = text(&share.expect(207, "PROPFIND", "/dav/a", &[("depth", "1")], "").await);
    assert_eq!(told.matches(&token).count(), 3, "{told}");
    // A refresh by way of what is in it.
    share.world.clock.advance(Duration::from_secs(590));
    let told = text(
        &share.expect(200, "LOCK", "/dav/a/f", &[("if", &with(&token)), ("timeout", "Second-900")], "").await,
    );
    assert_eq!(between(&told, "<D:timeout>", "<"), Some("Second-900"));
    share.world.clock.advance(Duration::from_secs(899));
    share.expect(423, "PUT", "/dav/a/f", &[], "two").await;
    share.world.clock.advance(Duration::from_secs(1));
    share.expect(204, "PUT", "/dav/a/f", &[], "two").await;
    share.expect(412, "LOCK", "/dav/a/f", &[("if", &with(&token))], "").await;
    share.expect(400, "LOCK", "/dav/a/f", &[], "").await;
}

#[tokio::test]
async fn locks_of_what_is_in_a_folder_keep_the_folder() {
    let share = Share::new().await;
    share.expect(201, "MKCOL", "/dav/a", &[], "").await;
    share.put("/dav/a/f", "one").await;
    let token = share.lock("/dav/a/f", "0").await;
    share.expect(423, "DELETE", "/dav/a", &[], "").await;
    share.expect(423, "MOVE", "/dav/a", &[("destination", "/dav/b")], "").await;
    share.expect(423, "LOCK", "/dav/a", &[("depth", "infinity")], EXCLUSIVE).await;
    // Its list of names is not the file.
    share.expect(201, "PUT", "/dav/a/g", &[], "1").await;
    let tagged = format!("</dav/a/f> (<{token}>)");
    share.expect(204, "DELETE", "/dav/a", &[("if", &tagged)], "").await;
}

#[tokio::test]
async fn shared_locks_and_what_is_no_lock() {
    let share = Share::new().await;
    share.put("/dav/f", "one").await;
    let first = share.expect(200, "LOCK", "/dav/f", &[("depth", "0")], SHARED).await;
    share.expect(200, "LOCK", "/dav/f", &[("depth", "0")], SHARED).await;
    share.expect(423, "LOCK", "/dav/f", &[("depth", "0")], EXCLUSIVE).await;
    share.expect(423, "PUT", "/dav/f", &[], "two").await;
    let shown = format!("({})", first.header("lock-token"));
    share.expect(204, "PUT", "/dav/f", &[("if", &shown)], "two").await;
    share.expect(400, "LOCK", "/dav/f", &[("depth", "1")], SHARED).await;
    for wrong in [
        "<x/>",
        "<D:lockinfo xmlns:D=\"DAV:\"/>",
        &EXCLUSIVE.replace("D:write", "D:read"),
        &EXCLUSIVE.replace("somebody", &"x".repeat(3000)),
    ] {
        share.expect(400, "LOCK", "/dav/f", &[("depth", "0")], wrong).await;
    }
    for malformed in ["", "x", "(", "()", "<a>"] {
        share.expect(400, "PUT", "/dav/f", &[("if", malformed)], "three").await;
    }
    assert_eq!(share.content("/dav/f").await.as_deref(), Some("two"));
    // The top of a storage is nobody's to lock.
    share.expect(403, "LOCK", "/dav/", &[("depth", "infinity")], EXCLUSIVE).await;
}

#[tokio::test]
async fn who_may_not_write_locks_nothing() {
    let share = Share::new().await;
    share.put("/dav/f", "one").await;
    for permission in ["read", "write"] {
        let other = share.another_key(permission).await;
        for path in ["/dav/f", "/dav/new"] {
            let answer = share.send_as(&other, "LOCK", path, &[("depth", "0")], EXCLUSIVE).await;
            assert_eq!(answer.status, 403, "{permission} {path}: {answer:?}");
        }
    }
    share.expect(404, "GET", "/dav/new", &[], "").await;
    share.expect(204, "PUT", "/dav/f", &[], "two").await;
}
