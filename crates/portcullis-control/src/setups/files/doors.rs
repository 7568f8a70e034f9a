//! The doors for files besides HTTP, as clients reach them.
//!
//! Web service keys need none of them: SOAP is spoken at the address of the web.

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
    /// Mail submission that asks for TLS before a password: `smtp://host:port`.
    pub smtp: Option<String>,
    /// Mail submission that is TLS from its first byte: `smtps://host:port`.
    pub smtps: Option<String>,
    /// What stands behind the `@` of the addresses that mail keys send to: the first of those that the doors take. Empty if both are off.
    pub mail_domain: String,
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
    /// Whether all of those for keys of the channel `ftp` are off.
    #[must_use]
    pub fn are_off(&self) -> bool {
        self.ftp.is_none() && self.ftps.is_none() && self.sftp.is_none()
    }
}
