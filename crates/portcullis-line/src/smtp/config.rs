//! What an SMTP door is.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use portcullis_listener::{Limits, Proxies, Tls};

use super::spool::Spool;
use crate::sessions::KeySessions;

/// When TLS begins. Outside it nobody can say who they are, so there is no door without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// When the client asks for it with `STARTTLS` (RFC 3207).
    StartTls,
    /// At once (RFC 8314).
    Implicit,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmtpTimes {
    /// From the connect until it has said who it is.
    pub login: Duration,
    /// Between two commands (RFC 5321 section 4.5.3.2.7).
    pub idle: Duration,
    /// Until the next bytes of a message.
    pub block: Duration,
    /// For a whole message to come.
    pub message: Duration,
    /// For a message to be stored. Clients wait ten minutes for that (RFC 5321 section 4.5.3.2.6).
    pub store: Duration,
}

impl Default for SmtpTimes {
    fn default() -> Self {
        Self {
            login: Duration::from_secs(60),
            idle: Duration::from_secs(300),
            block: Duration::from_secs(180),
            message: Duration::from_secs(3_600),
            store: Duration::from_secs(540),
        }
    }
}

/// What a door of SMTP is, beside what it serves.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// What a client may take of connections, as [`LinesConfig`](portcullis_listener::LinesConfig) says.
    pub limits: Limits,
    /// The proxies whose PROXY header counts.
    pub proxies: Proxies,
    /// With what TLS is spoken.
    pub tls: Tls,
    /// When TLS begins.
    pub security: Security,
    /// The domains whose addresses are taken; the first is what this server calls itself. Address literals of what a client reached are taken
    /// as well.
    pub domains: Vec<String>,
    /// The largest message in bytes, attachments encoded.
    pub max_message: u64,
    /// Where messages wait.
    pub spool: Spool,
    /// How long a client may take.
    pub times: SmtpTimes,
    /// How many sessions a key has, on all doors that share it.
    pub sessions: KeySessions,
}

impl SmtpConfig {
    /// The largest message unless another bound is set: 256 MiB.
    pub const MAX_MESSAGE: u64 = 256 << 20;

    /// A door for these domains with the usual limits.
    #[must_use]
    pub fn new(tls: Tls, security: Security, domains: Vec<String>, spool: Spool) -> Self {
        Self {
            limits: Limits::default(),
            proxies: Proxies::default(),
            tls,
            security,
            domains,
            max_message: Self::MAX_MESSAGE,
            spool,
            times: SmtpTimes::default(),
            sessions: KeySessions::default(),
        }
    }

    /// Refuses a door through which no message could come.
    pub(super) fn check(&self) -> io::Result<()> {
        let told = [
            (self.domains.is_empty(), "an SMTP door without a domain takes no address"),
            (self.max_message == 0, "an SMTP door takes messages of some size"),
        ];
        match told.iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => Err(io::Error::new(io::ErrorKind::InvalidInput, *what)),
            None => Ok(()),
        }
    }

    /// What this server calls itself.
    pub(super) fn host(&self) -> &str {
        self.domains.first().map_or("localhost", String::as_str)
    }

    /// Whether addresses of this domain are ours: of one of ours, or the address literal of one of those that the client reached.
    pub(super) fn is_ours(&self, domain: &str, reached: &[IpAddr]) -> bool {
        match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            None => self.domains.iter().any(|ours| ours.eq_ignore_ascii_case(domain)),
            Some(literal) => {
                let tagged = literal.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
                let text = if tagged { literal.get(5..).unwrap_or_default() } else { literal };
                let address = text.parse::<IpAddr>().ok().filter(|address| address.is_ipv6() == tagged);
                address.is_some_and(|address| reached.contains(&address.to_canonical()))
            }
        }
    }
}
