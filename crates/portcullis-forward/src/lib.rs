//! Sends entries of the audit trail to places outside: syslog servers and webhooks.
//!
//! What was sent and what is next is not known here: a [`Forwarder`] takes entries and says how many of them are there. Nothing is
//! kept, nothing is tried again. Secrets are read from their files for each batch, so that they can be replaced while the server
//! runs, and stand in no error.

mod connect;
mod line;
mod syslog;
mod webhook;

use std::path::PathBuf;

use portcullis_domain::trail::ChainedEvent;

pub use line::json_line;

use connect::Tls;
use syslog::Syslog;
use webhook::Webhook;

/// The most bytes that are sent at once, unless one entry alone is longer.
const MOST_BYTES: usize = 512 * 1024;

/// What kind of place it is, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 5424 over UDP (RFC 5426), TCP with counted octets (RFC 6587) or TLS (RFC 5425).
    Syslog {
        /// `udp://host:514`, `tcp://host:601` or `tls://host:6514`; the port may be left out.
        address: String,
    },
    /// A POST of JSON lines.
    Webhook {
        /// `https://…` or `http://…`.
        url: String,
        /// A file with the token of the header `Authorization: Bearer`.
        token_file: Option<PathBuf>,
        /// A file with the secret under which bodies are signed.
        secret_file: Option<PathBuf>,
    },
}

/// A place to which entries are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the operator calls it; part of the idempotency key.
    pub name: String,
    /// What kind of place it is.
    pub kind: Kind,
    /// Certificate authorities in PEM form besides the platform's.
    pub ca_pem: Option<Vec<u8>>,
    /// How this machine calls itself in syslog messages.
    pub host_name: String,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct InvalidSettings {
    /// Which.
    pub setting: &'static str,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

fn invalid(setting: &'static str, problem: impl Into<String>) -> InvalidSettings {
    InvalidSettings { setting, problem: problem.into() }
}

/// Why entries did not get there, in words without secrets. It may be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ForwardError(String);

impl ForwardError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Sends entries to one place.
#[derive(Debug)]
pub struct Forwarder {
    way: Way,
}

#[derive(Debug)]
enum Way {
    Syslog(Box<Syslog>),
    Webhook(Box<Webhook>),
}

impl Forwarder {
    /// Reads the settings; nothing is connected yet. Blocks: it reads the platform's certificates.
    ///
    /// # Errors
    /// The setting that cannot be used.
    pub fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        let Settings { name, kind, ca_pem, host_name } = settings;
        let tls = |http| Tls::new(ca_pem.as_deref(), http);
        let way = match kind {
            Kind::Syslog { address } => {
                Way::Syslog(Box::new(Syslog::new(&address, &host_name, tls(false)?)?))
            }
            Kind::Webhook { url, token_file, secret_file } => {
                Way::Webhook(Box::new(Webhook::new(name, &url, token_file, secret_file, tls(true)?)?))
            }
        };
        Ok(Self { way })
    }

    /// The address without what may be secret in it: neither path nor query.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.way {
            Way::Syslog(syslog) => syslog.target(),
            Way::Webhook(webhook) => webhook.target(),
        }
    }

    /// What it is, in a word: `syslog` or `webhook`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.way {
            Way::Syslog(_) => "syslog",
            Way::Webhook(_) => "webhook",
        }
    }

    /// Sends as many of the first entries as fit at once, at least one, and says how many are there. Each comes with its number among
    /// those of all sites. Returns within about fifteen seconds.
    ///
    /// # Errors
    /// [`ForwardError`] if nobody knows whether any of them is there: send them again.
    pub async fn send(&self, entries: &[(i64, ChainedEvent)]) -> Result<usize, ForwardError> {
        let (first, last) = (entries.first().map(|(id, _)| *id), entries.len());
        let Some(first) = first else { return Ok(0) };
        let lines = entries.iter().map(|(_, entry)| json_line(entry));
        let mut taken = Vec::with_capacity(last);
        let mut bytes = 0usize;
        for line in lines {
            bytes = bytes.saturating_add(line.len());
            if bytes > MOST_BYTES && !taken.is_empty() {
                break;
            }
            taken.push(line);
        }
        let sent = taken.len();
        let until = entries.get(sent.saturating_sub(1)).map_or(first, |(id, _)| *id);
        match &self.way {
            Way::Syslog(syslog) => syslog.send(entries, &taken).await?,
            Way::Webhook(webhook) => webhook.send((first, until), &taken).await?,
        }
        Ok(sent)
    }
}
