//! TLS with certificates from files, the same for every door, and exchanged when the files are.

mod certificate;
mod handshake;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::sync::CancellationToken;

pub use certificate::TlsError;
use certificate::{Texts, certified};
pub(crate) use handshake::secure;
pub use handshake::{TlsLine, secure_line};

/// How often it is looked whether the files were exchanged.
const LOOK: Duration = Duration::from_secs(10);
/// How many sessions of HTTP may be resumed, the latest.
const SESSIONS: usize = 256;

/// A certificate with its key, read from two PEM files, and what TLS is spoken with it. Clones share it: when the files are exchanged, all doors
/// have the new certificate with the next connection.
#[derive(Clone)]
pub struct Tls {
    served: Arc<Served>,
    http: Arc<ServerConfig>,
    line: Arc<ServerConfig>,
    data: Arc<ServerConfig>,
}

struct Served {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Current>,
}

struct Current {
    /// The texts that were read last, hashed: what they hold is not kept.
    print: u64,
    key: Arc<CertifiedKey>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.served.certificate).finish_non_exhaustive()
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads a certificate chain, the server's own first, and its key: PKCS #8, PKCS #1 or SEC 1. TLS 1.2 and 1.3 are spoken. Blocks.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let texts = Texts::read(certificate, key)?;
        let usable = Arc::new(certified(&texts, certificate, key)?);
        let current = RwLock::new(Current { print: texts.print(), key: usable });
        let served = Arc::new(Served { certificate: certificate.to_owned(), key: key.to_owned(), current });
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Library)?;
        let resolver = Arc::<Served>::clone(&served);
        let line = builder.with_no_client_auth().with_cert_resolver(resolver);
        let mut http = line.clone();
        http.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Sessions of HTTP are not resumed by others.
        http.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        let mut data = line.clone();
        data.send_tls13_tickets = 0;
        Ok(Self { served, http: Arc::new(http), line: Arc::new(line), data: Arc::new(data) })
    }

    pub(crate) fn http(&self) -> &Arc<ServerConfig> {
        &self.http
    }

    /// For the connection of a line protocol: no ALPN.
    #[must_use]
    pub fn line(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.line)
    }

    /// For its data connections, which may resume the session of [`Tls::line`]. They get no tickets of TLS 1.3: a client that only
    /// writes does not read them, and closes with them unread, which resets the connection under its last bytes.
    #[must_use]
    pub fn data(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.data)
    }

    /// Reads the files again; true if there is another certificate now. Connections that exist keep theirs. Blocks.
    ///
    /// # Errors
    /// As [`Tls::open`]; then the certificate of before goes on being served.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Served { certificate, key, current } = &*self.served;
        let texts = Texts::read(certificate, key)?;
        let print = texts.print();
        // Nearly always: nothing is parsed then.
        if current.read().unwrap_or_else(PoisonError::into_inner).print == print {
            return Ok(false);
        }
        let key = Arc::new(certified(&texts, certificate, key)?);
        *current.write().unwrap_or_else(PoisonError::into_inner) = Current { print, key };
        Ok(true)
    }

    /// Looks every ten seconds whether the files were exchanged, until `stop`. A file that cannot be used is said once in the log, and the
    /// certificate of before stays.
    pub async fn follow(self, stop: CancellationToken) {
        let mut failing = String::new();
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! { () = stop.cancelled() => return, _ = tick.tick() => {} }
            let again = self.clone();
            let Ok(outcome) = tokio::task::spawn_blocking(move || again.reload()).await else { continue };
            match outcome {
                Ok(exchanged) => {
                    if exchanged {
                        tracing::info!(certificate = %self.served.certificate.display(), "another TLS certificate is in use");
                    }
                    failing.clear();
                }
                Err(error) => {
                    let told = error.to_string();
                    if told != failing {
                        tracing::error!(error = %told, "the TLS certificate of before stays in use");
                        failing = told;
                    }
                }
            }
        }
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Library(error)
    }
}
