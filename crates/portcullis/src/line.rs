//! FTP and SFTP: their settings, and their serving.

use std::path::Path;

use anyhow::Context as _;
use portcullis_access::Access;
use portcullis_line::KeySessions;
use portcullis_line::ftp::{self, FtpConfig, PassiveConfig, TlsMode};
use portcullis_line::sftp::{self, HostKeys, SftpConfig};
use portcullis_listener::DoorConfig;
use portcullis_web::{Doors as Shown, FtpDoor, SftpDoor};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, LineDoors};
use crate::doors::{Addresses, Doors};
use crate::wire::door;

/// The server's SSH keys, made at the first start with SFTP on; none where it is off.
///
/// # Errors
/// They cannot be read or made.
pub(crate) async fn host_keys(config: &Config) -> anyhow::Result<Option<HostKeys>> {
    if config.line.sftp.is_none() {
        return Ok(None);
    }
    let dir = config.data_dir.join("ssh");
    let opened = tokio::task::spawn_blocking(move || open_host_keys(&dir)).await?;
    opened.map(Some)
}

fn open_host_keys(dir: &Path) -> anyhow::Result<HostKeys> {
    HostKeys::open(dir).with_context(|| format!("sftp: the SSH keys in {} cannot be used", dir.display()))
}

/// What the panel shows of these doors.
pub(crate) fn shown(config: &Config, addresses: &Addresses, tls: bool, keys: Option<&HostKeys>) -> Shown {
    let ftp = addresses.ftp.clone();
    let sftp = addresses.sftp.clone();
    Shown {
        ftp: ftp.map(|address| FtpDoor { address, tls, plain: config.line.allow_plaintext }),
        ftps: addresses.ftps.clone(),
        sftp: sftp.map(|address| SftpDoor {
            address,
            host_keys: keys.map(HostKeys::public_keys).unwrap_or_default(),
        }),
        smtp: addresses.smtp.clone(),
        smtps: addresses.smtps.clone(),
        mail_domain: config
            .mail
            .domains
            .first()
            .filter(|_| config.mail.is_open())
            .cloned()
            .unwrap_or_default(),
    }
}

/// The doors that are bound, with what all of them need.
pub(crate) struct Serving<'a> {
    pub(crate) config: &'a LineDoors,
    pub(crate) door: &'a DoorConfig,
    pub(crate) keys: Option<HostKeys>,
    pub(crate) access: &'a Access,
    pub(crate) stop: &'a CancellationToken,
    pub(crate) tasks: &'a TaskTracker,
}

impl Serving<'_> {
    /// Serves each of them until `stop`.
    pub(crate) fn start(self, doors: LineListeners) {
        let sessions = KeySessions::default();
        if let Some(listener) = doors.ftp {
            self.ftp("ftp", TlsMode::Explicit, listener, sessions.clone());
        }
        if let Some(listener) = doors.ftps {
            self.ftp("ftps", TlsMode::Implicit, listener, sessions);
        }
        let Some((listener, keys)) = doors.sftp.zip(self.keys) else { return };
        let config = SftpConfig {
            limits: self.door.limits,
            proxies: self.door.proxies.clone(),
            ..SftpConfig::new(keys)
        };
        let serving =
            sftp::serve(config, listener, self.access.clone(), self.stop.clone(), self.tasks.clone());
        self.tasks.spawn(door("sftp", serving));
    }

    fn ftp(&self, name: &'static str, mode: TlsMode, listener: TcpListener, sessions: KeySessions) {
        let config = FtpConfig {
            limits: self.door.limits,
            proxies: self.door.proxies.clone(),
            allow_plaintext: self.config.allow_plaintext && mode == TlsMode::Explicit,
            passive: PassiveConfig {
                ports: self.config.passive_ports.clone(),
                address: self.config.public_address,
            },
            sessions,
            ..FtpConfig::new(self.door.tls.clone(), mode)
        };
        let serving =
            ftp::serve(config, listener, self.access.clone(), self.stop.clone(), self.tasks.clone());
        self.tasks.spawn(door(name, serving));
    }
}

/// What listens for them.
pub(crate) struct LineListeners {
    ftp: Option<TcpListener>,
    ftps: Option<TcpListener>,
    sftp: Option<TcpListener>,
}

impl LineListeners {
    pub(crate) fn of(doors: &mut Doors) -> Self {
        Self { ftp: doors.ftp.take(), ftps: doors.ftps.take(), sftp: doors.sftp.take() }
    }
}
