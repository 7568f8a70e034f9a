//! Reading certificates.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, InconsistentKeys};
use zeroize::Zeroizing;

/// The longest file that is read: chains have a few kilobytes.
const LONGEST: u64 = 1024 * 1024;

/// Why files are no certificate with its key. Nothing of what is in them is told.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is far longer than what should be in it.
    #[error("{} is longer than 1 MiB, so it is no PEM file with a certificate or a key", .0.display())]
    TooLong(PathBuf),
    /// There is no certificate in it.
    #[error("{} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", .0.display())]
    NoCertificate(PathBuf),
    /// There is no key in it that could be used.
    #[error("{} holds no private key in PEM form that can be used; one with a password cannot", .0.display())]
    NoKey(PathBuf),
    /// They do not belong together.
    #[error("the key in {} is not that of the first certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// The TLS library refuses.
    #[error("TLS cannot be set up: {0}")]
    Library(rustls::Error),
}

/// What is in both files.
pub(super) struct Texts {
    chain: Zeroizing<Vec<u8>>,
    secret: Zeroizing<Vec<u8>>,
}

impl Texts {
    pub(super) fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self { chain: text(certificate)?, secret: text(key)? })
    }

    /// A number that tells these texts from others.
    pub(super) fn print(&self) -> u64 {
        let mut print = DefaultHasher::new();
        (&*self.chain, &*self.secret).hash(&mut print);
        print.finish()
    }
}

/// The certificate with its key; the files are only named in errors.
pub(super) fn certified(texts: &Texts, certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let Texts { chain, secret } = texts;
    let nothing = || TlsError::NoCertificate(certificate.to_owned());
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|_| nothing())?;
    if certificates.is_empty() {
        return Err(nothing());
    }
    let unusable = || TlsError::NoKey(key.to_owned());
    let secret = PrivateKeyDer::from_pem_slice(secret).map_err(|_| unusable())?;
    CertifiedKey::from_der(certificates, secret, &default_provider()).map_err(|error| {
        if error == rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) {
            return TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() };
        }
        if matches!(error, rustls::Error::InvalidCertificate(_)) { nothing() } else { unusable() }
    })
}

fn text(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let read = |source| TlsError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(read)?.len() > LONGEST {
        return Err(TlsError::TooLong(path.to_owned()));
    }
    fs::read(path).map(Zeroizing::new).map_err(read)
}
