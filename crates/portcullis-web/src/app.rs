//! What handlers share.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::HOST;
use portcullis_access::Access;
use portcullis_control::Control;
use portcullis_control::setups::Doors;
use portcullis_signin::passkey::RelyingParty;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dav::Locks;
use crate::handlers::sync::streams::Streams;
use crate::panel::KeptSecrets;
use crate::soap::Spool;

/// The state behind every handler.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) access: Access,
    pub(crate) control: Control,
    /// The address of the S3 door, as clients reach it.
    pub(crate) s3_address: String,
    /// The address of this door, as browsers reach it.
    pub(crate) web_address: String,
    /// Where the doors for files are that are not HTTP.
    pub(crate) doors: Doors,
    /// Locks of WebDAV, which plain HTTP honours too.
    pub(crate) locks: Locks,
    /// The memory, in MiB, for parts of uploads that have not come as a whole.
    pub(crate) kept_parts: Arc<Semaphore>,
    /// Where parts of requests to the web service wait.
    pub(crate) spool: Arc<Spool>,
    /// What the panel keeps between the steps of a form.
    pub(crate) kept: KeptSecrets,
    /// Calls that go on when their client is gone.
    pub(crate) tasks: TaskTracker,
    /// Answers without an end.
    pub(crate) streams: Streams,
    /// Said when the server stops.
    pub(crate) stop: CancellationToken,
}

impl App {
    /// Whether browsers reach this door over https, so that cookies may be kept to it.
    pub(crate) fn is_secure(&self) -> bool {
        self.web_address.starts_with("https://")
    }

    /// Who asks for passkeys at the address at which a browser reaches this door. None where browsers have none: without https, or at
    /// a number. A browser on this machine has them at `localhost` in the place of the number.
    pub(crate) fn relying_party(&self, headers: &HeaderMap) -> Option<RelyingParty> {
        let at_localhost = || {
            let host = headers.get(HOST)?.to_str().ok().filter(|_| self.is_this_machine())?;
            let name = host.split(':').next()?;
            RelyingParty::at(&format!("http://{host}")).filter(|_| name == "localhost")
        };
        RelyingParty::at(&self.web_address).or_else(at_localhost)
    }

    /// What authenticator apps call this installation.
    pub(crate) fn issuer(&self) -> String {
        let address = self.web_address.parse::<http::Uri>().ok();
        let host = address.as_ref().and_then(http::Uri::host).unwrap_or_default();
        format!("Portcullis {host}")
    }

    /// Whether browsers reach this door from this machine only: nothing goes over a network then.
    pub(crate) fn is_this_machine(&self) -> bool {
        let address = self.web_address.parse::<http::Uri>().ok();
        let host = address.as_ref().and_then(http::Uri::host).unwrap_or_default();
        let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }
}

/// How often what the panel keeps is looked through.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Lets go of what the panel kept for long enough, until `stop`.
pub(crate) async fn tidy(app: Arc<App>, stop: CancellationToken) {
    let mut tick = interval(TIDY_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! { () = stop.cancelled() => return, _ = tick.tick() => app.kept.tidy(app.access.now()) }
    }
}
