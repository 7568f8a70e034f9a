//! Connections to providers: look the name up, check every address, connect to the one that was checked.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::address::{Guard, Refused};
use super::endpoint::parse_ip;
use super::options::Timeouts;

/// The step of connecting at which it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Name,
    Tcp,
    Tls,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct ConnectError {
    pub(super) stage: Stage,
    pub(super) reason: Reason,
}

#[derive(Debug)]
pub(super) enum Reason {
    /// The address may not be connected to.
    Refused(IpAddr, Refused),
    /// It took too long.
    Timeout,
    /// The name has no address.
    NoAddress,
    /// What the system or TLS says.
    Io(io::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Name => "look the name up",
            Stage::Tcp => "connect",
            Stage::Tls => "agree on TLS",
        };
        match &self.reason {
            Reason::Refused(address, why) => write!(f, "{address}: {why}"),
            Reason::Timeout => write!(f, "it took too long to {stage}"),
            Reason::NoAddress => f.write_str("the name has no address"),
            Reason::Io(error) => write!(f, "could not {stage}: {error}"),
        }
    }
}

impl std::error::Error for ConnectError {}

const fn at(stage: Stage, reason: Reason) -> ConnectError {
    ConnectError { stage, reason }
}

/// Makes connections under the operator's rules.
#[derive(Clone)]
pub(super) struct Connector {
    guard: Arc<Guard>,
    tls: Arc<ClientConfig>,
    timeouts: Timeouts,
}

impl Connector {
    pub(super) fn new(guard: Arc<Guard>, tls: Arc<ClientConfig>, timeouts: Timeouts) -> Self {
        Self { guard, tls, timeouts }
    }

    /// The addresses of a host that may be connected to; never empty.
    pub(super) async fn resolve(
        &self,
        host: &str,
        port: u16,
        secure: bool,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let found: Vec<IpAddr> = match parse_ip(host) {
            Some(address) => vec![address],
            None => {
                let looked_up = within(self.timeouts.connect, tokio::net::lookup_host((host, port))).await;
                looked_up.map_err(|reason| at(Stage::Name, reason))?.map(|socket| socket.ip()).collect()
            }
        };
        let (mut allowed, mut refused) = (Vec::new(), None);
        for address in found {
            match self.guard.check(address, secure) {
                Ok(address) => allowed.push(SocketAddr::new(address, port)),
                Err(why) => refused = Some(Reason::Refused(address, why)),
            }
        }
        if allowed.is_empty() {
            return Err(at(Stage::Name, refused.unwrap_or(Reason::NoAddress)));
        }
        Ok(allowed)
    }

    /// A connection to the first of these addresses that answers.
    pub(super) async fn tcp(&self, addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
        let mut last = Reason::NoAddress;
        // A name with many dead addresses must not take many times the time-out.
        for address in addresses.iter().take(4) {
            match within(self.timeouts.connect, TcpStream::connect(address)).await {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(|error| at(Stage::Tcp, Reason::Io(error)))?;
                    return Ok(stream);
                }
                Err(reason) => last = reason,
            }
        }
        Err(at(Stage::Tcp, last))
    }

    /// TLS over a connection, for this host.
    pub(super) async fn tls(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let name = match parse_ip(host) {
            Some(address) => ServerName::from(address),
            None => ServerName::try_from(host.to_owned())
                .map_err(|error| at(Stage::Tls, Reason::Io(io::Error::other(error))))?,
        };
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        within(self.timeouts.tls, connector.connect(name, stream))
            .await
            .map_err(|reason| at(Stage::Tls, reason))
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<Stream>, ConnectError> {
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let addresses = self.resolve(&host, port, secure).await?;
        let stream = self.tcp(&addresses).await?;
        if !secure {
            return Ok(TokioIo::new(Stream::Plain(stream)));
        }
        let stream = self.tls(&host, stream).await?;
        Ok(TokioIo::new(Stream::Tls(Box::new(stream))))
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Reason> {
    match timeout(limit, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Reason::Io(error)),
        Err(_) => Err(Reason::Timeout),
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection, with TLS or without.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

macro_rules! either {
    ($self:ident, $inner:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Plain(stream) => {
                let $inner = Pin::new(stream);
                $call
            }
            Self::Tls(stream) => {
                let $inner = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, inner => inner.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, inner => inner.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
