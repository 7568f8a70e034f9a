//! The door: from a listener to sessions.

use std::io;
use std::sync::Arc;

use portcullis_access::Access;
use portcullis_listener::{LinesConfig, serve_lines};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::SmtpConfig;
use super::session::Session;

/// What all sessions of a listener share.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) config: SmtpConfig,
    pub(super) access: Access,
    /// Where files under way are tasks.
    pub(super) tasks: TaskTracker,
}

/// Serves mail submission on a bound listener until `shutdown`, then drains: idle sessions end with 421, messages under way have
/// [`Limits::drain`](portcullis_listener::Limits::drain).
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if nothing could come through the door: no domain, limits of zero.
pub async fn serve(
    config: SmtpConfig,
    listener: TcpListener,
    access: Access,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) -> io::Result<()> {
    config.check()?;
    let lines = LinesConfig { limits: config.limits, proxies: config.proxies.clone() };
    let door = Arc::new(Door { config, access, tasks: tasks.clone() });
    let handler = move |connection| {
        let door = Arc::clone(&door);
        // On the heap: a session is large, and the loop keeps one future for each connection.
        Box::pin(async move {
            if let Ok(session) = Session::new(door, connection) {
                session.run().await;
            }
        })
    };
    serve_lines(listener, lines, handler, shutdown, tasks).await
}
