//! Everything on HTTP that is not S3: the control panel, the REST API under `/api/v1` with its OpenAPI document, and health.
//!
//! * **The signature is the rule.** A handler that takes `Admin` is for admins, one that takes
//!   `Caller` for whoever authenticated; files go through the grants of `portcullis-access`. No
//!   handler has a rule of its own, and this crate depends on neither the database nor the drivers.
//! * **What is not understood is refused**: unknown fields, parameters and methods, with a problem document (RFC 9457) that
//!   names the field.
//! * **Another site gets nothing of a browser's credentials**: the session's cookie is `SameSite=Strict`, and besides it every change
//!   needs a token that only our own pages have: a field of the form in the panel, a header in the REST API.
//! * **A secret is in one answer**: that of the call that made it.

mod app;
pub mod audit_file;
mod channel;
mod dav;
mod dto;
mod etag;
mod extract;
mod files;
mod finish;
mod handlers;
mod headers;
mod once;
mod openapi;
mod operations;
mod panel;
mod problem;
mod request_id;
mod router;
mod shared;
mod soap;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis_access::Access;
use portcullis_control::Control;
use portcullis_listener::{DoorConfig, TowerToHyperService};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use portcullis_control::setups::{Doors, FtpDoor, SftpDoor};

pub use dav::{DAV_METHODS, DavMethod};
pub use files::{FILES_METHODS, FilesMethod, FilesPlace};
pub use operations::{Needs, OPERATIONS, Operation};
pub use soap::{SOAP_OPERATIONS, SoapOperation};

/// How this door behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address of the S3 door as clients reach it, such as `https://s3.example.org`: told with every storage and key.
    pub s3_address: String,
    /// The address of this door as browsers reach it, such as `https://gate.example.org`. With https, cookies are kept to it.
    pub web_address: String,
    /// Where the doors for files are that are not HTTP: told with every key that they take.
    pub doors: Doors,
    /// A directory of this process alone, made when it is first needed: parts of requests to the web service wait there.
    pub spool: PathBuf,
    /// What a client is allowed, which proxies are believed, and TLS.
    pub door: DoorConfig,
}

/// Serves on a bound listener until `shutdown`, then lets requests under way end.
///
/// # Errors
/// As [`portcullis_listener::serve`].
pub async fn serve(
    config: Config,
    listener: TcpListener,
    access: Access,
    control: Control,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) -> io::Result<()> {
    let settings = config.door.clone();
    let app = app(&config, access, control, (tasks.clone(), shutdown.clone()));
    tasks.spawn(app::tidy(Arc::clone(&app), shutdown.clone()));
    let service = TowerToHyperService::new(router::router(app));
    portcullis_listener::serve(listener, settings, service, shutdown, tasks).await
}

/// The router that [`serve`] serves, for tests without a socket. Requests need a [`portcullis_listener::Peer`] in their
/// extensions, as the listener puts it there.
pub fn router(config: &Config, access: Access, control: Control) -> axum::Router {
    router::router(app(config, access, control, (TaskTracker::new(), CancellationToken::new())))
}

fn app(
    config: &Config,
    access: Access,
    control: Control,
    (tasks, stop): (TaskTracker, CancellationToken),
) -> Arc<app::App> {
    Arc::new(app::App {
        locks: dav::Locks::of(&access),
        access,
        control,
        s3_address: config.s3_address.clone(),
        web_address: config.web_address.clone(),
        doors: config.doors.clone(),
        kept_parts: files::kept_parts(),
        spool: soap::Spool::new(config.spool.clone()),
        kept: panel::KeptSecrets::default(),
        tasks,
        streams: handlers::sync::streams::Streams::default(),
        stop,
    })
}

/// The OpenAPI 3.1 document as JSON, as it is served at `/api/v1/openapi.json`.
#[must_use]
pub fn openapi() -> &'static str {
    openapi::text()
}
