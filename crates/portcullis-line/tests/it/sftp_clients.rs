//! The client of OpenSSH.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use portcullis_domain::{Permission, SshPublicKey};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::sftp_client::{PATIENCE, door, pattern};
use crate::world::World;

/// Runs `sftp` with these commands; what it says.
async fn sftp(folder: &Path, address: SocketAddr, user: &str, options: &[&str], commands: &str) -> String {
    let mut command = Command::new("sftp");
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder)
        .args(["-F", "/dev/null", "-q", "-P", &address.port().to_string()])
        .args([
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "UserKnownHostsFile=known_hosts",
            "-o",
            "BatchMode=yes",
        ])
        .args(["-o", "IdentitiesOnly=yes", "-i", "key"])
        .args(options)
        .args(["-b", "-", &format!("{user}@127.0.0.1")])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(commands.as_bytes()).await.unwrap();
    drop(input);
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// A door, a key pair of `ssh-keygen` that opens it, and the server's own keys as the client knows them.
async fn prepared(world: &World) -> (SocketAddr, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("ssh-keygen")
        .env_clear()
        .args(["-q", "-t", "ed25519", "-N", "", "-f", "key"])
        .current_dir(folder.path())
        .status();
    assert!(made.await.unwrap().success());
    let public = std::fs::read_to_string(folder.path().join("key.pub")).unwrap();
    let storage = world.storage("files").await;
    let who = world
        .key_with(&storage, |key| {
            key.permission = Permission::ReadWrite;
            key.public_keys = vec![SshPublicKey::parse(&public).unwrap()];
        })
        .await;
    let mut known = String::new();
    let address = door(world, |config| {
        for key in config.host_keys.public_keys() {
            known.push_str(&format!("[127.0.0.1]:PORT {key}\n"));
        }
    })
    .await;
    let known = known.replace("PORT", &address.port().to_string());
    std::fs::write(folder.path().join("known_hosts"), known).unwrap();
    (address, who.id, folder)
}

#[tokio::test]
async fn what_is_put_is_what_is_got_with_any_number_of_requests_under_way() {
    let world = World::on_disk().await;
    let (address, user, folder) = prepared(&world).await;
    let bytes = pattern(40 << 20);
    std::fs::write(folder.path().join("up"), &bytes).unwrap();
    for options in [&[][..], &["-R", "256"], &["-R", "1", "-B", "4096"], &["-o", "RekeyLimit=4M"]] {
        sftp(folder.path(), address, &user, options, "put -p up\nget -p up down\nrm up\n").await;
        assert!(std::fs::read(folder.path().join("down")).unwrap() == bytes, "{options:?}");
    }
}

#[tokio::test]
async fn folders_renames_and_what_is_gone_on_with() {
    let world = World::on_disk().await;
    let (address, user, folder) = prepared(&world).await;
    let bytes = pattern(3 << 20);
    std::fs::write(folder.path().join("whole"), &bytes).unwrap();
    std::fs::write(folder.path().join("begin"), &bytes[..1 << 20]).unwrap();
    std::fs::create_dir_all(folder.path().join("tree/inner")).unwrap();
    std::fs::write(folder.path().join("tree/inner/Äpfel & Birnen"), b"x").unwrap();
    let said = sftp(
        folder.path(),
        address,
        &user,
        &[],
        "put -r tree\nls -l tree/inner\nput begin big\nreput whole big\nrename big large\nput begin big\nrename big large\n\
         reput whole large\nls -l\ndf\npwd\nmkdir empty\nrmdir empty\nget large down\nget -r tree back\n",
    )
    .await;
    assert!(said.contains("pfel & Birnen") && said.contains("Remote working directory: /"), "{said}");
    assert!(said.contains("3145728"), "{said}");
    assert!(std::fs::read(folder.path().join("down")).unwrap() == bytes);
    assert_eq!(std::fs::read(folder.path().join("back/inner/Äpfel & Birnen")).unwrap(), b"x");
}
