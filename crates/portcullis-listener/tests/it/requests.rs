//! Requests, good and bad.

use axum::routing::get;
use axum::{Extension, Router};
use portcullis_listener::{Limits, Peer, TowerToHyperService};

use crate::client::Client;
use crate::server::Server;

#[tokio::test]
async fn a_request_knows_its_peer_and_the_connection_is_kept() {
    let server = Server::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    let local = client.stream.local_addr().unwrap().to_string();
    for _ in 0..3 {
        let answer = client.get("/peer").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&local), "{answer}");
    }
}

#[tokio::test]
async fn an_axum_router_is_served_alike() {
    async fn who(Extension(peer): Extension<Peer>, body: String) -> String {
        format!("{}:{} {body}", peer.address, peer.port)
    }
    let router = Router::new().route("/who", get(who).post(who));
    let server = Server::with(Limits::default(), TowerToHyperService::new(router)).await;
    let mut client = Client::connect(server.address).await;
    let local = client.stream.local_addr().unwrap();
    client.send("POST /who HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello").await;
    let answer = client.answer().await;
    assert!(answer.ends_with(&format!("{local} hello")), "{answer}");
    let answer = client.get("/nowhere").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    client
        .send(concat!(
            "PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\na",
            "PUT / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            "PUT / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc",
        ))
        .await;
    let answers = client.rest().await;
    let bodies: Vec<_> = answers.split("\r\n\r\n").skip(1).filter_map(|part| part.get(..1)).collect();
    assert_eq!(bodies, ["1", "2", "3"], "{answers}");
}

#[tokio::test]
async fn nonsense_is_answered_with_400_and_closed() {
    let server = Server::start(Limits::default()).await;
    for nonsense in [
        "\u{1}\u{2}\u{3}\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/9.9\r\nhost: h\r\n\r\n",
        "PUT / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na",
        "PUT / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\na",
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(nonsense).await;
        let rest = client.rest().await;
        assert!(rest.starts_with("HTTP/1.1 400 "), "{nonsense:?}: {rest}");
    }
}

#[tokio::test]
async fn a_head_beyond_its_limits_is_answered_with_431_and_closed() {
    let server = Server::start(Limits::default()).await;
    let long = format!("a: {}\r\n", "x".repeat(100 * 1024));
    for fields in [long, "a: b\r\n".repeat(101)] {
        let mut client = Client::connect(server.address).await;
        client.send(&format!("GET / HTTP/1.1\r\n{fields}\r\n")).await;
        let rest = client.rest().await;
        assert!(rest.starts_with("HTTP/1.1 431 "), "{} bytes of fields: {rest}", fields.len());
    }
    let mut client = Client::connect(server.address).await;
    let (fields, long) = ("a: b\r\n".repeat(98), "x".repeat(30 * 1024));
    client.send(&format!("GET / HTTP/1.1\r\nhost: h\r\nlong: {long}\r\n{fields}\r\n")).await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn the_header_limits_can_be_set() {
    let limits = Limits { max_headers: 2, max_header_bytes: 200_000, ..Limits::default() };
    let server = Server::start(limits).await;
    let mut client = Client::connect(server.address).await;
    client.send(&format!("GET / HTTP/1.1\r\nhost: h\r\nlong: {}\r\n\r\n", "x".repeat(190_000))).await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    client.send("GET / HTTP/1.1\r\nhost: h\r\na: b\r\nc: d\r\n\r\n").await;
    let rest = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 431 "), "{rest}");
}

#[tokio::test]
async fn a_refused_upload_gets_its_answer_and_no_reset() {
    let server = Server::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    client.send("PUT /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 16777216\r\n\r\n").await;
    client.send(&"x".repeat(16 * 1024 * 1024)).await;
    let rest = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 403 "), "{rest}");
}
