//! From a connection to a secured one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use crate::line::Reset;
use crate::lines::LineStream;
use crate::proxies::Transport;

/// How long a client may take for the handshake.
const IN_TIME: Duration = Duration::from_secs(10);

/// What somebody reads who speaks plain HTTP here.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 69\r\n\
    connection: close\r\n\r\n\
    This address speaks HTTPS only. Write https:// in place of http://.\r\n";

/// A connection that TLS is spoken on.
type Secured<T> = TlsStream<T>;

impl<T: Reset> Reset for Secured<T> {
    fn reset_on_drop(&self) {
        self.get_ref().0.reset_on_drop();
    }
}

/// Shakes hands.
///
/// # Errors
/// If that is not done in time, or what comes is no TLS; a client that speaks HTTP is told to speak HTTPS.
pub(crate) async fn secure<T: Reset>(
    transport: Transport<T>,
    config: &Arc<ServerConfig>,
) -> io::Result<Secured<Transport<T>>> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no TLS handshake in time");
    timeout(IN_TIME, shake(transport, config)).await.map_err(late)?
}

/// A socket of a line protocol on which TLS is spoken.
pub type TlsLine = TlsStream<LineStream>;

/// Shakes hands on a socket of a line protocol, with what [`Tls::line`](crate::Tls::line) or [`Tls::data`](crate::Tls::data) gives. Of a
/// connection that was plain until now, [`LineStream::forget_ahead`] is to be called before.
///
/// # Errors
/// If that is not done in ten seconds, or what comes is no TLS.
pub async fn secure_line(stream: LineStream, config: Arc<ServerConfig>) -> io::Result<TlsLine> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no TLS handshake in time");
    timeout(IN_TIME, TlsAcceptor::from(config).accept(stream)).await.map_err(late)?
}

async fn shake<T: Reset>(
    mut transport: Transport<T>,
    config: &Arc<ServerConfig>,
) -> io::Result<Secured<Transport<T>>> {
    // A handshake begins with 22 (RFC 8446 section 5.1), a request with the letters of its method.
    if transport.first().await?.is_ascii_uppercase() {
        drop(transport.write_all(SPEAK_TLS).await);
        drop(transport.shutdown().await);
        return Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP where TLS is spoken"));
    }
    TlsAcceptor::from(Arc::clone(config)).accept(transport).await
}
