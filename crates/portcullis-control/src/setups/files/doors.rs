//! The doors for files besides HTTP, as clients reach them.

use portcullis_domain::SshPublicKey;

/// Where the doors for files are that are not HTTP. All are off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    /// FTP, with TLS once the client asks for it.
    pub ftp: Option<FtpDoor>,
    /// FTP that is TLS from its first byte: `ftps://host:port`.
    pub ftps: Option<String>,
    /// SFTP.
    pub sftp: Option<SftpDoor>,
}

/// The FTP door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FtpDoor {
    /// Its address: `ftp://host:port`.
    pub address: String,
    /// Whether it has a certificate, so that clients can ask for TLS.
    pub tls: bool,
    /// Whether it takes passwords without TLS.
    pub plain: bool,
}

/// The SFTP door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SftpDoor {
    /// Its address: `sftp://host:port`.
    pub address: String,
    /// The public halves of the keys with which it shows that it is itself.
    pub host_keys: Vec<SshPublicKey>,
}

impl Doors {
    /// Whether all of them are off.
    #[must_use]
    pub fn are_off(&self) -> bool {
        *self == Self::default()
    }
}
