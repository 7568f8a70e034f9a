//! Drop boxes: they take, and tell nothing.

use axum::body::Body;
use http::StatusCode;
use serde_json::json;

use super::{Place, is_nothing};
use crate::world::Answer;

const BOUNDARY: &str = "------------------------d74496d66958873e";

fn form(files: &[(&str, &str)]) -> String {
    let mut body = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n");
    for (name, content) in files {
        body.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n{content}\r\n"
        ));
    }
    format!("{body}--{BOUNDARY}--\r\n")
}

#[tokio::test]
async fn a_drop_box_takes_and_tells_nothing() {
    let place = Place::new(&json!({"folder": "in/", "permission": "write"})).await;
    place.plant("in/taken.txt", "first").await;
    let send = async |body: String| {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        place.ask("POST", "/upload").header("content-type", &kind).body(body).send().await
    };
    let plain = |answer: Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        (answer.status, headers, String::from_utf8(answer.body.to_vec()).unwrap())
    };
    let (new, taken) =
        (plain(send(form(&[("new.txt", "x")])).await), plain(send(form(&[("taken.txt", "x")])).await));
    assert_eq!(new, taken, "the answer is the same whether the name was taken");
    assert_eq!(new.0, StatusCode::CREATED);
    let put =
        async |key: &str| plain(place.ask("PUT", &format!("/file?key={key}")).body("other").send().await);
    assert_eq!(put("newer.txt").await, put("taken.txt").await);
    let storage = place.storage["id"].as_str().unwrap();
    let kept =
        place.world.admin("GET", &format!("/api/v1/storages/{storage}/file?key=in%2Ftaken.txt")).send().await;
    assert_eq!(kept.body, "first", "what is there stays");

    assert_eq!(
        send(form(&[("C:\\dir\\a.txt", "1"), ("../../b.txt", "2"), ("", ""), ("c d.txt", "")])).await.status,
        StatusCode::CREATED
    );
    let keys = place.keys().await;
    assert_eq!(keys, ["in/a.txt", "in/b.txt", "in/c d.txt", "in/new.txt", "in/newer.txt", "in/taken.txt"]);
    for key in ["taken.txt", "new.txt", "none"] {
        is_nothing(&place.file(key).await);
        is_nothing(&place.ask("HEAD", &format!("/file?key={key}")).send().await);
    }
    let text = String::from_utf8(place.get("").await.body.to_vec()).unwrap();
    assert!(text.contains("/upload") && !text.contains("taken"), "{text}");
    assert_eq!(place.downloads().await, 0);

    for (body, what) in [
        (form(&[]), "no file"),
        (form(&[("", "x")]), "no name"),
        (form(&[("..", "x")]), "no name"),
        (form(&[("a\u{202e}b", "x")]), "a name that deceives"),
        (form(&[("late.txt", "x")]).replace(&format!("--{BOUNDARY}--"), ""), "cut off"),
        ("none".to_owned(), "no form"),
    ] {
        assert_eq!(send(body).await.status, StatusCode::BAD_REQUEST, "{what}");
    }
    for key in ["", "a%2Fb", "..", "a%0Ab", "..%2Fa", "%FF"] {
        let answer = place.ask("PUT", &format!("/file?key={key}")).body("x").send().await;
        assert!(answer.status.is_client_error(), "{key}: {answer:?}");
    }
    for (name, value) in [("if-none-match", "*"), ("if-match", "\"x\"")] {
        let answer = place.ask("PUT", "/file?key=taken.txt").header(name, value).body("x").send().await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "a condition would tell what is there");
    }
    let kind = place.ask("POST", "/upload").header("content-type", "text/plain").body("x").send().await;
    assert_eq!(kind.status, StatusCode::BAD_REQUEST);
    assert_eq!(place.keys().await, keys, "nothing of it was stored");
    // What no link of this kind does is nowhere.
    place.end().await;
    is_nothing(&send(form(&[("a", "x")])).await);
    is_nothing(&place.ask("PUT", "/file?key=a").body("x").send().await);
    let reads = Place::of(place.world, place.storage, &json!({"folder": "in/"})).await;
    is_nothing(&reads.ask("PUT", "/file?key=a").body("x").send().await);
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    is_nothing(
        &reads.ask("POST", "/upload").header("content-type", &kind).body(form(&[("a", "x")])).send().await,
    );
    assert_eq!(reads.keys().await, keys);
}

#[tokio::test]
async fn a_form_of_many_files_is_taken_as_it_comes() {
    let place = Place::new(&json!({"folder": "", "permission": "write"})).await;
    let large = "0123456789".repeat(40_000);
    let names: Vec<String> = (0..20).map(|n| format!("{n:02}.txt")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), large.as_str())).collect();
    let body = form(&files);
    let pieces: Vec<_> =
        body.as_bytes().chunks(7_919).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let answer = place.ask("POST", "/upload").header("content-type", &kind).body(body).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(place.keys().await, names);
    let storage = place.storage["id"].as_str().unwrap();
    let stored =
        place.world.admin("GET", &format!("/api/v1/storages/{storage}/file?key=19.txt")).send().await;
    assert_eq!(stored.body.len(), 400_000);
    let many: Vec<(&str, &str)> = (0..201).map(|_| ("same.txt", "x")).collect();
    let answer = place.ask("POST", "/upload").header("content-type", &kind).body(form(&many)).send().await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}
