//! The control connection: lines in, replies out, in clear or not.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use portcullis_listener::{LineStream, TlsLine, secure_line};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConfig;

use super::lines::{Line, Lines};
use super::reply::Reply;

/// How long after the last reply it is waited that the client closes.
const LINGER: Duration = Duration::from_secs(2);

/// A socket of a session, in clear or not.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(LineStream),
    Tls(Box<TlsLine>),
}

impl Stream {
    /// Resets the connection: what the other side has not received it does not receive, and it sees that something is missing.
    pub(super) fn reset(&self) {
        match self {
            Self::Plain(stream) => stream.reset(),
            Self::Tls(stream) => stream.get_ref().0.reset(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// The control connection of one session.
pub(super) struct Control {
    /// None while hands are shaken, and for good if that failed.
    stream: Option<Stream>,
    lines: Lines,
}

impl Control {
    pub(super) fn new(stream: LineStream) -> Self {
        Self { stream: Some(Stream::Plain(stream)), lines: Lines::new() }
    }

    pub(super) const fn is_secure(&self) -> bool {
        matches!(self.stream, Some(Stream::Tls(_)))
    }

    /// The next line; none at the end. If this is dropped while it waits, nothing is lost.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        self.lines.next(stream).await
    }

    pub(super) async fn send(&mut self, reply: &Reply) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        stream.write_all(&reply.bytes()).await?;
        stream.flush().await
    }

    /// Changes to TLS. What came in clear and was not taken yet is forgotten: an attacker on the path may have said it.
    pub(super) async fn secure(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        self.lines.forget();
        let Some(Stream::Plain(mut stream)) = self.stream.take() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        stream.forget_ahead();
        let secured = secure_line(stream, config).await?;
        self.stream = Some(Stream::Tls(Box::new(secured)));
        Ok(())
    }

    /// Closes, and waits a little for the client to do so: a reset under its last bytes could overtake the last reply.
    pub(super) async fn close(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let mut bin = [0; 1024];
        let closed = async {
            stream.shutdown().await?;
            while stream.read(&mut bin).await? > 0 {}
            io::Result::Ok(())
        };
        drop(timeout(LINGER, closed).await);
    }
}
