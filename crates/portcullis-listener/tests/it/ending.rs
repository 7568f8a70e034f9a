//! Connections that are ended from outside, while their clients do not read.

use std::any::Any;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::service::service_fn;
use portcullis_domain::Line;
use portcullis_listener::{Limits, RequestBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::server::Server;

/// A body without end that tells when nobody takes it.
struct Endless(mpsc::UnboundedSender<()>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const CHUNK: &[u8] = &[7; 64 * 1024];
        self.0.send(()).unwrap();
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(CHUNK)))))
    }
}

type Lines = Arc<Mutex<Vec<Arc<dyn Line>>>>;

/// A server of endless answers, the connections of its requests, and a sign for each piece that is taken.
async fn endless() -> (Server, Lines, mpsc::UnboundedReceiver<()>) {
    let (taken, pieces) = mpsc::unbounded_channel();
    let lines: Lines = Arc::default();
    let noted = Arc::clone(&lines);
    let service = service_fn(move |request: Request<RequestBody>| {
        let line = request.extensions().get::<Arc<dyn Line>>().unwrap();
        noted.lock().unwrap().push(Arc::clone(line));
        std::future::ready(Ok::<_, Infallible>(Response::new(Endless(taken.clone()))))
    });
    (Server::with(Limits::default(), service).await, lines, pieces)
}

async fn ask(server: &Server) -> TcpStream {
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    client
}

/// Until nothing is taken any more: every buffer on the way is full, and the client has not read one byte.
async fn until_full(pieces: &mut mpsc::UnboundedReceiver<()>) {
    timeout(PATIENCE, pieces.recv()).await.unwrap().unwrap();
    while timeout(std::time::Duration::from_millis(300), pieces.recv()).await.is_ok() {}
}

/// Tells when it is dropped.
fn held() -> (Box<dyn Any + Send>, oneshot::Receiver<()>) {
    let (held, gone) = oneshot::channel::<()>();
    (Box::new(held), gone)
}

/// What the client's own kernel holds, and how the connection ends.
async fn rest(client: &mut TcpStream) -> (usize, io::ErrorKind) {
    let (mut read, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        match timeout(PATIENCE, client.read(&mut buffer)).await.unwrap() {
            Ok(0) => return (read, io::ErrorKind::UnexpectedEof),
            Ok(more) => read += more,
            Err(error) => return (read, error.kind()),
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_gets_nothing_more() {
    let (server, lines, mut pieces) = endless().await;
    let mut client = ask(&server).await;
    until_full(&mut pieces).await;
    let line = lines.lock().unwrap().pop().unwrap();
    let (held, gone) = held();
    line.end(held);
    // When it is dropped the socket is reset: what the client has by then is all that it ever has.
    assert!(timeout(PATIENCE, gone).await.unwrap().is_err());
    let mut peeked = vec![0; 64 << 20];
    let there = client.peek(&mut peeked).await.unwrap_or(0);
    let (read, end) = rest(&mut client).await;
    assert_eq!(end, io::ErrorKind::ConnectionReset);
    assert!(read <= there, "{read} bytes came, {there} were there when it was over");
}

#[tokio::test]
async fn nothing_leaves_without_the_lease() {
    let (server, lines, mut pieces) = endless().await;
    let mut client = ask(&server).await;
    until_full(&mut pieces).await;
    let holds = Arc::new(AtomicBool::new(true));
    let line = lines.lock().unwrap().pop().unwrap();
    let asked = Arc::clone(&holds);
    line.bind(Arc::new(move || asked.load(Ordering::SeqCst)));
    let mut some = vec![0; 1 << 16];
    client.read_exact(&mut some).await.unwrap();
    holds.store(false, Ordering::SeqCst);
    // To read makes room, and the server finds out that it may not use it.
    let (_, end) = rest(&mut client).await;
    assert_eq!(end, io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_answered_request_ends_no_other() {
    let lines: Lines = Arc::default();
    let noted = Arc::clone(&lines);
    let service = service_fn(move |request: Request<RequestBody>| {
        let line = request.extensions().get::<Arc<dyn Line>>().unwrap();
        noted.lock().unwrap().push(Arc::clone(line));
        let body = http_body_util::Full::<Bytes>::from("done");
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let server = Server::with(Limits::default(), service).await;
    let mut client = ask(&server).await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"done") {
        assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
    }
    client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    answer.clear();
    while !answer.ends_with(b"done") {
        assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
    }
    let first = Arc::clone(&lines.lock().unwrap()[0]);
    let (held, gone) = held();
    first.end(held);
    assert!(timeout(PATIENCE, gone).await.unwrap().is_err());
    client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    answer.clear();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"done"));
}
