//! A proxy that fails on purpose, between the driver and the provider.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the proxy does to every connection.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// Passes everything on.
    Pass,
    /// Closes the connection as soon as it is there.
    Close,
    /// Reads and never answers.
    Silent,
    /// Does not even read.
    Deaf,
    /// Closes after so many bytes towards the provider.
    CutUp(usize),
    /// Closes after so many bytes towards the driver.
    CutDown(usize),
    /// Waits before it passes anything towards the driver.
    Delay(Duration),
    /// Passes one byte at a time towards the driver, with a pause after each.
    Drip(Duration),
    /// Lets the provider do its work and does not pass its answer on.
    Swallow,
    /// Answers every request with these bytes, as soon as its head is there, and closes.
    Answer(String),
    /// Answers each request with what this says to its head, and closes.
    AnswerBy(fn(&str) -> String),
    /// Answers the first so many requests so, and passes the others on.
    AnswerFirst(usize, String),
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    mode: Arc<Mutex<Mode>>,
    /// Connections so far.
    pub(crate) connections: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Proxy {
    pub(crate) async fn start(upstream: SocketAddr, mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, stop) = (Arc::new(Mutex::new(mode)), CancellationToken::new());
        let connections = Arc::new(AtomicUsize::new(0));
        let tasks = TaskTracker::new();
        let (shared, counter, token) = (Arc::clone(&mode), Arc::clone(&connections), stop.clone());
        let spawner = tasks.clone();
        tasks.spawn(token.clone().run_until_cancelled_owned(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let mode = shared.lock().unwrap().clone();
                let serve = serve(client, upstream, mode, number);
                spawner.spawn(token.clone().run_until_cancelled_owned(serve));
            }
        }));
        Self { address, mode, connections, stop }
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(mut client: TcpStream, upstream: SocketAddr, mode: Mode, number: usize) {
    match mode {
        Mode::Close => {}
        Mode::Deaf => std::future::pending().await,
        Mode::Silent => {
            read_all(&mut client).await;
            std::future::pending().await
        }
        Mode::Answer(text) => answer(&mut client, |_| text).await,
        Mode::AnswerBy(say) => answer(&mut client, say).await,
        Mode::AnswerFirst(times, text) if number < times => answer(&mut client, |_| text).await,
        Mode::Pass
        | Mode::CutUp(_)
        | Mode::CutDown(_)
        | Mode::Delay(_)
        | Mode::Drip(_)
        | Mode::Swallow
        | Mode::AnswerFirst(..) => {
            let Ok(server) = TcpStream::connect(upstream).await else { return };
            between(client, server, mode).await;
        }
    }
}

async fn read_all(client: &mut TcpStream) {
    let mut buffer = [0; 4096];
    while matches!(client.read(&mut buffer).await, Ok(1..)) {}
}

async fn answer(client: &mut TcpStream, say: impl FnOnce(&str) -> String) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match client.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => head.extend_from_slice(&buffer[..read]),
        }
    }
    if client.write_all(say(&String::from_utf8_lossy(&head)).as_bytes()).await.is_err() {
        return;
    }
    drop(client.shutdown().await);
    // Closing with bytes unread would reset the connection and lose the answer.
    read_all(client).await;
}

async fn between(client: TcpStream, server: TcpStream, mode: Mode) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = if let Mode::CutUp(most) = mode { most } else { usize::MAX };
    tokio::select! {
        () = pump_up(from_client, to_server, up) => {}
        () = pump_down(from_server, to_client, mode) => {}
    }
}

async fn pump_up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, most: usize) {
    let (mut buffer, mut left) = (vec![0; 16 << 10], most);
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let take = read.min(left);
        if to.write_all(&buffer[..take]).await.is_err() {
            break;
        }
        left -= take;
        if left == 0 {
            return;
        }
    }
    // The client has said all; the answer may still come.
    std::future::pending().await
}

async fn pump_down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mode: Mode) {
    let mut buffer = vec![0; 16 << 10];
    let mut left = if let Mode::CutDown(most) = mode { most } else { usize::MAX };
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if let Mode::Delay(pause) = &mode {
            tokio::time::sleep(*pause).await;
        }
        if let Mode::Drip(pause) = &mode {
            for byte in &buffer[..read] {
                tokio::time::sleep(*pause).await;
                if to.write_all(std::slice::from_ref(byte)).await.is_err() {
                    return;
                }
            }
            continue;
        }
        if matches!(mode, Mode::Swallow) {
            return;
        }
        let take = read.min(left);
        if to.write_all(&buffer[..take]).await.is_err() {
            return;
        }
        left -= take;
        if left == 0 {
            return;
        }
    }
}
