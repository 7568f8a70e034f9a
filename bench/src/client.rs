//! A small blocking HTTP/1.1 client: one connection, keep-alive, requests prepared beforehand, so that the load costs the
//! machine as little as can be.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::signing::Signer;

/// A server's bucket and how to sign for it.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: String,
    pub(crate) bucket: String,
    pub(crate) signer: Arc<Signer>,
    /// For a gateway that is put in front.
    pub(crate) credentials: (String, String),
}

impl Target {
    pub(crate) fn new(address: &str, bucket: &str, access_key: &str, secret: &str) -> Self {
        let signer = Arc::new(Signer::new(access_key, secret));
        let credentials = (access_key.to_owned(), secret.to_owned());
        Self { address: address.to_owned(), bucket: bucket.to_owned(), signer, credentials }
    }

    /// A signed request for a key of the bucket; an empty key is the bucket itself.
    pub(crate) fn request(&self, method: &str, key: &str, query: &str, body: &Payload) -> Request {
        let path =
            if key.is_empty() { format!("/{}", self.bucket) } else { format!("/{}/{key}", self.bucket) };
        let head = self.signer.head(method, &self.address, &path, query, body);
        Request { head: head.into_bytes(), body: body.bytes.clone() }
    }
}

impl Target {
    /// Stores one object.
    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let request = self.request("PUT", key, "", &Payload::unsigned(bytes));
        let status = Connection::open(&self.address)?.exchange(&request, false)?.status;
        anyhow::ensure!(status == 200, "{key} was not stored: {status}");
        Ok(())
    }

    /// What a request is answered with.
    pub(crate) fn status(&self, method: &str, key: &str) -> anyhow::Result<u16> {
        let request = self.request(method, key, "", &Payload::empty());
        Ok(Connection::open(&self.address)?.exchange(&request, false)?.status)
    }
}

/// A body that many requests share.
#[derive(Clone)]
pub(crate) struct Payload {
    pub(crate) bytes: Arc<[u8]>,
    /// SHA-256 in hexadecimal, or none for `UNSIGNED-PAYLOAD`.
    pub(crate) sha256: Option<String>,
}

impl Payload {
    pub(crate) fn signed(bytes: Vec<u8>) -> Self {
        use sha2::Digest as _;
        let sha256 = Some(hex::encode(sha2::Sha256::digest(&bytes)));
        Self { bytes: bytes.into(), sha256 }
    }

    pub(crate) fn unsigned(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), sha256: None }
    }

    pub(crate) fn empty() -> Self {
        Self::signed(Vec::new())
    }
}

/// A request that is ready to be sent, as often as wanted until its signature is fifteen minutes old.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) head: Vec<u8>,
    body: Arc<[u8]>,
}

/// One connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    scratch: Vec<u8>,
    line: String,
}

/// What came back, the body dropped unless it was asked for.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        stream.set_write_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self {
            stream: BufReader::with_capacity(256 << 10, stream),
            scratch: Vec::new(),
            line: String::new(),
        })
    }

    /// Sends a request and reads the whole answer; its body is kept if it is wanted or if the answer is an error.
    pub(crate) fn exchange(&mut self, request: &Request, keep: bool) -> anyhow::Result<Answer> {
        let socket = self.stream.get_mut();
        if request.body.len() <= 64 << 10 {
            self.scratch.clear();
            self.scratch.extend_from_slice(&request.head);
            self.scratch.extend_from_slice(&request.body);
            socket.write_all(&self.scratch)?;
        } else {
            socket.write_all(&request.head)?;
            socket.write_all(&request.body)?;
        }
        // Two of the servers write head and body apart without TCP_NODELAY: with delayed acknowledgements each small answer
        // would take 40 ms, and the comparison would measure that.
        socket2::SockRef::from(self.stream.get_ref()).set_tcp_quickack(true)?;
        let bodiless = request.head.starts_with(b"HEAD ");
        self.answer(bodiless, keep)
    }

    fn read_line(&mut self) -> anyhow::Result<()> {
        self.line.clear();
        if self.stream.read_line(&mut self.line)? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }

    fn answer(&mut self, bodiless: bool, keep: bool) -> anyhow::Result<Answer> {
        self.read_line()?;
        let status: u16 =
            self.line.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status")?;
        let (mut length, mut chunked, mut etag) = (0u64, false, None);
        loop {
            self.read_line()?;
            let line = self.line.trim_end();
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                "etag" => etag = Some(value.to_owned()),
                _ => {}
            }
        }
        let keep = keep || status >= 300;
        let mut body = Vec::new();
        if bodiless || status == 304 || status == 204 {
            return Ok(Answer { status, etag, body });
        }
        if chunked {
            loop {
                self.read_line()?;
                let size = u64::from_str_radix(self.line.trim().split(';').next().unwrap_or_default(), 16)?;
                self.take(size, keep, &mut body)?;
                self.read_line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.take(length, keep, &mut body)?;
        }
        Ok(Answer { status, etag, body })
    }

    fn take(&mut self, length: u64, keep: bool, body: &mut Vec<u8>) -> anyhow::Result<()> {
        if keep {
            let read = self.stream.by_ref().take(length).read_to_end(body)?;
            anyhow::ensure!(u64::try_from(read)? == length, "the body ended early");
            return Ok(());
        }
        let mut left = length;
        while left > 0 {
            let there = self.stream.fill_buf()?.len();
            anyhow::ensure!(there > 0, "the body ended early");
            let used = usize::try_from(left).unwrap_or(usize::MAX).min(there);
            self.stream.consume(used);
            left -= u64::try_from(used)?;
        }
        Ok(())
    }
}
