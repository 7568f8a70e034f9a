//! S3 requests by hand: signed with our own signer, sent over a plain socket.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_sigv4::{AmzDate, Payload, RawRequest, Signer};

use crate::wire::Wire;
use crate::world::{Access, World};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The code of an S3 error document.
    pub(crate) fn code(&self) -> String {
        let text = self.text();
        text.split("<Code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned()
    }
}

/// One request without a signature.
pub(crate) fn request(
    world: &World,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    exchange(world.s3_host(), method, target, headers, body)
}

/// One request on a connection of its own, to any of the doors.
pub(crate) fn exchange(
    host: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    exchange_on(connect(host), host, (method, target), headers, body)
}

/// One request on this connection, which it ends.
pub(crate) fn exchange_on<S: Read + Write>(
    mut stream: S,
    host: &str,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    stream.write_all(&head(host, method, target, headers, body.len() as u64)).unwrap();
    // A server may refuse before it has read the body.
    drop(stream.write_all(body));
    read_answer(&mut BufReader::new(stream), method == "HEAD")
}

/// Every connection comes from a loopback address of its own, so that those who guess wrong in one row are not slowed in
/// the next.
pub(crate) fn connect(host: &str) -> TcpStream {
    connect_with(host, None, None)
}

/// From this address, or one of its own. A receive buffer of `narrow` bytes leaves what was not read with the server.
pub(crate) fn connect_with(host: &str, from: Option<IpAddr>, narrow: Option<usize>) -> TcpStream {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let own = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + next % 60_000);
    let own = from.unwrap_or(own.into());
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((own, 0)).into()).unwrap();
    if let Some(bytes) = narrow {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    socket.connect(&host.parse::<SocketAddr>().unwrap().into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

pub(crate) fn head(host: &str, method: &str, target: &str, headers: &[(&str, &str)], length: u64) -> Vec<u8> {
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n"
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn read_head(reader: &mut BufReader<impl Read>) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no status: {line:?}"));
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { return (status, headers) };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

pub(crate) fn read_answer(reader: &mut BufReader<impl Read>, bodiless: bool) -> Answer {
    let (status, headers) = read_head(reader);
    let mut body = Vec::new();
    if !bodiless {
        // The connection is closed after the answer; a reset after the last byte is no fault.
        drop(reader.read_to_end(&mut body));
    }
    Answer { status, headers, body }
}

/// Signs as the holder of a key.
pub(crate) struct Signed<'a> {
    world: &'a World,
    key: &'a Access,
}

impl<'a> Signed<'a> {
    pub(crate) const fn new(world: &'a World, key: &'a Access) -> Self {
        Self { world, key }
    }

    /// Headers that sign this request with an unsigned payload; `extra` are signed too.
    pub(crate) fn sign(
        &self,
        method: &str,
        path: &str,
        query: &str,
        extra: &[(&str, &str)],
    ) -> Vec<(String, String)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let date = AmzDate::from_unix(i64::try_from(now).unwrap()).unwrap();
        let signer =
            Signer::new(&self.key.access_key, self.key.secret.as_bytes(), "us-east-1", &date).unwrap();
        let token = self.key.session_token.as_deref().map(|token| ("x-amz-security-token", token));
        let extra: Vec<_> = extra.iter().copied().chain(token).collect();
        let mut headers: Vec<(&str, &[u8])> = vec![("host", self.world.s3_host().as_bytes())];
        headers.extend(extra.iter().map(|(name, value)| (*name, value.as_bytes())));
        let query = (!query.is_empty()).then_some(query);
        let signed = signer
            .sign(&RawRequest { method, path, query, headers: &headers }, &date, Payload::Unsigned)
            .unwrap();
        let mut all: Vec<(String, String)> =
            extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.push(("x-amz-date".into(), signed.date.to_string()));
        all.push(("x-amz-content-sha256".into(), signed.content_sha256.to_string()));
        all.push(("authorization".into(), signed.authorization));
        all
    }

    /// One signed request for a path of the server, such as `/bucket/key`.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        query: &str,
        extra: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let headers = self.sign(method, path, query, extra);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let host = self.world.s3_host();
        exchange_on(Wire::to(self.world, host), host, (method, &target), &headers, body)
    }

    /// A request for an object of the key's bucket whose body, so many bytes long, and answer are the caller's to send and read.
    pub(crate) fn open(&self, method: &str, object: &str, length: u64) -> TcpStream {
        let path = format!("/{}/{object}", self.key.bucket);
        let headers = self.sign(method, &path, "", &[]);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut stream = connect_with(self.world.s3_host(), None, Some(16 << 10));
        stream.write_all(&head(self.world.s3_host(), method, &path, &headers, length)).unwrap();
        stream
    }

    /// Uploads so many zero bytes, piece by piece.
    pub(crate) fn zeroes(&self, key: &str, size: u64) -> Answer {
        let path = format!("/{}/{key}", self.key.bucket);
        let headers = self.sign("PUT", &path, "", &[]);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut stream = connect(self.world.s3_host());
        stream.write_all(&head(self.world.s3_host(), "PUT", &path, &headers, size)).unwrap();
        let piece = vec![0; 1 << 20];
        let mut left = size;
        while left > 0 {
            let now = left.min(piece.len() as u64);
            stream.write_all(&piece[..usize::try_from(now).unwrap()]).unwrap();
            left -= now;
        }
        read_answer(&mut BufReader::new(stream), false)
    }

    /// Downloads and drops; how many bytes came.
    pub(crate) fn drain(&self, key: &str) -> u64 {
        let path = format!("/{}/{key}", self.key.bucket);
        let headers = self.sign("GET", &path, "", &[]);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut stream = connect(self.world.s3_host());
        stream.write_all(&head(self.world.s3_host(), "GET", &path, &headers, 0)).unwrap();
        let mut reader = BufReader::new(stream);
        let (status, _) = read_head(&mut reader);
        assert_eq!(status, 200);
        std::io::copy(&mut reader, &mut std::io::sink()).unwrap()
    }
}
