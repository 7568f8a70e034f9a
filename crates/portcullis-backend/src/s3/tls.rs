//! TLS towards providers.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Why remote buckets cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum S3SetupError {
    /// A file with further authorities is no PEM text with certificates.
    #[error("a file of extra certificate authorities holds no certificate in PEM form")]
    ExtraRoots,
    /// The TLS library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
}

/// TLS with the platform's authorities and those that the operator adds. Blocks: it reads files.
pub(super) fn client_config(extra_roots_pem: &[Vec<u8>]) -> Result<Arc<ClientConfig>, S3SetupError> {
    let mut roots = RootCertStore::empty();
    let platform = rustls_native_certs::load_native_certs();
    for error in &platform.errors {
        tracing::warn!(%error, "a certificate authority of the platform cannot be read");
    }
    roots.add_parsable_certificates(platform.certs);
    for pem in extra_roots_pem {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| S3SetupError::ExtraRoots)?;
            roots.add(certificate).map_err(|_| S3SetupError::ExtraRoots)?;
        }
        if roots.len() == before {
            return Err(S3SetupError::ExtraRoots);
        }
    }
    if roots.is_empty() {
        tracing::warn!("no certificate authority is known; no provider can be reached over https");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(S3SetupError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
