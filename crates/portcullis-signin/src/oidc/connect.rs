//! A connection to the provider, and TLS on it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::http::Endpoint;
use super::settings::{InvalidSettings, invalid};

/// TLS with the platform's authorities and those that the operator adds. Blocks: it reads files.
pub(super) fn tls(extra_roots_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, InvalidSettings> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = extra_roots_pem {
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
        .map_err(|error| invalid("issuer", format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A connection to the first address of the endpoint's host that answers. Without TLS, only to this machine, whatever its name
/// resolves to.
pub(super) async fn tcp(endpoint: &Endpoint) -> io::Result<TcpStream> {
    let host = endpoint.host();
    let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, endpoint.port())],
        Err(_) => tokio::net::lookup_host((host, endpoint.port())).await?.collect(),
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in
        addresses.iter().filter(|address| endpoint.is_secure() || address.ip().is_loopback()).take(4)
    {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// TLS on a connection, with whoever has a certificate for the endpoint's host.
pub(super) async fn secured(
    endpoint: &Endpoint,
    stream: TcpStream,
    config: &Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(endpoint.host().to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}
