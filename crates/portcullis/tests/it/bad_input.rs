//! A server that cannot start says why, what to do, and changes nothing.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::world::{World, binary, run};

/// Starts a server that must refuse; exit code and what it said.
fn refuse(dir: &Path, flags: &[&str], env: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(binary());
    command.args(["serve", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--data-dir"]).arg(dir).args(flags);
    let output = run(command.envs(env.iter().copied()));
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn nothing_in(dir: &Path) -> bool {
    !dir.exists() || fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn wrong_flags_and_files() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (code, told) = refuse(&data, &["--log-format", "xml", "--s3-url", "nonsense"], &[]);
    assert_eq!(code, 2);
    assert!(
        told.contains("2 problems") && told.contains("--log-format") && told.contains("--s3-url"),
        "{told}"
    );
    let file = dir.path().join("portcullis.toml");
    fs::write(&file, "web = 8080\nsss3 = \"\"\n").unwrap();
    let (code, told) = refuse(&data, &["--config", file.to_str().unwrap()], &[]);
    assert_eq!(code, 2);
    assert!(told.contains("portcullis.toml:1: web") && told.contains("portcullis.toml:2: sss3"), "{told}");
    let (code, told) = refuse(&data, &["--what-is-this"], &[]);
    assert_eq!(code, 2);
    assert!(told.contains("--what-is-this"), "{told}");
    assert!(nothing_in(&data));
}

#[test]
fn a_port_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(Command::new(binary())
        .args(["serve", "--web", "127.0.0.1:0", "--s3", &address, "--data-dir"])
        .arg(&data));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains(&address) && told.contains("--s3 ADDR"), "{told}");
    assert!(nothing_in(&data));
}

#[test]
fn two_servers_on_one_directory() {
    let world = World::start();
    let (code, told) = refuse(&world.data_dir(), &[], &[]);
    assert_eq!(code, 1);
    assert!(told.contains("another"), "{told}");
    world.storage("Still works");
}

#[test]
fn a_master_key_that_does_not_fit() {
    let mut world = World::start();
    world.stop();
    let before = fs::read(world.data_dir().join("master.key")).unwrap();
    let (code, told) = refuse(&world.data_dir(), &[], &[("PORTCULLIS_MASTER_KEY", &"ab".repeat(32))]);
    assert_eq!(code, 1);
    assert!(told.contains("master key") && !told.contains("abab"), "{told}");
    fs::rename(world.data_dir().join("master.key"), world.dir.path().join("kept.key")).unwrap();
    let (code, told) = refuse(&world.data_dir(), &[], &[]);
    assert_eq!(code, 1);
    assert!(told.contains("is missing") && told.contains("--master-key-file"), "{told}");
    assert!(!world.data_dir().join("master.key").exists(), "no new key is made over sealed secrets");
    fs::write(world.data_dir().join("master.key"), before).unwrap();
    fs::set_permissions(
        world.data_dir().join("master.key"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    world.boot();
}

#[test]
fn a_directory_of_a_newer_version() {
    let mut world = World::start();
    world.stop();
    let database = world.data_dir().join("portcullis.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .execute_batch("UPDATE schema_version SET version = 9999; PRAGMA wal_checkpoint(TRUNCATE);")
        .unwrap();
    drop(connection);
    let before = fs::read(&database).unwrap();
    let (code, told) = refuse(&world.data_dir(), &[], &[]);
    assert_eq!(code, 1);
    assert!(told.contains("newer version of Portcullis") && told.contains("9999"), "{told}");
    assert_eq!(fs::read(&database).unwrap(), before, "nothing was changed");
}

#[test]
fn a_corrupt_index_and_a_corrupt_database() {
    let mut world = World::start();
    let (storage, _) = world.storage("Files");
    let key = world.key(&storage, "read_write");
    drop(key);
    world.stop();
    let index = world.data_dir().join("store").join(&storage).join("index.db");
    let database = world.data_dir().join("portcullis.db");
    let sound = fs::read(&database).unwrap();
    fs::write(&database, vec![0x5a; sound.len()]).unwrap();
    for suffix in ["-wal", "-shm"] {
        drop(fs::remove_file(world.data_dir().join(format!("portcullis.db{suffix}"))));
    }
    let (code, told) = refuse(&world.data_dir(), &[], &[]);
    assert_eq!(code, 1);
    assert!(told.contains("damaged") && told.contains("backup"), "{told}");
    fs::write(&database, sound).unwrap();
    if index.exists() {
        fs::write(&index, vec![0x5a; 8192]).unwrap();
        world.boot();
        let shown = world.admin("GET", &format!("/storages/{storage}"), None);
        assert_ne!(shown["health"], "reachable", "{shown}");
    }
}
