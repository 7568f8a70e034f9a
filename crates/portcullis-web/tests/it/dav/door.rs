//! Who is let in, and what is said to whoever is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_web::DAV_METHODS;
use serde_json::json;

use super::{Share, key, text};
use crate::world::World;

#[tokio::test]
async fn anybody_may_ask_what_there_is() {
    let world = World::new().await;
    for path in ["/", "/dav", "/dav/", "/dav/a/b", "/dav/%ff"] {
        let answer = world.ask("OPTIONS", path).send().await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!((answer.header("dav"), answer.header("ms-author-via")), ("1, 2", "DAV"), "{path}");
        for method in DAV_METHODS {
            assert!(answer.header("allow").split(", ").any(|name| name == method.method), "{method:?}");
        }
        // No other site's page is told that it may ask.
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{answer:?}");
    }
    // The panel is where it was.
    let answer = world.ask("GET", "/").header("accept", "text/html").send().await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/sign-in"), "{answer:?}");
}

#[tokio::test]
async fn who_is_not_known_is_asked_for_a_name() {
    let share = Share::new().await;
    share.put("/dav/f", "one").await;
    let session = format!("Bearer {}", share.world.token);
    let cookie = format!("session={0}; __Host-session={0}", share.world.token);
    let rest = share.world.rest_key(&share.storage, "read_write").await;
    let (rest_id, rest_secret) = rest.split_once('.').unwrap();
    let rest_words = format!("Basic {}", STANDARD.encode(format!("{rest_id}:{rest_secret}")));
    for method in DAV_METHODS.iter().filter(|method| method.action.is_some()) {
        for (name, value) in [
            ("x-nothing", "x"),
            ("authorization", "Basic bm9ib2R5Om5vdGhpbmc="),
            ("authorization", "Digest username=\"x\""),
            ("authorization", session.as_str()),
            ("authorization", rest_words.as_str()),
            ("cookie", cookie.as_str()),
        ] {
            let ask = share.world.ask(method.method, "/dav/f").header(name, value).header("depth", "0");
            let answer = ask.header("destination", "/dav/g").from([198, 51, 100, 1]).body("two").send().await;
            if answer.status == 429 {
                continue;
            }
            assert_eq!(answer.status, 401, "{method:?} {name} {value}: {answer:?}");
            assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Portcullis\", charset=\"UTF-8\"");
        }
    }
    assert_eq!(share.content("/dav/f").await.as_deref(), Some("one"));
    assert_eq!(share.list("/dav/", &[]).await, ["/dav/", "/dav/f"]);
}

#[tokio::test]
async fn a_token_is_as_good_as_a_name_and_a_secret() {
    let share = Share::new().await;
    let pair = STANDARD.decode(share.basic.strip_prefix("Basic ").unwrap()).unwrap();
    let token = String::from_utf8(pair).unwrap().replace(':', ".");
    let answer = share.world.ask("PUT", "/dav/f").bearer(&token).body("one").send().await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let share = Share::new().await;
    share.put("/dav/f", "one").await;
    for method in ["PUT", "DELETE", "MKCOL", "MOVE", "PROPPATCH", "LOCK"] {
        for site in ["cross-site", "same-site"] {
            let headers = [("sec-fetch-site", site), ("destination", "/dav/g")];
            let answer = share.send(method, "/dav/f", &headers, "two").await;
            assert_eq!(answer.status, 403, "{method} {site}: {answer:?}");
        }
    }
    assert_eq!(share.content("/dav/f").await.as_deref(), Some("one"));
    share.expect(405, "POST", "/dav/f", &[], "two").await;
}

#[tokio::test]
async fn a_key_sees_what_is_its_own() {
    let share = Share::new().await;
    share.put("/dav/top", "1").await;
    share.expect(201, "MKCOL", "/dav/team", &[], "").await;
    share.put("/dav/team/f", "2").await;
    let other = share.world.storage("Other").await;
    let scope = json!({"storage": share.storage["id"]});
    let inside = key(&share.world, &json!({"scope": scope, "prefix": "team/"})).await;
    let answer = share.send_as(&inside, "PROPFIND", "/dav/", &[("depth", "1")], "").await;
    assert_eq!(super::hrefs(&answer), ["/dav/", "/dav/f"]);
    for outside in ["/dav/top", "/dav/team/f"] {
        assert_eq!(share.send_as(&inside, "GET", outside, &[], "").await.status, 404);
    }
    // A lock is on the file, by whichever way it is reached.
    let token = share.lock("/dav/team/f", "0").await;
    assert_eq!(share.send_as(&inside, "PUT", "/dav/f", &[], "3").await.status, 423);
    share.expect(204, "UNLOCK", "/dav/team/f", &[("lock-token", &format!("<{token}>"))], "").await;
    assert_eq!(share.send_as(&inside, "PUT", "/dav/f", &[], "3").await.status, 204);
    // A key for all that is a user's has storages at its top.
    let admin = share.world.get("/api/v1/me").await["user"]["id"].clone();
    let site = key(&share.world, &json!({"scope": {"user": admin}})).await;
    let answer = share.send_as(&site, "PROPFIND", "/dav/", &[("depth", "1")], "").await;
    let buckets: Vec<_> = [&share.storage, &other]
        .map(|storage| format!("/dav/{}/", storage["bucket_name"].as_str().unwrap()))
        .into();
    assert!(buckets.iter().all(|bucket| super::hrefs(&answer).contains(bucket)), "{answer:?}");
    let file = format!("{}team/f", buckets[0]);
    assert_eq!(text(&share.send_as(&site, "GET", &file, &[], "").await), "3");
    for (method, path) in
        [("DELETE", buckets[1].as_str()), ("MKCOL", "/dav/new"), ("PUT", "/dav/new"), ("LOCK", "/dav/")]
    {
        let answer = share.send_as(&site, method, path, &[("depth", "infinity")], "").await;
        assert!(answer.status.is_client_error(), "{method} {path}: {answer:?}");
    }
    let answer =
        share.send_as(&site, "MOVE", &file, &[("destination", &format!("{}moved", buckets[1]))], "").await;
    assert!(matches!(answer.status.as_u16(), 201 | 403), "{answer:?}");
}

#[tokio::test]
async fn who_may_only_read_changes_nothing() {
    let share = Share::new().await;
    share.put("/dav/f", "one").await;
    share.expect(201, "MKCOL", "/dav/a", &[], "").await;
    let reader = share.another_key("read").await;
    let colour =
        "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><c>1</c></D:prop></D:set></D:propertyupdate>";
    for (method, path, headers, body) in [
        ("PUT", "/dav/f", &[][..], "two"),
        ("PUT", "/dav/new", &[], "two"),
        ("DELETE", "/dav/f", &[], ""),
        ("DELETE", "/dav/a", &[], ""),
        ("MKCOL", "/dav/b", &[], ""),
        ("COPY", "/dav/f", &[("destination", "/dav/g")], ""),
        ("MOVE", "/dav/f", &[("destination", "/dav/g")], ""),
        ("PROPPATCH", "/dav/f", &[], colour),
        (
            "PROPPATCH",
            "/dav/f",
            &[],
            "<D:propertyupdate xmlns:D=\"DAV:\"><D:remove><D:prop><c/></D:prop></D:remove></D:propertyupdate>",
        ),
    ] {
        let answer = share.send_as(&reader, method, path, headers, body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
    }
    assert_eq!(share.send_as(&reader, "GET", "/dav/f", &[], "").await.body, "one");
    assert_eq!(share.list("/dav/", &[]).await, ["/dav/", "/dav/a/", "/dav/f"]);
}
