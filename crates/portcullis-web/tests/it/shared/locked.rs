//! Passwords, and requests that other sites make.

use http::StatusCode;
use serde_json::json;

use super::{Place, is_kept_quiet, is_nothing};

#[tokio::test]
async fn a_password_is_asked_for() {
    let place = Place::new(&json!({"folder": "in/", "password": "open sesame"})).await;
    place.plant("in/a", "planted").await;
    for below in ["", "/file?key=a", "/file?key=none"] {
        let answer = place.get(below).await;
        assert_eq!(
            (answer.status, answer.json()["type"].as_str()),
            (StatusCode::FORBIDDEN, Some("urn:portcullis:problem:link-locked"))
        );
        is_kept_quiet(&answer);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("Reports") && !body.contains("planted"));
    }
    let unlock = async |password: &str, peer: [u8; 4]| {
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("password", password).finish();
        let ask =
            place.ask("POST", "").from(peer).header("content-type", "application/x-www-form-urlencoded");
        ask.body(body).send().await
    };
    let wrong = unlock("open barley", [192, 0, 2, 1]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.headers.get("set-cookie").is_none());
    let opened = unlock("open sesame", [192, 0, 2, 1]).await;
    assert_eq!((opened.status, opened.header("location")), (StatusCode::SEE_OTHER, place.home.as_str()));
    is_kept_quiet(&opened);
    let cookie = opened.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Secure-portcullis-link="), "{cookie}");
    for part in [&*format!("Path={}", place.home), "HttpOnly", "SameSite=Strict", "Secure"] {
        assert!(cookie.split("; ").any(|found| found == part), "{part}: {cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    let with = async |value: &str| place.ask("GET", "/file?key=a").header("cookie", value).send().await;
    assert_eq!(with(cookie).await.body, "planted");
    assert_eq!(with(&format!("{cookie}x")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(with(&format!("{cookie}; {cookie}")).await.status, StatusCode::FORBIDDEN);
    // Guessing is slowed down for who guesses, and nobody else.
    let mut last = StatusCode::FORBIDDEN;
    for n in 0..12 {
        last = unlock(&format!("guess number {n}"), [198, 51, 100, 7]).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let slowed = unlock("open sesame", [198, 51, 100, 7]).await;
    assert!(slowed.status == StatusCode::TOO_MANY_REQUESTS && !slowed.header("retry-after").is_empty());
    assert_eq!(unlock("open sesame", [203, 0, 113, 5]).await.status, StatusCode::SEE_OTHER);
    // Somewhere else, and in another form, it is nothing.
    is_nothing(
        &place
            .world
            .ask("POST", "/s/none")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("password=x")
            .send()
            .await,
    );
    let json = place.ask("POST", "").json(&json!({"password": "open sesame"})).send().await;
    assert_eq!(json.status, StatusCode::BAD_REQUEST);
    let long = unlock(&"x".repeat(2 << 20), [203, 0, 113, 5]).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn other_sites_send_nothing_here() {
    let place = Place::new(&json!({"folder": "in/", "permission": "write"})).await;
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
    ] {
        for (method, below) in [("POST", ""), ("POST", "/upload"), ("PUT", "/file?key=a")] {
            let mut ask = place.ask(method, below).body("x");
            for (name, value) in headers {
                ask = ask.header(name, value);
            }
            assert_eq!(ask.send().await.status, StatusCode::FORBIDDEN, "{method} {below} {headers:?}");
        }
    }
    assert!(place.keys().await.is_empty());
    let own = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    let mut ask = place.ask("PUT", "/file?key=a").body("x");
    for (name, value) in own {
        ask = ask.header(name, value);
    }
    assert_eq!(ask.send().await.status, StatusCode::CREATED);
}
