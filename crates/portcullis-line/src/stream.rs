//! A socket of a session, in clear or with TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use portcullis_listener::{LineStream, TlsLine, secure_line};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConfig;

/// How long after the last reply it is waited that the client closes.
const LINGER: Duration = Duration::from_secs(2);

/// A socket of a session, in clear or not.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(LineStream),
    Tls(Box<TlsLine>),
}

impl Stream {
    /// Resets the connection: what the other side has not received it does not receive, and it sees that something is missing.
    pub(crate) fn reset(&self) {
        match self {
            Self::Plain(stream) => stream.reset(),
            Self::Tls(stream) => stream.get_ref().0.reset(),
        }
    }

    /// Changes to TLS, once. What was read too far in clear is forgotten: an attacker on the path may have said it.
    ///
    /// # Errors
    /// Those of [`secure_line`]; [`io::ErrorKind::NotConnected`] if it is TLS already.
    pub(crate) async fn secure(self, config: Arc<ServerConfig>) -> io::Result<Self> {
        let Self::Plain(mut stream) = self else { return Err(io::ErrorKind::NotConnected.into()) };
        stream.forget_ahead();
        Ok(Self::Tls(Box::new(secure_line(stream, config).await?)))
    }

    /// Closes, and waits a little for the client to do so: a reset under its last bytes could overtake the last reply.
    pub(crate) async fn close(&mut self) {
        let mut bin = [0; 1024];
        let closed = async {
            self.shutdown().await?;
            while self.read(&mut bin).await? > 0 {}
            io::Result::Ok(())
        };
        drop(timeout(LINGER, closed).await);
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
