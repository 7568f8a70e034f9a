//! A connection by hand that speaks TLS where the server does, or changes to it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::http::connect;
use crate::world::World;

/// A connection, in clear or within TLS.
#[derive(Debug)]
pub(crate) enum Wire {
    Clear(TcpStream),
    Secret(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// To a door of a server, from an address of its own; within TLS if its doors speak that.
    pub(crate) fn to(world: &World, host: &str) -> Self {
        let clear = Self::Clear(connect(host));
        if world.certificate().is_some() { clear.secured(world) } else { clear }
    }

    /// The same within TLS, from here on.
    pub(crate) fn secured(self, world: &World) -> Self {
        let Self::Clear(stream) = self else { panic!("it is within TLS") };
        let mut roots = RootCertStore::empty();
        let certificate = world.certificate().expect("the doors speak no TLS");
        roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        Self::Secret(Box::new(StreamOwned::new(session, stream)))
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(into),
            Self::Secret(stream) => stream.read(into),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(bytes),
            Self::Secret(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Secret(stream) => stream.flush(),
        }
    }
}
