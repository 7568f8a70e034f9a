//! The control connection: lines in, replies out, in clear or not.

use std::io;
use std::sync::Arc;

use portcullis_listener::LineStream;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::rustls::ServerConfig;

use super::lines::{Line, Lines};
use super::reply::Reply;
use crate::stream::Stream;

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
        let stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        self.stream = Some(stream.secure(config).await?);
        Ok(())
    }

    /// Closes, as [`Stream::close`] does.
    pub(super) async fn close(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.close().await;
        }
    }
}
