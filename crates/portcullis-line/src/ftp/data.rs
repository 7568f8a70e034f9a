//! Data connections.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt as _;
use portcullis_files::{FileError, ReadStream, Upload};
use portcullis_listener::{LineStream, Proxies, SessionLine, secure_line};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConfig;
use tracing::debug;

use super::passive::Passive;
use crate::stream::Stream;

/// Bytes that are taken together.
const PIECE: usize = 128 * 1024;
/// Connections from elsewhere that are turned away before the wait is given up.
const STRANGERS: usize = 64;
/// How long it is waited that the client closes a connection that was closed here.
const LINGER: Duration = Duration::from_secs(10);

/// How a data connection comes about.
#[derive(Clone, Debug)]
pub(super) struct DataConfig {
    pub(super) line: Arc<SessionLine>,
    pub(super) proxies: Proxies,
    /// From where it may come: from where the control connection comes.
    pub(super) peer: IpAddr,
    /// With TLS, if so.
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) connect: Duration,
    pub(super) stall: Duration,
}

/// Why a transfer ended before its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The storage's side.
    File(FileError),
    /// TLS did not come about.
    Unprotected(io::Error),
    /// Nothing came for too long.
    Stalled,
    /// The connection broke.
    Broken(io::Error),
    /// TLS was not closed: what came may not be all.
    Truncated,
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Waits for the client's connection.
///
/// # Errors
/// If it does not come in time.
pub(super) async fn arrive(passive: Passive, config: &DataConfig) -> io::Result<LineStream> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    timeout(config.connect, admit(passive, config)).await.map_err(late)?
}

async fn admit(passive: Passive, config: &DataConfig) -> io::Result<LineStream> {
    for _ in 0..STRANGERS {
        let stream = passive.accept().await?;
        let (stream, from) = match config.line.attach_from(stream, &config.proxies).await {
            Ok(attached) => attached,
            Err(error) => {
                debug!(%error, "a data connection was closed");
                continue;
            }
        };
        if from.address == config.peer {
            return Ok(stream);
        }
        debug!(from = %from.address, peer = %config.peer, "a data connection from elsewhere was closed");
        stream.reset();
    }
    Err(io::ErrorKind::ConnectionRefused.into())
}

/// A data connection that is reset when it is dropped, unless it came to its end: the other side must not take a part for the whole.
pub(super) struct Data(Option<Stream>);

impl Drop for Data {
    fn drop(&mut self) {
        if let Some(stream) = &self.0 {
            stream.reset();
        }
    }
}

impl Data {
    /// Begins TLS on it, if that is asked for.
    ///
    /// # Errors
    /// [`Trouble::Unprotected`] if hands are not shaken in time.
    pub(super) async fn secure(stream: LineStream, tls: Option<Arc<ServerConfig>>) -> Result<Self, Trouble> {
        Ok(Self(Some(match tls {
            None => Stream::Plain(stream),
            Some(tls) => Stream::Tls(Box::new(secure_line(stream, tls).await.map_err(Trouble::Unprotected)?)),
        })))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let stream = self.0.as_mut().ok_or_else(closed)?;
        stream.write_all(bytes).await.map_err(Trouble::Broken)
    }

    /// Says that this was all. What is left of the connection is to [`linger`].
    pub(super) async fn end(mut self) -> Result<Stream, Trouble> {
        let stream = self.0.as_mut().ok_or_else(closed)?;
        stream.shutdown().await.map_err(Trouble::Broken)?;
        self.0.take().ok_or_else(closed)
    }
}

/// Closes after an upload that is stored: what becomes of the connection no longer matters.
pub(super) async fn close(from: Data) -> Option<Stream> {
    from.end().await.ok()
}

fn closed() -> Trouble {
    Trouble::Broken(io::ErrorKind::NotConnected.into())
}

/// Sends all of a file.
pub(super) async fn send_file(mut file: ReadStream, mut to: Data) -> Result<Stream, Trouble> {
    while let Some(piece) = file.next().await {
        to.write(&piece?).await?;
    }
    to.end().await
}

/// Takes all that comes.
pub(super) async fn receive(from: &mut Data, upload: &mut Upload, stall: Duration) -> Result<(), Trouble> {
    let from = from.0.as_mut().ok_or_else(closed)?;
    let mut piece = BytesMut::new();
    loop {
        piece.reserve(PIECE);
        let came = tokio::select! {
            came = timeout(stall, from.read_buf(&mut piece)) => came.map_err(|_| Trouble::Stalled)?,
            // A client that sends nothing hears too that its right was taken away.
            error = upload.ended() => return Err(error.into()),
        };
        let came = match came {
            Ok(came) => came,
            Err(error) => {
                // What has come is good: an upload that is gone on with begins behind it.
                upload.write(piece.freeze()).await?;
                let cut_short = error.kind() == io::ErrorKind::UnexpectedEof;
                return Err(if cut_short { Trouble::Truncated } else { Trouble::Broken(error) });
            }
        };
        if came == 0 || piece.len() >= PIECE {
            upload.write(piece.split().freeze()).await?;
        }
        if came == 0 {
            return Ok(());
        }
    }
}

/// Waits until the client has closed too, or too long, and lets go. To close a socket that holds bytes of the client resets it, under
/// what is still on its way there.
pub(super) async fn linger(mut stream: Stream) {
    let mut bin = [0; 1024];
    let emptied = timeout(LINGER, async { while matches!(stream.read(&mut bin).await, Ok(1..)) {} });
    drop(emptied.await);
}

/// Lines of a listing on their way.
pub(super) struct Listing {
    to: Data,
    buffer: Vec<u8>,
}

impl Listing {
    const PIECE: usize = 16 * 1024;

    pub(super) fn new(to: Data) -> Self {
        Self { to, buffer: Vec::with_capacity(Self::PIECE) }
    }

    pub(super) async fn line(&mut self, line: &str) -> Result<(), Trouble> {
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.extend_from_slice(b"\r\n");
        if self.buffer.len() >= Self::PIECE {
            self.to.write(&self.buffer).await?;
            self.buffer.clear();
        }
        Ok(())
    }

    pub(super) async fn end(mut self) -> Result<Stream, Trouble> {
        self.to.write(&self.buffer).await?;
        self.to.end().await
    }
}
