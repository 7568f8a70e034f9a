//! Shutdown.

use std::time::Duration;

use portcullis_listener::Limits;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::server::Server;

#[tokio::test]
async fn a_request_under_way_may_end() {
    let server = Server::start(Limits::default()).await;
    let mut idle = Client::connect(server.address).await;
    idle.get("/").await;
    let mut busy = Client::connect(server.address).await;
    busy.send("GET /wait HTTP/1.1\r\nhost: h\r\n\r\n").await;
    server.reached().await;
    server.shutdown.cancel();
    // The idle connection ends, and nobody new comes in, while the busy one goes on.
    assert_eq!(idle.rest().await, "");
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(server.still_serving());
    server.gate.add_permits(1);
    let rest = busy.rest().await;
    assert!(rest.starts_with("HTTP/1.1 200 ") && rest.contains("\r\nconnection: close\r\n"), "{rest}");
    assert!(rest.ends_with("waited"), "{rest}");
    server.ended().await;
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_after_the_drain() {
    let server = Server::start(Limits { drain: Duration::from_millis(80), ..Limits::default() }).await;
    let mut stuck = Client::connect(server.address).await;
    stuck.send("GET /wait HTTP/1.1\r\nhost: h\r\n\r\n").await;
    server.reached().await;
    server.shutdown.cancel();
    assert_eq!(stuck.rest().await, "");
    server.ended().await;
}

#[tokio::test]
async fn a_shutdown_before_the_start_serves_nobody() {
    let server = Server::start(Limits::default()).await;
    server.shutdown.cancel();
    server.ended().await;
}
