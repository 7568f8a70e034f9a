//! Connections: how long they may take and idle, and how they end.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Access;
use portcullis_listener::{Limits, LineConnection, LinesConfig, Proxies, serve_lines};
use russh::keys::{Algorithm, EcdsaCurve};
use russh::server::{Config, Handle, RunningSession, run_stream};
use russh::{Disconnect, MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::activity::{Activity, Heard};
use super::front::{Front, Shared};
use super::host_keys::HostKeys;
use super::pump::Pool;
use crate::sessions::KeySessions;

/// Wrong answers, the question what is asked for included, after which the connection ends.
const TRIES: usize = 6;
/// Every refusal takes as long.
const REFUSAL: Duration = Duration::from_secs(1);
/// How long a client that was told to go may take for it.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SftpTimes {
    /// From the connect until it has logged in.
    pub login: Duration,
    /// Without a word, while nothing is worked on.
    pub idle: Duration,
    /// Without taking anything of what it has asked for.
    pub stall: Duration,
}

impl Default for SftpTimes {
    fn default() -> Self {
        Self {
            login: Duration::from_secs(30),
            idle: Duration::from_secs(300),
            stall: Duration::from_secs(60),
        }
    }
}

/// How a door for SFTP is.
#[derive(Clone, Debug)]
pub struct SftpConfig {
    /// By which clients know it.
    pub host_keys: HostKeys,
    /// How many connections there may be, and how long a drain takes.
    pub limits: Limits,
    /// The proxies that are believed, if they speak the PROXY protocol.
    pub proxies: Proxies,
    /// How long a client may take.
    pub times: SftpTimes,
    /// How many sessions a key may have at once.
    pub sessions: KeySessions,
}

impl SftpConfig {
    /// What suits a door on the open internet.
    #[must_use]
    pub fn new(host_keys: HostKeys) -> Self {
        Self {
            host_keys,
            limits: Limits::default(),
            proxies: Proxies::default(),
            times: SftpTimes::default(),
            sessions: KeySessions::default(),
        }
    }
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) access: Access,
    pub(super) times: SftpTimes,
    pub(super) sessions: KeySessions,
    pub(super) tasks: TaskTracker,
    pub(super) pool: Pool,
    ssh: Arc<Config>,
}

/// Serves SFTP on a bound listener until `shutdown`: then who has nothing under way is told to go at once, and others when what
/// they have open is closed, at the latest after [`Limits::drain`].
///
/// # Errors
/// As [`serve_lines`].
pub async fn serve(
    config: SftpConfig,
    listener: TcpListener,
    access: Access,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) -> io::Result<()> {
    let SftpConfig { host_keys, limits, proxies, times, sessions } = config;
    let ssh = Arc::new(ssh(&host_keys));
    let door = Arc::new(Door { access, times, sessions, tasks: tasks.clone(), pool: Pool::default(), ssh });
    let handler = move |connection| {
        let door = Arc::clone(&door);
        async move { run(connection, door).await }
    };
    serve_lines(listener, LinesConfig { limits, proxies }, handler, shutdown, tasks).await
}

/// What of SSH is spoken: nothing that is known to be weak.
fn ssh(host_keys: &HostKeys) -> Config {
    const KEX: &[kex::Name] = &[
        kex::MLKEM768X25519_SHA256,
        kex::CURVE25519,
        kex::CURVE25519_PRE_RFC_8731,
        kex::EXTENSION_SUPPORT_AS_SERVER,
        kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
    ];
    const KEYS: &[Algorithm] = &[
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    ];
    const CIPHERS: &[cipher::Name] = &[
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_GCM,
        cipher::AES_128_GCM,
        cipher::AES_256_CTR,
        cipher::AES_192_CTR,
        cipher::AES_128_CTR,
    ];
    // The last two are for clients made with libssh2 before 1.11, such as curl of many systems.
    const MACS: &[mac::Name] =
        &[mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM, mac::HMAC_SHA512, mac::HMAC_SHA256];
    Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-Portcullis")),
        methods: methods(),
        auth_rejection_time: REFUSAL,
        // To ask which methods there are is no try.
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: host_keys.keys(),
        max_auth_attempts: TRIES,
        // Who is idle is seen here, where it is known what is worked on.
        inactivity_timeout: None,
        keepalive_interval: None,
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            key: Cow::Borrowed(KEYS),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(MACS),
            compression: Cow::Borrowed(&[compression::NONE]),
        },
        ..Config::default()
    }
}

pub(super) fn methods() -> MethodSet {
    MethodSet::from(&[MethodKind::PublicKey, MethodKind::Password, MethodKind::KeyboardInteractive][..])
}

/// Why a connection is ended from here.
enum End {
    /// The client left, or the library found fault with it.
    Over,
    Late,
    Idle,
    Shutdown,
    /// Its right is gone.
    Cut,
}

async fn run(connection: LineConnection, door: Arc<Door>) {
    let late = Instant::now() + door.times.login;
    let LineConnection { stream, peer, line, shutdown, .. } = connection;
    let activity = Arc::new(Activity::default());
    let over = CancellationToken::new();
    // What runs for this connection ends with it.
    let _over = over.clone().drop_guard();
    let ssh = Arc::clone(&door.ssh);
    let times = door.times;
    let stream = Heard::new(stream, Arc::clone(&activity));
    let shared = match Shared::new(door, peer, Arc::clone(&line), Arc::clone(&activity), over) {
        Ok(shared) => Arc::new(shared),
        Err(error) => return tracing::error!(%error, "no random numbers"),
    };
    let begun = tokio::select! {
        biased;
        () = shutdown.cancelled() => return,
        () = sleep_until(late) => return,
        begun = run_stream(ssh, stream, Front::new(Arc::clone(&shared))) => begun,
    };
    let Ok(mut session) = begun else { return };
    let handle = session.handle();
    let end = tokio::select! {
        ended = &mut session => {
            debug!(peer = %peer.address, ?ended, "the SSH session ended");
            End::Over
        }
        end = wait(&activity, &shared, &shutdown, late, times) => end,
    };
    farewell(&handle, session, &end).await;
    line.reset();
}

/// Until the session has to end.
async fn wait(
    activity: &Activity,
    shared: &Shared,
    shutdown: &CancellationToken,
    late: Instant,
    times: SftpTimes,
) -> End {
    tokio::select! {
        () = async { sleep_until(late).await; if shared.is_in() { std::future::pending::<()>().await } } => End::Late,
        () = shared.gone() => End::Cut,
        () = activity.idle(times.idle) => End::Idle,
        () = async { shutdown.cancelled().await; activity.quiet().await } => End::Shutdown,
    }
}

/// Says why, and lets that arrive.
async fn farewell(handle: &Handle, session: RunningSession<Front>, end: &End) {
    let (reason, text) = match end {
        End::Over | End::Cut => return,
        End::Late => (Disconnect::ByApplication, "no login in time"),
        End::Idle => (Disconnect::ByApplication, "idle for too long"),
        End::Shutdown => (Disconnect::ServiceNotAvailable, "the server shuts down"),
    };
    let said = async {
        if handle.disconnect(reason, text.to_owned(), "en".to_owned()).await.is_ok() {
            drop(session.await);
        }
    };
    drop(timeout(FAREWELL, said).await);
}
