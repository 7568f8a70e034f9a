//! Connections to a place outside, with TLS or without.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::Secret;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use crate::{ForwardError, InvalidSettings, invalid};

/// The longest that looking a name up, connecting and agreeing on TLS may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// The longest secret in a file.
const LONGEST_SECRET: u64 = 4096;

/// A connection.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Wire for T {}

/// How TLS is spoken: with the platform's authorities and those that the operator adds.
#[derive(Clone, Debug)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    pub(crate) fn new(ca_pem: Option<&[u8]>, http: bool) -> Result<Self, InvalidSettings> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(pem) = ca_pem {
            let none = || invalid("ca_file", "the file holds no certificate in PEM form");
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            let found = found.map_err(|_| none())?;
            if found.is_empty() {
                return Err(none());
            }
            for certificate in found {
                roots.add(certificate).map_err(|_| none())?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid("kind", format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if http {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        Ok(Self(Arc::new(config)))
    }

    /// A connection to a host, with TLS if that is wanted.
    pub(crate) async fn connect(
        &self,
        (host, port): (&str, u16),
        secure: bool,
    ) -> Result<Box<dyn Wire>, ForwardError> {
        let work = async {
            let stream = TcpStream::connect((host, port)).await;
            let stream = stream.map_err(|error| format!("cannot connect: {error}"))?;
            stream.set_nodelay(true).map_err(|error| format!("cannot connect: {error}"))?;
            if !secure {
                return Ok::<Box<dyn Wire>, String>(Box::new(stream));
            }
            let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
            let stream = TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await;
            Ok(Box::new(stream.map_err(|error| format!("cannot agree on TLS: {error}"))?))
        };
        match tokio::time::timeout(CONNECTING, work).await {
            Ok(connected) => connected.map_err(ForwardError::new),
            Err(_) => Err(ForwardError::new("cannot connect: no answer within 10 seconds")),
        }
    }
}

/// Host and port of `host:port`, `[::1]:port`, or of either without a port.
pub(crate) fn host_and_port(text: &str, usual: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("")))
        }
        None => text.split_once(':').map_or((text, Some("")), |(host, port)| (host, Some(port))),
    };
    let port = match port? {
        "" => usual,
        digits => digits.parse().ok().filter(|port| *port > 0)?,
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    (!host.is_empty() && host.chars().all(fits)).then(|| (host.to_owned(), port))
}

/// The secret in a file, without the white space around it.
pub(crate) async fn secret(setting: &'static str, path: &Path) -> Result<Secret, ForwardError> {
    let problem = |what: &str| ForwardError::new(format!("{setting}: {} {what}", path.display()));
    let unreadable = |error: io::Error| problem(&format!("cannot be read: {error}"));
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST_SECRET + 1).read_to_string(&mut text).await.map_err(unreadable)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST_SECRET) {
        return Err(problem("is longer than 4096 bytes; is it the right file?"));
    }
    if text.trim().is_empty() {
        return Err(problem("is empty"));
    }
    Ok(Secret::foreign(text.trim().to_owned()))
}
