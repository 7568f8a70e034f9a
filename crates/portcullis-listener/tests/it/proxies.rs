//! Behind a proxy.

use portcullis_listener::{Limits, Proxies, ProxyKind};

use crate::client::Client;
use crate::server::Server;

fn loopback(kind: ProxyKind) -> Proxies {
    Proxies::new(vec!["127.0.0.0/8".parse().unwrap()], kind)
}

async fn ask(server: &Server, head: &str) -> String {
    let mut client = Client::connect(server.address).await;
    client.send(head).await;
    client.answer().await
}

#[tokio::test]
async fn each_request_of_a_connection_has_its_own_client() {
    let server = Server::behind(loopback(ProxyKind::XForwardedFor), Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    for address in ["198.51.100.1", "203.0.113.7"] {
        client
            .send(&format!("GET /peer HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 6.6.6.6, {address}\r\n\r\n"))
            .await;
        let answer = client.answer().await;
        assert!(answer.ends_with(&format!("{address}:0")), "{answer}");
    }
    let unreadable = "GET /peer HTTP/1.1\r\nhost: x\r\nx-forwarded-for: unknown\r\n\r\n";
    assert!(ask(&server, unreadable).await.starts_with("HTTP/1.1 400 "));
    let other = "GET /peer HTTP/1.1\r\nhost: x\r\nforwarded: for=6.6.6.6\r\n\r\n";
    assert!(ask(&server, other).await.contains("127.0.0.1:"), "only one header counts");
}

#[tokio::test]
async fn the_proxy_protocol_comes_before_everything() {
    let server = Server::behind(loopback(ProxyKind::ProxyProtocol), Limits::default()).await;
    let request = "GET /peer HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 6.6.6.6\r\n\r\n";
    let told = format!("PROXY TCP4 198.51.100.1 127.0.0.1 4711 80\r\n{request}");
    assert!(ask(&server, &told).await.ends_with("198.51.100.1:4711"));
    let mut without = Client::connect(server.address).await;
    without.send(request).await;
    assert_eq!(without.rest().await, "", "closed without a word");
    server.shutdown.cancel();
    server.ended().await;
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let elsewhere = Proxies::new(vec!["192.0.2.0/24".parse().unwrap()], ProxyKind::XForwardedFor);
    let server = Server::behind(elsewhere, Limits::default()).await;
    let request = "GET /peer HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 198.51.100.1\r\n\r\n";
    assert!(ask(&server, request).await.contains("127.0.0.1:"));
    let told = format!("PROXY TCP4 198.51.100.1 127.0.0.1 4711 80\r\n{request}");
    assert!(ask(&server, &told).await.starts_with("HTTP/1.1 400 "), "no request line");
}

#[tokio::test]
async fn a_proxy_has_more_connections_than_one_client_may() {
    let limits = Limits { max_connections_per_address: 1, ..Limits::default() };
    let server = Server::behind(loopback(ProxyKind::XForwardedFor), limits).await;
    let mut first = Client::connect(server.address).await;
    let mut second = Client::connect(server.address).await;
    assert!(second.get("/peer").await.contains(" 200 "));
    assert!(first.get("/peer").await.contains(" 200 "));
}
