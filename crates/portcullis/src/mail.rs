//! Mail submission: where messages wait, and the serving of its doors.

use anyhow::Context as _;
use portcullis_access::Access;
use portcullis_line::KeySessions;
use portcullis_line::smtp::{self, Security, SmtpConfig, Spool};
use portcullis_listener::{DoorConfig, Tls};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, MailDoors};
use crate::doors::Doors;
use crate::wire::door;

/// Where messages wait; none where mail is off.
///
/// # Errors
/// Files cannot be made there.
pub(crate) async fn spool(config: &Config) -> anyhow::Result<Option<Spool>> {
    if !config.mail.is_open() {
        return Ok(None);
    }
    let (dir, most) = (config.data_dir.join("mail"), config.mail.spool);
    let opened = tokio::task::spawn_blocking(move || {
        Spool::open(&dir, most).with_context(|| format!("smtp: {} cannot be used", dir.display()))
    });
    opened.await?.map(Some)
}

/// The doors that are bound, with what both of them need.
pub(crate) struct Serving<'a> {
    pub(crate) config: &'a MailDoors,
    pub(crate) door: &'a DoorConfig,
    pub(crate) access: &'a Access,
    pub(crate) stop: &'a CancellationToken,
    pub(crate) tasks: &'a TaskTracker,
}

impl Serving<'_> {
    /// Serves each of them until `stop`.
    pub(crate) fn start(self, spool: Spool, tls: &Tls, listeners: MailListeners) {
        let common = SmtpConfig {
            limits: self.door.limits,
            proxies: self.door.proxies.clone(),
            max_message: self.config.max_message,
            sessions: KeySessions::default(),
            ..SmtpConfig::new(tls.clone(), Security::StartTls, self.config.domains.clone(), spool)
        };
        let doors =
            [("smtp", Security::StartTls, listeners.smtp), ("smtps", Security::Implicit, listeners.smtps)];
        for (name, security, listener) in doors {
            let Some(listener) = listener else { continue };
            let config = SmtpConfig { security, ..common.clone() };
            let serving =
                smtp::serve(config, listener, self.access.clone(), self.stop.clone(), self.tasks.clone());
            self.tasks.spawn(door(name, serving));
        }
    }
}

/// What listens for them.
pub(crate) struct MailListeners {
    smtp: Option<TcpListener>,
    smtps: Option<TcpListener>,
}

impl MailListeners {
    pub(crate) fn of(doors: &mut Doors) -> Self {
        Self { smtp: doors.smtp.take(), smtps: doors.smtps.take() }
    }
}
