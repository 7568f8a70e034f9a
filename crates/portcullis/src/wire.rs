//! Wiring: what is built from what. The only place that knows all the crates.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use portcullis_access::{Access, AccessConfig, System};
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_backend::s3::{ProviderDrivers, S3Drivers, S3Options};
use portcullis_control::{Control, IdentityRules, SinkSetting};
use portcullis_domain::{Clock, Secret, SystemClock};
use portcullis_line::sftp::HostKeys;
use portcullis_line::smtp::Spool;
use portcullis_listener::{DoorConfig, Tls};
use portcullis_metadata::Metadata;
use portcullis_s3::Indoors;
use portcullis_signin::oidc::Provider;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::config::{self, Config};
use crate::doors::{Addresses, Doors};
use crate::indoors::Within;
use crate::line::{self, LineListeners};
use crate::mail::{self, MailListeners};
use crate::{identity, remotes, sinks};

/// How often the embedded store and the database are tidied up.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Everything that is open and not yet serving.
pub(crate) struct House {
    metadata: Metadata,
    store: Arc<Store>,
    remote: Arc<S3Drivers>,
    access: Access,
    system: System,
    identity: Option<(Provider, IdentityRules)>,
    sinks: Vec<SinkSetting>,
    host_keys: Option<HostKeys>,
    /// Where messages wait.
    mail: Option<Spool>,
}

/// What serves.
pub(crate) struct Running {
    tasks: TaskTracker,
    store: Arc<Store>,
    metadata: Metadata,
}

/// Opens database, master key, store and gate, and makes the first site and admin if there are none.
///
/// # Errors
/// Says which of them cannot be opened and what to do.
pub(crate) async fn open(config: &Config, web: &str) -> anyhow::Result<House> {
    // The store's lock comes first: a second server on the same directory must not touch anything.
    let store = open_store(config)?;
    let metadata = open_metadata(config).await?.as_node(&machine_name());
    let sealed =
        metadata.setting("master_key_check").await.map_err(|error| database_error(&error))?.is_some();
    let master = config::read_master_key(&config.master_key, &config.data_dir, !sealed)?;
    let clock = Arc::new(SystemClock);
    let remote = open_remotes(config, Arc::<SystemClock>::clone(&clock))?;
    let drivers = Arc::new(ProviderDrivers { builtin: Arc::clone(&store), remote: Arc::clone(&remote) });
    let (access, system) =
        Access::open(AccessConfig::default(), metadata.clone(), drivers, &master, clock).await?;
    let identity = config.oidc.as_ref().map(|oidc| identity::open(oidc, web)).transpose()?;
    let sinks = sinks::open(&config.sinks)?;
    let host_keys = line::host_keys(config).await?;
    let mail = mail::spool(config).await?;
    let house = House { metadata, store, remote, access, system, identity, sinks, host_keys, mail };
    first_start(&house, web).await?;
    Ok(house)
}

/// What this machine is called, for receipts that name nodes.
fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(64).collect();
    if name.is_empty() { "node".to_owned() } else { name }
}

/// The drivers of outside buckets.
fn open_remotes(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<S3Drivers>> {
    let mut options =
        S3Options { allow_private: config.allow_private_endpoints.clone(), ..S3Options::default() };
    if let Some(path) = &config.provider_ca_file {
        let pem = std::fs::read(path)
            .with_context(|| format!("provider_ca_file: {} cannot be read", path.display()))?;
        options.extra_roots_pem.push(pem);
    }
    S3Drivers::new(options, clock).context("certificate authorities for storage providers cannot be used")
}

/// The embedded store, locked against a second process.
///
/// # Errors
/// It is in use, of a newer version, or cannot be read.
pub(crate) fn open_store(config: &Config) -> anyhow::Result<Arc<Store>> {
    Store::open(&config.data_dir.join("store"), StoreOptions::default(), Arc::new(SystemClock))
        .with_context(|| format!("the embedded store in {} cannot be opened", config.data_dir.display()))
}

/// The database of administration, migrated to what this program knows.
///
/// # Errors
/// Says what is wrong with it and what to do.
pub(crate) async fn open_metadata(config: &Config) -> anyhow::Result<Metadata> {
    Metadata::open(&config.database_url()).await.map_err(|error| database_error(&error))
}

/// A database error with what to do; the source is told, the URL (which may hold a password) is not.
fn database_error(error: &portcullis_metadata::MetadataError) -> anyhow::Error {
    use portcullis_metadata::MetadataErrorKind as Kind;
    let advice = match error.kind {
        Kind::NewerSchema { found, known } => {
            return anyhow::anyhow!(
                "the database was written by a newer version of Portcullis (schema {found}, this program knows {known}); \
                 start that version, or restore a backup made before the upgrade; nothing was changed"
            );
        }
        Kind::Corrupt => {
            "the database is damaged; restore a backup, or repair a copy with sqlite3's .recover"
        }
        Kind::Full => "the disk is full; free some space and start again",
        Kind::BadUrl => {
            "the database URL cannot be used; write postgres://user@host/name or sqlite:///path/to/file"
        }
        Kind::Unavailable => {
            "the database does not answer; is it running, and may this user read and write it?"
        }
        Kind::Refused => {
            "the database refuses; it must be PostgreSQL 13 or newer, and this user must own its tables"
        }
        Kind::NotFound | Kind::Conflict(_) | Kind::Stale | Kind::BadCursor | Kind::FeedGap => {
            "the database is in an unexpected state"
        }
    };
    let mut message = format!("{advice} ({error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    anyhow::anyhow!("{message})")
}

async fn first_start(house: &House, web: &str) -> anyhow::Result<()> {
    let chosen = config::admin_password();
    let made_up = chosen.is_none();
    let password = match chosen {
        Some(password) => password,
        None => random_secret()?,
    };
    let created =
        house.access.bootstrap(&house.system, &password).await.context("the first site cannot be made")?;
    if created && made_up {
        print_password(web, &password)?;
        if let Err(error) = note_printed(&house.metadata).await {
            tracing::warn!(%error, "the panel will not ask whether the printed password is to be changed");
        }
    }
    if created {
        tracing::info!("first start: made the site main and the user admin");
    }
    Ok(())
}

/// Remembers that the only user there is so far has the password that was printed.
async fn note_printed(metadata: &Metadata) -> Result<(), portcullis_metadata::MetadataError> {
    for user in metadata.all_users().await? {
        metadata.set_password_printed(user.id, true).await?;
    }
    Ok(())
}

fn random_secret() -> anyhow::Result<Secret> {
    let mut entropy = Zeroizing::new([0; 32]);
    getrandom::fill(entropy.as_mut())
        .map_err(|error| anyhow::anyhow!("no random numbers for a password: {error}"))?;
    Ok(Secret::from_entropy(&entropy))
}

/// The one time that the admin's password is told, to whoever started the server, and not to the log.
fn print_password(web: &str, password: &Secret) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(
        stdout,
        "First start. Open {web} and sign in as admin with this password; it is not shown again:\n\n    {}\n",
        password.reveal()
    )?;
    stdout.flush()?;
    Ok(())
}

/// Starts every door and the work behind them.
pub(crate) fn start(
    house: House,
    config: &Config,
    (mut doors, tls): (Doors, Option<Tls>),
    addresses: Addresses,
    stop: CancellationToken,
) -> Running {
    let tasks = TaskTracker::new();
    let House { metadata, store, remote, access, system, identity, sinks, host_keys, mail } = house;
    let control =
        Control::new(access.clone(), metadata.clone()).with_remotes(Arc::new(remotes::Drivers(remote)));
    let control = control.with_sinks(sinks, &sinks::holder(&config.data_dir));
    let control = match identity {
        Some((provider, rules)) => control.with_identity_provider(provider, rules),
        None => control,
    };
    let door_config = DoorConfig { limits: config.limits, proxies: config.proxies.clone(), tls: tls.clone() };
    let s3 = portcullis_s3::Config {
        base_domains: config.s3_domains.clone(),
        door: door_config.clone(),
        ..portcullis_s3::Config::default()
    };
    let control = control.with_s3_door(Arc::new(Within(Indoors::new(s3.clone(), access.clone()))));
    // The background work outlives the doors: what the last requests did must still be written down.
    let background = CancellationToken::new();
    let doors_done = TaskTracker::new();
    let shown = line::shown(config, &addresses, tls.is_some(), host_keys.as_ref());
    let (line, door_of_line) = (LineListeners::of(&mut doors), door_config.clone());
    let serving = line::Serving {
        config: &config.line,
        door: &door_of_line,
        keys: host_keys,
        access: &access,
        stop: &stop,
        tasks: &doors_done,
    };
    serving.start(line);
    if let Some((spool, tls)) = mail.zip(tls.as_ref()) {
        let (config, door) = (&config.mail, &door_of_line);
        let serving = mail::Serving { config, door, access: &access, stop: &stop, tasks: &doors_done };
        serving.start(spool, tls, MailListeners::of(&mut doors));
    }
    let web = portcullis_web::Config {
        s3_address: addresses.s3,
        web_address: addresses.web,
        door: door_config,
        doors: shown,
        spool: config.data_dir.join("soap"),
    };
    doors_done.spawn(door(
        "s3",
        portcullis_s3::serve(s3, doors.s3, access.clone(), stop.clone(), doors_done.clone()),
    ));
    doors_done.spawn(door(
        "web",
        portcullis_web::serve(
            web,
            doors.web,
            access.clone(),
            control.clone(),
            stop.clone(),
            doors_done.clone(),
        ),
    ));
    if let Some(tls) = tls {
        tasks.spawn(tls.follow(background.clone()));
    }
    work_behind(&tasks, system, access, &control, config, &background);
    tasks.spawn(housekeeping(Arc::clone(&store), control, background.clone()));
    tasks.spawn(async move {
        stop.cancelled().await;
        doors_done.close();
        doors_done.wait().await;
        background.cancel();
    });
    tasks.close();
    Running { tasks, store, metadata }
}

/// Starts the work behind the doors, which goes on until `background` ends.
fn work_behind(
    tasks: &TaskTracker,
    system: System,
    access: Access,
    control: &Control,
    config: &Config,
    background: &CancellationToken,
) {
    let system = Arc::new(system);
    let (same_system, facts, end) = (Arc::clone(&system), control.clone(), background.clone());
    tasks.spawn(async move { facts.keep_facts(&same_system, end).await });
    let (same_system, keys, end) = (Arc::clone(&system), control.clone(), background.clone());
    tasks.spawn(async move { keys.keep_idle_keys_off(&same_system, end).await });
    let (same_system, old, end) = (Arc::clone(&system), control.clone(), background.clone());
    let kept = config.retired_secrets;
    tasks.spawn(async move { old.look_after_old_credentials(&same_system, kept, end).await });
    let (same_system, leaks, end) = (Arc::clone(&system), control.clone(), background.clone());
    tasks.spawn(async move { leaks.follow_leak_reports(&same_system, end).await });
    let (same_system, trail, end) = (Arc::clone(&system), control.clone(), background.clone());
    let retention = config.audit_retention;
    tasks.spawn(async move { trail.keep_trail(&same_system, retention, end).await });
    let (same_system, outside, end) = (Arc::clone(&system), control.clone(), background.clone());
    tasks.spawn(async move { outside.keep_sinks(&same_system, end).await });
    let (same_system, uploads, end) = (Arc::clone(&system), control.clone(), background.clone());
    tasks.spawn(async move { uploads.keep_uploads(&same_system, end).await });
    let (same_system, transfers, end) = (Arc::clone(&system), control.clone(), background.clone());
    tasks.spawn(async move { transfers.keep_transfers(&same_system, end).await });
    let (same_system, synced, end) = (Arc::clone(&system), control.clone(), background.clone());
    tasks.spawn(async move { synced.keep_synced(same_system, end).await });
    let (same_system, gate, end) = (Arc::clone(&system), access.clone(), background.clone());
    tasks.spawn(async move { portcullis_files::keep_deliveries(&gate, &same_system, end).await });
    let end = background.clone();
    tasks.spawn(async move { access.run(&system, end).await });
}

/// Serves a door to its end; a door that closes by itself is told in the log.
pub(crate) async fn door(name: &'static str, serving: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = serving.await {
        tracing::error!(door = name, %error, "the door closed");
    }
}

async fn housekeeping(store: Arc<Store>, control: Control, stop: CancellationToken) {
    let mut tick = tokio::time::interval(HOUSEKEEPING);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = store.housekeep().await {
            tracing::warn!(%error, "tidying the store failed; it is tried again in a minute");
        }
        if let Err(error) = control.tidy().await {
            tracing::warn!(%error, "tidying the database failed; it is tried again in a minute");
        }
    }
}

impl Running {
    /// Waits until everything that was started has ended. The store closes after the doors and the gate: a closed index
    /// needs no look at its log at the next start.
    pub(crate) async fn finish(self) {
        self.tasks.wait().await;
        self.store.close().await;
        self.metadata.close().await;
    }
}

/// A task that nobody waits for: it ends with the process.
pub(crate) fn detached(task: impl Future<Output = ()> + Send + 'static) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the signal handler must not hold up the shutdown that it starts"
    )]
    drop(tokio::spawn(task));
}

/// Whether a directory looks like the data of a server.
pub(crate) fn is_data_dir(dir: &Path) -> anyhow::Result<()> {
    if !dir.join("store").is_dir() {
        bail!("{} holds no data of Portcullis; name the right one with --data-dir", dir.display());
    }
    Ok(())
}
