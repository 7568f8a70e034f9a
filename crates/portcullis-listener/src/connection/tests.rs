//! Time on a paused clock, over a pipe in memory: the transport is whatever reads and writes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Door, LINGER, run};
use crate::accept::DoorConfig;
use crate::body::{BodyError, RequestBody};
use crate::peer::Peer;

const HEAD: Duration = Duration::from_secs(15);
const IDLE: Duration = Duration::from_secs(75);
const STALL: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn peer() -> Peer {
    Peer { address: [192, 0, 2, 1].into(), port: 4711 }
}

/// `/hour` works for an hour on what it was sent, `/refuse` does not look at it, anything else tells its length.
async fn answer(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let mut response = Response::new(Full::default());
    if path == "/refuse" {
        *response.status_mut() = StatusCode::FORBIDDEN;
        return Ok(response);
    }
    match request.into_body().collect().await {
        Ok(body) => *response.body_mut() = body.to_bytes().len().to_string().into(),
        Err(BodyError::Stalled) => *response.status_mut() = StatusCode::REQUEST_TIMEOUT,
        Err(BodyError::Broken(_)) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    if path == "/hour" {
        sleep(HOUR).await;
    }
    Ok(response)
}

struct Client {
    pipe: DuplexStream,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

fn connect() -> Client {
    let shutdown = CancellationToken::new();
    let door = Arc::new(Door::new(DoorConfig::default(), shutdown.clone()));
    let (pipe, transport) = duplex(16 * 1024);
    let tasks = TaskTracker::new();
    tasks.spawn(async move { run(transport, peer(), service_fn(answer), &door).await });
    tasks.close();
    Client { pipe, shutdown, tasks }
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.pipe.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends a request without a body and reads its answer, which is `0`.
    async fn exchange(&mut self) {
        self.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n0") {
            assert_ne!(self.pipe.read_buf(&mut answer).await.unwrap(), 0, "{}", answer.escape_ascii());
        }
    }

    /// What comes until the server closes, and how long that takes.
    async fn rest(&mut self) -> (String, Duration) {
        let start = Instant::now();
        let mut rest = String::new();
        self.pipe.read_to_string(&mut rest).await.unwrap();
        (rest, start.elapsed())
    }
}

fn near(took: Duration, expected: Duration) -> bool {
    took >= expected && took <= expected + Duration::from_millis(5)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_has_the_time_of_a_head() {
    let (rest, took) = connect().rest().await;
    assert_eq!(rest, "");
    assert!(near(took, HEAD), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trickled_head_ends_in_time() {
    let mut client = connect();
    let start = Instant::now();
    client.send("GET / HTTP/1.1\r\nhost: h\r\n").await;
    while client.pipe.write_all(b"a: b\r\n").await.is_ok() {
        sleep(Duration::from_secs(1)).await;
        assert!(start.elapsed() < HOUR);
    }
    assert!(start.elapsed() <= HEAD + Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_may_idle_longer_than_a_head_may_take() {
    let mut client = connect();
    for _ in 0..3 {
        client.exchange().await;
        sleep(IDLE - Duration::from_secs(1)).await;
    }
    client.exchange().await;
    let (_, took) = client.rest().await;
    assert!(near(took, IDLE), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_a_body_do_not_begin_a_head() {
    let mut client = connect();
    client.send("PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\n").await;
    sleep(Duration::from_secs(1)).await;
    client.send("abc").await;
    let (rest, took) = client.rest().await;
    assert!(rest.ends_with("\r\n\r\n3"), "{rest}");
    assert!(near(took, IDLE), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_later_head_has_its_time_from_its_first_byte() {
    let mut client = connect();
    client.exchange().await;
    sleep(Duration::from_secs(70)).await;
    client.send("G").await;
    let (_, took) = client.rest().await;
    assert!(near(took, HEAD), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_is_an_error_that_can_be_answered() {
    let mut client = connect();
    client.send("PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n123").await;
    let (rest, took) = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 408 "), "{rest}");
    assert!(near(took, STALL), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_lives_by_each_byte() {
    let mut client = connect();
    client.send("PUT / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 4\r\n\r\n").await;
    for byte in ["1", "2", "3", "4"] {
        sleep(STALL - Duration::from_secs(1)).await;
        client.send(byte).await;
    }
    let (rest, _) = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 200 ") && rest.ends_with("\r\n\r\n4"), "{rest}");
}

#[tokio::test(start_paused = true)]
async fn work_on_a_complete_body_is_not_a_stall() {
    for framing in ["content-length: 3\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
    {
        let mut client = connect();
        client.send(&format!("PUT /hour HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{framing}")).await;
        let (rest, took) = client.rest().await;
        assert!(rest.starts_with("HTTP/1.1 200 ") && rest.ends_with("\r\n\r\n3"), "{rest}");
        assert!(near(took, HOUR), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_body_is_not_a_stall() {
    let mut client = connect();
    client.send("PUT / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n").await;
    let (rest, took) = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 400 "), "{rest}");
    assert!(near(took, Duration::ZERO), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_upload_may_end_before_its_answer_is_read() {
    let mut client = connect();
    client.send("PUT /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n").await;
    client.send(&"x".repeat(1_000_000)).await;
    let (rest, _) = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 403 "), "{rest}");
    client.pipe.shutdown().await.unwrap();
    client.tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_head_may_end_before_its_answer_is_read() {
    for (head, status) in [("nonsense\r\n\r\n", "400"), ("GET / HTTP/1.1\r\na: ", "431")] {
        let mut client = connect();
        client.send(head).await;
        client.send(&"x".repeat(1_000_000)).await;
        let (rest, _) = client.rest().await;
        assert!(rest.starts_with(&format!("HTTP/1.1 {status} ")), "{rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_refused_and_stays_is_left() {
    let mut client = connect();
    let start = Instant::now();
    client.send("nonsense\r\n\r\n").await;
    client.tasks.wait().await;
    assert!(near(start.elapsed(), LINGER), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_an_idle_connection_at_once() {
    for answered in [false, true] {
        let mut client = connect();
        if answered {
            client.exchange().await;
        }
        client.shutdown.cancel();
        let (_, took) = client.rest().await;
        assert!(near(took, Duration::ZERO), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_under_way_at_shutdown_is_the_last() {
    let mut client = connect();
    client.send("GET /hour HTTP/1.1\r\nhost: h\r\n\r\n").await;
    sleep(Duration::from_secs(1)).await;
    client.shutdown.cancel();
    let (rest, _) = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 200 ") && rest.contains("\r\nconnection: close\r\n"), "{rest}");
    client.tasks.wait().await;
}

#[test]
fn a_connection_costs_little_beside_hyper_s_buffers() {
    let door = Door::new(DoorConfig::default(), CancellationToken::new());
    let (_client, transport) = duplex(1);
    let size = size_of_val(&run(transport, peer(), service_fn(answer), &door));
    assert!(size <= 4096, "{size}");
}
