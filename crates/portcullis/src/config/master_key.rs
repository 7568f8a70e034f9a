//! Where the master key comes from. It never lives in the database.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use portcullis_access::MasterKey;
use zeroize::Zeroizing;

use super::Raw;

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub(crate) enum MasterKeySource {
    /// `PORTCULLIS_MASTER_KEY`.
    Environment,
    /// A file that must exist.
    File(PathBuf),
    /// A command that prints it.
    Command(String),
    /// `DATA_DIR/master.key`, made at the first start.
    Default,
}

/// Decides the source; more than one is a problem, since it would not be clear which one seals.
pub(super) fn source(
    environment: Option<String>,
    file: Option<Raw>,
    command: Option<Raw>,
    problems: &mut Vec<String>,
) -> MasterKeySource {
    let given = [environment.is_some(), file.is_some(), command.is_some()].iter().filter(|set| **set).count();
    if given > 1 {
        problems.push(
            "master key: give one of PORTCULLIS_MASTER_KEY, master_key_file and master_key_command, not several".into(),
        );
    }
    match (environment, file, command) {
        (Some(_), _, _) => MasterKeySource::Environment,
        (None, Some(raw), _) => MasterKeySource::File(PathBuf::from(raw.value)),
        (None, None, Some(raw)) => MasterKeySource::Command(raw.value),
        (None, None, None) => MasterKeySource::Default,
    }
}

/// Reads the master key. `may_create` allows the default file to be made; a database that already holds sealed secrets
/// must not get a new key.
///
/// # Errors
/// Says which source failed and what to do; the key's text is in no message.
pub(crate) fn read(source: &MasterKeySource, data_dir: &Path, may_create: bool) -> anyhow::Result<MasterKey> {
    match source {
        MasterKeySource::Environment => {
            let text = Zeroizing::new(super::env("PORTCULLIS_MASTER_KEY").unwrap_or_default());
            parse(&text, "PORTCULLIS_MASTER_KEY")
        }
        MasterKeySource::File(path) => read_file(path),
        MasterKeySource::Command(command) => run(command),
        MasterKeySource::Default => {
            let path = data_dir.join("master.key");
            if path.exists() {
                return read_file(&path);
            }
            if !may_create {
                bail!(
                    "the master key {} is missing, and the database holds secrets that were sealed with it; \
                     put the file back, or name its new place with --master-key-file",
                    path.display()
                );
            }
            create_file(&path)
        }
    }
}

fn parse(text: &str, origin: &str) -> anyhow::Result<MasterKey> {
    MasterKey::parse(text.trim()).map_err(|_| {
        anyhow::anyhow!(
            "{origin}: not a master key; it is 64 hexadecimal digits (make one with: openssl rand -hex 32)"
        )
    })
}

fn read_file(path: &Path) -> anyhow::Result<MasterKey> {
    let name = path.display();
    let mode = fs::metadata(path)
        .with_context(|| format!("the master key {name} cannot be read"))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        bail!(
            "the master key {name} can be read by others (mode {:04o}); run: chmod 600 {name}",
            mode & 0o7777
        );
    }
    let mut text = Zeroizing::new(String::new());
    fs::File::open(path)
        .and_then(|file| file.take(4096).read_to_string(&mut text))
        .with_context(|| format!("the master key {name} cannot be read"))?;
    parse(&text, &name.to_string())
}

/// Writes a new key under another name and links it into place, so that two first starts agree on one and a crash leaves
/// no half of it.
fn create_file(path: &Path) -> anyhow::Result<MasterKey> {
    let key = MasterKey::generate().context("no random numbers for a master key")?;
    write_new(path, &key)?;
    read_file(path)
}

/// Writes a key to a file that must not exist, mode 0600, durable.
pub(crate) fn write_new(path: &Path, key: &MasterKey) -> anyhow::Result<()> {
    let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = parent.join(format!(".master.key.{}", std::process::id()));
    let result = (|| -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(key.to_hex().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    })();
    drop(fs::remove_file(&draft));
    result.with_context(|| format!("the master key {} cannot be written", path.display()))?;
    fs::File::open(parent)
        .and_then(|dir| dir.sync_all())
        .context("the master key's directory cannot be synced")
}

fn run(command: &str) -> anyhow::Result<MasterKey> {
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("master_key_command cannot be run")?;
    if !output.status.success() {
        bail!("master_key_command failed ({}); its own message stands above", output.status);
    }
    let stdout = Zeroizing::new(output.stdout);
    let text = Zeroizing::new(String::from_utf8(stdout.to_vec()).unwrap_or_default());
    parse(&text, "master_key_command")
}
