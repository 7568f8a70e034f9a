//! Clients that take more than their share, of time or of connections.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use http_body_util::Empty;
use hyper::service::service_fn;
use portcullis_listener::{DoorConfig, Limits, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::{Client, PATIENCE};
use crate::server::Server;

const SHORT: Duration = Duration::from_millis(80);

#[tokio::test]
async fn a_head_that_does_not_end_is_dropped() {
    let server = Server::start(Limits { header_read_timeout: SHORT, ..Limits::default() }).await;
    let start = Instant::now();
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nhost").await;
    assert_eq!(client.rest().await, "");
    assert!(start.elapsed() >= SHORT, "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_idle_connection_is_dropped_after_the_idle_time_only() {
    let limits = Limits { header_read_timeout: SHORT, idle_timeout: SHORT * 4, ..Limits::default() };
    let server = Server::start(limits).await;
    let mut client = Client::connect(server.address).await;
    let start = Instant::now();
    client.get("/").await;
    assert_eq!(client.rest().await, "");
    assert!(start.elapsed() >= SHORT * 4, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_body_that_stops_is_answered_and_dropped() {
    let server = Server::start(Limits { read_stall: SHORT, ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    client.send("PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n123").await;
    let rest = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 408 "), "{rest}");
}

/// A body without end that tells when it is dropped.
struct Endless(Option<oneshot::Sender<()>>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const CHUNK: &[u8] = &[0; 64 * 1024];
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(CHUNK)))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        if let Some(dropped) = self.0.take() {
            // A test that has ended does not listen any more.
            dropped.send(()).unwrap_or_default();
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let (sender, dropped) = oneshot::channel();
    let sender = Arc::new(Mutex::new(Some(sender)));
    let service = service_fn(move |_| {
        let endless = Endless(sender.lock().unwrap().take());
        async { Ok::<_, Infallible>(Response::new(endless)) }
    });
    let server = Server::with(Limits { write_stall: SHORT, ..Limits::default() }, service).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    timeout(PATIENCE, dropped).await.expect("still there").unwrap();
}

#[tokio::test]
async fn one_address_has_no_more_than_its_share() {
    let server = Server::start(Limits { max_connections_per_address: 2, ..Limits::default() }).await;
    let mut first = Client::connect(server.address).await;
    let mut second = Client::connect(server.address).await;
    first.get("/").await;
    second.get("/").await;
    let mut third = Client::connect(server.address).await;
    assert_eq!(third.rest().await, "");
    // The others do not notice, and a seat given up can be taken again.
    first.get("/").await;
    second.send("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    second.rest().await;
    let again = async {
        while get_once(&server).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("the seat stays taken");
}

/// One request on a connection of its own; an error if it is closed unanswered.
async fn get_once(server: &Server) -> io::Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut client = Client::connect(server.address).await;
    client.stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    client.stream.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[tokio::test]
async fn a_full_server_accepts_when_a_seat_is_free() {
    let server = Server::start(Limits { max_connections: 1, ..Limits::default() }).await;
    let mut first = Client::connect(server.address).await;
    first.get("/").await;
    let mut second = Client::connect(server.address).await;
    second.send("GET /wait HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    for _ in 0..20 {
        first.get("/").await;
    }
    assert_eq!(server.waiting.available_permits(), 0, "a second connection was served");
    server.gate.add_permits(1);
    drop(first);
    let rest = second.rest().await;
    assert!(rest.ends_with("waited"), "{rest}");
}

#[tokio::test]
async fn limits_that_allow_nothing_are_an_error() {
    let limits = Limits { max_connections: 0, ..Limits::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = service_fn(async |_| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));
    let serving = serve(
        listener,
        DoorConfig { limits, ..DoorConfig::default() },
        service,
        CancellationToken::new(),
        TaskTracker::new(),
    );
    let error = timeout(PATIENCE, serving).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
