//! Sessions of protocols that are not HTTP.

use std::any::Any;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_domain::Line;
use portcullis_listener::{
    Limits, LineConnection, LineStream, LinesConfig, Proxies, ProxyKind, SessionLine, serve_lines,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::{Client, PATIENCE};

/// A door that hands its connections to the test.
struct Door {
    address: SocketAddr,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    connections: mpsc::UnboundedReceiver<(LineConnection, oneshot::Sender<()>)>,
    serving: JoinHandle<io::Result<()>>,
}

impl Door {
    async fn open(config: LinesConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (hand, connections) = mpsc::unbounded_channel();
        let handler = move |connection: LineConnection| {
            let hand = hand.clone();
            async move {
                let (done, wait) = oneshot::channel();
                hand.send((connection, done)).unwrap();
                drop(wait.await);
            }
        };
        let serving = tasks.spawn(serve_lines(listener, config, handler, shutdown.clone(), tasks.clone()));
        Self { address, shutdown, tasks, connections, serving }
    }

    async fn connection(&mut self) -> (LineConnection, oneshot::Sender<()>) {
        timeout(PATIENCE, self.connections.recv()).await.unwrap().unwrap()
    }

    async fn ended(self) {
        timeout(PATIENCE, self.serving).await.unwrap().unwrap().unwrap();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.unwrap();
    }
}

fn loopback(kind: ProxyKind) -> LinesConfig {
    let proxies = Proxies::new(vec!["127.0.0.0/8".parse().unwrap()], kind);
    LinesConfig { proxies, ..LinesConfig::default() }
}

/// Writes until nothing is taken any more: every buffer on the way is full.
async fn fill(stream: &mut LineStream) {
    let bytes = vec![7; 64 * 1024];
    while timeout(Duration::from_millis(300), stream.write_all(&bytes)).await.is_ok() {}
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

fn held() -> (Box<dyn Any + Send>, oneshot::Receiver<()>) {
    let (held, gone) = oneshot::channel::<()>();
    (Box::new(held), gone)
}

/// A further socket under a session, with its other end.
async fn further(line: &Arc<SessionLine>) -> (LineStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    (line.attach(accepted), client)
}

#[tokio::test]
async fn a_connection_tells_who_and_where_and_is_served_until_its_handler_ends() {
    let mut door = Door::open(LinesConfig::default()).await;
    let mut client = Client::connect(door.address).await;
    let (mut connection, done) = door.connection().await;
    assert_eq!(connection.peer.port, client.stream.local_addr().unwrap().port());
    assert_eq!(connection.local, door.address);
    assert_eq!(connection.stream.local_addr().unwrap(), door.address);
    connection.stream.write_all(b"220 ready\r\n").await.unwrap();
    client.send("QUIT\r\n").await;
    let mut line = [0; 6];
    connection.stream.read_exact(&mut line).await.unwrap();
    drop((connection, done));
    assert_eq!(client.rest().await, "220 ready\r\n");
    door.shutdown.cancel();
    door.ended().await;
}

#[tokio::test]
async fn to_end_a_session_resets_all_its_sockets_before_it_returns() {
    let mut door = Door::open(LinesConfig::default()).await;
    let mut client = TcpStream::connect(door.address).await.unwrap();
    let (mut connection, _done) = door.connection().await;
    let (mut data, mut data_client) = further(&connection.line).await;
    fill(&mut connection.stream).await;
    fill(&mut data).await;
    let reading = TaskTracker::new().spawn(async move {
        let read = connection.stream.read_u8().await;
        (connection, read)
    });
    tokio::task::yield_now().await;
    let (held, gone) = held();
    data.line().end(held);
    let mut peeked = vec![0; 64 << 20];
    for client in [&mut client, &mut data_client] {
        let there = client.peek(&mut peeked).await.unwrap_or(0);
        let (read, end) = rest(client).await;
        assert_eq!(end, io::ErrorKind::ConnectionReset);
        assert!(read <= there, "{read} bytes came, {there} were there when it was over");
    }
    let (connection, read) = timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionAborted, "who waits is woken");
    assert!(data.write_all(b"more").await.is_err() && data.read_u8().await.is_err());
    // What was held goes when the handler is gone, which nobody had to tell.
    assert!(timeout(PATIENCE, gone).await.unwrap().is_err());
    let (mut late, mut late_client) = further(&connection.line).await;
    assert!(late.write_all(b"late").await.is_err());
    assert_eq!(rest(&mut late_client).await, (0, io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn nothing_leaves_on_any_socket_without_the_lease() {
    let mut door = Door::open(LinesConfig::default()).await;
    let mut client = TcpStream::connect(door.address).await.unwrap();
    let (mut connection, _done) = door.connection().await;
    let (mut data, mut data_client) = further(&connection.line).await;
    let holds = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&holds);
    connection.line.bind(Arc::new(move || asked.load(Ordering::SeqCst)));
    data.write_all(b"before").await.unwrap();
    holds.store(false, Ordering::SeqCst);
    assert!(data.write_all(b"after").await.is_err());
    assert!(connection.line.is_ended() && connection.stream.write_all(b"after").await.is_err());
    assert!(rest(&mut data_client).await.0 <= 6);
    assert_eq!(rest(&mut client).await, (0, io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up() {
    let limits = Limits { write_stall: Duration::from_millis(100), ..Limits::default() };
    let mut door = Door::open(LinesConfig { limits, ..LinesConfig::default() }).await;
    let _client = TcpStream::connect(door.address).await.unwrap();
    let (mut connection, _done) = door.connection().await;
    let bytes = vec![7; 64 << 20];
    let wrote = timeout(PATIENCE, connection.stream.write_all(&bytes)).await.unwrap();
    assert_eq!(wrote.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn one_socket_is_reset_and_the_others_are_not() {
    let mut door = Door::open(LinesConfig::default()).await;
    let mut client = Client::connect(door.address).await;
    let (mut connection, done) = door.connection().await;
    let (data, mut data_client) = further(&connection.line).await;
    data.reset();
    assert_eq!(rest(&mut data_client).await.1, io::ErrorKind::ConnectionReset);
    connection.stream.write_all(b"426 broken off\r\n").await.unwrap();
    drop((connection, done));
    assert_eq!(client.rest().await, "426 broken off\r\n");
}

#[tokio::test]
async fn a_proxy_tells_both_addresses() {
    let mut door = Door::open(loopback(ProxyKind::ProxyProtocol)).await;
    let mut client = Client::connect(door.address).await;
    client.send("PROXY TCP4 198.51.100.1 203.0.113.9 4711 21\r\nUSER x\r\n").await;
    let (mut connection, _done) = door.connection().await;
    assert_eq!(connection.peer.address.to_string(), "198.51.100.1");
    assert_eq!(connection.local.to_string(), "203.0.113.9:21");
    let mut line = [0; 8];
    connection.stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"USER x\r\n");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut data = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    data.write_all(b"PROXY TCP4 198.51.100.1 203.0.113.9 4712 50000\r\nbytes").await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let proxies = loopback(ProxyKind::ProxyProtocol).proxies;
    let (mut stream, peer) = connection.line.attach_from(accepted, &proxies).await.unwrap();
    assert_eq!(peer.address.to_string(), "198.51.100.1");
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"bytes");
    let mut without = Client::connect(door.address).await;
    without.send("USER x\r\n").await;
    assert_eq!(without.rest().await, "", "closed without a word");
}

#[tokio::test]
async fn a_proxy_that_speaks_in_headers_of_http_speaks_for_nobody_here() {
    for kind in [ProxyKind::XForwardedFor, ProxyKind::Forwarded] {
        let mut door = Door::open(loopback(kind)).await;
        assert_eq!(Client::connect(door.address).await.rest().await, "");
        assert!(door.connections.try_recv().is_err());
    }
}

#[tokio::test]
async fn one_address_has_its_share_of_seats_and_gives_them_back_with_the_stream() {
    let limits = Limits { max_connections_per_address: 1, ..Limits::default() };
    let mut door = Door::open(LinesConfig { limits, ..LinesConfig::default() }).await;
    let first = Client::connect(door.address).await;
    let (connection, done) = door.connection().await;
    assert_eq!(Client::connect(door.address).await.rest().await, "", "one more is closed");
    drop((connection, done, first));
    // The seat is free when the task has ended.
    let again = async {
        loop {
            let client = Client::connect(door.address).await;
            let came = timeout(Duration::from_millis(50), door.connections.recv()).await;
            if let Ok(Some(came)) = came {
                return (client, came);
            }
        }
    };
    drop(timeout(PATIENCE, again).await.unwrap());
}

#[tokio::test]
async fn a_shutdown_is_told_and_ends_what_does_not_end_itself() {
    let limits = Limits { drain: Duration::from_millis(80), ..Limits::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let told: Arc<Mutex<u32>> = Arc::default();
    let noted = Arc::clone(&told);
    let (came, mut coming) = mpsc::unbounded_channel();
    let handler = move |mut connection: LineConnection| {
        let (noted, came) = (Arc::clone(&noted), came.clone());
        async move {
            came.send(()).unwrap();
            connection.shutdown.cancelled().await;
            *noted.lock().unwrap() += 1;
            connection.stream.write_all(b"421 going down\r\n").await.unwrap();
            pending().await
        }
    };
    let config = LinesConfig { limits, ..LinesConfig::default() };
    let serving = tasks.spawn(serve_lines(listener, config, handler, shutdown.clone(), tasks.clone()));
    let mut client = Client::connect(address).await;
    coming.recv().await.unwrap();
    shutdown.cancel();
    let rest = client.rest().await;
    assert!("421 going down\r\n".starts_with(&rest), "{rest}");
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
    assert_eq!(*told.lock().unwrap(), 1);
    assert!(TcpStream::connect(address).await.is_err());
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.unwrap();
}
