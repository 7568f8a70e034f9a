//! A client that says exactly what it is told to.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far more than anything here takes: a test that gets here has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await.unwrap().unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        timeout(PATIENCE, self.stream.write_all(text.as_bytes())).await.unwrap().unwrap();
    }

    /// Asks for `path` and reads one answer; its body has a length and no line breaks.
    pub(crate) async fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n")).await;
        self.answer().await
    }

    pub(crate) async fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return text;
                }
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut answer)).await.unwrap().unwrap();
            assert_ne!(read, 0, "closed after {text:?}");
        }
    }

    /// What comes until the server closes. A reset is an end like another; an open connection is not.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let end = timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.expect("still open");
        if let Err(error) = end {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        }
        String::from_utf8(rest).unwrap()
    }
}
