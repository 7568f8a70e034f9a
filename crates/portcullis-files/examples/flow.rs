//! How fast files go through a tree over the embedded store, and how much memory that takes: `cargo run --release --example flow [MIB] [FILES]`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a tool that says what it measured")]

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use portcullis_access::{Access, AccessConfig, Change, MasterKey, Origin, Principal, SiteAdmin};
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_domain::{
    Channel, Clock, DisplayName, Key, KeyId, KeyPrefix, KeyState, Label, Networks, OnLeak, Overwrite,
    Permission, Provider, Scope, Secret, StorageId, SystemClock,
};
use portcullis_files::{OpenOptions, Top, Tree, TreeConfig, TreePath, WriteOptions};
use portcullis_metadata::{Metadata, NewStorage};
use tokio_util::task::TaskTracker;

const PIECE: usize = 64 * 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let mib = arguments.next().transpose()?.unwrap_or(256);
    let files = arguments.next().transpose()?.unwrap_or(1_000);
    let folder = tempfile::tempdir()?;
    let tree = open(folder.path()).await?;

    let piece = Bytes::from(vec![0x5a; PIECE]);
    for (what, resumable, known) in
        [("one put", false, true), ("in parts", true, false), ("in parts, length known", true, true)]
    {
        let at = TreePath::top().join(what.as_bytes())?;
        let length = known.then(|| u64::try_from(mib << 20)).transpose()?;
        let begun = Instant::now();
        let mut upload =
            tree.write(&at, WriteOptions { length, resumable, ..WriteOptions::default() }).await?;
        for _ in 0..(mib << 20) / PIECE {
            upload.write(piece.clone()).await?;
        }
        upload.finish().await?;
        told(&format!("{mib} MiB up, {what}"), begun);

        let begun = Instant::now();
        let file = tree.open(&at, OpenOptions::default()).await?;
        let mut body = file.stream(0, None).await?;
        let mut size = 0;
        while let Some(bytes) = body.try_next().await? {
            size += bytes.len();
        }
        told(&format!("{} MiB down, as a stream", size >> 20), begun);

        let begun = Instant::now();
        let mut file = tree.open(&at, OpenOptions::default()).await?;
        let mut position = 0;
        while position < file.entry().size() {
            position += u64::try_from(file.read_at(position, 32 * 1024).await?.len())?;
        }
        told("the same by positions, 32 KiB each", begun);
    }

    for at_once in [1, 8] {
        let names: Vec<TreePath> = (0..files)
            .map(|number| TreePath::top().join(format!("small-{at_once}/{number}").as_bytes()))
            .collect::<Result<_, _>>()?;
        let begun = Instant::now();
        let uploads = stream::iter(&names).map(|at| async {
            let mut upload =
                tree.write(at, WriteOptions { resumable: true, ..WriteOptions::default() }).await?;
            upload.write(piece.slice(..4096)).await?;
            upload.finish().await
        });
        uploads.buffer_unordered(at_once).try_for_each(|_| async { Ok(()) }).await?;
        told(&format!("{files} small files up, {at_once} at once"), begun);
        let begun = Instant::now();
        for at in &names {
            let file = tree.open(at, OpenOptions::default()).await?;
            file.stream(0, None).await?.try_for_each(|_| async { Ok(()) }).await?;
        }
        told(&format!("{files} small files down"), begun);
    }
    Ok(())
}

fn told(what: &str, begun: Instant) {
    println!("{what:40} {:>8.3} s, most memory {} MiB", begun.elapsed().as_secs_f64(), memory().unwrap_or(0));
}

/// The most memory that this process had, in MiB.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib >> 10)
}

async fn open(folder: &std::path::Path) -> Result<Tree, Box<dyn Error>> {
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
        name: DisplayName::parse("Files")?,
        label: Label::parse("files")?,
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
    let minted = access.mint(admin, id, Channel::Ftp)?;
    let key = Key {
        id,
        site: admin.site(),
        credential: minted.credential,
        name: DisplayName::parse("flow")?,
        channel: Channel::Ftp,
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
        mail: portcullis_domain::MailRules::default(),
    };
    metadata.create_key(&key, &minted.stored).await?;
    access.applied(Change::Key(id)).await?;
    Ok(access.authenticate_password(origin(Channel::Ftp), key.credential.as_str(), &minted.secret).await?)
}

fn origin(channel: Channel) -> Origin<'static> {
    Origin { channel, peer: IpAddr::from([127, 0, 0, 1]), request_id: "flow", tool: "flow", line: None }
}
