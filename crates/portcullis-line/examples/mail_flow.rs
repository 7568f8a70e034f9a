//! How fast an attachment becomes a file of the embedded store, and how much memory that takes: `cargo run --release --example mail_flow [MIB …]`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a tool that says what it measured")]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_access::{Access, AccessConfig, Change, MasterKey, Origin, Principal, SiteAdmin};
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_domain::{
    Channel, Clock, DisplayName, Key, KeyId, KeyPrefix, KeyState, Label, MailRules, Networks, OnLeak,
    Overwrite, Permission, Provider, Scope, Secret, StorageId, SystemClock,
};
use portcullis_files::{Top, Tree, TreeConfig};
use portcullis_line::mail::{Context, Envelope, Spooled, deliver};
use portcullis_metadata::{Metadata, NewStorage};
use sha2::{Digest as _, Sha256};
use tokio_util::task::TaskTracker;

/// base64 of 57 bytes, and the line end.
const LINE: &[u8] = b"UG9ydGN1bGxpcyBrZWVwcyB3aGF0IGNvbWVzIGJ5IG1haWwgd2hvbGUsIG9yIG5vdGhpbmcgb2Yg\r\n";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sizes = std::env::args().skip(1).map(|size| size.parse()).collect::<Result<Vec<u64>, _>>()?;
    let sizes = if sizes.is_empty() { vec![1, 100, 1, 100] } else { sizes };
    let folder = tempfile::tempdir()?;
    let context = Context { tree: open(folder.path()).await?, rules: MailRules::default() };
    println!("{:40} {:>8}    most memory {} MiB", "before the first message", "", memory().unwrap_or(0));
    for (number, mib) in sizes.into_iter().enumerate() {
        let message = spooled(folder.path(), number, mib)?;
        let begun = Instant::now();
        let delivered = deliver(message, Envelope::default(), &context).await?;
        let what = format!("{} file of {mib} MiB", delivered.files);
        let taken = begun.elapsed().as_secs_f64();
        println!("{what:40} {taken:>8.3} s, most memory {} MiB", memory().unwrap_or(0));
    }
    Ok(())
}

/// A message with one attachment of so many MiB.
fn spooled(folder: &Path, number: usize, mib: u64) -> Result<Spooled, Box<dyn Error>> {
    let path = folder.join("spool");
    let mut file = BufWriter::new(File::create(&path)?);
    write!(
        file,
        "Message-ID: <{number}@example.com>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    )?;
    write!(file, "Content-Type: application/octet-stream; name=large.bin\r\n")?;
    write!(file, "Content-Transfer-Encoding: base64\r\n\r\n")?;
    for _ in 0..(mib << 20) / 57 {
        file.write_all(LINE)?;
    }
    write!(file, "--b--\r\n")?;
    drop(file);
    let (mut file, mut hash, mut length) = (File::open(&path)?, Sha256::new(), 0);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(Spooled { file, length, sha256: hash.finalize().into() });
        }
        hash.update(piece.get(..read).unwrap_or_default());
        length += u64::try_from(read)?;
    }
}

/// The most memory that this process had, in MiB.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib >> 10)
}

async fn open(folder: &Path) -> Result<Tree, Box<dyn Error>> {
    let metadata = Metadata::open(&format!("sqlite://{}", folder.join("portcullis.db").display())).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let drivers = Store::open(&folder.join("store"), StoreOptions::default(), Arc::clone(&clock))?;
    let config = AccessConfig { feed_lag_limit: Duration::from_secs(3600), ..AccessConfig::default() };
    let (access, system) =
        Access::open(config, metadata.clone(), drivers, &MasterKey::generate()?, Arc::clone(&clock)).await?;
    let password = Secret::foreign("correct horse battery staple".to_owned());
    access.bootstrap(&system, &password).await?;
    let day = Duration::from_secs(24 * 3600);
    let signed_in = access.sign_in(origin(Channel::Rest), "admin", &password, day).await?;
    let admin = access.admin(&signed_in.principal)?;
    let who = key(&access, &metadata, &admin, clock.as_ref()).await?;
    Ok(Tree::new(access, who, TreeConfig { top: Top::Home, tasks: TaskTracker::new() }))
}

async fn key(
    access: &Access,
    metadata: &Metadata,
    admin: &SiteAdmin,
    clock: &dyn Clock,
) -> Result<Principal, Box<dyn Error>> {
    let new = NewStorage {
        id: StorageId::generate(),
        site: admin.site(),
        owner: admin.user().ok_or("a person")?,
        name: DisplayName::parse("Mail")?,
        label: Label::parse("mail")?,
        provider: Provider::Builtin,
        region: "us-east-1".to_owned(),
        endpoint: None,
        bucket: None,
        path_style: true,
        provider_credentials: None,
        permission: Permission::ReadWrite,
        networks: Networks::anywhere(),
        s3_access: true,
        quota_bytes: None,
        created: clock.now(),
    };
    let storage = metadata.create_storage(new).await?;
    access.applied(Change::Storage(storage.id)).await?;
    let id = KeyId::generate();
    let minted = access.mint(admin, id, Channel::Email)?;
    let key = Key {
        id,
        site: admin.site(),
        credential: minted.credential,
        name: DisplayName::parse("mail")?,
        channel: Channel::Email,
        scope: Scope::Storage(storage.id),
        permission: Permission::ReadWrite,
        overwrite: Overwrite::Replace,
        networks: Networks::anywhere(),
        prefix: KeyPrefix::default(),
        expires: None,
        state: KeyState::Active,
        created: clock.now(),
        generation: 0,
        on_leak: OnLeak::Disable,
        leaked: None,
        trial: None,
        login: None,
        public_keys: Vec::new(),
        mail: MailRules::default(),
    };
    metadata.create_key(&key, &minted.stored).await?;
    access.applied(Change::Key(id)).await?;
    Ok(access.authenticate_password(origin(Channel::Email), key.credential.as_str(), &minted.secret).await?)
}

fn origin(channel: Channel) -> Origin<'static> {
    Origin { channel, peer: IpAddr::from([127, 0, 0, 1]), request_id: "mail", tool: "mail", line: None }
}
