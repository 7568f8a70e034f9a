//! Who may only write: files up, folders made, and nothing learnt.

use super::{EXCLUSIVE, Share, hrefs};

#[tokio::test]
async fn they_put_and_see_nothing() {
    let share = Share::new().await;
    share.put("/dav/there", "one").await;
    share.expect(201, "MKCOL", "/dav/folder", &[], "").await;
    share.put("/dav/folder/f", "two").await;
    let blind = share.another_key("write").await;
    let send = async |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        share.send_as(&blind, method, path, headers, body).await
    };
    // What is there and what is not are the same.
    for (there, absent) in
        [("/dav/there", "/dav/absent"), ("/dav/folder/f", "/dav/no/f"), ("/dav/folder/", "/dav/no/")]
    {
        for (method, headers, body) in [
            ("GET", &[][..], ""),
            ("HEAD", &[], ""),
            ("DELETE", &[], ""),
            ("COPY", &[("destination", "/dav/x")], ""),
            ("MOVE", &[("destination", "/dav/x")], ""),
            (
                "PROPPATCH",
                &[],
                "<D:propertyupdate xmlns:D=\"DAV:\"><D:remove><D:prop><c/></D:prop></D:remove></D:propertyupdate>",
            ),
            ("LOCK", &[("depth", "0")], EXCLUSIVE),
            ("UNLOCK", &[("lock-token", "<urn:x>")], ""),
        ] {
            let (one, other) =
                (send(method, there, headers, body).await, send(method, absent, headers, body).await);
            assert_eq!((one.status, one.body), (other.status, other.body), "{method} {there}");
            assert!(one.status.is_client_error(), "{method} {there}: {}", one.status);
        }
    }
    for path in ["/dav/", "/dav/there", "/dav/absent", "/dav/folder/"] {
        for depth in ["0", "1"] {
            let answer = send("PROPFIND", path, &[("depth", depth)], "").await;
            assert_eq!(answer.status, 207, "{path}: {answer:?}");
            assert_eq!(hrefs(&answer).len(), 1, "{path}");
        }
    }
    // A condition would be a question.
    for headers in [
        [("if-match", "*")],
        [("if-none-match", "*")],
        [("if", "([\"x\"])")],
        [("if", "(Not <DAV:no-lock>)")],
    ] {
        for path in ["/dav/there", "/dav/absent"] {
            let answer = send("PUT", path, &headers, "x").await;
            assert!(matches!(answer.status.as_u16(), 403 | 412), "{headers:?} {path}: {answer:?}");
        }
    }
    let fresh = send("PUT", "/dav/folder/new", &[], "three").await;
    assert_eq!(fresh.status, 201, "{fresh:?}");
    assert_eq!(send("MKCOL", "/dav/made", &[], "").await.status, 201);
    assert_eq!(send("MKCOL", "/dav/folder", &[], "").await.status, 201);
    assert_eq!(share.content("/dav/folder/new").await.as_deref(), Some("three"));
    assert_eq!(share.content("/dav/there").await.as_deref(), Some("one"));
}

#[tokio::test]
async fn a_lock_of_another_tells_them_nothing() {
    let share = Share::new().await;
    share.put("/dav/locked", "one").await;
    share.put("/dav/free", "one").await;
    share.lock("/dav/locked", "0").await;
    let blind = share.another_key("write").await;
    let locked = share.send_as(&blind, "PUT", "/dav/locked", &[], "two").await;
    let free = share.send_as(&blind, "PUT", "/dav/free", &[], "two").await;
    assert_eq!(locked.status, free.status, "{locked:?}");
}
