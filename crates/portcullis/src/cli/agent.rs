//! The client of HTTP that this program is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::config;

/// A client for this address. Over https the server has to be vouched for by an authority of this machine, or by one in the PEM file that
/// `PORTCULLIS_CA_FILE` names.
///
/// # Errors
/// That file cannot be read or holds no certificate.
pub(super) fn agent(base: &str) -> anyhow::Result<ureq::Agent> {
    let mut builder = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_global(Some(Duration::from_secs(60)))
        .user_agent(format!("portcullis/{}", env!("CARGO_PKG_VERSION")))
        .max_redirects(0);
    // To read all authorities takes a while, which nobody should wait for in vain.
    if base.starts_with("https://") {
        builder = builder.tls_config(tls()?);
    }
    Ok(builder.build().new_agent())
}

fn tls() -> anyhow::Result<TlsConfig> {
    let own = config::env("PORTCULLIS_CA_FILE").filter(|path| !path.is_empty());
    let mut trusted = rustls_native_certs::load_native_certs().certs;
    if let Some(path) = own {
        trusted.extend(authorities(Path::new(&path)).context("PORTCULLIS_CA_FILE")?);
    }
    let trusted: Vec<_> = trusted.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&trusted))
        .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
        .build())
}

fn authorities(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if found.is_empty() {
        bail!("{} holds no certificate in PEM form", path.display());
    }
    Ok(found)
}
