//! `portcullis serve`: from the configuration to a running server, and back.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use portcullis_listener::Tls;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{self, Config, Flags};
use crate::wire;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Says what prevents the start and what to do about it; nothing was changed then.
pub(crate) fn run(flags: &Flags, file: Option<&PathBuf>) -> anyhow::Result<()> {
    let config = config::load(flags, file)?;
    logging(&config)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to run on")?;
    runtime.block_on(serve(config))
}

fn logging(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log)
        .with_context(|| format!("log: \"{}\" is not a filter", config.log))?;
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
    // A second subscriber can only come from a test in the same process.
    drop(if config.log_json { subscriber.json().try_init() } else { subscriber.with_ansi(false).try_init() });
    Ok(())
}

/// The doors, bound before anything is opened or written, so that a port in use changes nothing.
pub(crate) struct Doors {
    pub(crate) web: TcpListener,
    pub(crate) s3: TcpListener,
}

impl Doors {
    async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { web: bind("web", config.web).await?, s3: bind("s3", config.s3).await? })
    }
}

async fn bind(name: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "{name}: cannot listen on {address}; is another program there? choose another with --{name} ADDR"
        )
    })
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let tls = match &config.tls {
        Some((certificate, key)) => Some(Tls::open(certificate, key).context("tls_cert and tls_key")?),
        None => None,
    };
    let doors = Doors::bind(&config).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let endpoints = Endpoints { scheme, web: doors.web.local_addr()?, s3: doors.s3.local_addr()? };
    create_private(&config.data_dir)
        .with_context(|| format!("the data directory {} cannot be used", config.data_dir.display()))?;
    let addresses = Addresses {
        s3: config.s3_url.clone().unwrap_or_else(|| format!("{scheme}://{}", endpoints.s3)),
        web: config.web_url.clone().unwrap_or_else(|| format!("{scheme}://{}", endpoints.web)),
    };
    let house = wire::open(&config, &addresses.web).await?;
    let running = wire::start(house, &config, (doors, tls), addresses, stop.clone());
    endpoints.announce(&config.data_dir)?;
    stop.cancelled().await;
    tracing::info!("stopping: requests under way may end");
    running.finish().await;
    tracing::info!("stopped");
    Ok(())
}

/// Where people and their tools reach the doors.
pub(crate) struct Addresses {
    pub(crate) s3: String,
    pub(crate) web: String,
}

/// Where the doors really are.
struct Endpoints {
    scheme: &'static str,
    web: SocketAddr,
    s3: SocketAddr,
}

impl Endpoints {
    /// Writes `endpoints.json` as a whole or not at all, and logs one line.
    fn announce(&self, data_dir: &Path) -> anyhow::Result<()> {
        let Self { scheme, web, s3 } = self;
        let text =
            json!({ "web": format!("{scheme}://{web}"), "s3": format!("{scheme}://{s3}") }).to_string();
        let (draft, path) = (data_dir.join(".endpoints.json.new"), data_dir.join("endpoints.json"));
        fs::File::create(&draft)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&draft, &path))
            .with_context(|| format!("{} cannot be written", path.display()))?;
        tracing::info!(web = %self.web, s3 = %self.s3, version = env!("CARGO_PKG_VERSION"), "ready");
        Ok(())
    }
}

/// Makes a directory that only its owner may enter; one that is there is left as it is.
fn create_private(dir: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // An early, plain answer to a read-only or foreign directory.
    let probe = dir.join(".writable");
    fs::File::create(&probe)?;
    fs::remove_file(probe)
}

/// A token that is cancelled by SIGTERM or SIGINT. Whoever sends a second one means it: the process ends by the signal.
fn stop_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = stop.clone();
    wire::detached(async move {
        for round in 0..2 {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            if round == 0 {
                token.cancel();
            }
        }
        tracing::warn!("told to stop twice: ending at once");
        std::process::abort();
    });
    Ok(stop)
}
