//! How often, and what is not to be had around it.

use http::StatusCode;
use serde_json::json;

use super::{Place, is_nothing};

#[tokio::test]
async fn the_last_download_is_for_one_of_two() {
    let place = Place::new(&json!({"folder": "in/", "max_downloads": 3})).await;
    place.plant("in/a", "0123456789").await;
    place.file("a").await;
    place.file("a").await;
    let both = futures_util::future::join_all((0..8).map(|_| place.file("a"))).await;
    assert_eq!(both.iter().filter(|answer| answer.status == StatusCode::OK).count(), 1);
    assert_eq!(place.downloads().await, 3);
}

#[tokio::test]
async fn a_limit_is_not_gone_around_and_a_broken_download_goes_on() {
    let place = Place::new(&json!({"folder": "in/", "max_downloads": 1})).await;
    place.plant("in/a", "0123456789").await;
    place.plant("in/b", "abcdefghij").await;
    assert_eq!(place.ask("HEAD", "/file?key=a").send().await.status, StatusCode::OK);
    let missing = place.file("none").await;
    is_nothing(&missing);
    assert_eq!(
        place.ask("GET", "/file?key=a").header("range", "bytes=99-").send().await.status.as_u16(),
        200
    );
    assert_eq!(place.downloads().await, 1, "all but the first byte is the whole, and counts");
    is_nothing(&place.ask("GET", "/file?key=a").header("range", "bytes=1-").send().await);

    let place = Place::of(place.world, place.storage, &json!({"folder": "in/", "max_downloads": 1})).await;
    let first = place.ask("GET", "/file?key=a").header("range", "bytes=0-3").send().await;
    assert_eq!((first.status.as_u16(), &first.body[..]), (206, &b"0123"[..]));
    let cookie = first.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("__Secure-portcullis-begun=") && cookie.contains(&format!("Path={};", place.home))
    );
    for part in ["HttpOnly", "SameSite=Strict", "Secure"] {
        assert!(cookie.split("; ").any(|found| found == part), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    let resumed = async |key: &str, range: &str| {
        place
            .ask("GET", &format!("/file?key={key}"))
            .header("cookie", cookie)
            .header("range", range)
            .send()
            .await
    };
    assert_eq!(&resumed("a", "bytes=4-").await.body[..], b"456789");
    assert_eq!(&resumed("a", "bytes=-2").await.body[..], b"89");
    is_nothing(&resumed("a", "bytes=0-").await);
    is_nothing(&resumed("a", "bytes=-99").await);
    is_nothing(&resumed("b", "bytes=4-").await);
    is_nothing(&place.file("a").await);
    assert_eq!(place.downloads().await, 1);
    // What lies there now is another file.
    place.plant("in/a", "ABCDEFGHIJ").await;
    assert_eq!(resumed("a", "bytes=4-").await.status, StatusCode::PRECONDITION_FAILED);
    place.end().await;
    is_nothing(&resumed("a", "bytes=4-").await);
}
