//! Servers with every door open, keys for them, and the clients with their settings in files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::tls::Files;
use crate::world::{Access, World, ok};

/// A server whose doors speak TLS, FTP and mail in both ways.
pub(crate) struct Secure {
    pub(crate) files: Files,
    pub(crate) world: World,
}

impl Secure {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(more: &[&str]) -> Self {
        let files = Files::new();
        let (certificate, key) = (files.certificate(), files.key());
        let mut flags = vec!["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
        for door in ["--ftp", "--ftps", "--sftp", "--smtp", "--smtps"] {
            flags.extend([door, "127.0.0.1:0"]);
        }
        flags.extend(more);
        let world = World::start_with(&flags);
        Self { files, world }
    }
}

/// A server without TLS, FTP in the clear.
pub(crate) fn plain() -> World {
    plain_with(&[])
}

pub(crate) fn plain_with(more: &[&str]) -> World {
    let flags = ["--ftp", "127.0.0.1:0", "--allow-plaintext-ftp", "--sftp", "127.0.0.1:0"];
    World::start_with(&[&flags, more].concat())
}

/// A key of this channel for a storage.
pub(crate) fn key(world: &World, storage: &str, channel: &str, permission: &str) -> Access {
    key_with(world, storage, channel, permission, &json!({}))
}

pub(crate) fn key_with(
    world: &World,
    storage: &str,
    channel: &str,
    permission: &str,
    more: &Value,
) -> Access {
    let mut given = more.clone();
    given["channel"] = json!(channel);
    given["permission"] = json!(permission);
    world.key_with(storage, &given)
}

/// The same with a secret that somebody chose: nobody tells it again.
pub(crate) fn key_with_chosen(
    world: &World,
    storage: &str,
    channel: &str,
    permission: &str,
    chosen: &Value,
) -> Access {
    let given = json!({
        "name": "chosen", "channel": channel, "permission": permission, "scope": {"storage": storage}, "networks": [],
        "credentials": chosen
    });
    let answer = world.admin("POST", "/keys", Some(&given));
    assert!(answer.get("secret").is_none_or(Value::is_null), "a chosen secret is told again: {answer}");
    Access {
        key_id: answer["key"]["id"].as_str().unwrap().to_owned(),
        access_key: answer["key"]["access_key"].as_str().unwrap().to_owned(),
        secret: chosen["secret"].as_str().unwrap().to_owned(),
        bucket: answer["bucket_name"].as_str().unwrap().to_owned(),
        session_token: None,
    }
}

/// The three keys that people make: read_write, read, write.
pub(crate) fn three(world: &World, storage: &str, channel: &str) -> [Access; 3] {
    ["read_write", "read", "write"].map(|permission| key(world, storage, channel, permission))
}

/// A program with nothing of the machine's own settings.
pub(crate) fn bare(world: &World, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", path()).env("HOME", world.scratch("home")).env("LANG", "C.UTF-8");
    command
}

/// Mounts stand in a directory that not everybody has in the path.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap())
}

/// A file that its owner alone may read. A client that was just started may still read it while the same file is
/// made for the next one: it is never seen half written.
pub(crate) fn private(world: &World, name: &str, text: &str) -> PathBuf {
    let path = world.scratch("private").join(name);
    let mut fresh = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
    fresh.write_all(text.as_bytes()).unwrap();
    fresh.persist(&path).unwrap();
    path
}

/// curl with this key; it fails where the server refuses.
pub(crate) fn curl(world: &World, key: &Access) -> Command {
    let text = format!("user = \"{}:{}\"\n", key.access_key, key.secret);
    let config = private(world, &format!("curl-{}", key.access_key), &text);
    let mut curl = bare(world, "curl");
    curl.args(["--silent", "--show-error", "--fail", "--globoff", "--config"]).arg(config);
    if let Some(certificate) = world.certificate() {
        curl.arg("--cacert").arg(certificate);
    }
    curl
}

/// Where `/files/{bucket}/…` is.
pub(crate) fn http(world: &World, key: &Access, name: &str) -> String {
    format!("{}/files/{}/{name}", world.web, key.bucket)
}

/// Where `/dav/…` is.
pub(crate) fn dav(world: &World, name: &str) -> String {
    format!("{}/dav/{name}", world.web)
}

/// lftp on a door, `ftp://…` or `ftps://…`, with a script that ends at its first failure.
pub(crate) fn lftp(world: &World, key: &Access, url: &str, script: &str) -> Command {
    let mut text = String::from(
        "set cmd:fail-exit yes\nset net:max-retries 1\nset net:timeout 20\nset net:reconnect-interval-base 1\nset xfer:clobber yes\n",
    );
    if let Some(certificate) = world.certificate() {
        text.push_str(
            "set ftp:ssl-force yes\nset ftp:ssl-protect-data yes\nset ssl:verify-certificate yes\n",
        );
        text.push_str(&format!("set ssl:ca-file {}\n", certificate.display()));
    } else {
        text.push_str("set ftp:ssl-allow no\n");
    }
    text.push_str(&format!("open --user {} --env-password {url}\n{script}\n", key.access_key));
    let number = fs::read_dir(world.scratch("lftp")).unwrap().count();
    let path = world.scratch("lftp").join(format!("script-{number}"));
    fs::write(&path, text).unwrap();
    let mut lftp = bare(world, "lftp");
    lftp.env("LFTP_PASSWORD", &key.secret).arg("--norc").arg("-f").arg(path);
    lftp
}

/// What OpenSSH's programs need to reach the door with a password that stands in a file.
pub(crate) fn ssh(world: &World, key: &Access, program: &str) -> Command {
    let password = private(world, &format!("ssh-{}", key.access_key), &format!("{}\n", key.secret));
    let mut command = bare(world, "sshpass");
    command.arg("-f").arg(password).arg(program);
    for option in ssh_options(world) {
        command.arg("-o").arg(option);
    }
    command.args(["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"]);
    command
}

/// The options that all of them have in common; the host's key is the one that the server made.
pub(crate) fn ssh_options(world: &World) -> Vec<String> {
    let (host, port) = world.sftp.as_deref().unwrap().rsplit_once(':').unwrap();
    let mut lines = String::new();
    for entry in fs::read_dir(world.data_dir().join("ssh")).unwrap() {
        let path = entry.unwrap().path();
        let public = Command::new("ssh-keygen").arg("-y").arg("-f").arg(&path).output().unwrap();
        if public.status.success() {
            lines.push_str(&format!("[{host}]:{port} {}", String::from_utf8(public.stdout).unwrap()));
        }
    }
    assert!(!lines.is_empty(), "no host key in {}", world.data_dir().join("ssh").display());
    let known = private(world, "known_hosts", &lines);
    [
        "StrictHostKeyChecking=yes",
        &format!("UserKnownHostsFile={}", known.display()),
        "GlobalKnownHostsFile=/dev/null",
        &format!("Port={port}"),
        "BatchMode=no",
        "ConnectTimeout=20",
    ]
    .map(str::to_owned)
    .into()
}

/// The host of the SFTP door.
pub(crate) fn sftp_host(world: &World) -> &str {
    world.sftp.as_deref().unwrap().rsplit_once(':').unwrap().0
}

/// OpenSSH's `sftp` with a script that ends at its first failure; a line that begins with `-` may fail.
pub(crate) fn sftp(world: &World, key: &Access, script: &str) -> Command {
    sftp_with(world, key, &[], script)
}

/// The same with further flags.
pub(crate) fn sftp_with(world: &World, key: &Access, flags: &[&str], script: &str) -> Command {
    let mut command = ssh(world, key, "sftp");
    command.args(flags).arg("-q").arg("-b").arg(script_file(world, script));
    command.arg(format!("{}@{}", key.access_key, sftp_host(world)));
    command
}

pub(crate) fn script_file(world: &World, script: &str) -> PathBuf {
    let number = fs::read_dir(world.scratch("sftp")).unwrap().count();
    let path = world.scratch("sftp").join(format!("batch-{number}"));
    fs::write(&path, script).unwrap();
    path
}

/// A secret as rclone wants it in its file.
fn obscured(secret: &str) -> String {
    let mut rclone = Command::new("rclone")
        .args(["obscure", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    rclone.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
    let told = rclone.wait_with_output().unwrap();
    assert!(told.status.success());
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

/// The remotes of rclone: `ftp:`, `ftps:`, `sftp:`, `dav:`, `http:` and `s3:`, each with the key that it is given.
pub(crate) fn rclone_config(world: &World, name: &str, keys: &[(&str, &Access)]) -> PathBuf {
    let mut text = String::new();
    for (remote, key) in keys {
        let (user, secret) = (&key.access_key, &key.secret);
        let pass = || obscured(secret);
        let address = |door: &Option<String>| {
            let (host, port) = door.as_deref().unwrap().rsplit_once(':').unwrap();
            format!("host = {host}\nport = {port}\nuser = {user}\n")
        };
        let settings = match *remote {
            "ftp" if world.ftps.is_some() => {
                format!("type = ftp\n{}pass = {}\nexplicit_tls = true\n", address(&world.ftp), pass())
            }
            "ftp" => format!("type = ftp\n{}pass = {}\n", address(&world.ftp), pass()),
            "ftps" => format!("type = ftp\n{}pass = {}\ntls = true\n", address(&world.ftps), pass()),
            "sftp" => format!(
                "type = sftp\n{}pass = {}\nshell_type = none\nmd5sum_command = none\nsha1sum_command = none\n",
                address(&world.sftp),
                pass()
            ),
            "dav" => format!(
                "type = webdav\nurl = {}\nvendor = other\nuser = {user}\npass = {}\n",
                dav(world, ""),
                pass()
            ),
            "http" => {
                let (scheme, host) = world.web.split_once("://").unwrap();
                format!(
                    "type = http\nurl = {scheme}://{user}:{secret}@{host}/files/{}/\nheaders = Accept,text/html\n",
                    key.bucket
                )
            }
            "s3" => format!(
                "type = s3\nprovider = Other\nendpoint = {}\naccess_key_id = {user}\nsecret_access_key = {secret}\nregion = us-east-1\nlist_url_encode = true\n",
                world.s3
            ),
            other => panic!("no remote is called {other}"),
        };
        text.push_str(&format!("[{remote}]\n{settings}\n"));
    }
    private(world, &format!("rclone-{name}.conf"), &text)
}

/// rclone that tells its faults at once instead of repeating them.
pub(crate) fn rclone(world: &World, config: &Path) -> Command {
    let mut rclone = bare(world, "rclone");
    if let Some(certificate) = world.certificate() {
        // The FTP backend of rclone 1.60 knows no other way to be told of a certificate.
        rclone.env("SSL_CERT_FILE", certificate);
    }
    rclone.arg("--config").arg(config).args([
        "--retries",
        "1",
        "--low-level-retries",
        "2",
        "--transfers",
        "4",
    ]);
    rclone
}

/// What stands in a storage, by another channel than the one that is tried: keys and sizes, sorted.
pub(crate) fn stored(world: &World, s3: &Access) -> Vec<(String, u64)> {
    let config = rclone_config(world, "stored", &[("s3", s3)]);
    let told = ok(rclone(world, &config)
        .args(["lsf", "--recursive", "--files-only", "--format", "ps", "--separator", "\t"])
        .arg(format!("s3:{}", s3.bucket)));
    let mut all: Vec<_> = told
        .lines()
        .map(|line| {
            let (name, size) = line.rsplit_once('\t').unwrap();
            (name.to_owned(), size.parse().unwrap())
        })
        .collect();
    all.sort();
    all
}

/// A file of so many bytes that do not repeat; its path.
pub(crate) fn file(world: &World, name: &str, size: usize) -> PathBuf {
    let path = world.scratch("local").join(name);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64 ^ size as u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    bytes.truncate(size);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// Whether this machine lets a test mount; says so where it does not.
pub(crate) fn mounts(what: &str) -> bool {
    let may = Path::new("/dev/fuse").exists();
    if !may {
        println!("{what}: this machine has no /dev/fuse; the same is done without a mount");
    }
    may
}

/// A key's WebDAV as a folder of this machine.
pub(crate) fn davfs2(world: &World, key: &Access) -> Mounted {
    let at = world.scratch("mount");
    let url = dav(world, "");
    let secrets = private(world, "davfs2.secrets", &format!("{url} {} {}\n", key.access_key, key.secret));
    let mut text = format!(
        "secrets {}\nuse_locks 1\nask_auth 0\ndelay_upload 0\ndir_refresh 0\nfile_refresh 0\n",
        secrets.display()
    );
    if let Some(certificate) = world.certificate() {
        text.push_str(&format!("trust_server_cert {}\n", certificate.display()));
    }
    let settings = private(world, "davfs2.conf", &text);
    ok(bare(world, "mount.davfs").arg(&url).arg(&at).arg("-o").arg(format!("conf={}", settings.display())));
    Mounted { at, by: &["umount"] }
}

/// Takes a mount away with the test.
pub(crate) struct Mounted {
    pub(crate) at: PathBuf,
    pub(crate) by: &'static [&'static str],
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let (program, words) = self.by.split_first().unwrap();
        drop(Command::new(program).env("PATH", path()).args(words).arg(&self.at).output());
    }
}
