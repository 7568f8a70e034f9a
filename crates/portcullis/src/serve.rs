//! `portcullis serve`: from the configuration to a running server, and back.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use portcullis_listener::Tls;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{self, Config, Flags};
use crate::doors::{Doors, Endpoints};
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

async fn serve(config: Config) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let tls = match &config.tls {
        Some((certificate, key)) => Some(Tls::open(certificate, key).context("tls_cert and tls_key")?),
        None => None,
    };
    let doors = Doors::bind(&config).await?;
    let endpoints = Endpoints::of(&doors, tls.is_some())?;
    create_private(&config.data_dir)
        .with_context(|| format!("the data directory {} cannot be used", config.data_dir.display()))?;
    let addresses = endpoints.shown(&config);
    let house = wire::open(&config, &addresses.web).await?;
    let running = wire::start(house, &config, (doors, tls), addresses, stop.clone());
    endpoints.announce(&config.data_dir)?;
    stop.cancelled().await;
    tracing::info!("stopping: requests under way may end");
    running.finish().await;
    tracing::info!("stopped");
    Ok(())
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
