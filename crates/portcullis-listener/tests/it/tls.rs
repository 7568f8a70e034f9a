//! TLS: the certificate that is served, its exchange, and clients that do not speak it.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use portcullis_listener::{DoorConfig, Limits, Proxies, ProxyKind, Tls};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::{Client, PATIENCE};
use crate::server::{Server, answering};

/// A certificate in two files.
struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Writes a new certificate for `gate.test` and its key.
    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["gate.test".to_owned()]).unwrap();
        fs::write(self.dir.path().join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(self.dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    fn open(&self) -> Result<Tls, String> {
        let path = |name| self.dir.path().join(name);
        Tls::open(&path("cert.pem"), &path("key.pem")).map_err(|error| error.to_string())
    }
}

async fn server(tls: &Tls) -> Server {
    Server::serving(DoorConfig { tls: Some(tls.clone()), ..DoorConfig::default() }, answering()).await
}

async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> Result<TlsStream<TcpStream>, String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("gate.test").unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    timeout(PATIENCE, connecting).await.unwrap().map_err(|error| error.to_string())
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /peer HTTP/1.1\r\nhost: gate.test\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn requests_come_over_tls_and_end_with_its_farewell() {
    let files = Files::new();
    let certificate = files.renew();
    let server = server(&files.open().unwrap()).await;
    let mut stream = connect(server.address, &certificate).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let own = stream.get_ref().0.local_addr().unwrap();
    // An end without a farewell would be an error here.
    let answer = ask(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(&own.to_string()), "{answer}");
    server.shutdown.cancel();
    server.ended().await;
}

#[tokio::test]
async fn exchanged_files_are_served_to_who_comes_next() {
    let files = Files::new();
    let old = files.renew();
    let tls = files.open().unwrap();
    let server = server(&tls).await;
    let mut earlier = connect(server.address, &old).await.unwrap();
    assert!(!tls.reload().unwrap());
    let new = files.renew();
    connect(server.address, &old).await.unwrap();
    assert!(tls.reload().unwrap());
    connect(server.address, &old).await.unwrap_err();
    connect(server.address, &new).await.unwrap();
    assert!(ask(&mut earlier).await.starts_with("HTTP/1.1 200"), "a connection keeps its certificate");
    // Half of a new pair is no pair; what was served is served on.
    let pair = rcgen::generate_simple_self_signed(["gate.test".to_owned()]).unwrap();
    fs::write(files.dir.path().join("cert.pem"), pair.cert.pem()).unwrap();
    assert!(tls.reload().unwrap_err().to_string().contains("is not that of the first certificate"));
    connect(server.address, &new).await.unwrap();
}

#[tokio::test]
async fn who_speaks_plain_http_is_told_and_nonsense_is_not_answered() {
    let files = Files::new();
    files.renew();
    let server = server(&files.open().unwrap()).await;
    let mut plain = Client::connect(server.address).await;
    plain.send("GET /peer HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let told = plain.rest().await;
    assert!(told.starts_with("HTTP/1.1 400 "), "{told}");
    let (head, body) = told.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())), "{told}");
    assert!(body.contains("https://"), "{told}");
    let mut nonsense = Client::connect(server.address).await;
    nonsense.send("\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}").await;
    let mut rest = Vec::new();
    drop(timeout(PATIENCE, nonsense.stream.read_to_end(&mut rest)).await.expect("still open"));
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    drop(server);
}

#[tokio::test]
async fn a_proxy_header_comes_before_the_handshake() {
    let files = Files::new();
    let certificate = files.renew();
    let proxies = Proxies::new(vec!["127.0.0.0/8".parse().unwrap()], ProxyKind::ProxyProtocol);
    let config = DoorConfig { proxies, tls: Some(files.open().unwrap()), ..DoorConfig::default() };
    let server = Server::serving(config, answering()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"PROXY TCP4 198.51.100.7 10.0.0.2 4711 443\r\n").await.unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("gate.test").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert!(ask(&mut stream).await.ends_with("198.51.100.7:4711"));
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_handshake() {
    let files = Files::new();
    files.renew();
    let config = DoorConfig {
        limits: Limits { drain: PATIENCE, ..Limits::default() },
        tls: Some(files.open().unwrap()),
        ..DoorConfig::default()
    };
    let server = Server::serving(config, answering()).await;
    let mut silent = Client::connect(server.address).await;
    silent.send("\u{16}").await;
    server.shutdown.cancel();
    server.ended().await;
    assert_eq!(silent.rest().await, "");
}

#[test]
fn files_that_cannot_be_served_are_named() {
    let files = Files::new();
    let missing = files.open().unwrap_err();
    assert!(missing.contains("cert.pem cannot be read"), "{missing}");
    files.renew();
    let path = |name: &str| files.dir.path().join(name);
    let key = fs::read(path("key.pem")).unwrap();
    for (name, text, told) in [
        ("key.pem", "nothing", "key.pem holds no private key"),
        (
            "key.pem",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "key.pem holds no private key",
        ),
        ("cert.pem", "nothing", "cert.pem holds no certificate"),
        (
            "cert.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "cert.pem holds no certificate",
        ),
    ] {
        files.renew();
        fs::write(path(name), text).unwrap();
        let error = files.open().unwrap_err();
        assert!(error.contains(told), "{error}");
    }
    files.renew();
    fs::write(path("key.pem"), key).unwrap();
    assert!(files.open().unwrap_err().contains("is not that of the first certificate"));
    fs::write(path("key.pem"), vec![b'x'; 2 * 1024 * 1024]).unwrap();
    assert!(files.open().unwrap_err().contains("longer than 1 MiB"));
}
