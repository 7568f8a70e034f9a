//! The PROXY protocol: a header before the first byte of a connection, version 1 or 2.
//!
//! From a proxy that is believed it is mandatory, from anybody else it is no header but nonsense: it is never guessed at.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use proxy_header::{Error, ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::Proxies;
use crate::line::Reset;
use crate::peer::Peer;

/// How long a proxy may take for its header.
const IN_TIME: Duration = Duration::from_secs(5);
/// The longest header that is read: version 1 has 107 bytes at most, version 2 a few hundred with what proxies add.
const LONGEST: usize = 2048;

/// A connection of which the beginning was read.
#[derive(Debug)]
pub(crate) struct Transport<T> {
    /// What was read too far; empty once it was read again.
    ahead: Vec<u8>,
    inner: T,
}

/// A connection that begins, with what a proxy told of it.
#[derive(Debug)]
pub(crate) struct Arrival<T> {
    pub(crate) transport: Transport<T>,
    /// The client.
    pub(crate) peer: Peer,
    /// The address that the client reached, if the proxy told it.
    pub(crate) reached: Option<SocketAddr>,
}

impl<T> Transport<T> {
    /// The connection, and what was read of it too far.
    pub(crate) fn into_parts(self) -> (T, Vec<u8>) {
        (self.inner, self.ahead)
    }
}

impl<T: AsyncRead + Unpin> Transport<T> {
    /// The first byte that is read next, without taking it.
    ///
    /// # Errors
    /// `UnexpectedEof` if there is none.
    pub(crate) async fn first(&mut self) -> io::Result<u8> {
        if self.ahead.is_empty() {
            self.inner.read_buf(&mut self.ahead).await?;
        }
        self.ahead.first().copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Reads the header, if one has to come, and tells who the client is.
///
/// # Errors
/// If none comes in time, or what comes is none.
pub(crate) async fn arrive<T>(mut inner: T, peer: Peer, proxies: &Proxies) -> io::Result<Arrival<T>>
where
    T: AsyncRead + Unpin,
{
    if !proxies.expect_header(peer) {
        return Ok(Arrival { transport: Transport { ahead: Vec::new(), inner }, peer, reached: None });
    }
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no PROXY header in time");
    let (ahead, told) = timeout(IN_TIME, read(&mut inner)).await.map_err(|_| late())??;
    let transport = Transport { ahead, inner };
    Ok(match told {
        Some((client, reached)) => Arrival { transport, peer: client, reached: Some(reached) },
        // Without an address the proxy speaks for itself, to see whether we live.
        None => Arrival { transport, peer, reached: None },
    })
}

/// The client and the address that it reached.
type Told = (Peer, SocketAddr);

async fn read<T: AsyncRead + Unpin>(inner: &mut T) -> io::Result<(Vec<u8>, Option<Told>)> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut seen = Vec::with_capacity(256);
    loop {
        if inner.read_buf(&mut seen).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match ProxyHeader::parse(&seen, ParseConfig::default()) {
            Ok((header, length)) => {
                let told = header.proxied_address().map(|address| {
                    let reached = address.destination;
                    (Peer::from(address.source), SocketAddr::new(reached.ip().to_canonical(), reached.port()))
                });
                return Ok((seen.split_off(length), told));
            }
            Err(Error::BufferTooShort) if seen.len() < LONGEST => {}
            Err(_) => return Err(invalid("no PROXY header from a proxy that has to send one")),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Transport<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let fits = self.ahead.len().min(buf.remaining());
        let rest = self.ahead.split_off(fits);
        buf.put_slice(&self.ahead);
        self.ahead = rest;
        Poll::Ready(Ok(()))
    }
}

impl<T: Reset> Reset for Transport<T> {
    fn reset_on_drop(&self) {
        self.inner.reset_on_drop();
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Transport<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::super::ProxyKind;
    use super::*;

    const FROM_V2: &[u8] = &[
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12, 198, 51,
        100, 7, 10, 0, 0, 2, 0x12, 0x67, 0x01, 0xBB,
    ];
    const LOCAL_V2: &[u8] =
        &[0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x20, 0x00, 0, 0];

    async fn sent(from: &str, pieces: &[&[u8]]) -> io::Result<(String, String)> {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()], ProxyKind::ProxyProtocol);
        let peer = Peer { address: from.parse().unwrap(), port: 1 };
        let (mut client, server) = tokio::io::duplex(64);
        let send = async move {
            for piece in pieces {
                // Who was refused does not read on.
                drop(client.write_all(piece).await);
                tokio::task::yield_now().await;
            }
            drop(client);
        };
        let read = async move {
            let mut arrival = arrive(server, peer, &proxies).await?;
            let mut rest = String::new();
            arrival.transport.read_to_string(&mut rest).await?;
            Ok((arrival.peer.address.to_string(), rest))
        };
        tokio::join!(send, read).1
    }

    #[tokio::test]
    async fn both_versions_in_whatever_pieces() {
        let v1: &[u8] = b"PROXY TCP4 198.51.100.7 10.0.0.2 4711 443\r\nGET / HTTP/1.1";
        let v2 = [FROM_V2, b"GET / HTTP/1.1"].concat();
        for whole in [v1, &v2] {
            let expected = ("198.51.100.7".to_owned(), "GET / HTTP/1.1".to_owned());
            assert_eq!(sent("10.0.0.1", &[whole]).await.unwrap(), expected);
            let bytes: Vec<&[u8]> = whole.chunks(1).collect();
            assert_eq!(sent("10.0.0.1", &bytes).await.unwrap(), expected);
        }
        let v6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\nx";
        assert_eq!(sent("10.0.0.1", &[v6]).await.unwrap().0, "2001:db8::7");
    }

    #[tokio::test]
    async fn a_proxy_that_speaks_for_itself_is_itself() {
        for local in [LOCAL_V2, b"PROXY UNKNOWN\r\n"] {
            assert_eq!(
                sent("10.0.0.1", &[local, b"x"]).await.unwrap(),
                ("10.0.0.1".to_owned(), "x".to_owned())
            );
        }
    }

    #[tokio::test]
    async fn from_a_proxy_it_has_to_come_and_from_others_it_is_no_header() {
        let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 4096]].concat();
        for wrong in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"PROXY TCP4 x\r\n", b"PROXY", b"", &long] {
            assert!(sent("10.0.0.1", &[wrong]).await.is_err());
        }
        let claimed = b"PROXY TCP4 198.51.100.7 10.0.0.2 4711 443\r\n";
        let (client, rest) = sent("203.0.113.7", &[claimed]).await.unwrap();
        assert_eq!(client, "203.0.113.7");
        assert_eq!(rest.as_bytes(), claimed, "it is left for HTTP to refuse");
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_does_not_take_for_ever() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()], ProxyKind::ProxyProtocol);
        let (client, server) = tokio::io::duplex(64);
        let peer = Peer { address: "10.0.0.1".parse().unwrap(), port: 1 };
        let error = arrive(server, peer, &proxies).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }
}
