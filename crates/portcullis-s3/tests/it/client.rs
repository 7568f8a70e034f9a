//! A small HTTP/1.1 client that signs, and says exactly what it is told to say.

use std::net::SocketAddr;

use portcullis_domain::Timestamp;
use portcullis_sigv4::encode::{encode_component, encode_path};
use portcullis_sigv4::{AmzDate, Payload, RawRequest, SignedRequest, Signer};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::NOW;

const TOKEN: &str = "x-amz-security-token";

#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) signer: Signer,
    pub(crate) date: AmzDate,
    host: String,
    token: Option<String>,
}

/// A request to be signed and sent.
pub(crate) struct Request<'a> {
    client: &'a Client,
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    unsigned: Vec<(String, String)>,
    body: Vec<u8>,
    payload: Payload,
    length: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// `/bucket/key` with the key encoded as it must be.
pub(crate) fn path(bucket: &str, key: &str) -> String {
    format!("/{bucket}/{}", encode_path(key.as_bytes()))
}

/// A query value, encoded.
pub(crate) fn value(text: &str) -> String {
    encode_component(text.as_bytes()).into_owned()
}

impl Client {
    pub(crate) fn new(address: SocketAddr, id: &str, secret: &str) -> Self {
        let date = AmzDate::from_unix(NOW.seconds()).unwrap();
        let signer = Signer::new(id, secret.as_bytes(), "us-east-1", &date).unwrap();
        Self { address, signer, date, host: address.to_string(), token: None }
    }

    /// The same, with a session token that goes along with every request: signed in its header, or in a presigned query.
    pub(crate) fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// The same at another moment of the same day.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        Self { date: AmzDate::from_unix(now.seconds()).unwrap(), ..self }
    }

    /// The same, under another host name.
    pub(crate) fn at_host(&self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self.clone() }
    }

    pub(crate) fn request(&self, method: &str, target: &str) -> Request<'_> {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Request {
            client: self,
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            headers: self.token.iter().map(|token| (TOKEN.to_owned(), token.as_bytes().to_vec())).collect(),
            unsigned: Vec::new(),
            body: Vec::new(),
            payload: Payload::Unsigned,
            length: true,
        }
    }

    pub(crate) fn get(&self, target: &str) -> Request<'_> {
        self.request("GET", target)
    }

    pub(crate) fn put(&self, target: &str, body: impl Into<Vec<u8>>) -> Request<'_> {
        let mut request = self.request("PUT", target);
        request.body = body.into();
        request
    }

    pub(crate) fn post(&self, target: &str, body: impl Into<Vec<u8>>) -> Request<'_> {
        let mut request = self.request("POST", target);
        request.body = body.into();
        request
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Request<'_> {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// A header that is added after signing.
    pub(crate) fn unsigned_header(mut self, name: &str, value: &str) -> Self {
        self.unsigned.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Signs the hash of the body.
    pub(crate) fn hashed(mut self) -> Self {
        self.payload = Payload::Signed(Sha256::digest(&self.body).into());
        self
    }

    /// Sends no `content-length`.
    pub(crate) fn without_length(mut self) -> Self {
        self.length = false;
        self
    }

    /// Sets the body after all; a streaming body needs the signature first.
    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn sign(&self) -> SignedRequest {
        let mut headers: Vec<(&str, &[u8])> = vec![("host", self.client.host.as_bytes())];
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
        let request = RawRequest {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &headers,
        };
        self.client.signer.sign(&request, &self.client.date, self.payload).unwrap()
    }

    /// The whole request as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let signed = self.sign();
        let mut own = self.unsigned.clone();
        own.push(("authorization".to_owned(), signed.authorization));
        own.push(("x-amz-content-sha256".to_owned(), signed.content_sha256));
        own.push(("x-amz-date".to_owned(), signed.date.to_string()));
        self.assemble(&own)
    }

    fn assemble(&self, own: &[(String, String)]) -> Vec<u8> {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut bytes =
            format!("{} {}{query} HTTP/1.1\r\nhost: {}\r\n", self.method, self.path, self.client.host)
                .into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        for (name, value) in own {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if self.length && (!self.body.is_empty() || self.method == "PUT" || self.method == "POST") {
            bytes.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"connection: close\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(crate) async fn send(self) -> Response {
        exchange(self.client.address, &self.bytes(), self.method == "HEAD").await
    }

    /// Sends it without any signature.
    pub(crate) async fn send_anonymously(self) -> Response {
        exchange(self.client.address, &self.assemble(&self.unsigned), self.method == "HEAD").await
    }

    /// Sends it with a presigned query; the headers given are signed.
    pub(crate) async fn send_presigned(mut self, expires: u32) -> Response {
        self.headers.retain(|(name, _)| name != TOKEN);
        if let Some(token) = &self.client.token {
            let before = self.query.take().map(|query| format!("{query}&")).unwrap_or_default();
            self.query = Some(format!("{before}X-Amz-Security-Token={}", value(token)));
        }
        let headers = [("host", self.client.host.as_bytes())];
        let mut all: Vec<(&str, &[u8])> = headers.to_vec();
        all.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
        let request = RawRequest {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &all,
        };
        let query = self.client.signer.presign(&request, &self.client.date, expires).unwrap();
        self.query = Some(query);
        self.send_anonymously().await
    }
}

/// Sends bytes and reads the answer to its end.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8], head: bool) -> Response {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    // A server that refuses early may close while the client still sends.
    let (sent, received) = tokio::join!(write.write_all(bytes), read.read_to_end(&mut answer));
    drop((sent, received));
    Response::parse(&answer, head)
}

impl Response {
    pub(crate) fn parse(bytes: &[u8], head: bool) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(bytes)));
        let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let pair = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers: Vec<(String, String)> = lines.map(pair).collect();
        let response = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if let (Some(length), false) = (response.header("content-length"), head) {
            assert_eq!(length.parse::<usize>().unwrap(), response.body.len(), "{text}");
        }
        assert!(!head || response.body.is_empty(), "an answer to HEAD has a body");
        response
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The text of the first element of this name, markup and all.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        self.elements(name).into_iter().next()
    }

    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let text = self.text();
        text.split(&open).skip(1).map(|rest| rest.split(&close).next().unwrap().to_owned()).collect()
    }

    /// Status and error code, for comparison in one line.
    pub(crate) fn outcome(&self) -> (u16, String) {
        (self.status, self.element("Code").unwrap_or_default())
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{} {}", self.status, String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub(crate) fn fails(self, status: u16, code: &str) -> Self {
        assert_eq!(self.outcome(), (status, code.to_owned()), "{}", String::from_utf8_lossy(&self.body));
        self
    }
}
