//! The doors of FTP and SFTP as an operator meets them: closed, opened, in the way of each other, and after a restart.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::rig::{self, Secure};
use crate::world::{World, binary, ok, refused};

fn serve(data: &Path, more: &[&str]) -> Command {
    let mut serve = Command::new(binary());
    serve.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    serve.args(["serve", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--data-dir"]).arg(data).args(more);
    serve
}

#[test]
fn closed_until_they_have_an_address() {
    let world = World::start();
    assert_eq!((&world.ftp, &world.ftps, &world.sftp), (&None, &None, &None));
    assert!(!world.data_dir().join("ssh").exists(), "keys for a door that is closed");
    let help = ok(Command::new(binary()).args(["serve", "--help"]));
    for flag in [
        "--ftp <ADDR>",
        "--ftps <ADDR>",
        "--sftp <ADDR>",
        "--ftp-passive-ports",
        "--ftp-public-address",
        "--allow-plaintext-ftp",
    ] {
        assert!(help.contains(flag), "{flag} is not in\n{help}");
    }
}

#[test]
fn what_is_wrong_is_told_together_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let words =
        ["--ftp", "127.0.0.1:0", "--ftps", "0.0.0.0:0", "--ftp-passive-ports", "9-1", "--sftp", "here"];
    let told = refused(&mut serve(&data, &words));
    for part in
        ["4 problems", "--ftp: needs tls_cert", "--ftps: needs tls_cert", "upside down", "--sftp: \"here\""]
    {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let told = refused(&mut serve(&data, &["--sftp", &address]));
    assert!(
        told.contains(&format!("sftp: cannot listen on {address}")) && told.contains("--sftp ADDR"),
        "{told}"
    );
    assert!(!data.exists());
}

#[test]
fn open_with_all_their_settings() {
    let secure = Secure::start();
    let mut world = secure.world;
    let (storage, _) = world.storage("Doors");
    let key = rig::key(&world, &storage, "ftp", "read");
    let log = world.log();
    let ready = log.lines().find(|line| line.contains("ready")).unwrap();
    for door in [&world.ftp, &world.ftps, &world.sftp] {
        assert!(ready.contains(door.as_deref().unwrap()), "{ready}");
    }
    // What tells this server from an impostor is kept to its owner, and is the same after a restart.
    let keys = |world: &World| {
        let mut all: Vec<_> = fs::read_dir(world.data_dir().join("ssh"))
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                assert_eq!(
                    fs::metadata(&path).unwrap().permissions().mode() & 0o077,
                    0,
                    "{}",
                    path.display()
                );
                fs::read(path).unwrap()
            })
            .collect();
        all.sort();
        all
    };
    let before = keys(&world);
    assert_eq!(before.len(), 2);
    ok(&mut rig::sftp(&world, &key, "ls\n"));
    assert!(world.stop().success());
    world.boot();
    assert!(keys(&world) == before, "the server's SSH keys changed");
    ok(&mut rig::sftp(&world, &key, "ls\n"));
}

#[test]
fn ports_and_address_of_data_connections() {
    // Somebody else may have one of them; the server finds another.
    let first = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().clamp(2000, 60_000);
    let range = format!("{first}-{}", first + 39);
    let world = rig::plain_with(&["--ftp-passive-ports", &range, "--ftp-public-address", "203.0.113.7"]);
    let (storage, _) = world.storage("Doors");
    let key = rig::key(&world, &storage, "ftp", "read");
    let mut ftp = super::raw_ftp::Ftp::login(world.ftp.as_deref().unwrap(), &key);
    for _ in 0..5 {
        let (code, told) = ftp.say("PASV");
        // Who is on this very machine is told the address that it reached.
        assert!(code == 227 && told.contains("(127,0,0,1,"), "{told}");
        let numbers: Vec<u16> =
            told.split(['(', ')']).nth(1).unwrap().split(',').map(|number| number.parse().unwrap()).collect();
        let port = numbers[4] * 256 + numbers[5];
        assert!((first..=first + 39).contains(&port), "{port} is not one of {range}");
    }
}

#[test]
fn the_panel_is_told_where_they_are() {
    let world = rig::plain();
    let (storage, _) = world.storage("Doors");
    let given = json!({
        "name": "told", "channel": "ftp", "permission": "read", "networks": [], "scope": {"storage": storage}
    });
    let made: Value = world.admin("POST", "/keys", Some(&given));
    let text = made.to_string();
    assert!(text.contains(&format!("sftp://{}", world.sftp.as_deref().unwrap())), "{text}");
    assert!(text.contains(&format!("ftp://{}", world.ftp.as_deref().unwrap())), "{text}");
}
