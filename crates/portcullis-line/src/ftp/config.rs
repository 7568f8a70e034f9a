//! What an FTP door is.

use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use portcullis_listener::{Limits, Proxies, Tls};

use crate::sessions::KeySessions;

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// When the client asks for it with `AUTH TLS` (RFC 4217).
    Explicit,
    /// At once.
    Implicit,
}

/// Where clients open their data connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassiveConfig {
    /// On which ports; none for whichever is free.
    pub ports: Option<RangeInclusive<u16>>,
    /// The address that PASV tells; none for the one that the client reached. EPSV tells none.
    pub address: Option<IpAddr>,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FtpTimes {
    /// From the connect until it has logged in.
    pub login: Duration,
    /// Between two commands.
    pub idle: Duration,
    /// To open the data connection, from the command that needs it.
    pub connect: Duration,
    /// Until the next byte of an upload. Of downloads, and replies, it is [`Limits::write_stall`].
    pub stall: Duration,
}

impl Default for FtpTimes {
    fn default() -> Self {
        Self {
            login: Duration::from_secs(30),
            idle: Duration::from_secs(300),
            connect: Duration::from_secs(20),
            stall: Duration::from_secs(60),
        }
    }
}

/// What a door of FTP is, beside what it serves.
#[derive(Clone, Debug)]
pub struct FtpConfig {
    /// What a client may take of connections, as [`LinesConfig`](portcullis_listener::LinesConfig) says.
    pub limits: Limits,
    /// The proxies whose PROXY header counts, on control and data connections.
    pub proxies: Proxies,
    /// With what TLS is spoken; without it the door is plain.
    pub tls: Option<Tls>,
    /// When TLS begins.
    pub mode: TlsMode,
    /// Whether somebody may log in, and open data connections, in clear.
    pub allow_plaintext: bool,
    /// Where data connections are opened.
    pub passive: PassiveConfig,
    /// How long a client may take.
    pub times: FtpTimes,
    /// How many sessions a key has, on all doors that share it.
    pub sessions: KeySessions,
}

impl FtpConfig {
    /// A door with TLS and the usual limits, that takes no secret in clear.
    #[must_use]
    pub fn new(tls: Option<Tls>, mode: TlsMode) -> Self {
        Self {
            limits: Limits::default(),
            proxies: Proxies::default(),
            tls,
            mode,
            allow_plaintext: false,
            passive: PassiveConfig::default(),
            times: FtpTimes::default(),
            sessions: KeySessions::default(),
        }
    }

    /// Refuses a door through which nobody could come.
    pub(super) fn check(&self) -> io::Result<()> {
        let told = [
            (
                self.tls.is_none() && self.mode == TlsMode::Implicit,
                "an FTP door with implicit TLS needs a certificate",
            ),
            (
                self.tls.is_none() && !self.allow_plaintext,
                "an FTP door without a certificate admits nobody unless plain FTP is allowed",
            ),
            (
                self.passive.ports.as_ref().is_some_and(|ports| ports.is_empty() || *ports.start() == 0),
                "the range of FTP's passive ports is empty",
            ),
        ];
        match told.iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => Err(io::Error::new(io::ErrorKind::InvalidInput, *what)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_through_which_nobody_comes_is_none() {
        let plain = FtpConfig { allow_plaintext: true, ..FtpConfig::new(None, TlsMode::Explicit) };
        assert!(plain.check().is_ok());
        assert!(FtpConfig { allow_plaintext: false, ..plain.clone() }.check().is_err());
        assert!(FtpConfig { mode: TlsMode::Implicit, ..plain.clone() }.check().is_err());
        for ports in [0..=10, RangeInclusive::new(20, 10)] {
            let passive = PassiveConfig { ports: Some(ports), address: None };
            assert!(FtpConfig { passive, ..plain.clone() }.check().is_err());
        }
    }
}
